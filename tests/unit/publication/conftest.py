# SPDX-License-Identifier: Apache-2.0
"""A log in a database that grows as a test says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.fakes.local_nodes import open_store, signers_of

from selat.core.bundle_paths import shard_of
from selat.core.notes import sign_note
from selat.core.tree_heads import Checkpoint
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
        head = inspect(self.path, lambda s: s.tree_head())
        checkpoint = Checkpoint(
            origin=head.origin, size=head.frontier.size, root=head.frontier.root()
        )
        return sign_note(checkpoint.text(), signers_of(head.origin))


@pytest.fixture
async def growing(tmp_path: Path) -> AsyncIterator[GrowingLog]:
    path = tmp_path / "store.db"
    async with open_store(path) as store:
        yield GrowingLog(path=path, store=store)
