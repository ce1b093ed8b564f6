# SPDX-License-Identifier: Apache-2.0
"""`policy`: what a decision costs, and what policy costs a delivery.

Deliveries are those of `deliver`, between nodes with the whole baseline and an
agreement that takes out fields of every record, and between nodes with as little
policy as they run with.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from scripts.benchmarks import decisions
from scripts.benchmarks.backlog import Delivered, deliver_backlog
from scripts.benchmarks.bench import Bench, running
from scripts.benchmarks.figures import Figure
from scripts.benchmarks.nodes import BenchNode
from scripts.benchmarks.policies import put_agreements, strip

from selat.node.folder import NodeFolder

_NAME: Final = "policy"
_SHARE_AT_LEAST: Final = 0.9


async def run(bench: Bench) -> list[Figure]:
    """Measure decisions, then deliveries of both kinds of nodes in turn."""
    figures = await decisions.measure(bench, name=_NAME)
    return figures + await _deliveries(bench)


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
