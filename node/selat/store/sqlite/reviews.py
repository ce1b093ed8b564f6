# SPDX-License-Identifier: Apache-2.0
"""What waits for a person's decision, and what was decided."""

from __future__ import annotations

import json
import sqlite3
from typing import Final

from selat.errors import AlreadyExistsError, NotFoundError, WrongStateError
from selat.store.reviews import Act, PeerReview, Review
from selat.store.sqlite.failures import checked
from selat.store.sqlite.messages import MessageReads, message_row
from selat.store.sqlite.outbox import SELECT_ENTRY, entry_row, entry_rows, json_list
from selat.store.sqlite.rows import Rows
from selat.store.values import MessageRow, OutboxRow

_THIS_ENTRY: Final = " WHERE outbox.number = ?"
_THIS_MESSAGE: Final = "SELECT * FROM message WHERE number = ?"
_REVIEW: Final = "SELECT act, officer, reason, note, decided_ms, leaf_index FROM review"
_NEWER: Final = (
    "SELECT 1 FROM message WHERE message_id = :message_id"
    " AND originator = :originator AND direction = :direction"
    " AND version > :version AND holding NOT IN ('quarantined', 'refused', 'discarded')"
)


class ReviewReads(Rows):
    """Read what waits for a person."""

    __slots__ = ()

    def held(self, *, after: int, limit: int) -> list[OutboxRow]:
        """Return held entries above entry ``after``, oldest first."""
        rows = self._all(
            SELECT_ENTRY
            + " WHERE outbox.state = 'held' AND outbox.number > ?"
            + " ORDER BY outbox.number LIMIT ?",
            (after, limit),
        )
        return entry_rows(rows)

    def quarantined(self, *, after: int, limit: int) -> list[MessageRow]:
        """Return quarantined messages above number ``after``, oldest first."""
        rows = self._all(
            "SELECT * FROM message WHERE holding = 'quarantined' AND number > ?"
            " ORDER BY number LIMIT ?",
            (after, limit),
        )
        return [message_row(row) for row in rows]

    def reviews_of_entry(self, entry: int) -> list[Review]:
        """Return what persons decided on an outbox entry, oldest first."""
        rows = self._all(_REVIEW + " WHERE entry = ? ORDER BY number", (entry,))
        return [_review(row) for row in rows]

    def reviews_of_message(self, number: int) -> list[Review]:
        """Return what persons decided on a received message, oldest first."""
        rows = self._all(_REVIEW + " WHERE message = ? ORDER BY number", (number,))
        return [_review(row) for row in rows]

    def peer_review(self, entry: int) -> PeerReview | None:
        """Return what a peer's reviewer decided about an entry, or None."""
        row = self._one("SELECT * FROM peer_review WHERE entry = ?", (entry,))
        return None if row is None else PeerReview(**dict(row))


class ReviewWrites(MessageReads, ReviewReads):
    """Decide on what waits."""

    __slots__ = ()

    def review_entry(self, entry: int, review: Review) -> OutboxRow:
        """Make a held entry ``QUEUED``, obligations met, or ``WITHHELD``.

        Raises:
            NotFoundError: There is no such entry.
            WrongStateError: It is not held.
        """
        row = self._one(
            "SELECT state, obligations, approved FROM outbox WHERE number = ?",
            (entry,),
        )
        if row is None:
            raise NotFoundError(f"There is no outbox entry {entry}.", entry=entry)
        if row["state"] != "held":
            raise WrongStateError(
                f"Outbox entry {entry} is {row['state']}, not held.",
                remedy="`selat review list` shows what waits.",
                entry=entry,
            )
        if review.act is Act.APPROVE:
            met = [*json.loads(row["approved"]), *json.loads(row["obligations"])]
            self._db.execute(
                "UPDATE outbox SET state = 'queued', reason = '', held_ms = NULL,"
                " leaf_index = NULL, obligations = '[]', approved = ?"
                " WHERE number = ?",
                (json_list(sorted(set(met))), entry),
            )
        else:
            self._db.execute(
                "UPDATE outbox SET state = 'withheld', reason = ?, held_ms = NULL,"
                " settled_ms = ? WHERE number = ?",
                (review.reason, review.decided_ms, entry),
            )
        self._note(review, entry=entry, message=None)
        return entry_row(self._all(SELECT_ENTRY + _THIS_ENTRY, (entry,))[0])

    def review_message(self, number: int, review: Review) -> MessageRow:
        """Decide on a quarantined message; return it as it stands then.

        Raises:
            NotFoundError: There is no such message.
            WrongStateError: It is not quarantined.
        """
        row = self._one(_THIS_MESSAGE, (number,))
        if row is None:
            raise NotFoundError(f"There is no message {number}.", number=number)
        if row["holding"] != "quarantined":
            raise WrongStateError(
                f"Message {number} is {row['holding']}, not quarantined.",
                remedy="`selat review list` shows what waits.",
                number=number,
            )
        if review.act is Act.APPROVE:
            self._admit(row)
        else:
            self._db.execute(
                "UPDATE message SET holding = 'refused' WHERE number = ?", (number,)
            )
        self._note(review, entry=None, message=number)
        return message_row(self._all(_THIS_MESSAGE, (number,))[0])

    def keep_peer_review(self, review: PeerReview) -> None:
        """Keep what a peer's reviewer decided; one for each entry.

        Raises:
            NotFoundError: There is no such entry.
            AlreadyExistsError: One is kept already.
        """
        entry = review.entry
        if self._one("SELECT 1 FROM outbox WHERE number = ?", (entry,)) is None:
            raise NotFoundError(f"There is no outbox entry {entry}.", entry=entry)
        kept = self._db.execute(
            "INSERT INTO peer_review (entry, origin, leaf, leaf_index, proof,"
            " checkpoint_size) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (
                entry,
                review.origin,
                review.leaf,
                review.leaf_index,
                review.proof,
                review.checkpoint_size,
            ),
        )
        if kept.rowcount < 1:
            raise AlreadyExistsError(
                f"The peer's review of outbox entry {entry} is kept already.",
                remedy="The first one counts.",
                entry=entry,
            )

    def _admit(self, row: sqlite3.Row) -> None:
        """Let a message arrive now, as the newest version unless one is here."""
        identity = {
            key: row[key]
            for key in ("message_id", "originator", "direction", "version")
        }
        superseded = self._one(_NEWER, identity) is not None
        self._db.execute(
            "UPDATE message SET holding = ?, arrival = ? WHERE number = ?",
            (
                "superseded" if superseded else "current",
                self.newest_arrival() + 1,
                row["number"],
            ),
        )
        self._db.execute(
            "UPDATE message SET holding = 'superseded'"
            " WHERE message_id = :message_id AND originator = :originator"
            " AND direction = :direction AND version < :version"
            " AND holding = 'current'",
            identity,
        )

    def _note(self, review: Review, *, entry: int | None, message: int | None) -> None:
        self._db.execute(
            "INSERT INTO review (entry, message, act, officer, reason, note,"
            " decided_ms, leaf_index) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                entry,
                message,
                review.act.value,
                review.officer,
                review.reason,
                review.note,
                review.decided_ms,
                review.leaf_index,
            ),
        )


@checked
def _review(row: sqlite3.Row) -> Review:
    values = dict(row)
    values["act"] = Act(values["act"])
    return Review(**values)
