# SPDX-License-Identifier: Apache-2.0
"""`deliver`: how fast one node gives its backlog to another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from scripts.benchmarks.backlog import Delivered, deliver_backlog
from scripts.benchmarks.bench import Bench
from scripts.benchmarks.figures import Figure
from scripts.benchmarks.records import person_messages

_NAME: Final = "deliver"
#: Calls that publish one message each.
_SINGLE_CALLS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    delivered: Delivered
    single_s: float


async def run(bench: Bench) -> list[Figure]:
    """Measure deliveries, each between two fresh nodes."""
    runs: list[_Run] = []
    for _ in range(bench.runs):
        await bench.ceilings.measure()
        runs.append(await _run_once(bench))
    delivered = [one.delivered for one in runs]
    rates = Figure(
        bench=_NAME,
        name="delivery of 1 KiB records, queued to receipted",
        unit="records/s",
        values=tuple(one.rate for one in delivered),
        at_least=10_000,
    )
    return [
        bench.ceilings.compared(rates),
        _each(delivered, "processor time of the sender", lambda d: d.sender_cpu_s),
        _each(delivered, "processor time of the receiver", lambda d: d.receiver_cpu_s),
        Figure(
            bench=_NAME,
            name="publish, 256 a call",
            unit="records/s",
            values=tuple(one.records / one.publish_s for one in delivered),
        ),
        Figure(
            bench=_NAME,
            name="publish, 1 a call",
            unit="records/s",
            values=tuple(_SINGLE_CALLS / one.single_s for one in runs),
        ),
    ]


async def _run_once(bench: Bench) -> _Run:
    async with bench.nodes("xa", "xb") as (sender, receiver):
        await sender.accept(receiver)
        delivered = await deliver_backlog(sender, [receiver], count=bench.records)
        single_s = 0.0
        for message in person_messages(bench.records, _SINGLE_CALLS):
            single_s += await sender.publish([message])
        return _Run(delivered=delivered, single_s=single_s)


def _each(
    delivered: list[Delivered], name: str, cpu_s: Callable[[Delivered], float]
) -> Figure:
    """Return processor time for each record, which other programs hardly move."""
    return Figure(
        bench=_NAME,
        name=name,
        unit="µs/record",
        values=tuple(cpu_s(one) / one.records * 1e6 for one in delivered),
    )
