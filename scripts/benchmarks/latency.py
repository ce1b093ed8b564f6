# SPDX-License-Identifier: Apache-2.0
"""`latency`: how soon the other state's subscriber has a record.

This process is the client of both nodes, which run in processes of their own.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

from scripts.benchmarks.bench import Bench, acquaint
from scripts.benchmarks.figures import Figure, percentile
from scripts.benchmarks.nodes import BenchNode
from scripts.benchmarks.records import person_messages

from selat.v1 import desk_service_pb2 as pb

_NAME: Final = "latency"
_WARM_UP: Final = 100
_RECORDS: Final = 500
_RECORDS_ALONE: Final = 200
#: A record is alone when the one before it was published so long before, in s: its
#: receipt is kept by then, and its checkpoints are cosigned.
_ALONE_S: Final = 0.1


async def run(bench: Bench) -> list[Figure]:
    """Measure rounds of records between two nodes: one after another, and alone."""
    async with bench.nodes("xa", "xb") as (sender, receiver):
        await acquaint(sender, receiver)
        await _round(sender, receiver, first=0, count=_WARM_UP)
        first = _WARM_UP
        close: list[list[tuple[float, float]]] = []
        alone: list[list[tuple[float, float]]] = []
        for _ in range(bench.runs):
            close.append(await _round(sender, receiver, first=first, count=_RECORDS))
            first += _RECORDS
            alone.append(
                await _round(
                    sender,
                    receiver,
                    first=first,
                    count=_RECORDS_ALONE,
                    pause_s=_ALONE_S,
                )
            )
            first += _RECORDS_ALONE
    what = "publish → subscriber of the other state"
    arrived = [[arrived for _, arrived in taken] for taken in alone]
    close_arrived = [[arrived for _, arrived in taken] for taken in close]
    published = [[published for published, _ in taken] for taken in close]
    return [
        _figure(f"{what}, p50", arrived, 0.50, at_most=10),
        _figure(f"{what}, p99", arrived, 0.99, at_most=50),
        _figure("the same, each as the one before arrives, p50", close_arrived, 0.50),
        _figure("the same, each as the one before arrives, p99", close_arrived, 0.99),
        _figure("publish alone, p50", published, 0.50),
        _figure("publish alone, p99", published, 0.99),
    ]


async def _round(
    sender: BenchNode,
    receiver: BenchNode,
    *,
    first: int,
    count: int,
    pause_s: float = 0.0,
) -> list[tuple[float, float]]:
    """Return when each record was published and when it arrived, in ms."""
    cursor = (await receiver.status()).messages_in
    follow = receiver.desk.Subscribe(
        pb.SubscribeRequest(after=cursor, with_contents=True)
    )
    desk, taken = sender.desk, []
    for message in person_messages(first, count):
        request = pb.PublishRequest(messages=[message])
        await asyncio.sleep(pause_s)
        begun = time.perf_counter()
        await desk.Publish(request)
        published = time.perf_counter()
        await follow.read()
        arrived = time.perf_counter()
        taken.append(((published - begun) * 1000, (arrived - begun) * 1000))
    follow.cancel()
    return taken


def _figure(
    name: str,
    rounds: list[list[float]],
    share: float,
    at_most: float | None = None,
) -> Figure:
    return Figure(
        bench=_NAME,
        name=name,
        unit="ms",
        values=tuple(percentile(taken, share) for taken in rounds),
        at_most=at_most,
    )
