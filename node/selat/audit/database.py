# SPDX-License-Identifier: Apache-2.0
"""The database that an audit works in, and that an auditor can query after it.

SQLite, made with sqlite-utils; it opens in Datasette. While the audit runs the
tables are narrow: leaves share most of what they say, so that it stands once, in
``shared``. The views put it together again, with times that people read.

What a leaf says stands there if and only if the leaf is proven to stand in a log
that a pinned key signed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final

from sqlite_utils import Database

from selat.audit.findings import Findings
from selat.errors import InvalidInputError

#: Rows that are written at once.
ROWS_AT_ONCE: Final = 8_192
_CACHE_KIB: Final = 64 * 1024

_TABLES: Final[dict[str, dict[str, type]]] = {
    "bundles": {
        "id": int,
        "label": str,
        "node": str,
        "from_time": str,
        "to_time": str,
        "created": str,
    },
    "logs": {
        "id": int,
        "bundle": int,
        "node": str,
        "origin": str,
        "start_size": int,
        "end_size": int,
        "root": str,
    },
    "leaf": {
        "log": int,
        "leaf_index": int,
        "kind": str,
        "time_ms": int,
        "hash": bytes,
        "message": str,
        "ref": bytes,
        "shared": int,
    },
    "shared": {
        "id": int,
        "kind": str,
        "author": str,
        "peer": str,
        "version": int,
        "type": str,
        "category": str,
        "level": str,
        "policy": str,
        "effect": str,
        "outcome": str,
        "act": str,
        "reason": str,
        "details": str,
    },
    "exchange": {"offer": int, "receipt": int},
    "unmatched": {"leaf": int, "code": str},
    "checkpoints": {
        "id": int,
        "holder": int,
        "origin": str,
        "size": int,
        "root": str,
        "file": str,
    },
    "cosignatures": {"checkpoint": int, "witness": str, "time": str},
    "peer_checkpoints": {
        "log": int,
        "leaf_index": int,
        "time_ms": int,
        "peer": str,
        "origin": str,
        "size": int,
        "root": str,
        "sequence": int,
    },
    "ranges": {
        "log": int,
        "first": int,
        "count": int,
        "size": int,
        "direction": str,
        "sequence": int,
    },
    "findings": {
        "code": str,
        "check": str,
        "failure": int,
        "subject": str,
        "leaf_index": int,
        "message": str,
    },
}

_TIME: Final = "strftime('%Y-%m-%dT%H:%M:%fZ', {}.time_ms / 1000.0, 'unixepoch')"
_COLUMNS: Final = f"""
  logs.origin, l.leaf_index, l.kind, {_TIME.format("l")} AS time,
  l.message, shared.version, shared.author, shared.peer, shared.type,
  shared.category, shared.level, shared.policy, shared.effect, shared.outcome,
  shared.act, shared.reason, lower(hex(l.hash)) AS hash, lower(hex(l.ref)) AS refers,
  bundles.label AS shown_by, shared.details
"""
_JOINS: Final = """
JOIN logs ON logs.id = l.log JOIN shared ON shared.id = l.shared
  JOIN bundles ON bundles.id = logs.bundle
"""
_LEAVES: Final = f"SELECT {_COLUMNS} FROM leaf AS l {_JOINS}"  # noqa: S608 - ours
_VIEWS: Final = {
    "leaves": _LEAVES,
    "offers": f"{_LEAVES} WHERE l.kind = 'offer'",
    "receipts": f"{_LEAVES} WHERE l.kind = 'receipt'",
    "refusals": f"{_LEAVES} WHERE l.kind = 'receipt' AND shared.outcome = 'refused'",
    "quarantines": (
        f"{_LEAVES} WHERE l.kind = 'receipt' AND shared.outcome = 'quarantined'"
    ),
    "withheld": f"{_LEAVES} WHERE l.kind = 'withhold'",
    "erasures": f"{_LEAVES} WHERE l.kind = 'erase'",
    "exchanges": f"""
SELECT o.message, os.version, os.author AS sender, os.peer AS recipient,
  os.category, os.type, os.level, rs.outcome, rs.reason,
  {_TIME.format("o")} AS offered, {_TIME.format("r")} AS answered,
  (r.time_ms - o.time_ms) / 1000.0 AS seconds,
  ol.origin AS offer_log, o.leaf_index AS offer_index,
  rl.origin AS receipt_log, r.leaf_index AS receipt_index,
  os.policy AS sender_policy, rs.policy AS recipient_policy
FROM exchange JOIN leaf AS o ON o.rowid = exchange.offer
  JOIN leaf AS r ON r.rowid = exchange.receipt
  JOIN shared AS os ON os.id = o.shared JOIN shared AS rs ON rs.id = r.shared
  JOIN logs AS ol ON ol.id = o.log JOIN logs AS rl ON rl.id = r.log
""",  # noqa: S608
    "one_sided": (
        f"SELECT unmatched.code, {_COLUMNS} FROM unmatched "  # noqa: S608
        f"JOIN leaf AS l ON l.rowid = unmatched.leaf {_JOINS}"
    ),
}


class AuditDatabase:
    """Rows of one audit.

    Args:
        path: The file; it must be new.

    Attributes:
        seconds: Time spent on writing rows.
    """

    def __init__(self, path: Path) -> None:
        """Make the tables."""
        self.seconds = 0.0
        self.db: Final = Database(sqlite3.connect(path, isolation_level=None))
        # A file that is not finished is thrown away: nothing need survive a crash.
        for pragma in (
            "journal_mode=OFF",
            "synchronous=OFF",
            "locking_mode=EXCLUSIVE",
            "temp_store=FILE",
            f"cache_size=-{_CACHE_KIB}",
        ):
            self.db.execute(f"PRAGMA {pragma}")
        for name, columns in _TABLES.items():
            self.db.table(name).create(columns, pk="id" if "id" in columns else None)
        self._inserts: Final = {
            name: f"INSERT INTO {name} VALUES ({','.join('?' * len(columns))})"  # noqa: S608
            for name, columns in _TABLES.items()
        }
        self.db.execute("BEGIN")

    def insert(self, table: str, rows: Iterable[Sequence[object]]) -> None:
        """Insert rows, their values in the order of the table's columns."""
        started = perf_counter()
        self.db.conn.executemany(self._inserts[table], rows)
        self.seconds += perf_counter() - started

    def add(self, table: str, *values: object) -> int:
        """Insert one row without its number; return the number."""
        cursor = self.db.execute(self._inserts[table], [None, *values])
        number = cursor.lastrowid
        assert number is not None  # noqa: S101 - it was just inserted
        return number

    def rows(
        self, sql: str, parameters: Sequence[object] = ()
    ) -> Iterator[tuple[object, ...]]:
        """Yield what a query finds."""
        yield from self.db.execute(sql, list(parameters))

    def index_messages(self) -> None:
        """Let leaves be found by their message, if they are not yet."""
        self.db.table("leaf").create_index(
            ["message"], "leaf_message", if_not_exists=True
        )

    def finish(self, findings: Findings) -> None:
        """Add what people look for: findings, views and indexes."""
        self.insert(
            "findings",
            (
                (
                    each.code.value,
                    each.code.check.name,
                    int(each.code.is_failure),
                    each.subject,
                    each.index,
                    each.message,
                )
                for each in findings
            ),
        )
        for name, sql in _VIEWS.items():
            self.db.create_view(name, sql.strip())
        self.db.table("leaf").create_index(["log", "leaf_index"], "leaf_place")
        self.index_messages()
        self.db.execute("COMMIT")
        self.db.execute("ANALYZE")

    def close(self) -> None:
        """Close the file."""
        self.db.close()


@contextmanager
def open_database(path: Path | None) -> Iterator[AuditDatabase]:
    """Make the database of one audit.

    Args:
        path: Where it is to stay, once the audit is through; None for nowhere.

    Raises:
        InvalidInputError: There is something already, or it cannot be written.
    """
    if path is not None and path.exists():
        raise InvalidInputError(
            f"{path} exists already.",
            remedy="Name another file, or move the old one away.",
        )
    folder = None if path is None else path.parent
    with ExitStack() as stack:
        with _writing():
            temporary = stack.enter_context(
                TemporaryDirectory(prefix=".selat-audit-", dir=folder)
            )
            file = Path(temporary) / "audit.db"
            database = AuditDatabase(file)
        stack.callback(database.close)
        try:
            yield database
        except sqlite3.OperationalError as failure:
            raise _unwritten(failure) from failure
        if path is not None:
            with _writing():
                database.close()
                file.replace(path)


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.OperationalError) as failure:
        raise _unwritten(failure) from failure


def _unwritten(failure: Exception) -> InvalidInputError:
    return InvalidInputError(
        f"The database of the audit cannot be written: {failure}.",
        remedy="Name a file in a folder with room that can be written to.",
    )
