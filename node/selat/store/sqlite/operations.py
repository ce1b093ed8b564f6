# SPDX-License-Identifier: Apache-2.0
"""What operators look after: officers, incidents, settings and counts."""

from __future__ import annotations

import json
import sqlite3

from selat.errors import AlreadyExistsError
from selat.store.sqlite.failures import checked
from selat.store.sqlite.rows import Rows
from selat.store.values import (
    IncidentRow,
    OfficerRow,
    OutboxState,
    QueueCount,
    StoreCounts,
)


class OperationsReads(Rows):
    """Read what operators look after."""

    __slots__ = ()

    def officers(self) -> list[OfficerRow]:
        """Return every officer and system, by id."""
        rows = self._all("SELECT * FROM officer ORDER BY officer_id")
        return [_officer(row) for row in rows]

    def officer_by_certificate(self, digest: bytes) -> OfficerRow | None:
        """Return the officer whose client certificate has this digest."""
        row = self._one("SELECT * FROM officer WHERE certificate = ?", (digest,))
        return None if row is None else _officer(row)

    def incidents(self, *, limit: int) -> list[IncidentRow]:
        """Return incidents, latest first."""
        rows = self._all(
            "SELECT * FROM incident ORDER BY last_ms DESC, peer, reason LIMIT ?",
            (limit,),
        )
        return [IncidentRow(**dict(row)) for row in rows]

    def setting(self, key: str) -> bytes | None:
        """Return a small named document (import state and the like)."""
        row = self._one("SELECT value FROM setting WHERE key = ?", (key,))
        return None if row is None else bytes(row[0])

    def counts(self) -> StoreCounts:
        """Return the numbers that a status shows; queues by peer and state.

        A message is unacknowledged while it was received, is current and
        nobody has taken it in hand.
        """
        tally = dict(self._db.execute("SELECT name, value FROM tally").fetchall())
        incidents = self._all("SELECT count(*) FROM incident")
        queues = self._all(
            "SELECT peer, state, entries FROM queue_count WHERE entries > 0"
            " ORDER BY peer, state"
        )
        waiting = self._all(
            "SELECT (SELECT count(*) FROM message WHERE holding = 'quarantined'),"
            " (SELECT stored_ms FROM message WHERE holding = 'quarantined'"
            " ORDER BY number LIMIT 1),"
            " (SELECT min(held_ms) FROM outbox INDEXED BY outbox_held_since"
            " WHERE state = 'held')"
        )
        return StoreCounts(
            messages_in=tally["messages_in"],
            messages_out=tally["messages_out"],
            unacknowledged=tally["unacknowledged"],
            incidents=incidents[0][0],
            queues=tuple(_queue(row) for row in queues),
            quarantined=waiting[0][0],
            oldest_quarantined_ms=waiting[0][1],
            oldest_held_ms=waiting[0][2],
        )


class OperationsWrites(OperationsReads):
    """Change what operators look after."""

    __slots__ = ()

    def put_officer(self, officer: OfficerRow) -> None:
        """Insert or replace an officer.

        Raises:
            AlreadyExistsError: Another officer has that certificate.
        """
        holder = self.officer_by_certificate(officer.certificate)
        if holder is not None and holder.officer_id != officer.officer_id:
            raise AlreadyExistsError(
                "The certificate belongs to another officer.",
                remedy="Issue a certificate of their own.",
                officer=holder.officer_id,
            )
        self._db.execute(
            "INSERT INTO officer VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
            " SET agency = excluded.agency, roles = excluded.roles,"
            " functions = excluded.functions, certificate = excluded.certificate,"
            " not_after_ms = excluded.not_after_ms, revoked_ms = excluded.revoked_ms",
            (
                officer.officer_id,
                officer.agency,
                json.dumps(officer.roles, ensure_ascii=False),
                json.dumps(officer.functions, ensure_ascii=False),
                officer.certificate,
                officer.not_after_ms,
                officer.revoked_ms,
            ),
        )

    def note_incident(self, *, peer: str, reason: str, detail: str, at_ms: int) -> None:
        """Count an incident; one row for each peer and reason."""
        self._db.execute(
            "INSERT INTO incident VALUES (?, ?, ?, 1, ?, ?) ON CONFLICT DO UPDATE SET"
            " detail = excluded.detail, count = count + 1, last_ms = excluded.last_ms",
            (peer, reason, detail, at_ms, at_ms),
        )

    def clear_incident(self, *, peer: str, reason: str) -> bool:
        """Remove an incident that an operator has dealt with."""
        cleared = self._db.execute(
            "DELETE FROM incident WHERE peer = ? AND reason = ?", (peer, reason)
        )
        return cleared.rowcount > 0

    def put_setting(self, key: str, value: bytes) -> None:
        """Keep a small named document."""
        self._db.execute(
            "INSERT INTO setting VALUES (?, ?)"
            " ON CONFLICT DO UPDATE SET value = excluded.value",
            (key, value),
        )


@checked
def _officer(row: sqlite3.Row) -> OfficerRow:
    return OfficerRow(
        officer_id=row["officer_id"],
        agency=row["agency"],
        roles=tuple(json.loads(row["roles"])),
        functions=tuple(json.loads(row["functions"])),
        certificate=row["certificate"],
        not_after_ms=row["not_after_ms"],
        revoked_ms=row["revoked_ms"],
    )


@checked
def _queue(row: sqlite3.Row) -> QueueCount:
    return QueueCount(
        peer=row["peer"], state=OutboxState(row["state"]), count=row["entries"]
    )
