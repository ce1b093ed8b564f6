# SPDX-License-Identifier: Apache-2.0
"""`fanout`: one node gives the same records to several peers at once."""

from __future__ import annotations

from typing import Final

from scripts.benchmarks.backlog import Delivered, deliver_backlog
from scripts.benchmarks.bench import Bench
from scripts.benchmarks.figures import Figure
from scripts.benchmarks.nodes import BenchNode

_NAME: Final = "fanout"
_PEERS: Final = (1, 2, 5, 10)
# XA to XZ are free for use in exercises (ISO 3166-1).
_LABELS: Final = ("xa", "xb", "xc", "xd", "xe", "xf", "xg", "xh", "xi", "xj", "xk")
#: Each peer gets this share of the records of a delivery to one.
_SHARE: Final = 10


async def run(bench: Bench) -> list[Figure]:
    """Measure growing numbers of peers; all of the nodes share the machine."""
    count = max(1, bench.records // _SHARE)
    found: dict[int, list[Delivered]] = {peers: [] for peers in _PEERS}
    async with bench.nodes(*_LABELS[: 1 + max(_PEERS)]) as (sender, *receivers):
        for receiver in receivers:
            await sender.accept(receiver)
        let_in: set[BenchNode] = set()
        for _ in range(bench.runs):
            await bench.ceilings.measure()
            for peers in _PEERS:
                chosen = receivers[:peers]
                for receiver in let_in.intersection(chosen):
                    await receiver.dismiss(sender)
                delivered = await deliver_backlog(sender, chosen, count=count)
                let_in.update(chosen)
                found[peers].append(delivered)
    figures: list[Figure] = []
    for peers, runs in found.items():
        each = tuple(one.rate for one in runs)
        figures += [
            bench.ceilings.compared(
                Figure(
                    bench=_NAME,
                    name=f"peers: {peers}, to all of them",
                    unit="records/s",
                    values=tuple(rate * peers for rate in each),
                )
            ),
            Figure(
                bench=_NAME,
                name=f"peers: {peers}, to each",
                unit="records/s",
                values=each,
            ),
        ]
    return figures
