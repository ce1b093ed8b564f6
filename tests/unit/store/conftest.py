# SPDX-License-Identifier: Apache-2.0
"""Every adapter of the store's port, behind one face for the contract tests."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Protocol

import pytest

from selat.store.port import Store
from selat.store.sqlite import connection
from selat.store.sqlite.store import SqliteStore


def no_step(_step: str) -> None:
    pass


class Adapter(Protocol):
    """One adapter with one database."""

    def open(self, *, on_step: Callable[[str], None] = no_step) -> Store:
        """Open the database, the same one each time."""

    def locked(self) -> AbstractContextManager[None]:
        """Let another process hold the database's lock."""

    async def fill(self, store: Store) -> None:
        """Leave an open store hardly any room on its disk."""

    async def make_room(self, store: Store) -> None:
        """Undo `fill`."""


class SqliteAdapter:
    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self, *, on_step: Callable[[str], None] = no_step) -> SqliteStore:
        return SqliteStore.open(self.path, on_step=on_step)

    @contextmanager
    def locked(self) -> Iterator[None]:
        with closing(sqlite3.connect(self.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")

    async def fill(self, store: Store) -> None:
        await self._limit(store, pages=1)  # no fewer than there are

    async def make_room(self, store: Store) -> None:
        await self._limit(store, pages=2**30)

    async def _limit(self, store: Store, *, pages: int) -> None:
        assert isinstance(store, SqliteStore)
        db = store._writer._db
        await store.write(
            lambda _: db.execute(f"PRAGMA max_page_count = {pages}").fetchone()
        )


@pytest.fixture(params=["sqlite"])
def adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SqliteAdapter:
    # Nobody waits in these tests.
    monkeypatch.setattr(connection, "BUSY_TIMEOUT_S", 0.0)
    return SqliteAdapter(tmp_path / "node.db")


@pytest.fixture
async def store(adapter: Adapter) -> AsyncIterator[Store]:
    opened = adapter.open()
    yield opened
    await opened.close()
