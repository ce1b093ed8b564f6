# SPDX-License-Identifier: Apache-2.0
"""The parts put together: what a `selat.store.port.Store` hands to work."""

from __future__ import annotations

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
    """A `selat.store.port.Snapshot` on one connection."""

    __slots__ = ()


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
