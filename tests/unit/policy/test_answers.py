# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from typing import Any

import cedarpy
import pytest
from tests.fakes.policies import DAY_MS, NOON_MS, XB, facts, policy_with

from selat.policy.evaluator import DENY_BY_DEFAULT
from selat.policy.memory import AnswerMemory, keep
from selat.policy.partition import Partition
from selat.policy.policy_set import PolicySet
from selat.policy.port import Decision, Effect, MessageFacts
from selat.policy.reads import reads_of
from selat.policy.rules import parse_rules

RELEASED = {XB.name: frozenset({"drugs", "terrorism"})}
HEAD = '@title("A rule") @principle("A law") '


class Calls:
    """Counts calls of Cedar, and keeps their contexts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.contexts: list[set[str]] = []
        self.sizes: list[int] = []
        self._ask = cedarpy.is_authorized
        monkeypatch.setattr(cedarpy, "is_authorized", self)

    def __call__(
        self,
        request: dict[str, Any],
        policies: cedarpy.PolicySet,
        entities: cedarpy.Entities,
    ) -> cedarpy.AuthzResult:
        self.contexts.append(set(json.loads(request["context"])))
        self.sizes.append(len(policies))
        return self._ask(request, policies, entities)

    def forget(self) -> None:
        self.contexts.clear()
        self.sizes.clear()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    monkeypatch.setattr("selat.policy.partition.WANTED_BEFORE_MADE", 1)
    return Calls(monkeypatch)


def release(
    policy: PolicySet, message: MessageFacts, now_ms: int = NOON_MS
) -> Decision:
    return policy.release(message, XB, now_ms=now_ms)


# --- what is asked -------------------------------------------------------------


def test_first_decision_asks_all_rules_at_once(calls: Calls) -> None:
    policy = policy_with(released=RELEASED)
    release(policy, facts())

    assert len(calls.sizes) == 1


def test_days_that_no_rule_tells_apart_ask_nothing(calls: Calls) -> None:
    policy = policy_with(released=RELEASED)
    release(policy, facts())
    calls.forget()

    for days in (20, 40, 1_000):
        message = facts(expires_ms=NOON_MS + days * DAY_MS)
        assert release(policy, message).effect is Effect.PERMIT
    assert release(policy, facts(), NOON_MS + DAY_MS).effect is Effect.PERMIT
    assert calls.contexts == []


def test_days_that_a_rule_tells_apart_are_asked_about(calls: Calls) -> None:
    policy = policy_with(released=RELEASED)
    release(policy, facts())
    calls.forget()
    decision = release(policy, facts(expires_ms=NOON_MS + 2_000 * DAY_MS))

    assert decision.reason == "RETENTION_TOO_LONG"
    assert len(calls.contexts) == 1
    assert "today" not in calls.contexts[0]


def test_names_of_others_in_the_marking_ask_nothing(calls: Calls) -> None:
    policy = policy_with(released=RELEASED)
    release(policy, facts(releasable_to=("XB", "XC")))
    calls.forget()

    assert release(policy, facts(releasable_to=("XD", "XB"))).effect is Effect.PERMIT
    assert calls.contexts == []
    refused = release(policy, facts(releasable_to=("XD",)))
    assert refused.reason == "NOT_RELEASABLE_TO_PEER"
    assert calls.sizes == [1]


def test_round_asks_what_reads_what_it_adds_and_what_is_not_known(calls: Calls) -> None:
    policy = policy_with(released=RELEASED)
    decision = release(policy, facts(safeguards=("minor",)))

    assert decision.effect is Effect.HOLD
    first, second = calls.contexts
    # Permits are not known yet, and one of them reads whether the peer is named.
    assert first > second == {"approved", "named", "retention_days"}


def test_permits_of_a_denied_call_are_asked_for_when_they_count(calls: Calls) -> None:
    policy = policy_with(released=RELEASED)
    denied = release(policy, facts(holding="recalled"))
    permitted = release(policy, facts())

    assert denied.reason == "RECALLED"
    assert permitted.policies == ("release/listed/police.bb.example/drugs",)
    assert len(calls.contexts) == 2


def test_nothing_is_remembered_of_a_call_in_which_a_rule_fails(calls: Calls) -> None:
    text = (
        f'@id("rules/r") {HEAD} forbid (principal, action == Action::"release", '
        "resource) when { resource.level + 9223372036854775807 > 0 };"
    )
    policy = policy_with({"rules/test.cedar": text}, released=RELEASED)
    for name in ("XB", "XC"):
        decision = release(policy, facts(releasable_to=(name,)))
        assert (decision.reason, decision.policies) == ("POLICY_ERROR", ("rules/r",))

    assert calls.sizes[0] == calls.sizes[1]


def test_forgetful_set_asks_all_rules_each_time(calls: Calls) -> None:
    policy = policy_with(released=RELEASED, remember=False)
    for _ in range(2):
        assert release(policy, facts()).effect is Effect.PERMIT

    assert len(calls.sizes) == 2
    assert calls.sizes[0] == calls.sizes[1]


# --- parts and selections ------------------------------------------------------


def partition() -> Partition:
    text = "".join(
        f'@id("rules/{name}") {HEAD} {effect} (principal, action == '
        f'Action::"release", resource) when {{ {condition} }};'
        for name, effect, condition in (
            ("a", "permit", "context.named"),
            ("b", "forbid", "resource.level > 2"),
            ("c", "forbid", "resource.level > 3"),
            ("d", "forbid", "context.named"),
        )
    )
    rules = parse_rules(text.encode(), source="rules/test.cedar")
    return Partition((r, reads_of(r.policy, retentions=frozenset())) for r in rules)


def test_rules_of_one_effect_that_read_the_same_are_one_part() -> None:
    parts = [[rule.id for rule in part.rules] for part in partition().parts]

    assert parts == [["rules/b", "rules/c"], ["rules/d"], ["rules/a"]]
    assert partition().forbidding == 2


def test_set_for_a_selection_is_made_when_it_is_wanted_often() -> None:
    parted = partition()
    found = [parted.selection(0b101) for _ in range(4)]

    assert found[:3] == [parted.whole] * 3
    assert found[3].numbers == (0, 2)
    assert found[3].record == ("level",)
    assert found[3].context == ("named",)
    assert parted.selection(0b101) is found[3]
    assert parted.selection(0b111) is parted.whole


def test_action_without_rules_denies_by_default(calls: Calls) -> None:
    policy = policy_with(released=RELEASED).with_source(rules=())
    decision = policy.accept(facts(), XB, now_ms=NOON_MS)

    assert decision.policies == (DENY_BY_DEFAULT,)
    assert calls.sizes == []


# --- bounds --------------------------------------------------------------------


def test_full_memory_begins_anew() -> None:
    memory: dict[int, str] = {}
    for number in range(5):
        keep(memory, number, "", limit=2)

    assert memory == {4: ""}


def test_answers_of_all_principals_count_together() -> None:
    memory = AnswerMemory(limit=5)
    one, other = memory.of(1, 2), memory.of(2, 2)
    memory.keep(one[0], "a", ())
    assert memory.of(1, 2) is one

    memory.keep(other[1], "a", ())
    assert memory.of(1, 2) == ({}, {})
    assert memory.of(1, 2) is not one


def test_principals_of_whom_nothing_is_remembered_count_too() -> None:
    memory = AnswerMemory(limit=5)
    first = memory.of(1, 2)
    for number in (2, 3):
        memory.of(number, 2)

    assert memory.of(1, 2) is not first


def test_answers_that_are_forgotten_are_asked_for_again(
    calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("selat.policy.answers.ANSWERS_MAX", 30)
    policy = policy_with(released=RELEASED)
    for level in ("restricted", "secret", "unclassified", "restricted"):
        for days in (1, 2):
            message = facts(level=level, expires_ms=NOON_MS + days * DAY_MS)
            assert release(policy, message).effect is Effect.PERMIT

    assert len(calls.sizes) > 3
