# SPDX-License-Identifier: Apache-2.0
"""What this machine can do at the very most, measured beside every figure.

A rate tells little on a machine that others use too; its share of what the
database alone, or the transport alone, reached in the same minutes does.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import statistics
import sys
import time
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import grpc
from scripts.benchmarks.figures import Figure
from scripts.benchmarks.nodes import CALL_MESSAGES
from scripts.benchmarks.processes import Child
from scripts.benchmarks.records import RECORD_BYTES
from scripts.benchmarks.sink import MESSAGE_BYTES_MAX, SERVICE

from selat.exchange.delivery import BATCHES_IN_FLIGHT_MAX

_RECORDS: Final = 20_480
_SYNCS: Final = 20


@dataclass(slots=True)
class Ceilings:
    """Ceilings measured so far, by name, one value for each round."""

    work: Path
    rates: dict[str, list[float]] = field(default_factory=dict)
    sync_ms: list[float] = field(default_factory=list)

    async def measure(self) -> None:
        """Measure one round of all of them."""
        for name, measured in (
            ("SQLite", await asyncio.to_thread(_sqlite_rate, self.work)),
            ("gRPC", await _grpc_rate(self.work)),
        ):
            self.rates.setdefault(name, []).append(measured)
        self.sync_ms.append(await asyncio.to_thread(_sync_ms, self.work))

    def compared(self, figure: Figure) -> Figure:
        """Return a rate in records/s with its share of each ceiling."""
        ratios = {
            name: figure.median / statistics.median(values)
            for name, values in self.rates.items()
        }
        return replace(figure, ratios=ratios)

    def figures(self) -> list[Figure]:
        """Return the ceilings themselves."""
        if not self.rates:
            return []
        names = {
            "SQLite": f"SQLite alone, durable, {CALL_MESSAGES} in a transaction",
            "gRPC": f"gRPC alone, no TLS, {CALL_MESSAGES} in a message",
        }
        found = [
            Figure(
                bench="ceilings",
                name=names[name],
                unit="records/s",
                values=tuple(values),
            )
            for name, values in self.rates.items()
        ]
        disk = Figure(
            bench="ceilings",
            name="fsync of one page",
            unit="ms",
            values=tuple(self.sync_ms),
        )
        return [*found, disk]


def _sqlite_rate(work: Path) -> float:
    """Insert records into one table, each transaction durable."""
    record = os.urandom(RECORD_BYTES)
    path = work / "ceiling.db"
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("CREATE TABLE record (number INTEGER PRIMARY KEY, data BLOB)")
        begun = time.perf_counter()
        for _ in range(_RECORDS // CALL_MESSAGES):
            db.execute("BEGIN")
            db.executemany(
                "INSERT INTO record (data) VALUES (?)",
                ((record,) for _ in range(CALL_MESSAGES)),
            )
            db.execute("COMMIT")
        return _RECORDS / (time.perf_counter() - begun)


async def _grpc_rate(work: Path) -> float:
    """Send records over a stream to another process, each message answered."""
    command = [sys.executable, "-m", "scripts.benchmarks.sink"]
    sink = await Child.start(command, log=work / "sink.log")
    try:
        options = (("grpc.max_send_message_length", MESSAGE_BYTES_MAX),)
        target = f"127.0.0.1:{int(sink.ready_line)}"
        async with grpc.aio.insecure_channel(target, options=options) as channel:
            call: Any = channel.stream_stream(f"/{SERVICE}/Send")()
            return await _send_all(call)
    finally:
        await sink.stop()


async def _send_all(call: Any) -> float:  # noqa: ANN401 - grpc's own
    """Keep as many messages on their way as a delivery keeps batches."""
    message = os.urandom(RECORD_BYTES * CALL_MESSAGES)
    slots = asyncio.Semaphore(BATCHES_IN_FLIGHT_MAX)
    count = _RECORDS // CALL_MESSAGES
    await call.write(message)
    await call.read()

    async def answers() -> None:
        for _ in range(count):
            await call.read()
            slots.release()

    begun = time.perf_counter()
    reading = asyncio.create_task(answers())
    for _ in range(count):
        await slots.acquire()
        await call.write(message)
    await reading
    taken_s = time.perf_counter() - begun
    await call.done_writing()
    await call.read()
    return _RECORDS / taken_s


def _sync_ms(work: Path) -> float:
    """Return how long the disk takes to keep one page, in ms."""
    path = work / "ceiling.sync"
    taken: list[float] = []
    with path.open("wb", buffering=0) as file:
        for _ in range(_SYNCS):
            file.write(bytes(4096))
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append((time.perf_counter() - begun) * 1000)
    return statistics.median(taken)
