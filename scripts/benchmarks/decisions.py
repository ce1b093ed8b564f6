# SPDX-License-Identifier: Apache-2.0
"""What one decision costs the engine, asked in this process.

Each kind of question is asked of a set with the whole baseline and three
agreements, in four ways:

- with nothing remembered at all, so that Cedar is asked about all rules;
- about messages that each are the first with their marking: levels, codes, labels,
  purposes, roles and release lists, as they come, in a node that has seen others; of
  markings that come so, most are withheld;
- about messages that each are the first to live for as many days, of a marking that
  was seen before;
- about messages that were decided before.
"""

from __future__ import annotations

import asyncio
import shutil
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations, product
from types import MappingProxyType
from typing import Final, TypeAlias

from scripts.benchmarks.bench import Bench
from scripts.benchmarks.figures import Figure
from scripts.benchmarks.policies import put_agreements

from selat.policy.catalogue import HANDLING_CODES, TLP_LABELS
from selat.policy.catalogue_file import default_policy_folder
from selat.policy.entities import LEVEL_RANKS
from selat.policy.policy_files import read_policy_files
from selat.policy.policy_loading import build_policy_set
from selat.policy.policy_set import PolicySet
from selat.policy.policy_source import Identity, PolicySource
from selat.policy.port import (
    ANY_CATEGORY,
    Decision,
    MessageFacts,
    OfficerFacts,
    PeerFacts,
)

#: Messages of one measurement; a set remembers more decisions, and a category lets
#: messages live for more days.
_MESSAGES: Final = 1_500
#: Decisions that are timed together: one alone is too short for the clock.
_TOGETHER: Final = 50
_UNCACHED_AT_MOST_US: Final = 60
_CACHED_AT_MOST_US: Final = 3
_DAY_MS: Final = 86_400_000
#: 1 June 2026, noon UTC, in ms since the epoch.
_NOW_MS: Final = 1_780_315_200_000

_US: Final = Identity(
    node="police.xa.example", state="XA", received=frozenset({ANY_CATEGORY})
)
_PEER: Final = PeerFacts(
    name="police.xb.example", state="XB", categories=frozenset({ANY_CATEGORY})
)
_OFFICER: Final = OfficerFacts(
    officer_id="j.doe", agency="Police", roles=frozenset({"officer"})
)
_SHIP: Final = MessageFacts(
    originator=_US.node,
    category="piracy",
    record_type="vessel",
    level="restricted",
    tlp="amber_strict",
    codes=("H0", "H2"),
    purposes=("prevention", "investigation"),
    releasable_to=(_PEER.state,),
    expires_ms=None,
    created_ms=_NOW_MS,
    subject_role="suspect",
)
_PERSON: Final = _SHIP._replace(
    category="terrorism", record_type="person", level="confidential"
)
_THEIRS: Final = _PERSON._replace(originator=_PEER.name)

_Question: TypeAlias = Callable[[PolicySet, MessageFacts], Decision]


def _release(policy: PolicySet, message: MessageFacts) -> Decision:
    return policy.release(message, _PEER, now_ms=_NOW_MS)


def _accept(policy: PolicySet, message: MessageFacts) -> Decision:
    return policy.accept(message, _PEER, now_ms=_NOW_MS)


def _view(policy: PolicySet, message: MessageFacts) -> Decision:
    return policy.view(message, _OFFICER, now_ms=_NOW_MS)


_QUESTIONS: Final[MappingProxyType[str, tuple[MessageFacts, _Question]]] = (
    MappingProxyType(
        {
            "release": (_SHIP, _release),
            # Decided in two rounds: with nothing redacted, and as it may go.
            "release, redacted": (_PERSON, _release),
            "accept": (_THEIRS, _accept),
            "view": (_THEIRS, _view),
        }
    )
)


async def measure(bench: Bench, *, name: str) -> list[Figure]:
    """Measure every kind of question.

    Args:
        bench: The settings.
        name: The benchmark that the figures are part of.
    """
    async with bench.folder() as work:
        policy = work / "policy"
        shutil.copytree(default_policy_folder(), policy)
        put_agreements(policy)
        source = build_policy_set(read_policy_files(policy), _US).source
    figures: list[Figure] = []
    for question, (message, ask) in _QUESTIONS.items():
        costs = [
            await asyncio.to_thread(_costs_us, source, message, ask)
            for _ in range(bench.runs)
        ]
        for place, (way, at_most) in enumerate(
            (
                (", nothing remembered", None),
                (", first of its marking", _UNCACHED_AT_MOST_US),
                (", not cached", _UNCACHED_AT_MOST_US),
                (", cached", _CACHED_AT_MOST_US),
            )
        ):
            figures.append(
                Figure(
                    bench=name,
                    name=f"decision to {question}{way}",
                    unit="µs",
                    values=tuple(cost[place] for cost in costs),
                    at_most=at_most,
                )
            )
    return figures


def _costs_us(
    source: PolicySource, message: MessageFacts, ask: _Question
) -> tuple[float, float, float, float]:
    """Return the median costs of decisions in each of the four ways, in µs."""
    marked = _marked(source, message)
    dated = [
        message._replace(expires_ms=_NOW_MS + days * _DAY_MS)
        for days in range(1, _MESSAGES + 1)
    ]
    return (
        _median_us(PolicySet(source, _US, remember=False), marked, ask),
        _median_us(PolicySet(source, _US), marked, ask),
        _median_us(policy := PolicySet(source, _US), dated, ask),
        _median_us(policy, dated, ask),
    )


def _marked(source: PolicySource, message: MessageFacts) -> list[MessageFacts]:
    """Return messages with as many markings, in no order."""
    purposes = source.catalogue.categories[message.category].purposes
    markings = list(
        product(
            _some_of(purposes)[1:],
            _some_of(HANDLING_CODES),
            sorted(TLP_LABELS),
            sorted(LEVEL_RANKS),
            ("", "suspect", "victim", "witness"),
        )
    )
    # Coprime with the number of markings, so that none comes twice.
    step = 7_919
    return [
        message._replace(
            purposes=some,
            codes=codes,
            tlp=tlp,
            level=level,
            subject_role=role,
            releasable_to=(*message.releasable_to, f"police.{number}.example"),
        )
        for number in range(_MESSAGES)
        for some, codes, tlp, level, role in (markings[number * step % len(markings)],)
    ]


def _some_of(values: Iterable[str]) -> list[tuple[str, ...]]:
    """Return all choices of values, that of none first."""
    ordered = sorted(values)
    return [
        chosen
        for size in range(len(ordered) + 1)
        for chosen in combinations(ordered, size)
    ]


def _median_us(
    policy: PolicySet, messages: Sequence[MessageFacts], ask: _Question
) -> float:
    """Return the median processor time of a decision, in µs."""
    taken: list[float] = []
    for start in range(0, len(messages), _TOGETHER):
        some = messages[start : start + _TOGETHER]
        begun = time.thread_time()
        for message in some:
            ask(policy, message)
        taken.append((time.thread_time() - begun) / len(some) * 1e6)
    return statistics.median(taken)
