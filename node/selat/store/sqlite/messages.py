# SPDX-License-Identifier: Apache-2.0
"""Messages, their protected payloads and the hashes they are found by.

Selectors lie in segments of consecutive messages. Their hashes are random, so
in one tree each of them would dirty a page of its own; in a segment they share
a few hundred. A search asks every segment, a handful of page reads each.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from selat.errors import AlreadyExistsError, NotFoundError
from selat.store.sqlite.failures import checked
from selat.store.sqlite.rows import Rows, Value
from selat.store.values import (
    Direction,
    Holding,
    Lane,
    MessageRow,
    NewMessage,
    Payload,
)

# 2 ** 11 messages share a segment of selectors; part of the stored format. A
# batch dirties every page of its segment, and a search asks every segment.
SEGMENT_BITS: Final = 11
_SELECTOR_BYTES: Final = 16

# What is read of an enumeration's member at every row, for its own costs more.
_TEXTS: Final[dict[Direction | Holding, str]] = {
    each: each.value for each in (*Direction, *Holding)
}
_HIDDEN: Final = frozenset(each for each in Holding if each.is_hidden)

_VERSIONS = (
    "SELECT message_id, originator, direction, version, number, holding"
    " FROM message WHERE message_id IN ("
)


class MessageReads(Rows):
    """Read messages."""

    __slots__ = ()

    def message(self, number: int) -> MessageRow | None:
        """Return one message by its number, or None."""
        row = self._one("SELECT * FROM message WHERE number = ?", (number,))
        return None if row is None else message_row(row)

    def find(
        self, message_id: bytes, version: int | None, originator: str = ""
    ) -> list[MessageRow]:
        """Return messages by identity, newest version first.

        Args:
            message_id: 16-byte UUIDv7.
            version: One version, or None for all.
            originator: Only this node's, when not empty.
        """
        rows = self._all(
            "SELECT * FROM message WHERE message_id = :message_id"
            " AND (:version IS NULL OR version = :version)"
            " AND (:originator = '' OR originator = :originator)"
            " ORDER BY version DESC, number DESC",
            {
                "message_id": message_id,
                "version": version,
                "originator": originator,
            },
        )
        return [message_row(row) for row in rows]

    def payload(self, number: int) -> Payload | None:
        """Return the protected payload, or None when it was erased."""
        return self.payloads([number]).get(number)

    def payloads(self, messages: Sequence[int]) -> dict[int, Payload]:
        """Return the payloads of several messages that still have one."""
        rows = self._in(
            "SELECT message, wrapped_key, ciphertext FROM payload"
            " JOIN data_key USING (message) WHERE message IN (",
            messages,
        )
        return {
            number: Payload(wrapped_key=wrapped_key, ciphertext=ciphertext)
            for number, wrapped_key, ciphertext in rows
        }

    def arrivals(self, *, after: int, limit: int) -> list[MessageRow]:
        """Return received messages above cursor ``after``, by ascending cursor.

        One that came out of quarantine stands where it came out.
        """
        straight = self._all(
            "SELECT * FROM message WHERE direction = 'in' AND number > ?"
            " AND arrival IS NULL ORDER BY number LIMIT ?",
            (after, limit),
        )
        admitted = self._all(
            "SELECT * FROM message WHERE arrival > ? ORDER BY arrival LIMIT ?",
            (after, limit),
        )
        rows = [message_row(row) for row in (*straight, *admitted)]
        return sorted(rows, key=attrgetter("cursor"))[:limit]

    def newest_arrival(self) -> int:
        """Return the greatest cursor given to a message; 0 for none."""
        newest = self._all(
            "SELECT max(coalesce((SELECT max(number) FROM message), 0),"
            " coalesce((SELECT max(arrival) FROM message WHERE arrival > 0), 0))"
        )
        return int(newest[0][0])


class MessageWrites(MessageReads):
    """Keep and acknowledge messages; destroy their payloads.

    Attributes:
        has_erased: Whether a payload was erased through this object.
    """

    __slots__ = ("has_erased",)

    def __init__(self, db: sqlite3.Connection) -> None:
        super().__init__(db)
        self.has_erased = False

    def add_messages(self, messages: Sequence[NewMessage]) -> list[int]:
        """Keep messages; return their numbers.

        Of several versions of a message by the same originator in the same
        direction all but the newest become ``SUPERSEDED``, whichever order
        they come in; an erased one stays ``ERASED``. A quarantined one neither
        supersedes nor is superseded before it is admitted.

        Raises:
            AlreadyExistsError: One of them (direction, originator, id,
                version) is kept already; then none of them is kept now.
            ValueError: A selector is not 16 bytes.
        """
        first = self.newest_arrival() + 1
        superseded = self._superseded(messages, first)
        self._insert(
            "INSERT INTO message VALUES",
            [
                _columns(number, message, superseded=number in superseded)
                for number, message in enumerate(messages, first)
            ],
        )
        self._insert(
            "INSERT INTO data_key VALUES",
            [
                (number, message.wrapped_key)
                for number, message in enumerate(messages, first)
            ],
        )
        self._insert(
            "INSERT INTO payload VALUES",
            [
                (number, message.ciphertext, b"".join(message.selectors))
                for number, message in enumerate(messages, first)
            ],
        )
        self._insert(
            "INSERT INTO selector VALUES",
            sorted(
                [
                    row
                    for number, message in enumerate(messages, first)
                    for row in _selector_rows(number, message.selectors)
                ]
            ),
        )
        self._db.executemany(
            "UPDATE message SET holding = 'superseded'"
            " WHERE number = ? AND holding = 'current'",
            ((number,) for number in superseded if number < first),
        )
        self._count(messages, first, superseded)
        return list(range(first, first + len(messages)))

    def _superseded(self, messages: Sequence[NewMessage], first: int) -> set[int]:
        """Return the numbers, kept and new, that have a newer version.

        Args:
            messages: What is to be kept.
            first: The number that the first of them will have.
        """
        identifiers = [message.message_id for message in messages]
        kept = list(self._in(_VERSIONS, identifiers))
        if not kept and len(set(identifiers)) == len(messages):
            return set()  # nearly always: each is the first of its versions
        identities: defaultdict[tuple[bytes, str, str], dict[int, int]]
        identities = defaultdict(dict)
        hidden: set[int] = set()
        for row in kept:
            identities[row[0], row[1], row[2]][row["version"]] = row["number"]
            if Holding(row["holding"]) in _HIDDEN:
                hidden.add(row["number"])
        for number, message in enumerate(messages, first):
            direction = _TEXTS[message.direction]
            versions = identities[message.message_id, message.originator, direction]
            if message.version in versions:
                raise AlreadyExistsError(
                    f"Version {message.version} of the message is kept already.",
                    message_id=message.message_id.hex(),
                    version=message.version,
                )
            versions[message.version] = number
            if message.holding in _HIDDEN:
                hidden.add(number)
        return {
            number
            for versions in identities.values()
            if len(versions) > 1
            for number in _older(versions, hidden)
        }

    def _count(
        self, messages: Sequence[NewMessage], first: int, superseded: set[int]
    ) -> None:
        """Add new messages to the tallies; a trigger follows their changes."""
        received = [
            number
            for number, message in enumerate(messages, first)
            if message.direction is Direction.IN
        ]
        waiting = sum(
            [
                messages[number - first].holding is Holding.CURRENT
                and number not in superseded
                for number in received
            ]
        )
        self._db.executemany(
            "UPDATE tally SET value = value + ? WHERE name = ?",
            (
                (len(received), "messages_in"),
                (len(messages) - len(received), "messages_out"),
                (waiting, "unacknowledged"),
            ),
        )

    def acknowledge(self, number: int, *, by: str, at_ms: int) -> bool:
        """Note who took a message in hand; False if somebody had before.

        Raises:
            NotFoundError: There is no such message.
        """
        noted = self._db.execute(
            "UPDATE message SET acknowledged_ms = ?, acknowledged_by = ?"
            " WHERE number = ? AND acknowledged_ms IS NULL",
            (at_ms, by, number),
        )
        if noted.rowcount == 0:
            self._check_known(number)
        return noted.rowcount > 0

    def destroy_payload(self, number: int) -> None:
        """Destroy data key, ciphertext and selectors of a message that has them.

        The key is overwritten where it stands, which no copy survives. Of what
        is deleted, fragments may outlive in pages that SQLite had rearranged:
        of the ciphertext, which nothing opens now, and of keyed hashes.
        """
        row = self._one("SELECT selectors FROM payload WHERE message = ?", (number,))
        if row is None:
            return
        self._db.execute(
            "UPDATE data_key SET wrapped_key = zeroblob(length(wrapped_key))"
            " WHERE message = ?",
            (number,),
        )
        self._db.executemany(
            "DELETE FROM selector WHERE segment = ? AND hash = ? AND message = ?",
            _selector_rows(number, _split(row[0])),
        )
        self._db.execute("DELETE FROM payload WHERE message = ?", (number,))
        self.has_erased = True

    def _check_known(self, number: int) -> None:
        if self._one("SELECT 1 FROM message WHERE number = ?", (number,)) is None:
            raise NotFoundError(
                f"There is no message with arrival number {number}.", number=number
            )


def _columns(
    number: int, message: NewMessage, *, superseded: bool
) -> tuple[Value, ...]:
    return (
        number,
        _TEXTS[message.direction],
        message.message_id,
        message.version,
        message.originator,
        message.category,
        message.record_type,
        message.status,
        int(message.lane),
        message.level,
        message.tlp,
        message.created_ms,
        message.expires_ms,
        message.stored_ms,
        _TEXTS[Holding.SUPERSEDED if superseded else message.holding],
        message.warnings,
        message.author,
        None,
        "",
        None,
        message.review_ms,
        "",
    )


def _older(versions: dict[int, int], hidden: set[int]) -> list[int]:
    """Return the numbers of all versions but the newest, of those not hidden."""
    shown = sorted(v for v, number in versions.items() if number not in hidden)
    return [versions[version] for version in shown[:-1]]


def _selector_rows(
    number: int, selectors: Sequence[bytes]
) -> list[tuple[int, bytes, int]]:
    """Return the index rows of a message, each selector once."""
    segment = number >> SEGMENT_BITS
    rows = [(segment, selector, number) for selector in dict.fromkeys(selectors)]
    for _, selector, _ in rows:
        if len(selector) != _SELECTOR_BYTES:
            raise ValueError(f"a selector has {_SELECTOR_BYTES} bytes")
    return rows


def _split(selectors: bytes) -> list[bytes]:
    return [
        selectors[start : start + _SELECTOR_BYTES]
        for start in range(0, len(selectors), _SELECTOR_BYTES)
    ]


@checked
def message_row(row: sqlite3.Row) -> MessageRow:
    """Return the message of a row of the table.

    Raises:
        StoreCorruptError: It holds what this node cannot have written.
    """
    values = dict(row)
    values["direction"] = Direction(values["direction"])
    values["lane"] = Lane(values["lane"])
    values["holding"] = Holding(values["holding"])
    return MessageRow(**values)
