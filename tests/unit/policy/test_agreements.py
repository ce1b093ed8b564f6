# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import date

import pytest
from tests.fakes.policies import NOON_MS, XB, agreement, facts, load, refused

from selat.policy.port import Effect


def test_agreement_lets_its_partner_have_what_it_says() -> None:
    policy = load(agreement(), today=date(2026, 6, 1))

    decision = policy.release(facts(), XB, now_ms=NOON_MS)
    assert decision.effect is Effect.PERMIT
    assert decision.policies == ("agreements/test/1/XB/drugs",)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"parties": '["XA", "ZQ"]'}, "no state or node 'ZQ'"),
        ({"parties": '["XA", "group:g"]'}, "no group 'group:g'"),
        ({"parties": '["XA"]'}, "two parties"),
        ({"parties": '["XA", "XA"]'}, "twice"),
        ({"parties": '["XB", "XC"]'}, "neither XA nor police.aa.example is a party"),
        ({"parties": '"XA and XB"'}, "list of texts"),
        ({"valid_until": "2025-12-31"}, "ends before it begins"),
        ({"valid_until": "2026-05-31"}, "ended on 2026-05-31"),
        ({"valid_until": '"2026-12-31"'}, "without quotes"),
        ({"valid_until": "2026-12-31T00:00:00Z"}, "without quotes"),
        ({"valid_until": ""}, "is missing"),
        ({"version": "2"}, "reads version 1"),
        ({"reference": '""'}, "not empty"),
        ({"oath": "true"}, "no key 'oath'"),
        ({"clause_categories": '["spying"]'}, "no category 'spying'"),
        ({"clause_categories": "[]"}, "grant nothing"),
        ({"clause_categories": '["*", "drugs"]'}, "no category '*'"),
        ({"clause_purposes": "[]"}, "grant nothing"),
        ({"clause_purposes": '["revenge"]'}, "no purpose 'revenge'"),
        ({"clause_up_to_level": '"royal"'}, "no level 'royal'"),
        ({"clause_record_types": '["gossip"]'}, "no record type 'gossip'"),
        ({"clause_redact": '["person.soul"]'}, "no field of a body"),
        ({"clause_redact": '["person.person.names.given.x"]'}, "no field of a body"),
        ({"clause_two_person": '"yes"'}, "true or false"),
        ({"clause_title": ""}, "is missing"),
        ({"clause_level": '"secret"'}, "no key 'level'"),
    ],
)  # fmt: skip
def test_hostile_agreement_is_refused(changes: dict[str, str], says: str) -> None:
    error = refused(agreement(**changes))

    assert says in error
    assert "agreements/test.toml" in error


def test_error_in_a_clause_leads_to_its_line() -> None:
    assert "line 10, key 'up_to_level'" in refused(
        agreement(clause_up_to_level='"royal"')
    )


def test_agreement_that_has_ended_does_not_stop_a_node_from_starting() -> None:
    policy = load(agreement(valid_from="2020-01-01", valid_until="2020-12-31"))

    assert policy.release(facts(), XB, now_ms=NOON_MS).effect is Effect.WITHHOLD


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"reference": '"Treaty 2"'}, "both cover, on the same days: drugs"),
        ({"reference": '"Treaty 2"', "clause_categories": '["*"]'}, "same days: *"),
        ({"parties": '["XA", "XC"]'}, "same reference"),
    ],
)
def test_two_agreements_that_overlap_are_refused(
    changes: dict[str, str], says: str
) -> None:
    second = agreement(**changes)["agreements/test.toml"]

    assert says in refused({**agreement(), "agreements/other.toml": second})


@pytest.mark.parametrize(
    "changes",
    [
        {"valid_from": "2027-01-01", "valid_until": "2027-12-31"},
        {"parties": '["XA", "XC"]'},
        {"clause_categories": '["terrorism"]'},
    ],
)
def test_agreements_that_follow_or_stand_apart_are_taken(
    changes: dict[str, str],
) -> None:
    second = agreement(reference='"Treaty 2"', **changes)["agreements/test.toml"]

    assert (
        len(load({**agreement(), "agreements/b.toml": second}).source.agreements) == 2
    )
