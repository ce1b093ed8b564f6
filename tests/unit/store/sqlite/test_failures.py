# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import sqlite3

import pytest
from tests.unit.store.conftest import SqliteAdapter
from tests.unit.store.samples import ALPHA, ORIGIN, form, message, publish

from selat.errors import (
    InternalError,
    SelatError,
    StoreBusyError,
    StoreCorruptError,
    StoreError,
    StoreFullError,
    TooLargeError,
)
from selat.store.port import Snapshot, Transaction
from selat.store.sqlite.failures import translate
from selat.store.sqlite.store import SqliteStore
from selat.store.sqlite.transaction import SqliteSnapshot


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_BUSY, StoreBusyError),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, StoreBusyError),
        (sqlite3.SQLITE_FULL, StoreFullError),
        (sqlite3.SQLITE_IOERR_SHMSIZE, StoreFullError),
        (sqlite3.SQLITE_IOERR_FSYNC, StoreError),
        (sqlite3.SQLITE_CORRUPT_INDEX, StoreCorruptError),
        (sqlite3.SQLITE_NOTADB, StoreCorruptError),
        (sqlite3.SQLITE_READONLY_DIRECTORY, StoreError),
        (sqlite3.SQLITE_CANTOPEN, StoreError),
        (sqlite3.SQLITE_TOOBIG, TooLargeError),
        (sqlite3.SQLITE_CONSTRAINT_UNIQUE, InternalError),
        (None, InternalError),
    ],
)
def test_result_code_has_a_meaning(code: int | None, kind: type[SelatError]) -> None:
    error = sqlite3.OperationalError("words of SQLite")
    if code is not None:
        error.sqlite_errorcode = code

    meant = translate(error)

    assert type(meant) is kind
    assert meant.remedy
    assert meant.__cause__ is error
    assert "words of SQLite" not in str(meant)


def fail(snapshot: Snapshot) -> None:
    assert isinstance(snapshot, SqliteSnapshot)
    snapshot._db.execute("SELECT nothing")


async def damaged(store: SqliteStore, *statements: str) -> None:
    """Change rows as no node does."""

    def work(transaction: Transaction) -> None:
        if not transaction.tree_head().origin:
            entries = publish(transaction, 2, ALPHA)
            form(transaction, entries)
        for statement in statements:
            store._writer._db.execute(statement)

    await store.write(work)


@pytest.fixture
def sqlite_store(store: SqliteStore) -> SqliteStore:
    return store


async def test_tree_head_that_contradicts_itself_is_damage(
    sqlite_store: SqliteStore,
) -> None:
    await damaged(sqlite_store, "UPDATE shard SET size = 1")

    with pytest.raises(StoreCorruptError):
        await sqlite_store.read(lambda s: s.tree_head())


async def test_frontier_of_the_wrong_length_is_damage(
    sqlite_store: SqliteStore,
) -> None:
    await damaged(sqlite_store, "UPDATE shard SET frontier = x'00'")

    with pytest.raises(StoreCorruptError, match="cannot have written"):
        await sqlite_store.read(lambda s: s.tree_head())


async def test_missing_leaves_are_damage(sqlite_store: SqliteStore) -> None:
    await damaged(
        sqlite_store,
        "DROP TRIGGER leaf_is_never_deleted",
        "DELETE FROM leaf WHERE position = 1",
    )

    with pytest.raises(StoreCorruptError, match="Leaves of our log"):
        await sqlite_store.read(lambda s: s.leaves(0, 2))


async def test_missing_tile_is_damage_before_anything_is_appended(
    sqlite_store: SqliteStore,
) -> None:
    await damaged(sqlite_store, "DELETE FROM tile")

    with pytest.raises(StoreCorruptError):
        await sqlite_store.write(lambda t: t.append_leaves([b"leaf"]))


async def test_unknown_state_is_damage(sqlite_store: SqliteStore) -> None:
    await damaged(
        sqlite_store,
        "PRAGMA ignore_check_constraints = ON",
        "UPDATE outbox SET state = 'lost'",
        "UPDATE message SET holding = 'lost'",
        "PRAGMA ignore_check_constraints = OFF",
    )

    with pytest.raises(StoreCorruptError):
        await sqlite_store.read(lambda s: s.message(1))
    with pytest.raises(StoreCorruptError):
        await sqlite_store.read(lambda s: s.outbox(peer=ALPHA))


async def test_missing_receipts_are_damage(sqlite_store: SqliteStore) -> None:
    await damaged(sqlite_store, "UPDATE outgoing_batch SET first_receipt = 5")

    with pytest.raises(StoreCorruptError, match="Receipts"):
        await sqlite_store.read(lambda s: s.batch_receipt(ALPHA, 1))


async def test_broken_rule_of_the_schema_is_a_fault_of_ours(
    sqlite_store: SqliteStore,
) -> None:
    await damaged(sqlite_store)

    with pytest.raises(InternalError):
        await damaged(sqlite_store, "INSERT INTO leaf VALUES (0, x'00')")

    assert await sqlite_store.read(lambda s: s.tree_head().origin) == ORIGIN


async def test_error_of_sqlite_in_a_read_is_translated(
    sqlite_store: SqliteStore,
) -> None:
    with pytest.raises(InternalError):
        await sqlite_store.read(fail)

    assert await sqlite_store.read(lambda s: s.newest_arrival()) == 0


async def test_reading_a_damaged_reader_releases_its_connection(
    adapter: SqliteAdapter,
) -> None:
    store = adapter.open()
    for _ in range(5):
        with pytest.raises(InternalError):
            await store.read(fail)
    await store.write(lambda t: t.add_messages([message()]))

    assert await store.read(lambda s: s.newest_arrival()) == 1
    await store.close()
