# SPDX-License-Identifier: Apache-2.0
"""Connections to the one file, safe by their settings.

The file and the two that SQLite puts beside it (``-wal``, ``-shm``) are the
owner's alone. A connection is used by one thread at a time; which one is up
to its owner.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sqlite_utils import Database

from selat.errors import StoreError
from selat.store.sqlite.failures import translate
from selat.store.sqlite.schema import migrate

# STRICT tables (https://www.sqlite.org/stricttables.html).
OLDEST_SQLITE: Final = (3, 37, 0)
# How long a statement waits for the lock of another process, seconds.
BUSY_TIMEOUT_S: Final = 2.0
# Page caches, KiB: one writer and the readers stay under 40 MiB together.
WRITER_CACHE_KIB: Final = 32_768
READER_CACHE_KIB: Final = 2_048
# The write-ahead log is copied into the database after so many pages (4 KiB
# each), and its file cut back to so many bytes.
WAL_PAGES: Final = 8_192
WAL_SIZE_BYTES: Final = 64 * 1024 * 1024
# Prepared statements that a connection keeps; the store has about a hundred.
_STATEMENTS: Final = 256
_OWNER_ONLY: Final = 0o600


def open_writer(path: Path) -> sqlite3.Connection:
    """Open the database for writing; create it or bring its schema up to date.

    Raises:
        StoreBusyError: Another process holds its lock.
        StoreCorruptError: It is damaged or not a database of Selat.
        StoreError: It cannot be written, or this SQLite is too old.
        StoreFullError: There is no room to create it.
        StoreVersionError: A newer Selat wrote it.
    """
    _check_library()
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, _OWNER_ONLY))
        path.chmod(_OWNER_ONLY)
    except OSError as error:
        raise StoreError(
            f"The database cannot be opened for writing: {error.strerror}.",
            remedy="Create its folder and give it to the user that runs the node.",
            path=str(path),
        ) from error
    return _opened(path, "rw", _settle_writer)


def open_reader(path: Path) -> sqlite3.Connection:
    """Open an existing database for reading only.

    Raises:
        StoreError: It cannot be read.
    """
    return _opened(path, "ro", _settle_reader)


def _check_library() -> None:
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise StoreError(
            f"Python is linked with SQLite {sqlite3.sqlite_version}.",
            remedy="Use a Python with SQLite "
            f"{'.'.join(map(str, OLDEST_SQLITE))} or newer.",
        )


def _opened(
    path: Path, mode: str, settle: Callable[[sqlite3.Connection], None]
) -> sqlite3.Connection:
    """Open a connection in which only explicit statements begin and end."""
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=_STATEMENTS,
        )
    except sqlite3.Error as error:
        raise translate(error) from error
    connection.row_factory = sqlite3.Row
    try:
        settle(connection)
    except sqlite3.Error as error:
        connection.close()
        raise translate(error) from error
    except BaseException:
        connection.close()
        raise
    return connection


def _settle_reader(connection: sqlite3.Connection) -> None:
    """Allow nothing but reading."""
    _configure(connection, cache_kib=READER_CACHE_KIB)
    connection.execute("PRAGMA query_only = ON")


def _settle_writer(connection: sqlite3.Connection) -> None:
    """Check and migrate the database, and turn on the write-ahead log."""
    _configure(connection, cache_kib=WRITER_CACHE_KIB)
    db = Database(connection, recursive_triggers=False, execute_plugins=False)
    migrate(db)
    db.enable_wal()
    if db.journal_mode != "wal":
        raise StoreError(
            "The database's disk does not support a write-ahead log.",
            remedy="Move it to a local disk; network drives lack shared memory.",
        )
    # A commit returns when it survives a power cut.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_SIZE_BYTES}")


def _configure(connection: sqlite3.Connection, *, cache_kib: int) -> None:
    """Set what readers and the writer have in common."""
    connection.execute(f"PRAGMA cache_size = -{cache_kib}")
    # Functions in the schema of a tampered file do not run with side effects.
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    connection.execute("PRAGMA foreign_keys = ON")
    # What is deleted is overwritten with zeros, in freed pages too.
    connection.execute("PRAGMA secure_delete = ON")
    # No temporary file ever holds rows.
    connection.execute("PRAGMA temp_store = MEMORY")
