# SPDX-License-Identifier: Apache-2.0
"""A log in a database that grows as a test says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.fakes.local_nodes import note_of, open_store

from selat.core.bundle_paths import shard_of
from selat.publication.shards import shard_called
from selat.store.port import Store
from selat.store.sqlite.inspection import inspect
from selat.store.values import Shard


@dataclass(frozen=True, kw_only=True)
class GrowingLog:
    """The log of a node that does nothing but log."""

    path: Path
    store: Store

    async def grow_to(self, size: int) -> bytes:
        """Append leaves until there are so many; return the signed note."""
        have = self.shard().size
        leaves = [b'{"leaf":%d}' % number for number in range(have, size)]
        await self.store.write(lambda t: t.append_leaves(leaves))
        return self.note()

    def shard(self) -> Shard:
        return inspect(self.path, lambda s: shard_called(s, ""))

    @property
    def name(self) -> str:
        """``YYYYhN`` of the newest shard."""
        return shard_of(self.shard().origin)

    def note(self) -> bytes:
        """Sign the newest state."""
        return inspect(self.path, note_of)


@pytest.fixture
async def growing(tmp_path: Path) -> AsyncIterator[GrowingLog]:
    path = tmp_path / "store.db"
    async with open_store(path) as store:
        yield GrowingLog(path=path, store=store)
