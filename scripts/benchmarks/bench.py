# SPDX-License-Identifier: Apache-2.0
"""What every benchmark is given, and the pair of nodes that most begin with."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
from scripts.benchmarks.ceilings import Ceilings
from scripts.benchmarks.errors import BenchmarkError
from scripts.benchmarks.nodes import BenchNode


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """The settings of one run of the benchmarks.

    Attributes:
        work: Folder for nodes and databases.
        records: How many records a delivery has.
        runs: How often each rate is measured.
        ceilings: The ceilings of the same run.
    """

    work: Path
    records: int
    runs: int
    ceilings: Ceilings

    @asynccontextmanager
    async def folder(self) -> AsyncIterator[Path]:
        """Give a folder that is removed in the end."""
        path = Path(tempfile.mkdtemp(dir=self.work))
        try:
            yield path
        finally:
            await asyncio.to_thread(shutil.rmtree, path)

    @asynccontextmanager
    async def nodes(self, *labels: str) -> AsyncIterator[tuple[BenchNode, ...]]:
        """Give running nodes that do not know each other, and stop them."""
        async with self.folder() as work:
            nodes = tuple([await BenchNode.create(work, label) for label in labels])
            async with running(*nodes):
                yield nodes


@asynccontextmanager
async def running(*nodes: BenchNode) -> AsyncIterator[None]:
    """Run nodes as long as the context lasts."""
    try:
        for node in nodes:
            await node.start()
        yield
    except grpc.aio.AioRpcError as error:
        told = "\n".join(node.told() for node in nodes)
        raise BenchmarkError(f"A call failed: {error.details()}\n{told}") from error
    finally:
        await asyncio.gather(*(node.stop() for node in nodes))


async def acquaint(one: BenchNode, other: BenchNode) -> None:
    """Make two nodes each other's peers."""
    await one.accept(other)
    await other.accept(one)
