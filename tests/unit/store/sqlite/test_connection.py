# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database
from tests.unit.store.samples import message

from selat.errors import (
    StoreBusyError,
    StoreCorruptError,
    StoreError,
    StoreVersionError,
)
from selat.store.port import Snapshot
from selat.store.sqlite import connection, store
from selat.store.sqlite.connection import open_reader, open_writer
from selat.store.sqlite.schema import APPLICATION_ID, STEPS
from selat.store.sqlite.store import SqliteStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "node.db"


@pytest.fixture
def made(path: Path) -> Path:
    """Give a database that was made and closed."""
    open_writer(path).close()
    return path


def pragma(db: sqlite3.Connection, name: str) -> int | str:
    value: int | str = db.execute(f"PRAGMA {name}").fetchone()[0]
    return value


def test_new_database_says_whose_it_is(made: Path) -> None:
    with closing(sqlite3.connect(made)) as db:
        assert pragma(db, "application_id") == APPLICATION_ID
        assert pragma(db, "user_version") == len(STEPS)


@pytest.fixture
def lax(path: Path) -> Path:
    """Give an empty file that others may read."""
    path.touch(0o644)
    return path


async def test_files_are_their_owners_alone(lax: Path) -> None:
    opened = SqliteStore.open(lax)
    await opened.write(lambda t: t.add_messages([message()]))

    files = sorted(lax.parent.iterdir())

    assert [file.name for file in files] == ["node.db", "node.db-shm", "node.db-wal"]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    await opened.close()


def test_writer_is_durable_and_distrusts_the_file(path: Path) -> None:
    with closing(open_writer(path)) as db:
        assert pragma(db, "journal_mode") == "wal"
        assert pragma(db, "synchronous") == 2
        assert pragma(db, "foreign_keys") == 1
        assert pragma(db, "secure_delete") == 1
        assert pragma(db, "trusted_schema") == 0
        assert pragma(db, "temp_store") == 2
        assert 0 < int(pragma(db, "busy_timeout")) <= 2_000


def test_reader_cannot_write(made: Path) -> None:
    with closing(open_reader(made)) as db:
        assert pragma(db, "query_only") == 1
        with pytest.raises(sqlite3.OperationalError):
            db.execute("INSERT INTO setting VALUES ('key', x'00')")


def test_caches_stay_below_forty_mebibytes() -> None:
    readers = store.READERS * connection.READER_CACHE_KIB

    assert connection.WRITER_CACHE_KIB + readers <= 40 * 1024


def test_log_and_messages_are_protected_by_the_schema(made: Path) -> None:
    with closing(open_writer(made)) as db:
        db.execute("INSERT INTO leaf VALUES (0, x'00')")
        for statement in ("UPDATE leaf SET data = x'01'", "DELETE FROM leaf"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                db.execute(statement)


def test_database_of_a_newer_selat_is_refused(made: Path) -> None:
    with closing(sqlite3.connect(made)) as db:
        db.execute(f"PRAGMA user_version = {len(STEPS) + 1}")

    with pytest.raises(StoreVersionError, match=r"schema 3; .* or a newer one"):
        open_writer(made)


@pytest.mark.parametrize(
    "sql",
    ["CREATE TABLE other (x)", "PRAGMA user_version = 1", "PRAGMA application_id = 7"],
)
def test_database_of_another_program_is_refused_untouched(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(sql)
    before = path.read_bytes()

    with pytest.raises(StoreCorruptError, match="not made by Selat"):
        open_writer(path)

    assert path.read_bytes() == before


def test_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"%PDF-1.7 and so on, for long enough to be read" * 20)

    with pytest.raises(StoreCorruptError, match="restore the newest backup"):
        open_writer(path)


def test_damaged_schema_is_refused(made: Path) -> None:
    data = bytearray(made.read_bytes())
    data[100:4096] = os.urandom(3996)
    made.write_bytes(data)

    with pytest.raises(StoreCorruptError):
        open_writer(made)


def spoil(path: Path) -> None:
    """Overwrite the later half of a file, where rows are."""
    data = path.read_bytes()
    half = len(data) // 2
    path.write_bytes(data[:half] + b"\xff" * (len(data) - half))


async def test_damage_that_is_met_later_is_told(path: Path) -> None:
    opened = SqliteStore.open(path)
    await opened.write(
        lambda t: t.add_messages(
            [message(n, ciphertext=b"c" * 3_000) for n in range(99)]
        )
    )
    await opened.close()
    spoil(path)

    def look(snapshot: Snapshot) -> None:
        for number in range(1, 100):
            snapshot.payload(number)

    damaged = SqliteStore.open(path)
    with pytest.raises(StoreCorruptError):
        await damaged.read(look)
    await damaged.close()


def test_empty_file_becomes_a_database(path: Path) -> None:
    path.touch()
    with closing(open_writer(path)) as db:
        assert pragma(db, "user_version") == len(STEPS)


@pytest.mark.parametrize("where", ["missing/node.db", "file/node.db", "folder"])
def test_place_that_cannot_hold_a_database_is_told(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()

    with pytest.raises(StoreError, match=r"cannot be opened for writing: .*folder"):
        SqliteStore.open(tmp_path / where)


def test_reader_needs_a_database(path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        open_reader(path)


def test_reader_of_no_database_is_told(path: Path) -> None:
    path.write_bytes(b"x" * 4096)
    with pytest.raises(StoreCorruptError):
        open_reader(path)


def test_lock_at_the_opening_is_busy(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "BUSY_TIMEOUT_S", 0.0)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")

        with pytest.raises(StoreBusyError):
            open_writer(path)


def test_path_may_have_any_characters(tmp_path: Path) -> None:
    folder = tmp_path / "a?b#c%41 é"
    folder.mkdir()

    open_writer(folder / "node.db").close()

    assert [file.name for file in folder.iterdir()] == ["node.db"]


def test_old_sqlite_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "OLDEST_SQLITE", (99, 0, 0))

    with pytest.raises(StoreError, match=r"Use a Python with SQLite 99\.0\.0"):
        open_writer(path)


def test_disk_without_write_ahead_log_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Database, "journal_mode", "delete")

    with pytest.raises(StoreError, match="local disk"):
        open_writer(path)


def test_failure_of_a_reader_closes_what_was_opened(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[sqlite3.Connection] = []

    def fail(_: Path) -> sqlite3.Connection:
        raise StoreError("no reader")

    def keep(path: Path) -> sqlite3.Connection:
        opened.append(open_writer(path))
        return opened[0]

    monkeypatch.setattr(store, "open_writer", keep)
    monkeypatch.setattr(store, "open_reader", fail)

    with pytest.raises(StoreError, match="no reader"):
        SqliteStore.open(path)

    with pytest.raises(sqlite3.ProgrammingError):
        opened[0].execute("SELECT 1")
