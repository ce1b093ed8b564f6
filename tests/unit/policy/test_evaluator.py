# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

import cedarpy
import pytest
from tests.fakes.policies import (
    NOON_MS,
    OFFICER,
    REVIEWER,
    SHIPPED,
    XB,
    facts,
    policy_with,
)

from selat.policy.entities import (
    LEVEL_RANKS,
    category_entities,
    facts_of,
    officer_entities,
    peer_entities,
    record_json,
    today_number,
)
from selat.policy.evaluator import ACTION_GROUPS, DENY_BY_DEFAULT, actions_of
from selat.policy.policy_set import PolicySet
from selat.policy.port import Action, Decision, Effect, MessageFacts
from selat.policy.reads import RECORD_READS

RELEASED = {XB.name: frozenset({"drugs", "terrorism"})}
SCHEMA = SHIPPED.contents["schema.cedarschema"].decode()


def with_rule(text: str, name: str = "test") -> PolicySet:
    head = f'@id("rules/{name}") @title("A rule") @principle("A law") '
    return policy_with({"rules/test.cedar": head + text}, released=RELEASED)


def release(policy: PolicySet, message: MessageFacts) -> Decision:
    return policy.release(message, XB, now_ms=NOON_MS)


# --- obligations ---------------------------------------------------------------


def test_annotated_permit_brings_its_obligation_and_redaction() -> None:
    policy = with_rule(
        '@obligation("two-person") @redact("personal, person.person") '
        'permit (principal in Node::"police.bb.example", '
        'action == Action::"release", resource);'
    )
    decision = release(policy, facts())

    assert decision.effect is Effect.HOLD
    assert decision.obligations == ("two-person",)
    assert decision.redact == ("person.person", "personal")
    assert "rules/test" in decision.policies
    approved = policy.release(
        facts(), XB, now_ms=NOON_MS, approved=frozenset({"two-person"})
    )
    assert approved.effect is Effect.PERMIT
    assert approved.redact == decision.redact


def test_rule_that_wants_another_approval_is_not_met_by_the_first() -> None:
    policy = with_rule(
        '@obligation("two-person") forbid '
        '(principal, action == Action::"release", resource) '
        'unless { context.approved.contains("review") };'
    )
    decision = release(policy, facts())

    assert decision.effect is Effect.WITHHOLD
    assert decision.reason == "POLICY_DENIED"


def test_what_is_asked_for_may_ask_for_more() -> None:
    policy = with_rule(
        '@redact("personal") forbid '
        '(principal, action == Action::"release", resource) '
        'when { context.approved.contains("two-person") } '
        'unless { context.redacted.contains("personal") };'
    )
    decision = release(policy, facts(safeguards=("minor",)))

    assert decision.effect is Effect.HOLD
    assert decision.redact == ("personal",)


def test_rule_that_turns_against_what_was_asked_for_denies() -> None:
    policy = with_rule(
        'forbid (principal, action == Action::"release", resource) '
        'when { context.approved.contains("two-person") };'
    )
    decision = release(policy, facts(safeguards=("minor",)))

    assert decision.effect is Effect.WITHHOLD
    assert decision.policies == ("rules/test",)


def test_reason_is_that_of_the_bar_that_nothing_lifts() -> None:
    decision = release(
        policy_with(released=RELEASED),
        facts(safeguards=("minor", "death_penalty"), codes=("H3",)),
    )

    assert decision.reason == "ASSURANCE_MISSING"
    assert "baseline/minors-held" in decision.policies


def test_failing_rule_denies_whatever_others_say() -> None:
    policy = with_rule(
        'permit (principal in Node::"x.y", action == Action::"release", resource) '
        "when { resource.level + 9223372036854775807 > 0 };"
    )
    failing = with_rule(
        'forbid (principal, action == Action::"release", resource) '
        "when { resource.level + 9223372036854775807 > 0 };"
    )

    assert release(policy, facts()).effect is Effect.PERMIT
    decision = release(failing, facts())
    assert (decision.effect, decision.reason) == (Effect.WITHHOLD, "POLICY_ERROR")
    assert decision.policies == ("rules/test",)


def test_emergency_tells_the_crisis_function() -> None:
    decision = release(
        policy_with(released=RELEASED),
        facts(
            category="terrorism",
            record_type="event",
            purposes=("threat_to_life",),
            urgency="flash",
            recipients=(XB.name,),
            expires_ms=NOON_MS + 86_400_000,
            codes=(),
        ),
    )

    assert decision.notify == ("crisis",)


def test_nobody_is_told_of_an_ordinary_release() -> None:
    assert release(policy_with(released=RELEASED), facts()).notify == ()


# --- the set -------------------------------------------------------------------


def test_another_originators_message_is_forwarded_and_not_released() -> None:
    policy = policy_with(released=RELEASED)
    decision = release(policy, facts(originator="police.cc.example"))

    assert decision.policies == (
        "baseline/originator-control",
        "baseline/tlp-amber-stays",
    )


def test_category_that_the_catalogue_does_not_know_is_denied_everywhere() -> None:
    policy = policy_with(released=RELEASED)
    message = facts(category="unheard-of")

    for decision in (
        release(policy, message),
        policy.accept(message, XB, now_ms=NOON_MS),
        policy.view(message, OFFICER, now_ms=NOON_MS),
    ):
        assert decision.effect is Effect.WITHHOLD
        assert decision.reason == "CATEGORY_UNKNOWN"


def test_desk_asks_by_action() -> None:
    policy = policy_with(released=RELEASED)
    message = facts()

    assert policy.publish(message, OFFICER, now_ms=NOON_MS).effect is Effect.PERMIT
    assert policy.publish(message, REVIEWER, now_ms=NOON_MS).policies == (
        DENY_BY_DEFAULT,
    )
    assert policy.search(message, OFFICER, now_ms=NOON_MS).effect is Effect.PERMIT
    assert policy.approve(message, REVIEWER, now_ms=NOON_MS).effect is Effect.PERMIT
    export = policy.export(message, OFFICER, purpose="prosecution", now_ms=NOON_MS)
    assert export.reason == "PURPOSE_NOT_ALLOWED"


def test_message_without_dates_ends_with_the_retention_of_its_category() -> None:
    policy = policy_with(released=RELEASED)
    message = facts(expires_ms=None, created_ms=NOON_MS - 1825 * 86_400_000)

    assert release(policy, message).reason == "EXPIRED"
    younger = facts(expires_ms=None, created_ms=NOON_MS - 1824 * 86_400_000)
    assert release(policy, younger).effect is Effect.PERMIT
    ageless = facts(expires_ms=None, created_ms=None)
    assert release(policy, ageless).effect is Effect.PERMIT


def test_caches_begin_anew_when_they_are_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("selat.policy.policy_set.CACHE_ENTRIES_MAX", 2)
    policy = policy_with(released=RELEASED)
    for number in range(5):
        message = facts(releasable_to=("XB", f"n{number}.example"))
        assert release(policy, message).effect is Effect.PERMIT

    assert len(policy._decisions) == 1


# --- entities ------------------------------------------------------------------


@pytest.mark.parametrize("name", list(ACTION_GROUPS))
@pytest.mark.parametrize("action", list(Action))
def test_groups_of_actions_are_those_of_the_schema(name: str, action: Action) -> None:
    # With a schema, Cedar knows the groups by itself.
    entities = cedarpy.Entities.from_json_str("[]", schema=SCHEMA)
    request = {
        "principal": 'Node::"n"',
        "action": f'Action::"{action}"',
        "resource": 'Record::"r"',
        "context": {},
    }
    policy = f'permit (principal, action in Action::"{name}", resource);'

    result = cedarpy.is_authorized(request, policy, entities)
    assert result.allowed is (action in ACTION_GROUPS[name])


def test_rule_without_action_decides_all_of_them() -> None:
    (rule,) = [
        rule
        for rule in policy_with().source.rules
        if rule.id == "baseline/expired-moves-nowhere"
    ]

    assert actions_of(rule) == frozenset(Action)


def test_entities_are_what_the_schema_says() -> None:
    category = policy_with().source.catalogue.categories["drugs"]
    message = facts(releasable_to=("XB",), safeguards=("minor",), level="royal")
    facts_seen = facts_of(message, (False, 1), today=1)
    names = tuple(name.removeprefix("resource.") for name in RECORD_READS)
    others = names.index("category")
    record = record_json(
        "drugs",
        names[:others] + names[others + 1 :],
        (*facts_seen[:others], *facts_seen[others + 1 : len(names)]),
    )
    entities = [
        *category_entities(category, received=True),
        *peer_entities(XB, "drugs", frozenset({"g"})),
        *officer_entities(OFFICER),
        *json.loads(record),
    ]

    parsed = cedarpy.Entities.from_json_str(json.dumps(entities), schema=SCHEMA)
    assert len(parsed) >= len(entities)
    node = next(e for e in entities if e["uid"]["type"] == "Node")
    assert {"type": "Group", "id": "g"} in node["parents"]
    attributes = entities[-1]["attrs"]
    assert attributes["level"] > max(LEVEL_RANKS.values())
    assert attributes["emergency"] is False


def test_date_is_a_number_that_reads_as_one() -> None:
    assert today_number(NOON_MS) == 20_260_601
    assert today_number(0) == 19_700_101
