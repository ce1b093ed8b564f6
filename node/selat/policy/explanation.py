# SPDX-License-Identifier: Apache-2.0
"""Say in plain words which policies decided, and what would have to change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from selat.policy.evaluator import DENY_BY_DEFAULT, POLICY_ERROR
from selat.policy.policy_set import CATEGORY_UNKNOWN, PolicySet
from selat.policy.port import PERSONAL, REVIEW, TWO_PERSON, Decision, Effect
from selat.policy.rules import Rule

#: Decisions that no rule of a file made.
_BUILT_IN: Final = MappingProxyType(
    {
        DENY_BY_DEFAULT: (
            "Nothing permits it",
            "Deny by default: what no rule permits is not done",
            "An agreement, the release list or a rule of the state has to permit it",
        ),
        CATEGORY_UNKNOWN: (
            "The catalogue has no such category",
            "The state's catalogue of categories",
            "The category would have to be in categories.toml",
        ),
    }
)
_OBLIGATIONS: Final = MappingProxyType(
    {
        TWO_PERSON: "A second person with the role of a reviewer, not the author, "
        "would have to approve it",
        REVIEW: "A reviewer would have to look at it and let it in",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A policy that decided.

    Attributes:
        id: Its identifier.
        title: What it says.
        principle: The principle or article it stands for.
        source: The file it stands in, or empty.
    """

    id: str
    title: str
    principle: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A decision in plain words.

    Attributes:
        decision: The decision.
        summary: One sentence that says what happens.
        grounds: The policies that decided.
        changes: What would have to change for the message to go as it is, each
            one sentence without a full stop; all of them together.
        met: Policies that had asked for a person, who has approved since.
    """

    decision: Decision
    summary: str
    grounds: tuple[Ground, ...]
    changes: tuple[str, ...]
    met: tuple[Ground, ...] = ()


def explain(
    policy: PolicySet,
    ask: Callable[[PolicySet], Decision],
    *,
    ask_first: Callable[[PolicySet], Decision] | None = None,
) -> Explanation:
    """Explain a decision, and go on asking behind each bar what else there is.

    Args:
        policy: The policy set in force.
        ask: Puts the question to a policy set.
        ask_first: Puts it as if nobody had approved anything, where somebody has.
    """
    decision = ask(policy)
    changes: dict[str, None] = {}
    lifted: set[str] = set()
    behind = decision
    while True:
        changes.update(dict.fromkeys(_changes(policy, behind)))
        bars = _bars(policy, behind) - lifted
        if not bars:
            break
        lifted |= bars
        rules = [rule for rule in policy.source.rules if rule.id not in lifted]
        behind = ask(_without(policy, tuple(rules)))
    return Explanation(
        decision=decision,
        summary=_summary(decision),
        grounds=tuple(_ground(policy.rules, name) for name in decision.policies),
        changes=tuple(changes),
        met=() if ask_first is None else _met(policy, decision, ask_first(policy)),
    )


def _met(policy: PolicySet, now: Decision, first: Decision) -> tuple[Ground, ...]:
    """Return what held the message at first and holds it no longer."""
    return tuple(
        _ground(policy.rules, name)
        for name in first.policies
        if name in policy.rules
        and policy.rules[name].obligations - set(now.obligations)
        and first.effect is Effect.HOLD
        and now.effect is Effect.PERMIT
    )


def _bars(policy: PolicySet, decision: Decision) -> set[str]:
    """Return the rules of files that deny and that a trial can leave out."""
    if decision.effect is not Effect.WITHHOLD or decision.reason == POLICY_ERROR:
        return set()
    rules = [policy.rules[name] for name in decision.policies if name in policy.rules]
    return {rule.id for rule in rules if rule.is_final}


def _without(policy: PolicySet, rules: tuple[Rule, ...]) -> PolicySet:
    return PolicySet(replace(policy.source, rules=rules), policy.identity)


def _changes(policy: PolicySet, decision: Decision) -> list[str]:
    """Return what would have to change for this decision, sentence by sentence."""
    found: list[str] = []
    obligations = set(decision.obligations)
    if decision.effect is Effect.WITHHOLD:
        for name in decision.policies:
            rule = policy.rules.get(name)
            if rule is None or rule.is_final or decision.reason == POLICY_ERROR:
                found.append(_lifting(policy.rules, name))
            else:
                obligations |= rule.obligations
    found += [_OBLIGATIONS[name] for name in sorted(obligations)]
    if decision.redact:
        found.append(f"{_redacted(decision)} would have to be allowed to go")
    return found


def _lifting(rules: Mapping[str, Rule], name: str) -> str:
    if name in _BUILT_IN:
        return _BUILT_IN[name][2]
    rule = rules[name]
    return rule.remedy or f"This would have to apply no longer: {rule.title}"


def _ground(rules: Mapping[str, Rule], name: str) -> Ground:
    if name in _BUILT_IN:
        title, principle, _ = _BUILT_IN[name]
        return Ground(id=name, title=title, principle=principle, source="")
    rule = rules[name]
    return Ground(
        id=name, title=rule.title, principle=rule.principle, source=rule.source
    )


def _summary(decision: Decision) -> str:
    redacted = f", without {_redacted(decision).lower()}" if decision.redact else ""
    if decision.effect is Effect.PERMIT:
        return f"It is permitted{redacted}."
    if decision.effect is Effect.HOLD:
        return f"It waits for a person{redacted and f' and would go{redacted}'}."
    if decision.reason == POLICY_ERROR:
        return "It is denied, because a policy failed; its file has to be corrected."
    return f"It is denied ({decision.reason})."


def _redacted(decision: Decision) -> str:
    if PERSONAL in decision.redact:
        return "Every personal field"
    return f"The fields {', '.join(decision.redact)}"
