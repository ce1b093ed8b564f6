# SPDX-License-Identifier: Apache-2.0
"""Ask Cedar for what is not remembered, and for no more.

Cedar finds out of each rule by itself whether it is satisfied, and makes its answer
of that: satisfied forbids deny, else satisfied permits allow; rules that fail are
named. The parts of a set may therefore be asked apart, and at different times: put
together, their answers are the one of the whole set. So the answer of each part is
remembered by what its rules read, and a call asks the parts that are not known yet.

Where a call is denied, Cedar does not name the permits that are satisfied. They do
not matter then, and are asked for when they do. Where a rule fails, nothing of the
call is remembered.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

import cedarpy

from selat.policy.agreement_rules import Link
from selat.policy.entities import record_json
from selat.policy.memory import AnswerMemory, keep
from selat.policy.partition import Partition, Seen, Selection
from selat.policy.port import Action

#: Answers of parts that are remembered; half a KiB each.
ANSWERS_MAX: Final = 16_384
#: Messages with their principal that are remembered as Cedar takes them; 12 KiB each
#: at most.
RECORDS_MAX: Final = 1_024
#: Sets with links filled in that are remembered.
LINKED_MAX: Final = 1_024
#: Contexts whose JSON is remembered.
_CONTEXTS_MAX: Final = 1_024
_RESOURCE: Final = {"type": "Record", "id": "message"}
_ACTIONS: Final = MappingProxyType(
    {action: {"type": "Action", "id": action.value} for action in Action}
)
_FAILED_POLICY: Final = re.compile(r"policy `([^`]+)`")

#: Satisfied rules of each part; None where that is not known.
Known: TypeAlias = list[tuple[str, ...] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks for what in which category, as Cedar takes it.

    Attributes:
        number: Tells it from all others, also from those that are forgotten.
        action: What for.
        partition: The rules that can decide that.
        uid: Cedar's type and identifier.
        entities: The principal, the category, and what they belong to.
        links: Templates filled in for it.
        members: Members of sets that count for it, from `Partition.members_for`.
        category: The category.
    """

    number: int
    action: Action
    partition: Partition
    uid: Mapping[str, str]
    entities: cedarpy.Entities
    links: tuple[Link, ...]
    members: tuple[frozenset[str], ...]
    category: str


class Verdict(NamedTuple):
    """What the rules say of a request, as Cedar would of the whole set.

    Attributes:
        allowed: Whether it is allowed.
        names: The rules that determined it.
        failed: Rules that failed; if there are any, nothing else counts.
    """

    allowed: bool
    names: tuple[str, ...]
    failed: tuple[str, ...] = ()


class Answers:
    """Answers of the parts of all actions' rules.

    Args:
        links: All templates filled in; each principal has some of them.
        remember: False to ask Cedar about all rules each time.
    """

    def __init__(self, links: Iterable[Link], *, remember: bool) -> None:
        """Begin with nothing remembered."""
        self._templates = {link.id: link.template for link in links}
        self._remember = remember
        self._memory = AnswerMemory(limit=ANSWERS_MAX)
        self._records: dict[tuple[object, ...], cedarpy.Entities] = {}
        self._linked: dict[tuple[int, int], cedarpy.PolicySet] = {}

    def ask(
        self,
        principal: Principal,
        seen: Seen,
        approved: frozenset[str],
        redacted: frozenset[str],
        known: Known,
    ) -> Verdict:
        """Return what the rules say in one round of a decision.

        Args:
            principal: Who asks for what.
            seen: What rules see before the rounds, from `Partition.seen`.
            approved: Obligations that are taken as met.
            redacted: What is taken as redacted.
            known: What the rounds before found out, which this one completes;
                empty in the first.
        """
        seen = (*seen, approved, redacted)
        missing = self._recall(principal, seen, known)
        if missing:
            selection = principal.partition.selection(missing)
            verdict = self._call(principal, selection, seen)
            if verdict.failed:
                return verdict
            self._learn(principal, seen, selection, verdict, known)
        forbidding = principal.partition.forbidding
        forbids = [name for answer in known[:forbidding] if answer for name in answer]
        if forbids:
            return Verdict(allowed=False, names=tuple(sorted(forbids)))
        permits = [name for answer in known[forbidding:] if answer for name in answer]
        return Verdict(allowed=bool(permits), names=tuple(sorted(permits)))

    def _recall(self, principal: Principal, seen: Seen, known: Known) -> int:
        """Put in what is remembered, and return the key of the parts that are not."""
        partition = principal.partition
        if not self._remember:
            known[:] = [None] * len(partition.parts)
            return partition.whole.key
        memory = self._memory.of(principal.number, len(partition.parts))
        if not known:
            known += [
                answers.get(pick(seen))
                for answers, pick in zip(memory, partition.picks, strict=True)
            ]
        else:
            for number in partition.stepwise:
                known[number] = memory[number].get(partition.picks[number](seen))
        if None not in known:
            return 0
        return sum(1 << n for n, answer in enumerate(known) if answer is None)

    def _learn(
        self,
        principal: Principal,
        seen: Seen,
        selection: Selection,
        verdict: Verdict,
        known: Known,
    ) -> None:
        """Divide the answer of a call among the parts that were asked.

        Of a call that forbids deny, the parts that permit learn nothing.
        """
        partition = principal.partition
        satisfied: dict[int, list[str]] = {}
        for name in verdict.names:
            number = partition.numbers[self._templates.get(name, name)]
            satisfied.setdefault(number, []).append(name)
        is_forbidden = bool(verdict.names) and not verdict.allowed
        told = partition.forbidding if is_forbidden else len(partition.parts)
        answered = [number for number in selection.numbers if number < told]
        for number in answered:
            known[number] = tuple(satisfied.get(number, ()))
        if self._remember:
            memory = self._memory.of(principal.number, len(partition.parts))
            for number in answered:
                read = partition.picks[number](seen)
                self._memory.keep(memory[number], read, known[number] or ())

    def _call(self, principal: Principal, selection: Selection, seen: Seen) -> Verdict:
        """Ask Cedar about some parts."""
        result = cedarpy.is_authorized(
            {
                "principal": principal.uid,
                "action": _ACTIONS[principal.action],
                "resource": _RESOURCE,
                "context": _context(selection.context, selection.pick_context(seen)),
            },
            self._policies(principal, selection),
            self._entities(principal, selection, seen),
        )
        diagnostics = result.diagnostics
        errors = diagnostics.errors
        return Verdict(
            allowed=result.allowed,
            names=tuple(diagnostics.reasons),
            failed=tuple(sorted(map(_failed_policy, errors))) if errors else (),
        )

    def _policies(
        self, principal: Principal, selection: Selection
    ) -> cedarpy.PolicySet:
        """Return the rules of a selection, with the principal's links."""
        key = (principal.number, selection.key)
        policies = self._linked.get(key)
        if policies is None:
            links = [
                link.values()
                for link in principal.links
                if link.template in selection.templates
            ]
            policies = selection.policies
            if links:
                policies = policies.with_linked_batch(links)
            keep(self._linked, key, policies, limit=LINKED_MAX)
        return policies

    def _entities(
        self, principal: Principal, selection: Selection, seen: Seen
    ) -> cedarpy.Entities:
        """Return principal and message, with what is read of it."""
        values = selection.pick_record(seen)
        key = (principal.number, selection.record, values)
        entities = self._records.get(key)
        if entities is None:
            record = record_json(principal.category, selection.record, values)
            entities = principal.entities.with_added_json_str(record)
            keep(self._records, key, entities, limit=RECORDS_MAX)
        return entities


@lru_cache(maxsize=_CONTEXTS_MAX)
def _context(names: tuple[str, ...], values: tuple[Any, ...]) -> str:
    """Return a context as Cedar reads it; there are few."""
    context = {
        name: sorted(value) if isinstance(value, frozenset) else value
        for name, value in zip(names, values, strict=True)
        if value is not None
    }
    return json.dumps(context)


def _failed_policy(error: str) -> str:
    match = _FAILED_POLICY.search(error)
    return match[1] if match else "unknown"
