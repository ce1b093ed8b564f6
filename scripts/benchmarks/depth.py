# SPDX-License-Identifier: Apache-2.0
"""`depth`: whether a full store delivers as fast as a nearly empty one.

Two pairs of nodes take turns, so that whatever else the machine does slows
both of them.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Final

from scripts.benchmarks.backlog import Delivered, deliver_backlog
from scripts.benchmarks.bench import Bench, running
from scripts.benchmarks.figures import Figure
from scripts.benchmarks.nodes import BenchNode
from scripts.benchmarks.processes import Child

from selat.store.values import Direction

_NAME: Final = "depth"
_SHALLOW: Final = 10_000
_DEEP: Final = 1_000_000
_SHARE_AT_LEAST: Final = 0.8

_Pair = tuple[BenchNode, BenchNode]


async def run(bench: Bench) -> list[Figure]:
    """Fill two pairs of nodes, then measure deliveries of each in turn."""
    async with bench.folder() as work:
        nodes = [
            await BenchNode.create(work, label) for label in ("xa", "xb", "xc", "xd")
        ]
        pairs: dict[int, _Pair] = {
            _SHALLOW: (nodes[0], nodes[1]),
            _DEEP: (nodes[2], nodes[3]),
        }
        for held, (sender, receiver) in pairs.items():
            await asyncio.gather(
                _fill(sender, Direction.OUT, held), _fill(receiver, Direction.IN, held)
            )
        async with running(*nodes):
            found = await _measure(bench, pairs)
    return [
        *_figures(bench, found),
        _shares(found, "rate", lambda d: d.rate, at_least=_SHARE_AT_LEAST),
        _shares(found, "processor time", lambda d: d.sender_cpu_s + d.receiver_cpu_s),
    ]


async def _fill(node: BenchNode, direction: Direction, count: int) -> None:
    module = "scripts.benchmarks.fill"
    command = [sys.executable, "-m", module, str(node.home), direction, str(count)]
    filling = await Child.start(command, log=node.home.with_suffix(".fill.log"))
    try:
        await filling.finish()
    finally:
        await filling.stop()


async def _measure(bench: Bench, pairs: dict[int, _Pair]) -> dict[int, list[Delivered]]:
    found: dict[int, list[Delivered]] = {held: [] for held in pairs}
    for sender, receiver in pairs.values():
        await sender.accept(receiver)
    for number in range(bench.runs):
        await bench.ceilings.measure()
        for held, (sender, receiver) in pairs.items():
            if number:
                await receiver.dismiss(sender)
            delivered = await deliver_backlog(sender, [receiver], count=bench.records)
            found[held].append(delivered)
    return found


def _figures(bench: Bench, found: dict[int, list[Delivered]]) -> list[Figure]:
    return [
        bench.ceilings.compared(
            Figure(
                bench=_NAME,
                name=f"delivery with {held:,} records in store",
                unit="records/s",
                values=tuple(one.rate for one in runs),
            )
        )
        for held, runs in found.items()
    ]


def _shares(
    found: dict[int, list[Delivered]],
    what: str,
    measure: Callable[[Delivered], float],
    at_least: float | None = None,
) -> Figure:
    """Return what the full store does, in shares of what the other one does."""
    return Figure(
        bench=_NAME,
        name=f"{what} at {_DEEP:,}, share of that at {_SHALLOW:,}",
        unit="",
        values=tuple(
            measure(deep) / measure(shallow)
            for shallow, deep in zip(found[_SHALLOW], found[_DEEP], strict=True)
        ),
        at_least=at_least,
    )
