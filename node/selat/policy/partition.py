# SPDX-License-Identifier: Apache-2.0
"""The rules that can decide an action, parted by what they read.

A part holds rules of one effect that read the same, so that its answer is one for
all requests of a principal that agree in what they read. Parts are asked together
in selections, since a call of Cedar costs more than a rule does.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import cedarpy

from selat.policy.memory import keep
from selat.policy.reads import (
    CONTEXT_READS,
    MEMBERS_OF,
    RANGE_OF,
    RECORD_READS,
    Reads,
)
from selat.policy.rules import Rule

#: Selections of an action that have a Cedar set, of 0.1 MiB at most.
SELECTIONS_MAX: Final = 16
#: Times that a selection is wanted before a set is made for it, which takes as long
#: as some ten decisions by all rules.
WANTED_BEFORE_MADE: Final = 4
#: Selections whose wants are counted.
_COUNTED_MAX: Final = 1_024

#: Values of `RECORD_READS` and `CONTEXT_READS`, None for what a context does not have.
#: What is read of numbers and sets in part stands before what rounds change.
Seen: TypeAlias = tuple[Any, ...]

_PLACES: Final = MappingProxyType(
    {
        name: place
        for place, name in enumerate(
            (
                *RECORD_READS,
                *CONTEXT_READS[:-2],
                *RANGE_OF.values(),
                *MEMBERS_OF.values(),
                *CONTEXT_READS[-2:],
            )
        )
    }
)
_WHOLE_OF: Final = MappingProxyType(
    {part: whole for whole, part in (*RANGE_OF.items(), *MEMBERS_OF.items())}
)
_PLACES_OF_SETS: Final = tuple(_PLACES[name] for name in MEMBERS_OF)
_STEPS: Final = frozenset(CONTEXT_READS[-2:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Rules of one effect that read the same.

    Attributes:
        rules: The rules, templates among them.
        reads: Names of what they read.
        pick: Returns what they read of what is seen.
    """

    rules: tuple[Rule, ...]
    reads: frozenset[str]
    pick: Callable[[Seen], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Some parts of an action, to be asked together.

    Cedar is told what their rules read and no more.

    Attributes:
        key: One bit for each part, the lowest for the first.
        numbers: Numbers of the parts.
        policies: The rules; templates are without links.
        templates: Identifiers of the templates.
        record: Names of what the rules read of the message.
        context: Names of what the rules read of the context.
        pick_record: Returns the values of ``record``.
        pick_context: Returns the values of ``context``.
    """

    key: int
    numbers: tuple[int, ...]
    policies: cedarpy.PolicySet
    templates: frozenset[str]
    record: tuple[str, ...]
    context: tuple[str, ...]
    pick_record: Callable[[Seen], tuple[Any, ...]]
    pick_context: Callable[[Seen], tuple[Any, ...]]


class Partition:
    """The rules that can decide an action, in parts.

    Args:
        rules: The rules, each with what it reads.

    Attributes:
        parts: The parts; those that forbid come first.
        forbidding: How many parts forbid.
        numbers: Numbers of the parts by the identifiers of their rules.
        picks: What returns what each part reads of what is seen.
        stepwise: Numbers of the parts that read what rounds of a decision change.
        whole: All parts.

    Raises:
        ValueError: Cedar cannot make a set of the rules.
    """

    def __init__(self, rules: Iterable[tuple[Rule, Reads]]) -> None:
        """Part the rules."""
        rules = tuple(rules)
        self._ranges = tuple(
            (_PLACES[name], _sorted(reads.bounds.get(name, ()) for _, reads in rules))
            for name in RANGE_OF
        )
        self._members = tuple(
            frozenset(
                chain.from_iterable(reads.members.get(name, ()) for _, reads in rules)
            )
            for name in MEMBERS_OF
        )
        alike: dict[tuple[bool, frozenset[str]], list[Rule]] = {}
        for rule, reads in rules:
            alike.setdefault((rule.permits, reads.names), []).append(rule)
        in_order = sorted(alike.items(), key=lambda item: item[0][0])
        self.parts = tuple(_part(some, names) for (_, names), some in in_order)
        self.forbidding = sum(not permits for (permits, _), _ in in_order)
        self.numbers = {
            rule.id: number
            for number, part in enumerate(self.parts)
            for rule in part.rules
        }
        self.picks = tuple(part.pick for part in self.parts)
        self.stepwise = tuple(
            number
            for number, part in enumerate(self.parts)
            if not _STEPS.isdisjoint(part.reads)
        )
        self.whole = self._select((1 << len(self.parts)) - 1)
        self._selections: dict[int, Selection] = {}
        self._wanted: dict[int, int] = {}

    def members_for(self, names: frozenset[str]) -> tuple[frozenset[str], ...]:
        """Return which members of sets count for a principal.

        Args:
            names: Its own name and state, where it is a peer.
        """
        return tuple(members | names for members in self._members)

    def seen(self, facts: Seen, members: tuple[frozenset[str], ...]) -> Seen:
        """Return all that rules see before what the rounds of a decision change.

        Args:
            facts: Values of `RECORD_READS` and of `CONTEXT_READS` but its last two.
            members: Members of sets that count for the principal.
        """
        return (
            *facts,
            *[bisect_right(bounds, facts[place]) for place, bounds in self._ranges],
            *[
                # Of a set that has none of them, whether it is empty counts.
                some.intersection(facts[place]) or bool(facts[place])
                for place, some in zip(_PLACES_OF_SETS, members, strict=True)
            ],
        )

    def selection(self, wanted: int) -> Selection:
        """Return a selection that holds the wanted parts: just these, or all.

        Args:
            wanted: Key of the selection with just these.
        """
        if wanted == self.whole.key:
            return self.whole
        selection = self._selections.get(wanted)
        if selection is None:
            times = self._wanted.get(wanted, 0) + 1
            keep(self._wanted, wanted, times, limit=_COUNTED_MAX)
            if times < WANTED_BEFORE_MADE:
                return self.whole
            selection = self._select(wanted)
            keep(self._selections, wanted, selection, limit=SELECTIONS_MAX)
        return selection

    def _select(self, key: int) -> Selection:
        numbers = tuple(n for n in range(len(self.parts)) if key >> n & 1)
        parts = [self.parts[number] for number in numbers]
        rules = [rule for part in parts for rule in part.rules]
        reads = {_WHOLE_OF.get(name, name) for part in parts for name in part.reads}
        record = tuple(name for name in RECORD_READS if name in reads)
        context = tuple(name for name in CONTEXT_READS if name in reads)
        return Selection(
            key=key,
            numbers=numbers,
            policies=_policy_set(rules),
            templates=frozenset(rule.id for rule in rules if rule.is_template),
            record=tuple(name.removeprefix("resource.") for name in record),
            context=tuple(name.removeprefix("context.") for name in context),
            pick_record=_picker(record),
            pick_context=_picker(context),
        )


def _part(rules: Iterable[Rule], reads: frozenset[str]) -> Part:
    return Part(
        rules=tuple(rules),
        reads=reads,
        pick=_picker(sorted(reads, key=_PLACES.__getitem__)),
    )


def _picker(names: Iterable[str]) -> Callable[[Seen], tuple[Any, ...]]:
    """Return a function that takes some values out of what is seen."""
    places = [_PLACES[name] for name in names]
    if len(places) > 1:
        return itemgetter(*places)
    if places:
        # A slice gives a tuple for one value as well.
        return itemgetter(slice(places[0], places[0] + 1))
    return itemgetter(slice(0))


def _sorted(numbers: Iterable[Iterable[int]]) -> tuple[int, ...]:
    return tuple(sorted(frozenset(chain.from_iterable(numbers))))


def _policy_set(rules: Iterable[Rule]) -> cedarpy.PolicySet:
    static: dict[str, Any] = {}
    templates: dict[str, Any] = {}
    for rule in rules:
        table = templates if rule.is_template else static
        # The set is for one action, and only rules that name it are in it. Cedar
        # knows groups of actions from entities that no request carries.
        table[rule.id] = {**rule.policy, "action": {"op": "All"}, "annotations": {}}
    document = {"staticPolicies": static, "templates": templates, "templateLinks": []}
    return cedarpy.PolicySet.from_json_str(json.dumps(document))
