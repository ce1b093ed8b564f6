# SPDX-License-Identifier: Apache-2.0
"""`policy`: what a decision costs, and what policy costs a delivery.

Decisions are asked of the engine in this process. Deliveries are those of
`deliver`, between nodes with the whole baseline and agreements that take out
fields of every record, and between nodes with as little policy as they run with.
"""

from __future__ import annotations

import asyncio
import shutil
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeAlias

from scripts.benchmarks.backlog import Delivered, deliver_backlog
from scripts.benchmarks.bench import Bench, running
from scripts.benchmarks.figures import Figure
from scripts.benchmarks.nodes import BenchNode
from scripts.benchmarks.policies import put_agreements, strip

from selat.node.folder import NodeFolder
from selat.policy.catalogue_file import default_policy_folder
from selat.policy.policy_files import read_policy_files
from selat.policy.policy_loading import build_policy_set
from selat.policy.policy_set import PolicySet
from selat.policy.policy_source import Identity
from selat.policy.port import (
    ANY_CATEGORY,
    Decision,
    MessageFacts,
    OfficerFacts,
    PeerFacts,
)

_NAME: Final = "policy"
#: Messages that no two decide alike in the cache, which holds twice as many.
_MESSAGES: Final = 4_000
#: Decisions that are timed together: one alone is too short for the clock.
_TOGETHER: Final = 50
_UNCACHED_AT_MOST_US: Final = 60
_CACHED_AT_MOST_US: Final = 3
_SHARE_AT_LEAST: Final = 0.9
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
    releasable_to=(),
    expires_ms=None,
    recipients=(_PEER.name,),
    subject_role="suspect",
)
_PERSON: Final = replace(
    _SHIP, category="terrorism", record_type="person", level="confidential"
)
_THEIRS: Final = replace(_PERSON, originator=_PEER.name)

_Question: TypeAlias = Callable[[PolicySet, MessageFacts], Decision]

_QUESTIONS: Final[MappingProxyType[str, tuple[MessageFacts, _Question]]] = (
    MappingProxyType(
        {
            "release": (_SHIP, lambda p, m: p.release(m, _PEER, now_ms=_NOW_MS)),
            "release, redacted": (
                _PERSON,
                lambda p, m: p.release(m, _PEER, now_ms=_NOW_MS),
            ),
            "accept": (_THEIRS, lambda p, m: p.accept(m, _PEER, now_ms=_NOW_MS)),
            "view": (_THEIRS, lambda p, m: p.view(m, _OFFICER, now_ms=_NOW_MS)),
        }
    )
)


async def run(bench: Bench) -> list[Figure]:
    """Measure decisions, then deliveries of both kinds of nodes in turn."""
    figures = await _decisions(bench)
    return figures + await _deliveries(bench)


async def _decisions(bench: Bench) -> list[Figure]:
    async with bench.folder() as work:
        policy = work / "policy"
        shutil.copytree(default_policy_folder(), policy)
        put_agreements(policy)
        source = build_policy_set(read_policy_files(policy), _US).source
    figures: list[Figure] = []
    for name, (message, ask) in _QUESTIONS.items():
        messages = _like(message)
        fresh: list[float] = []
        known: list[float] = []
        for _ in range(bench.runs):
            uncached = PolicySet(source, _US, remember=False)
            fresh.append(await asyncio.to_thread(_cost_us, uncached, ask, messages))
            cached = PolicySet(source, _US)
            await asyncio.to_thread(_cost_us, cached, ask, messages)
            known.append(await asyncio.to_thread(_cost_us, cached, ask, messages))
        figures += [
            _cost(f"decision to {name}", fresh, _UNCACHED_AT_MOST_US),
            _cost(f"decision to {name}, cached", known, _CACHED_AT_MOST_US),
        ]
    return figures


def _like(message: MessageFacts) -> list[MessageFacts]:
    """Return messages that differ in what policies can see: days and recipients."""
    return [
        replace(
            message,
            created_ms=_NOW_MS - _DAY_MS,
            expires_ms=_NOW_MS + (1 + number % 300) * _DAY_MS,
            recipients=(_PEER.name, f"police{number // 300}.xc.example"),
        )
        for number in range(_MESSAGES)
    ]


def _cost_us(
    policy: PolicySet, ask: _Question, messages: Sequence[MessageFacts]
) -> float:
    """Return the median cost of a decision in µs."""
    taken: list[float] = []
    for start in range(0, len(messages), _TOGETHER):
        some = messages[start : start + _TOGETHER]
        begun = time.perf_counter()
        for message in some:
            ask(policy, message)
        taken.append((time.perf_counter() - begun) / len(some) * 1e6)
    return statistics.median(taken)


async def _deliveries(bench: Bench) -> list[Figure]:
    """Deliver between two pairs in turn, so that both see the same machine."""
    async with bench.folder() as one, bench.folder() as other:
        full = await _pair(one, put_agreements)
        bare = await _pair(other, strip)
        with_policy: list[Delivered] = []
        without: list[Delivered] = []
        async with running(*full, *bare):
            # What leaves the first pair leaves under the agreement alone.
            await full[0].accept(full[1], categories=())
            await bare[0].accept(bare[1])
            for number in range(bench.runs):
                await bench.ceilings.measure()
                for (sender, receiver), found in ((full, with_policy), (bare, without)):
                    if number:
                        await receiver.dismiss(sender)
                    found.append(
                        await deliver_backlog(sender, [receiver], count=bench.records)
                    )
    rates = {
        "delivery, baseline, agreements and redaction": with_policy,
        "delivery, a release list alone": without,
    }
    figures = [
        bench.ceilings.compared(_rate(name, found)) for name, found in rates.items()
    ]
    pairs = list(zip(with_policy, without, strict=True))
    return [
        *figures,
        _share(
            "rate", [one.rate / other.rate for one, other in pairs], _SHARE_AT_LEAST
        ),
        _share("processor time", [_cpu_s(one) / _cpu_s(other) for one, other in pairs]),
    ]


async def _pair(
    work: Path, change: Callable[[Path], None]
) -> tuple[BenchNode, BenchNode]:
    nodes = [await BenchNode.create(work, label) for label in ("xa", "xb")]
    for node in nodes:
        change(NodeFolder(home=node.home).policy)
    return nodes[0], nodes[1]


def _cpu_s(delivered: Delivered) -> float:
    return delivered.sender_cpu_s + delivered.receiver_cpu_s


def _cost(name: str, values: list[float], at_most: float) -> Figure:
    return Figure(
        bench=_NAME, name=name, unit="µs", values=tuple(values), at_most=at_most
    )


def _rate(name: str, found: list[Delivered]) -> Figure:
    return Figure(
        bench=_NAME,
        name=name,
        unit="records/s",
        values=tuple(one.rate for one in found),
    )


def _share(what: str, values: list[float], at_least: float | None = None) -> Figure:
    return Figure(
        bench=_NAME,
        name=f"{what} with policy, share of that without",
        unit="",
        values=tuple(values),
        at_least=at_least,
    )
