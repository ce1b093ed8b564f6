# SPDX-License-Identifier: Apache-2.0
"""The outbox: every message on its way to every peer."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

from selat.errors import NotFoundError, WrongStateError
from selat.store.reviews import Held
from selat.store.sqlite.failures import checked
from selat.store.sqlite.rows import Rows, Value
from selat.store.values import Holding, Lane, OutboxRow, OutboxState, Settled

_FIELDS: Final = OutboxRow._fields
_OF_MESSAGE: Final = frozenset(
    {
        *("message_id", "version", "category", "record_type", "level", "tlp"),
        *("holding", "author"),
    }
)
_COLUMNS: Final = ", ".join(
    f"message.{name}" if name in _OF_MESSAGE else f"outbox.{name}" for name in _FIELDS
)
SELECT_ENTRY: Final = (
    f"SELECT {_COLUMNS}"  # noqa: S608 - constants only
    " FROM outbox CROSS JOIN message ON message.number = outbox.message"
)
#: Ends an update of the entries that a JSON list names: one statement changes a
#: batch in a third of the time of one for each entry.
ENTRIES: Final = " FROM json_each(?) AS entry WHERE outbox.number = entry.value"
_SETTLE: Final = (
    "UPDATE outbox SET state = ?, reason = ?, settled_ms = ?,"  # noqa: S608 - constants only
    " held_ms = NULL" + ENTRIES
)
#: Lists of texts that are remembered; nearly all are empty.
_LISTS_MAX: Final = 256
_QUEUED: Final = (
    " WHERE peer = ? AND state = 'queued' ORDER BY outbox.lane DESC, outbox.number"
    " LIMIT ?"
)
_FINAL: Final = frozenset(
    {
        OutboxState.ACCEPTED,
        OutboxState.REFUSED,
        OutboxState.QUARANTINED,
        OutboxState.WITHHELD,
        OutboxState.DEAD,
    }
)


class OutboxReads(Rows):
    """Read the outbox."""

    __slots__ = ()

    def outbox_entry(self, entry: int) -> OutboxRow | None:
        """Return one outbox entry, or None."""
        row = self._one(SELECT_ENTRY + " WHERE outbox.number = ?", (entry,))
        return None if row is None else entry_row(row)

    def queued(self, peer: str, *, limit: int) -> list[OutboxRow]:
        """Return queued entries of a peer: highest lane first, then oldest."""
        rows = self._all(SELECT_ENTRY + _QUEUED, (peer, limit))
        return entry_rows(rows)

    def outbox(
        self,
        *,
        peer: str = "",
        state: OutboxState | None = None,
        message: int | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[OutboxRow]:
        """Return outbox entries, newest first, below entry ``before``."""
        conditions = ["TRUE"]
        values: list[Value] = []
        if peer:
            conditions.append("peer = ?")
            values.append(peer)
        if state is not None:
            conditions.append("state = ?")
            values.append(state.value)
            if state not in {OutboxState.QUEUED, OutboxState.ACCEPTED}:
                # In these words, the partial index on the others serves.
                conditions.append("state NOT IN ('queued', 'accepted')")
        if message is not None:
            conditions.append("message = ?")
            values.append(message)
        if before is not None:
            conditions.append("outbox.number < ?")
            values.append(before)
        parts = (
            SELECT_ENTRY,
            "WHERE",
            " AND ".join(conditions),
            "ORDER BY outbox.number DESC LIMIT ?",
        )
        rows = self._all(" ".join(parts), [*values, limit])
        return entry_rows(rows)

    def peers_with_work(self) -> list[str]:
        """Return peers that have queued entries or open batches, by name."""
        rows = self._all(
            "SELECT peer FROM queue_count WHERE state = 'queued' AND entries > 0"
            " UNION SELECT peer FROM outgoing_batch WHERE first_receipt IS NULL"
            " ORDER BY peer"
        )
        return [row[0] for row in rows]


class OutboxWrites(OutboxReads):
    """Fill the outbox and settle its entries."""

    __slots__ = ()

    def enqueue(
        self, messages: Sequence[tuple[int, Lane]], peers: Sequence[str], at_ms: int
    ) -> int:
        """Queue every message for every peer; return how many entries.

        A message that was queued for a peer before is left where it is.

        Raises:
            NotFoundError: One of the messages is not there; none is queued.
        """
        numbers = sorted({number for number, _ in messages})
        known = self._in("SELECT number FROM message WHERE number IN (", numbers)
        if len(list(known)) < len(numbers):
            raise NotFoundError("A message to be queued is not in the store.")
        added = self._db.executemany(
            "INSERT INTO outbox (message, peer, lane, state, queued_ms, attempts,"
            " reason, obligations, approved, redacted)"
            " VALUES (?, ?, ?, 'queued', ?, 0, '', '[]', '[]', '[]')"
            " ON CONFLICT (message, peer) DO NOTHING",
            (
                (number, peer, lane.value, at_ms)
                for number, lane in messages
                for peer in peers
            ),
        )
        return max(added.rowcount, 0)

    def hold(self, held: Sequence[Held], at_ms: int) -> None:
        """Let queued entries wait for a person; they become ``HELD``.

        Raises:
            WrongStateError: An entry is not queued; none changes.
        """
        queued = self._in(
            "SELECT number FROM outbox WHERE state = 'queued' AND number IN (",
            [one.entry for one in held],
        )
        if len(set(queued)) < len(held):
            raise WrongStateError(
                "An outbox entry to be held is not queued.",
                remedy="Look at the outbox; what left is not held back.",
            )
        self._db.executemany(
            "UPDATE outbox SET state = 'held', reason = ?, held_ms = ?,"
            " obligations = ?, leaf_index = ? WHERE number = ?",
            (
                (
                    one.reason,
                    at_ms,
                    json_list(one.obligations),
                    one.leaf_index,
                    one.entry,
                )
                for one in held
            ),
        )

    def settle(self, settled: Sequence[Settled], at_ms: int) -> None:
        """Give entries their final state.

        What a peer quarantined may be settled once more; what waits for a person
        waits no longer.

        Raises:
            ValueError: The state is not a final one.
            WrongStateError: An entry is settled already or is not there; then
                none of them changes.
        """
        if any(one.state not in _FINAL for one in settled):
            raise ValueError("an entry is settled with a final state")
        waiting = self._in(
            "SELECT number, state, peer FROM outbox"
            " WHERE state IN ('queued', 'held', 'offered', 'quarantined')"
            " AND number IN (",
            [one.entry for one in settled],
        )
        stood = {number: (state, peer) for number, state, peer in waiting}
        if len(stood) < len(settled):
            raise WrongStateError(
                "An outbox entry to be settled is settled already.",
                remedy="Look at the outbox; the first receipt counts.",
            )
        alike: defaultdict[tuple[str, str], list[Settled]] = defaultdict(list)
        for one in settled:
            alike[one.state.value, one.reason].append(one)
        for (state, reason), some in alike.items():
            self._db.execute(
                _SETTLE,
                (state, reason, at_ms, json.dumps([one.entry for one in some])),
            )
        self._db.executemany(
            "UPDATE outbox SET leaf_index = ? WHERE number = ? AND leaf_index IS NULL",
            (
                (one.leaf_index, one.entry)
                for one in settled
                if one.leaf_index is not None
            ),
        )
        accepted = Counter(
            stood[one.entry] for one in settled if one.state is OutboxState.ACCEPTED
        )
        for (state, peer), entries in accepted.items():
            if state == OutboxState.OFFERED.value:
                count_moves(self._db, peer, (state, "accepted"), entries)

    def requeue(self, entry: int, at_ms: int) -> None:
        """Queue a dead entry again, with no attempts counted.

        Raises:
            NotFoundError: There is no such entry.
            WrongStateError: It is not ``DEAD``.
        """
        queued = self._db.execute(
            "UPDATE outbox SET state = 'queued', queued_ms = ?, attempts = 0,"
            " sequence = NULL, leaf_index = NULL, reason = '', settled_ms = NULL,"
            " redacted = '[]' WHERE number = ? AND state = 'dead'",
            (at_ms, entry),
        )
        if queued.rowcount > 0:
            return
        row = self._one("SELECT state FROM outbox WHERE number = ?", (entry,))
        if row is None:
            raise NotFoundError(f"There is no outbox entry {entry}.", entry=entry)
        raise WrongStateError(
            f"Outbox entry {entry} is {row[0]}, not dead.",
            remedy="Only dead entries are queued again.",
            entry=entry,
        )


def count_moves(
    db: sqlite3.Connection, peer: str, states: tuple[str, str], entries: int
) -> None:
    """Count a batch of moves from one state to the next, which no trigger counts."""
    old, new = states
    db.execute(
        "INSERT INTO queue_count VALUES (?, ?, ?), (?, ?, ?)"
        " ON CONFLICT DO UPDATE SET entries = entries + excluded.entries",
        (peer, old, -entries, peer, new, entries),
    )


def json_list(texts: Sequence[str]) -> str:
    """Return texts as they stand in a column of lists."""
    return json.dumps(list(texts), ensure_ascii=False) if texts else "[]"


def entry_row(row: sqlite3.Row) -> OutboxRow:
    """Return the entry of a row that `SELECT_ENTRY` gave.

    Raises:
        StoreCorruptError: It holds what this node cannot have written.
    """
    return entry_rows([row])[0]


@checked
def entry_rows(rows: Iterable[sqlite3.Row]) -> list[OutboxRow]:
    """Return the entries of rows that `SELECT_ENTRY` gave.

    Raises:
        StoreCorruptError: One holds what this node cannot have written.
    """
    entries: list[OutboxRow] = []
    for row in rows:
        values = list(row)
        for column, read in _READERS:
            values[column] = read(values[column])
        entries.append(OutboxRow._make(values))
    return entries


@lru_cache(_LISTS_MAX)
def _texts(column: str) -> tuple[str, ...]:
    return tuple(json.loads(column))


# How a column is read whose value is not what it stores.
_READ: Final[dict[str, Callable[[Any], Any]]] = {
    "lane": lru_cache(Lane),
    "state": lru_cache(OutboxState),
    "holding": lru_cache(Holding),
    "obligations": _texts,
    "approved": _texts,
    "redacted": _texts,
}
_READERS: Final = tuple((_FIELDS.index(name), read) for name, read in _READ.items())
