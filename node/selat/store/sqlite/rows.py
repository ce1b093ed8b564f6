# SPDX-License-Identifier: Apache-2.0
"""What every part of a snapshot or transaction stands on: one connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Final

# What SQLite stores of a Python value.
Value = str | bytes | int | None
Values = Sequence[Value] | Mapping[str, Value]

# Rows named in one statement; as many as a batch has messages.
CHUNK: Final = 256
# Rows inserted by one statement, as many as there are of these, then one by one. A
# statement gives the interpreter up once, and SQLite works beside other threads: with
# a statement for each row, each row would wait for its turn.
INSERTED_TOGETHER: Final = (256, 32)


class Rows:
    """Ask one connection, inside the transaction that its owner began."""

    __slots__ = ("_db",)

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def _one(self, sql: str, values: Values = ()) -> sqlite3.Row | None:
        """Return the first row, or None."""
        row: sqlite3.Row | None = self._db.execute(sql, values).fetchone()
        return row

    def _all(self, sql: str, values: Values = ()) -> list[sqlite3.Row]:
        """Return all rows."""
        return self._db.execute(sql, values).fetchall()

    def _blobs(self, sql: str, values: Values = ()) -> list[bytes]:
        """Return the one column of all rows, without an object for each row."""
        cursor = self._db.cursor()
        cursor.row_factory = None
        return [blob for (blob,) in cursor.execute(sql, values)]

    def _in(
        self, sql: str, keys: Sequence[Value], *values: Value
    ) -> Iterator[sqlite3.Row]:
        """Yield rows that are named by their keys, any number of them.

        Args:
            sql: The statement, ending with ``IN (``.
            keys: Numbers or identifiers.
            *values: What the statement binds before them.
        """
        for start in range(0, len(keys), CHUNK):
            chunk = keys[start : start + CHUNK]
            yield from self._db.execute(sql + places(len(chunk)), (*values, *chunk))

    def _insert(self, sql: str, rows: Sequence[Sequence[Value]]) -> None:
        """Insert rows, many by one statement.

        Args:
            sql: The statement, ending with ``VALUES``.
            rows: The rows, each with the same number of values.
        """
        if not rows:
            return
        row = "(" + places(len(rows[0]))
        done = 0
        for count in INSERTED_TOGETHER:
            while len(rows) - done >= count:
                some = rows[done : done + count]
                many = f"{sql} {', '.join([row] * count)}"
                self._db.execute(many, list(chain.from_iterable(some)))
                done += count
        self._db.executemany(f"{sql} {row}", rows[done:])


def places(count: int) -> str:
    """Return as many places for values as asked for, and close the bracket."""
    return ", ".join("?" * count) + ")"
