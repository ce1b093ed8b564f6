# SPDX-License-Identifier: Apache-2.0
"""Look at a database without changing it, also while a node uses it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final, TypeVar

from selat.errors import StoreCorruptError
from selat.store.port import Snapshot
from selat.store.sqlite.connection import open_reader
from selat.store.sqlite.failures import RESTORE, translate
from selat.store.sqlite.transaction import SqliteSnapshot

_T = TypeVar("_T")

# Problems that SQLite looks for before it gives up.
_PROBLEMS_MAX: Final = 10


def inspect(path: Path, work: Callable[[Snapshot], _T]) -> _T:
    """Run ``work`` on one moment of a database; return its value.

    Args:
        path: The file, which exists.
        work: Reads, and returns values that need the database no longer.

    Raises:
        StoreError: The database cannot be read.
    """
    with closing(open_reader(path)) as db:
        try:
            db.execute("BEGIN")
            return work(SqliteSnapshot(db))
        except sqlite3.Error as error:
            raise translate(error) from error


def check_integrity(path: Path) -> None:
    """Check the structure of a database (``PRAGMA quick_check``).

    Takes about a second for each gigabyte.

    Raises:
        StoreCorruptError: It is damaged.
        StoreError: It cannot be read.
    """
    with closing(open_reader(path)) as db:
        try:
            found = db.execute(f"PRAGMA quick_check({_PROBLEMS_MAX})").fetchall()
        except sqlite3.Error as error:
            raise translate(error) from error
    if [tuple(row) for row in found] != [("ok",)]:
        raise StoreCorruptError(
            f"The database is damaged in {len(found)} places or more.",
            remedy=RESTORE,
            places=len(found),
        )
