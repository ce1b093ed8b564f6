# SPDX-License-Identifier: Apache-2.0
"""How messages end: what is due, what was erased, what is under legal hold."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Final

from selat.errors import NotFoundError, WrongStateError
from selat.store.lifecycle import ErasedMessage, Erasure, LegalHold, LegalHoldAct
from selat.store.sqlite.failures import checked
from selat.store.sqlite.messages import MessageWrites, message_row
from selat.store.sqlite.rows import Rows
from selat.store.values import MessageRow

# In the words of the partial indexes, so that they serve.
_ERASABLE: Final = "holding NOT IN ('erased', 'discarded') AND legal_hold = ''"
_DUE: Final = (
    "SELECT * FROM message WHERE number IN ("  # noqa: S608 - constants only
    " SELECT number FROM message INDEXED BY message_expiring"
    f" WHERE expires_ms IS NOT NULL AND {_ERASABLE}"
    " AND expires_ms <= :expired_ms AND number > :after"
    " UNION SELECT message.number FROM json_each(:aged_ms) AS age"
    " CROSS JOIN message INDEXED BY message_aging ON category = age.key"
    " AND min(created_ms, stored_ms) <= age.value"
    f" WHERE {_ERASABLE} AND number > :after"
    ") ORDER BY number LIMIT :limit"
)
_ERASURE: Final = (
    "SELECT reason, erased_ms, leaf_index, officer FROM erasure WHERE message = ?"
)
_HOLD: Final = (
    "SELECT act, code, officer, at_ms, leaf_index FROM legal_hold"
    " WHERE message = ? ORDER BY number DESC LIMIT 1"
)


class LifecycleReads(Rows):
    """Read what is due and what has ended."""

    __slots__ = ()

    def due(
        self, *, expired_ms: int, aged_ms: Mapping[str, int], after: int, limit: int
    ) -> list[MessageRow]:
        """Return messages to erase, by ascending number.

        Args:
            expired_ms: Those that expire at or before this time …
            aged_ms: … and, for each category, those that were created at or
                before this time. One dated later than we kept it was created
                when we kept it.
            after: Only above this number.
            limit: At most so many.
        """
        rows = self._all(
            _DUE,
            {
                "expired_ms": expired_ms,
                "aged_ms": json.dumps(dict(aged_ms)),
                "after": after,
                "limit": limit,
            },
        )
        return [message_row(row) for row in rows]

    def due_for_review(
        self, *, now_ms: int, before: int | None, limit: int
    ) -> list[MessageRow]:
        """Return current messages whose review date has come, newest first."""
        rows = self._all(
            "SELECT * FROM message INDEXED BY message_to_review"
            " WHERE holding = 'current' AND review_ms IS NOT NULL"
            " AND review_ms <= ? AND (?2 IS NULL OR number < ?2)"
            " ORDER BY number DESC LIMIT ?",
            (now_ms, before, limit),
        )
        return [message_row(row) for row in rows]

    def erasure(self, number: int) -> Erasure | None:
        """Return how a message was erased, or None."""
        row = self._one(_ERASURE, (number,))
        return None if row is None else Erasure(**dict(row))

    def erasures(self, *, before: int | None, limit: int) -> list[ErasedMessage]:
        """Return what was erased, latest first, below erasure ``before``."""
        rows = self._all(
            "SELECT * FROM erasure WHERE ?1 IS NULL OR number < ?1"
            " ORDER BY number DESC LIMIT ?2",
            (before, limit),
        )
        return [
            ErasedMessage(
                number=row["number"],
                message=row["message"],
                erasure=Erasure(
                    reason=row["reason"],
                    erased_ms=row["erased_ms"],
                    leaf_index=row["leaf_index"],
                    officer=row["officer"],
                ),
            )
            for row in rows
        ]

    def legal_hold(self, number: int) -> LegalHold | None:
        """Return the legal hold that a message is under, or None."""
        row = self._one(_HOLD, (number,))
        hold = None if row is None else _hold(row)
        return hold if hold and hold.act is LegalHoldAct.SET else None

    def under_legal_hold(self, *, before: int | None, limit: int) -> list[MessageRow]:
        """Return messages under legal hold, highest number first."""
        rows = self._all(
            "SELECT * FROM message INDEXED BY message_legal_hold"
            " WHERE legal_hold <> '' AND (?1 IS NULL OR number < ?1)"
            " ORDER BY number DESC LIMIT ?2",
            (before, limit),
        )
        return [message_row(row) for row in rows]


class LifecycleWrites(LifecycleReads, MessageWrites):
    """Put messages under legal hold; erase those that are not."""

    __slots__ = ()

    def put_legal_hold(self, number: int, hold: LegalHold) -> None:
        """Put a message under legal hold, or release it.

        Raises:
            NotFoundError: There is no such message.
            WrongStateError: It is erased, or it is so already.
        """
        row = self._message(number)
        if row["holding"] in {"erased", "discarded"}:
            raise WrongStateError(
                "The message is erased; there is nothing left to hold.", number=number
            )
        is_held = row["legal_hold"] != ""
        if is_held is (hold.act is LegalHoldAct.SET):
            raise WrongStateError(
                f"The message is {'already' if is_held else 'not'} under legal hold.",
                remedy="`selat lifecycle list --held` shows what is.",
                number=number,
            )
        self._db.execute(
            "UPDATE message SET legal_hold = ? WHERE number = ?",
            (hold.code if hold.act is LegalHoldAct.SET else "", number),
        )
        self._db.execute(
            "INSERT INTO legal_hold (message, act, code, officer, at_ms, leaf_index)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                number,
                hold.act.value,
                hold.code,
                hold.officer,
                hold.at_ms,
                hold.leaf_index,
            ),
        )

    def erase(self, number: int, erasure: Erasure) -> None:
        """Destroy data key, ciphertext and selectors of a message.

        What nobody was shown becomes ``DISCARDED``, everything else
        ``ERASED``. To erase again changes nothing.

        Raises:
            NotFoundError: There is no such message.
            WrongStateError: It is under legal hold, or in a batch that waits
                for its receipt and may have to be sealed again.
        """
        row = self._message(number)
        if row["holding"] in {"erased", "discarded"}:
            return
        if row["legal_hold"]:
            raise WrongStateError(
                "The message is under legal hold; it is not erased.",
                remedy="An administrator releases it: selat hold release ID",
                number=number,
            )
        offered = "SELECT 1 FROM outbox WHERE message = ? AND state = 'offered'"
        if self._one(offered, (number,)) is not None:
            raise WrongStateError(
                "The message is on its way; it is erased after its receipt.",
                number=number,
            )
        self.destroy_payload(number)
        hidden = row["holding"] in {"quarantined", "refused"}
        self._db.execute(
            "UPDATE message SET holding = ? WHERE number = ?",
            ("discarded" if hidden else "erased", number),
        )
        self._db.execute(
            "INSERT INTO erasure (message, reason, officer, erased_ms, leaf_index)"
            " VALUES (?, ?, ?, ?, ?)",
            (
                number,
                erasure.reason,
                erasure.officer,
                erasure.erased_ms,
                erasure.leaf_index,
            ),
        )

    def _message(self, number: int) -> sqlite3.Row:
        row = self._one(
            "SELECT holding, legal_hold FROM message WHERE number = ?", (number,)
        )
        if row is None:
            raise NotFoundError(f"There is no message {number}.", number=number)
        return row


@checked
def _hold(row: sqlite3.Row) -> LegalHold:
    values = dict(row)
    values["act"] = LegalHoldAct(values["act"])
    return LegalHold(**values)
