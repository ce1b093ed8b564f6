# SPDX-License-Identifier: Apache-2.0
"""What one decision costs the engine, asked in this process.

Each kind of question is asked of a set with the whole baseline and three
agreements, in four ways:

- with nothing remembered at all, so that Cedar is asked about all rules;
- about messages that each are the first with their marking, of which nothing was
  seen before but that other messages were marked otherwise;
- about messages that each are the first to live for as many days, of a marking that
  was seen before;
- about messages that were decided before.
"""

from __future__ import annotations

import asyncio
import shutil
import statistics
import time
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Final, TypeAlias

from scripts.benchmarks.bench import Bench
from scripts.benchmarks.figures import Figure
from scripts.benchmarks.policies import put_agreements

from selat.policy.catalogue_file import default_policy_folder
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
            # Asked of Cedar twice: with nothing redacted, and as it may go.
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
    others = [f"police.{number}.example" for number in range(_MESSAGES)]
    marked = [
        message._replace(releasable_to=(*message.releasable_to, other))
        for other in others
    ]
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
