# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from tests.fakes.policies import SHIPPED, XA

from selat.policy.policy_loading import parse_source
from selat.policy.policy_set import PolicySet
from selat.policy.policy_source import PolicySource
from selat.policy.port import Action
from selat.policy.rules import Rule
from selat.policy.scenario_file import parse_scenarios
from selat.policy.scenarios import run_scenarios

SOURCE = parse_source(SHIPPED, shipped=SHIPPED)
TABLES = [parse_scenarios(raw, source=path) for path, raw in SHIPPED.below("scenarios")]
BASELINE = [rule for rule in SOURCE.rules if rule.id.startswith("baseline/")]
OPPOSITE = {"when": "unless", "unless": "when"}


def failures(source: PolicySource) -> int:
    outcomes = run_scenarios(PolicySet(source, XA), TABLES, SHIPPED)
    return sum(1 for outcome in outcomes if outcome.wrong)


def with_rule(old: Rule, *new: Rule) -> PolicySource:
    rules = tuple(rule for rule in SOURCE.rules if rule is not old)
    return replace(SOURCE, rules=rules + new)


def negations() -> Iterator[tuple[Rule, int]]:
    for rule in BASELINE:
        for number in range(len(rule.policy.get("conditions", []))):
            yield rule, number


def test_scenarios_are_many_and_all_come_out_as_written() -> None:
    assert sum(len(table.cases) for table in TABLES) >= 120
    assert failures(SOURCE) == 0


def test_scenarios_cover_every_category_and_every_action_that_is_decided() -> None:
    cases = [case for table in TABLES for case in table.cases]

    released = {c.message.category for c in cases if c.action is Action.RELEASE}
    assert set(SOURCE.catalogue.categories) <= released
    assert {case.action for case in cases} >= {
        *(Action.RELEASE, Action.FORWARD, Action.ACCEPT, Action.PUBLISH),
        *(Action.VIEW, Action.SEARCH, Action.EXPORT, Action.APPROVE),
    }


@pytest.mark.parametrize("rule", BASELINE, ids=lambda rule: rule.id)
def test_no_rule_of_the_baseline_can_be_deleted_unnoticed(rule: Rule) -> None:
    assert failures(with_rule(rule)) > 0


@pytest.mark.parametrize(
    ("rule", "number"),
    list(negations()),
    ids=lambda value: value.id if isinstance(value, Rule) else str(value),
)
def test_no_condition_of_the_baseline_can_be_negated_unnoticed(
    rule: Rule, number: int
) -> None:
    conditions: list[dict[str, Any]] = [
        dict(each) for each in rule.policy["conditions"]
    ]
    conditions[number]["kind"] = OPPOSITE[conditions[number]["kind"]]
    negated = replace(rule, policy={**rule.policy, "conditions": conditions})

    assert failures(with_rule(rule, negated)) > 0


# A rule that can be lifted decides the same either way: what would lift it is asked
# for, and then it has no say.
@pytest.mark.parametrize(
    "rule",
    [rule for rule in BASELINE if rule.permits or rule.is_final],
    ids=lambda rule: rule.id,
)
def test_no_effect_of_the_baseline_can_be_turned_round_unnoticed(rule: Rule) -> None:
    effect = "forbid" if rule.permits else "permit"
    turned = replace(
        rule, permits=not rule.permits, policy={**rule.policy, "effect": effect}
    )

    assert failures(with_rule(rule, turned)) > 0


def test_every_rule_of_the_baseline_decides_some_case() -> None:
    outcomes = run_scenarios(PolicySet(SOURCE, XA), TABLES, SHIPPED)
    deciding = {name for outcome in outcomes for name in outcome.decision.policies}

    for rule in BASELINE:
        assert any(
            name == rule.id or name.startswith(f"{rule.id}/") for name in deciding
        )
