# SPDX-License-Identifier: Apache-2.0
"""Decisions as Cedar makes them of a whole set: nothing parted, nothing remembered."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any, cast

import cedarpy

from selat.policy.answers import Answers, Known, Principal, Verdict
from selat.policy.entities import LEVEL_RANKS
from selat.policy.evaluator import Evaluator, actions_of
from selat.policy.partition import Seen
from selat.policy.policy_set import PolicySet
from selat.policy.port import Action
from selat.policy.reads import CONTEXT_READS, RECORD_READS
from selat.policy.rules import Rule

STEPS = 2


def cedar_set(rules: list[Rule]) -> cedarpy.PolicySet:
    """Return rules as one Cedar set, whatever their action."""
    tables: dict[bool, dict[str, Any]] = {False: {}, True: {}}
    for rule in rules:
        policy = {**rule.policy, "action": {"op": "All"}, "annotations": {}}
        tables[rule.is_template][rule.id] = policy
    document = {
        "staticPolicies": tables[False],
        "templates": tables[True],
        "templateLinks": [],
    }
    return cedarpy.PolicySet.from_json_str(json.dumps(document))


def call(
    policies: cedarpy.PolicySet,
    principal: Principal,
    seen: Seen,
    *,
    approved: frozenset[str] = frozenset(),
    redacted: frozenset[str] = frozenset(),
) -> Verdict:
    """Ask Cedar once, telling it all that there is to know.

    Args:
        policies: The rules.
        principal: Who asks for what.
        seen: What `facts_of` returns; what follows it is not looked at.
        approved: Obligations that are taken as met.
        redacted: What is taken as redacted.
    """
    count = len(RECORD_READS)
    record = {
        name.removeprefix("resource."): value
        for name, value in zip(RECORD_READS, seen[:count], strict=True)
    }
    record["level"] = LEVEL_RANKS.get(str(record["level"]), 99)
    category = {"type": "Category", "id": str(record["category"])}
    record["category"] = {"__entity": category}
    uid = {"type": "Record", "id": "message"}
    entity = {"uid": uid, "parents": [category], "attrs": record}
    context = {
        name.removeprefix("context."): value
        for name, value in zip(CONTEXT_READS[:-STEPS], seen[count:], strict=False)
        if value is not None
    }
    context |= {"approved": sorted(approved), "redacted": sorted(redacted)}
    result = cedarpy.is_authorized(
        {
            "principal": principal.uid,
            "action": {"type": "Action", "id": principal.action.value},
            "resource": uid,
            "context": context,
        },
        policies,
        principal.entities.with_added_json_str(json.dumps([entity])),
    )
    failed = [
        re.findall("policy `([^`]+)`", error)[0] for error in result.diagnostics.errors
    ]
    return Verdict(
        allowed=result.allowed,
        names=tuple(sorted(result.diagnostics.reasons)),
        failed=tuple(sorted(failed)),
    )


class PlainAnswers:
    """Asks one set with the links of all parties and categories, every time."""

    def __init__(self, evaluator: Evaluator) -> None:
        self.rules = evaluator.rules
        self.links = evaluator._links
        self.sets: dict[Action, cedarpy.PolicySet] = {}

    def ask(
        self,
        principal: Principal,
        seen: Seen,
        approved: frozenset[str],
        redacted: frozenset[str],
        known: Known,
    ) -> Verdict:
        del known
        action = principal.action
        if action not in self.sets:
            rules = {
                rule.id: rule
                for rule in self.rules.values()
                if action in actions_of(rule)
            }
            links = [link.values() for link in self.links if link.template in rules]
            self.sets[action] = cedar_set(list(rules.values())).with_linked_batch(links)
        return call(
            self.sets[action], principal, seen, approved=approved, redacted=redacted
        )


def plain(policy: PolicySet) -> PolicySet:
    """Return the set anew, so that plain Cedar decides."""
    anew = PolicySet(replace(policy.source), policy.identity, remember=False)
    evaluator = anew._evaluator
    evaluator._answers = cast("Answers", PlainAnswers(evaluator))
    return anew
