# SPDX-License-Identifier: Apache-2.0
"""Evaluate rules with Cedar, and carry out what their annotations ask.

Cedar answers allow or deny and names the policies that determined it. From
that a decision with obligations is made so:

1. A forbid may name what lifts it: ``@obligation`` with ``unless {
   context.approved.contains(…) }``, ``@redact`` with ``context.redacted``. The
   request is asked with what persons have approved so far, and nothing redacted.
2. Denied by forbids that all can be lifted: what lifts them is added to the
   request, and it is asked again. Denied by any other, or by none: withheld.
3. Allowed: annotations of the determining permits are added in the same way,
   and it is asked again until nothing new is asked for.
4. What persons have not approved makes the decision a hold; what is redacted
   comes with a permit or a hold.

Cedar alone decides, as if it were asked about all rules in each round; `Answers`
remembers what it said of which. A forbid that cannot be
lifted is never overridden by a permit, more rules never mean fewer obligations,
and each round adds a name from a finite set, so that it ends. A policy that
fails to evaluate is a denial: Cedar would skip it, and a forbid would be lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from types import MappingProxyType
from typing import Final

import cedarpy

from selat.policy.agreement_rules import Link
from selat.policy.answers import Answers, Known, Principal
from selat.policy.memory import keep
from selat.policy.partition import Partition, Seen
from selat.policy.port import (
    ANY_CATEGORY,
    HELD_FOR_REVIEW,
    Action,
    Decision,
    Effect,
)
from selat.policy.reads import reads_of
from selat.policy.rules import Rule

#: Groups of actions in the schema.
ACTION_GROUPS: Final = MappingProxyType(
    {
        "leave": frozenset({Action.RELEASE, Action.FORWARD, Action.ANSWER}),
        "move": frozenset(
            {
                *(Action.RELEASE, Action.FORWARD, Action.ANSWER, Action.PUBLISH),
                *(Action.ACCEPT, Action.REQUEST, Action.QUERY, Action.RECALL),
            }
        ),
        "look": frozenset({Action.VIEW, Action.SEARCH, Action.EXPORT}),
    }
)
#: Named where no policy permits.
DENY_BY_DEFAULT: Final = "default/deny"
POLICY_ERROR: Final = "POLICY_ERROR"
#: Why the absence of a permit denies.
DEFAULT_REASONS: Final = MappingProxyType(
    {
        Action.RELEASE: "CATEGORY_NOT_LISTED",
        Action.ANSWER: "CATEGORY_NOT_LISTED",
        Action.FORWARD: "CATEGORY_NOT_LISTED",
        Action.ACCEPT: "CATEGORY_NOT_DECLARED",
    }
)
#: Choices of rules of which it is remembered what they lead to; 2 KiB each.
OUTCOMES_MAX: Final = 1_024
_NOT_PERMITTED: Final = "NOT_PERMITTED"
_POLICY_DENIED: Final = "POLICY_DENIED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked, without what persons or redaction add to it.

    Attributes:
        principal: Who asks for what.
        facts: What is seen of message and moment, as `Partition.seen` takes it.
        approved: Obligations that persons have met.
    """

    principal: Principal
    facts: Seen
    approved: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What rules ask for, taken together.

    Attributes:
        obligations: What a person has to do.
        redact: What is taken out.
        is_final: Whether one is a forbid that nothing lifts.
    """

    obligations: frozenset[str]
    redact: frozenset[str]
    is_final: bool


class Evaluator:
    """Rules, ready to be asked.

    Args:
        rules: All rules by their identifiers.
        links: Templates filled in.
        retentions: The longest retentions of all categories, in days.
        remember: False to ask Cedar about all rules each time.

    Raises:
        ValueError: Cedar cannot make a set of them.
    """

    def __init__(
        self,
        *,
        rules: Mapping[str, Rule],
        links: Iterable[Link],
        retentions: frozenset[int],
        remember: bool = True,
    ) -> None:
        """Sort the rules by the actions that they can decide."""
        self._links = tuple(links)
        self._numbers = count()
        linked = {link.id: rules[link.template] for link in self._links}
        self._rules = {**rules, **linked}
        # Most decisions are permits that ask for nothing more.
        self._plain = frozenset(
            name
            for name, rule in self._rules.items()
            if rule.permits and not (rule.obligations or rule.redact or rule.notify)
        )
        read = [
            (rule, actions_of(rule), reads_of(rule.policy, retentions=retentions))
            for rule in rules.values()
        ]
        self._partitions = {
            action: Partition(
                (rule, reads) for rule, actions, reads in read if action in actions
            )
            for action in Action
        }
        self._answers = Answers(self._links, remember=remember)
        self._asked: dict[tuple[str, ...], _Asked] = {}
        self._denials: dict[tuple[Action, tuple[str, ...]], Decision] = {}

    @property
    def rules(self) -> Mapping[str, Rule]:
        """Return the rules by the identifiers that decisions name."""
        return MappingProxyType(self._rules)

    def principal(
        self,
        action: Action,
        *,
        uid: Mapping[str, str],
        entities: cedarpy.Entities,
        category: str,
        names: frozenset[str] = frozenset(),
        groups: frozenset[str] = frozenset(),
    ) -> Principal:
        """Return who asks for what in which category.

        Links for others are left out: their scope would not match, and a state may
        have agreements with many others.

        Args:
            action: What for.
            uid: Cedar's type and identifier.
            entities: The principal, the category, and what they belong to.
            category: The category.
            names: A peer's name and state.
            groups: The groups that a peer is in, as agreements name them.
        """
        parties = names | groups
        partition = self._partitions[action]
        return Principal(
            number=next(self._numbers),
            action=action,
            partition=partition,
            uid=uid,
            entities=entities,
            links=tuple(
                link
                for link in self._links
                if link.party in parties and link.category in {category, ANY_CATEGORY}
            ),
            members=partition.members_for(names),
            category=category,
        )

    def decide(self, request: Request) -> Decision:
        """Decide, and collect the obligations."""
        met = request.approved
        redact: frozenset[str] = frozenset()
        lifted: dict[str, None] = {}
        known: Known = []
        principal = request.principal
        seen = principal.partition.seen(request.facts, principal.members)
        while True:
            allowed, names, failed = self._answers.ask(
                principal, seen, met, redact, known
            )
            if failed:
                return Decision(
                    effect=Effect.WITHHOLD, policies=failed, reason=POLICY_ERROR
                )
            if allowed and not lifted and self._plain.issuperset(names):
                return Decision(effect=Effect.PERMIT, policies=names)
            asked = self._asked_by(names)
            obliged, hidden = met | asked.obligations, redact | asked.redact
            is_new = obliged != met or hidden != redact
            if not allowed and (not is_new or asked.is_final):
                return self._deny(principal.action, names)
            lifted.update(dict.fromkeys(names))
            if not is_new:
                return self._permit(tuple(lifted), met - request.approved, redact)
            met, redact = obliged, hidden

    def _asked_by(self, names: tuple[str, ...]) -> _Asked:
        """Return what rules ask for together."""
        asked = self._asked.get(names)
        if asked is None:
            rules = [self._rules[name] for name in names]
            asked = _Asked(
                obligations=frozenset().union(*(rule.obligations for rule in rules)),
                redact=frozenset().union(*(rule.redact for rule in rules)),
                is_final=any(rule.is_final for rule in rules),
            )
            keep(self._asked, names, asked, limit=OUTCOMES_MAX)
        return asked

    def _deny(self, action: Action, names: tuple[str, ...]) -> Decision:
        denial = self._denials.get((action, names))
        if denial is None:
            denial = self._denial(action, names)
            keep(self._denials, (action, names), denial, limit=OUTCOMES_MAX)
        return denial

    def _denial(self, action: Action, names: tuple[str, ...]) -> Decision:
        if not names:
            reason = DEFAULT_REASONS.get(action, _NOT_PERMITTED)
            names = (DENY_BY_DEFAULT,)
        else:
            # What nothing lifts is the better answer to "why not".
            rules = sorted(
                (self._rules[name] for name in names),
                key=lambda rule: not rule.is_final,
            )
            reason = next((r.reason for r in rules if r.reason), _POLICY_DENIED)
        return Decision(
            effect=Effect.WITHHOLD,
            policies=names,
            reason=reason,
            notify=self._notify(names),
        )

    def _permit(
        self, names: tuple[str, ...], needed: Iterable[str], redact: Iterable[str]
    ) -> Decision:
        obligations = tuple(sorted(needed))
        return Decision(
            effect=Effect.HOLD if obligations else Effect.PERMIT,
            policies=names,
            reason=HELD_FOR_REVIEW if obligations else "",
            obligations=obligations,
            redact=tuple(sorted(redact)),
            notify=self._notify(names),
        )

    def _notify(self, names: Iterable[str]) -> tuple[str, ...]:
        rules = [self._rules[name] for name in names if name in self._rules]
        return tuple(sorted({each for rule in rules for each in rule.notify}))


def actions_of(rule: Rule) -> frozenset[Action]:
    """Return the actions that a rule can decide, from its scope."""
    scope = rule.policy["action"]
    if scope["op"] == "All":
        return frozenset(Action)
    entities = scope["entities"] if "entities" in scope else [scope["entity"]]
    found: set[Action] = set()
    for entity in entities:
        name = entity["id"]
        found |= ACTION_GROUPS[name] if name in ACTION_GROUPS else {Action(name)}
    return frozenset(found)
