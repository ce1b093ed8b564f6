# SPDX-License-Identifier: Apache-2.0
"""`memory`: what a node takes at rest, at work, and after more work."""

from __future__ import annotations

import asyncio
from typing import Final

from scripts.benchmarks.backlog import deliver_backlog
from scripts.benchmarks.bench import Bench, acquaint
from scripts.benchmarks.figures import Figure
from scripts.benchmarks.nodes import BenchNode

_NAME: Final = "memory"
#: A node that has just met its peer comes to rest in this time, in s.
_REST_S: Final = 3.0
_AT_REST_MIB: Final = 120
_AT_WORK_MIB: Final = 300


async def run(bench: Bench) -> list[Figure]:
    """Measure both nodes of one pair, over one delivery for each run."""
    async with bench.nodes("xa", "xb") as (sender, receiver):
        await acquaint(sender, receiver)
        await asyncio.sleep(_REST_S)
        figures = [
            _figure("at rest, one peer", [_now(sender), _now(receiver)], _AT_REST_MIB)
        ]
        # Opening the key store takes more than any work, and only once.
        sender.process.forget_peak()
        receiver.process.forget_peak()
        after: list[tuple[float, float]] = []
        for _ in range(bench.runs):
            await receiver.dismiss(sender)
            await deliver_backlog(sender, [receiver], count=bench.records)
            after.append((_now(sender), _now(receiver)))
        for node, role, place in ((sender, "sender", 0), (receiver, "receiver", 1)):
            peak = node.process.memory().peak_mib
            figures += [
                _figure(f"{role}, highest at work", [peak], _AT_WORK_MIB),
                _figure(
                    f"{role}, after each delivery", [pair[place] for pair in after]
                ),
            ]
        return figures


def _now(node: BenchNode) -> float:
    return node.process.memory().now_mib


def _figure(name: str, values: list[float], at_most: float | None = None) -> Figure:
    return Figure(
        bench=_NAME, name=name, unit="MiB", values=tuple(values), at_most=at_most
    )
