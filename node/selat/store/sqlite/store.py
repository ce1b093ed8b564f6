# SPDX-License-Identifier: Apache-2.0
"""`selat.store.port.Store` in one SQLite file.

One thread writes, a few read, each reader with its own connection and its own
moment of the database: readers and the writer do not wait for each other.

Erasing a message overwrites its data key: in the database at once, in the
write-ahead log by emptying it as soon as no reader needs it. Copies that a disk
or a backup keeps of its own accord are beyond a database's reach; there, the
store key that wraps the data key protects the payload.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import Final, TypeVar

from selat.core.tiles import SubtreeRoots
from selat.errors import ShuttingDownError
from selat.store.port import Snapshot, Transaction
from selat.store.sqlite.connection import open_reader, open_writer
from selat.store.sqlite.failures import translate
from selat.store.sqlite.transaction import SqliteSnapshot
from selat.store.sqlite.writer import Writer

T = TypeVar("T")

READERS: Final = 2
_SHARDS_REMEMBERED: Final = 4


def _no_step(_step: str) -> None:
    """Do nothing at a step."""


async def _answered(kept: Future[T]) -> T:
    return await asyncio.wrap_future(kept)


class SqliteStore:
    """A node's database in a file; see `selat.store.port.Store`."""

    def __init__(self, writer: Writer, readers: list[sqlite3.Connection]) -> None:
        """Take connections that `open` made."""
        self._writer = writer
        self._readers = readers
        self._idle: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        for reader in readers:
            self._idle.put(reader)
        self._pool = ThreadPoolExecutor(len(readers), "selat-store-reader")
        # A committed shard's subtrees stay as they are; the oldest shards are rare.
        self._roots = lru_cache(_SHARDS_REMEMBERED)(lambda _origin: SubtreeRoots())
        self._closing = Lock()
        self._closed = False

    @classmethod
    def open(
        cls, path: Path, *, on_step: Callable[[str], None] = _no_step
    ) -> SqliteStore:
        """Open a database; create it or bring its schema up to date.

        Args:
            path: The file; its folder exists.
            on_step: Called in the writer's thread at each of its steps.

        Raises:
            StoreBusyError: Another process holds its lock.
            StoreCorruptError: It is damaged or not a database of Selat.
            StoreError: It cannot be written, or this SQLite is too old.
            StoreFullError: There is no room to create it.
            StoreVersionError: A newer Selat wrote it.
        """
        connections = [open_writer(path)]
        try:
            connections += [open_reader(path) for _ in range(READERS)]
        except BaseException:
            for connection in connections:
                connection.close()
            raise
        return cls(Writer(connections[0], on_step=on_step), connections[1:])

    def write(self, work: Callable[[Transaction], T]) -> Awaitable[T]:
        """Run ``work`` in a transaction of the one writer; return its value.

        It is queued when this returns. When the caller is cancelled before the work
        begins, it is left out; once begun, it runs and is kept all the same.

        Raises:
            ShuttingDownError: The store is closed.
            StoreError: The database failed; nothing was kept.
        """
        return _answered(self._writer.submit(work))

    async def read(self, work: Callable[[Snapshot], T]) -> T:
        """Run ``work`` on a snapshot, off the event loop; return its value.

        Raises:
            ShuttingDownError: The store is closed.
            StoreError: The database failed.
        """
        if self._closed:
            raise ShuttingDownError("The database is closed.")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self._read, work)

    async def close(self) -> None:
        """Finish the writes in hand and close. Further calls fail."""
        self._closed = True
        await asyncio.to_thread(self._close)

    def _read(self, work: Callable[[Snapshot], T]) -> T:
        """Run a work on a connection of its own; there is one for each thread."""
        db = self._idle.get()
        try:
            db.execute("BEGIN")
            try:
                return work(SqliteSnapshot(db, self._roots))
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise translate(error) from error
        finally:
            self._idle.put(db)

    def _close(self) -> None:
        with self._closing:
            self._pool.shutdown()
            for reader in self._readers:
                reader.close()
            self._writer.stop()
