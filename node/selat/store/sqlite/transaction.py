# SPDX-License-Identifier: Apache-2.0
"""The parts put together: what a `selat.store.port.Store` hands to work."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from selat.core.tiles import RememberingTiles, SubtreeRoots, TileSource
from selat.store.sqlite.batches import BatchReads, BatchWrites
from selat.store.sqlite.lifecycle import LifecycleReads, LifecycleWrites
from selat.store.sqlite.log import LogReads, LogWrites
from selat.store.sqlite.messages import MessageReads
from selat.store.sqlite.operations import OperationsReads, OperationsWrites
from selat.store.sqlite.outbox import OutboxReads, OutboxWrites
from selat.store.sqlite.peers import PeerReads, PeerWrites
from selat.store.sqlite.publication import PublicationReads, PublicationWrites
from selat.store.sqlite.reviews import ReviewReads, ReviewWrites
from selat.store.sqlite.search import MessageSearch
from selat.store.sqlite.witnessing import WitnessingReads, WitnessingWrites


class SqliteSnapshot(
    LogReads,
    PeerReads,
    MessageReads,
    MessageSearch,
    OutboxReads,
    BatchReads,
    ReviewReads,
    LifecycleReads,
    WitnessingReads,
    PublicationReads,
    OperationsReads,
):
    """A `selat.store.port.Snapshot` on one connection.

    Args:
        db: The connection.
        roots: Gives what is remembered of the committed tree of a shard.
    """

    __slots__ = ("_roots",)

    def __init__(
        self,
        db: sqlite3.Connection,
        roots: Callable[[str], SubtreeRoots] = lambda _origin: SubtreeRoots(),
    ) -> None:
        """Take the connection, in a transaction that only reads."""
        super().__init__(db)
        self._roots = roots

    def shard_tiles(self, origin: str) -> TileSource:
        """Return the tiles of one shard; of none when it is not there."""
        return RememberingTiles(super().shard_tiles(origin), self._roots(origin))


class SqliteTransaction(
    LogWrites,
    PeerWrites,
    LifecycleWrites,
    MessageSearch,
    OutboxWrites,
    BatchWrites,
    ReviewWrites,
    WitnessingWrites,
    PublicationWrites,
    OperationsWrites,
):
    """A `selat.store.port.Transaction` on one connection."""

    __slots__ = ()
