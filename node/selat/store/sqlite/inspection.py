# SPDX-License-Identifier: Apache-2.0
"""Look at a database without changing it, also while a node uses it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
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


class Inspection:
    """Reads a database, one moment of it after the other."""

    __slots__ = ("_db",)

    def __init__(self, db: sqlite3.Connection) -> None:
        """Take a reader's connection."""
        self._db = db

    def __call__(self, work: Callable[[Snapshot], _T]) -> _T:
        """Run ``work`` on one moment of the database; return its value.

        Between two calls nothing holds back the node that writes there.

        Args:
            work: Reads, and returns values that need the database no longer.

        Raises:
            StoreError: The database cannot be read.
        """
        try:
            self._db.execute("BEGIN")
            try:
                return work(SqliteSnapshot(self._db))
            finally:
                self._db.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise translate(error) from error


@contextmanager
def inspection(path: Path) -> Iterator[Inspection]:
    """Open a database to look at it several times.

    Args:
        path: The file, which exists.

    Raises:
        StoreError: The database cannot be read.
    """
    with closing(open_reader(path)) as db:
        yield Inspection(db)


def inspect(path: Path, work: Callable[[Snapshot], _T]) -> _T:
    """Run ``work`` on one moment of a database; return its value.

    Args:
        path: The file, which exists.
        work: Reads, and returns values that need the database no longer.

    Raises:
        StoreError: The database cannot be read.
    """
    with inspection(path) as looks:
        return looks(work)


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
