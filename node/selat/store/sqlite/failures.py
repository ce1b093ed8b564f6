# SPDX-License-Identifier: Apache-2.0
"""What SQLite's errors mean to an operator.

SQLite's own messages name tables and columns and never stored values, so the
original error may stand as the cause in a log.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

from selat.errors import (
    InternalError,
    MalformedError,
    SelatError,
    StoreBusyError,
    StoreCorruptError,
    StoreError,
    StoreFullError,
    TooLargeError,
)

P = ParamSpec("P")
V = TypeVar("V")

RESTORE = "Stop the node, keep the damaged file and restore the newest backup."

_FULL = (
    StoreFullError,
    (
        "The disk of the database is full; nothing was written.",
        "Free space on it and try again.",
    ),
)
_BUSY = (
    StoreBusyError,
    (
        "Another process is writing to the database.",
        "Close tools that have it open, and try again.",
    ),
)
_DAMAGED = StoreCorruptError, ("The database is damaged.", RESTORE)
_CLOSED = (
    StoreError,
    (
        "The database or its folder cannot be written.",
        "Give both to the user that runs the node.",
    ),
)
_FAILED = (
    StoreError,
    (
        "The disk of the database failed.",
        "Check the disk and the system's log, then start the node again.",
    ),
)
_TOO_LARGE = (
    TooLargeError,
    (
        "A value is larger than the database can hold.",
        "Split what was to be kept.",
    ),
)
_REFUSED = (
    InternalError,
    (
        "The database refused a statement of ours.",
        "Report this with the lines of the node's log around it.",
    ),
)
# By result code; where an extended code is not listed, its low byte counts
# (https://www.sqlite.org/rescode.html).
_MEANINGS: Final[dict[int, tuple[type[SelatError], tuple[str, str]]]] = {
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_CANTOPEN: _CLOSED,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_IOERR: _FAILED,
    # The shared-memory file could not grow; it lies on the database's disk.
    sqlite3.SQLITE_IOERR_SHMSIZE: _FULL,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_PERM: _CLOSED,
    sqlite3.SQLITE_READONLY: _CLOSED,
    sqlite3.SQLITE_TOOBIG: _TOO_LARGE,
}
_PRIMARY_CODE: Final = 0xFF


def translate(error: sqlite3.Error) -> SelatError:
    """Return what an error of SQLite means.

    Args:
        error: An error that the ``sqlite3`` module raised.

    Returns:
        The error to raise in its place, with it as the cause.
    """
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    kind, (message, remedy) = _MEANINGS.get(
        code, _MEANINGS.get(code & _PRIMARY_CODE, _REFUSED)
    )
    meant = kind(message, remedy=remedy, code=code)
    meant.__cause__ = error
    return meant


def checked(convert: Callable[P, V]) -> Callable[P, V]:
    """Make a conversion of stored rows say that what it cannot read is damaged.

    Args:
        convert: Turns rows into a value; raises MalformedError, TypeError or
            ValueError.

    Returns:
        The same, raising `StoreCorruptError`.
    """

    def converted(*args: P.args, **kwargs: P.kwargs) -> V:
        try:
            return convert(*args, **kwargs)
        except (MalformedError, TypeError, ValueError) as error:
            raise StoreCorruptError(
                "The database holds a row that this node cannot have written.",
                remedy=RESTORE,
            ) from error

    return converted
