# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

import cedarpy
import pytest

from selat.policy.reads import CONTEXT_READS, RECORD_READS, Reads, reads_of

RETENTIONS = frozenset({1_825, 3_650})
EVERYTHING = frozenset({*RECORD_READS, *CONTEXT_READS} - {"resource.category"})


def reads(condition: str, scope: str = "principal, action, resource") -> Reads:
    text = f"permit ({scope}) when {{ {condition} }};"
    document = json.loads(cedarpy.policies_to_json_str(text))
    (policy,) = document["staticPolicies"].values()
    return reads_of(policy, retentions=RETENTIONS)


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ("true", set()),
        ("resource.level <= 3", {"resource.level"}),
        ("resource has tlp", {"resource.tlp"}),
        ('resource["tlp"] like "am*"', {"resource.tlp"}),
        ("!context.expired", {"context.expired"}),
        ('context.approved.contains("two-person")', {"context.approved"}),
        (
            "if context.named then resource.emergency else false",
            {"context.named", "resource.emergency"},
        ),
        ("[resource.level].contains(-2)", {"resource.level"}),
        (
            "{a: resource.tlp, b: 1}.a == resource.status",
            {"resource.tlp", "resource.status"},
        ),
        ('["a"].containsAll(resource.purposes)', {"resource.purposes"}),
        ('resource.purposes.containsAny(["a"])', {"resource.purposes"}),
        ("resource.codes.contains(principal.agency)", {"resource.codes"}),
        ("resource.codes.contains(resource.tlp)", {"resource.codes", "resource.tlp"}),
        ("-context.today < 4", {"context.today"}),
        (
            "context.today > context.retention_days",
            {"context.today", "context.retention_days"},
        ),
        ("(context has today) == true", {"context.today"}),
        ("context.today == true", {"context.today"}),
    ],
)
def test_what_a_condition_names_is_what_it_reads(
    condition: str, names: set[str]
) -> None:
    assert reads(condition).names == names


@pytest.mark.parametrize(
    "condition",
    [
        'principal in State::"XB"',
        'principal is Officer && principal.roles.contains("reviewer")',
        'resource in Category::"drugs"',
        'resource is Record in Category::"drugs"',
        "resource.category.received",
        'resource.category in [Category::"drugs"]',
        "principal.categories.contains(resource.category)",
        "resource has unheard_of",
    ],
)
def test_who_asks_and_the_category_do_not_count(condition: str) -> None:
    assert reads(condition).names == frozenset()


@pytest.mark.parametrize(
    "condition",
    [
        "resource == resource",
        "[resource].contains(principal)",
        "principal in resource",
        "(if context.expired then resource else resource).level == 1",
        'Record::"message".level == 1',
        '[[Record::"message"], []] == []',
        "context == context",
        'decimal("1.0").lessThan(decimal("2.0"))',
        'principal.hasTag("a")',
    ],
)
def test_what_is_not_seen_through_reads_everything(condition: str) -> None:
    assert reads(condition).names == EVERYTHING


@pytest.mark.parametrize(
    "policy",
    [
        {"conditions": [{"kind": "when", "body": {"Slot": "?principal"}}]},
        {"conditions": [{"kind": "when", "body": {"!": {"argument": {}}}}]},
        {"conditions": [{"kind": "when", "body": {"a": {}, "b": {}}}]},
        {"conditions": [{"kind": "when", "body": []}]},
    ],
)
def test_a_form_of_cedar_that_is_not_known_reads_everything(
    policy: dict[str, object],
) -> None:
    assert reads_of(policy, retentions=RETENTIONS).names == EVERYTHING


def test_all_conditions_of_a_policy_count() -> None:
    found = reads("resource.emergency } unless { context.named")

    assert found.names == {"resource.emergency", "context.named"}
    assert reads_of({}, retentions=RETENTIONS).names == frozenset()


# --- numbers and sets that are read in part ------------------------------------


@pytest.mark.parametrize("sign", ["<", "<=", "==", "!=", ">=", ">"])
@pytest.mark.parametrize("form", ["context.today {} 7", "7 {} context.today"])
def test_of_a_compared_number_its_range_is_read(form: str, sign: str) -> None:
    found = reads(form.format(sign))

    assert found.names == {"range of context.today"}
    assert found.bounds == {"context.today": {7, 8}}


def test_retention_is_compared_with_those_that_categories_have() -> None:
    longest = "resource.category.longest_retention_days"
    found = reads(f"context.retention_days > {longest}")

    assert found.names == {"range of context.retention_days"}
    assert found.bounds == {"context.retention_days": {1_825, 1_826, 3_650, 3_651}}


def test_of_a_set_the_members_that_are_asked_for_are_read() -> None:
    found = reads(
        "resource.releasable_to.isEmpty() || "
        "resource.releasable_to.contains(principal.name) || "
        "resource.releasable_to.contains(principal.state) || "
        'resource.codes.contains("H3")'
    )

    assert found.names == {
        "members of resource.releasable_to",
        "members of resource.codes",
    }
    assert found.members == {"resource.releasable_to": set(), "resource.codes": {"H3"}}


def test_what_is_read_as_a_whole_as_well_is_read_as_a_whole() -> None:
    found = reads(
        "context.today > 7 && context.today < context.retention_days && "
        'resource.codes.contains("H3") && resource.codes == resource.purposes'
    )

    assert found.names == {
        "context.today",
        "context.retention_days",
        "resource.codes",
        "resource.purposes",
    }
