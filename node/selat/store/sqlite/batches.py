# SPDX-License-Identifier: Apache-2.0
"""Batches: what we formed, what peers answered, what we accepted.

The leaves of a peer's log that came with them, its offers and its receipts,
are kept by their shard and index in it: one index never holds two leaves.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from selat.errors import (
    AlreadyExistsError,
    NotFoundError,
    StoreCorruptError,
    WrongStateError,
)
from selat.store.sqlite.failures import RESTORE
from selat.store.sqlite.outbox import (
    ENTRIES,
    SELECT_ENTRY,
    count_moves,
    entry_rows,
    json_list,
)
from selat.store.sqlite.rows import Rows
from selat.store.values import (
    BatchReceipt,
    IncomingBatch,
    Offered,
    OutboxRow,
    OutgoingBatch,
)

# A batch's entries lie where its leaves lie; a voided batch's have its number
# still, which a later batch may bear.
_ENTRIES: Final = SELECT_ENTRY + (
    " WHERE leaf_index >= ? AND leaf_index < ? AND peer = ? AND sequence = ?"
    " ORDER BY leaf_index"
)
_OFFER: Final = (
    "UPDATE outbox SET state = 'offered', sequence = ?,"  # noqa: S608 - constants only
    " leaf_index = ? + entry.key, redacted = '[]'" + ENTRIES
)
_REDACTED: Final = (
    "UPDATE outbox SET redacted = ?" + ENTRIES  # noqa: S608 - constants only
)
_BATCH: Final = "SELECT * FROM outgoing_batch WHERE peer = ? AND sequence = ?"
_LEAVES: Final = (
    "SELECT data FROM peer_leaf WHERE shard ="
    " (SELECT number FROM peer_shard WHERE peer = ? AND origin = ?)"
)
_RECEIPT: Final = (
    "SELECT peer_leaf.data FROM outbox"
    " CROSS JOIN outgoing_batch AS b"
    " ON b.peer = outbox.peer AND b.sequence = outbox.sequence"
    " AND outbox.leaf_index >= b.first_leaf"
    " AND outbox.leaf_index < b.first_leaf + b.count"
    " CROSS JOIN peer_shard AS s ON s.peer = b.peer AND s.origin = b.origin"
    " CROSS JOIN peer_leaf ON peer_leaf.shard = s.number"
    " AND peer_leaf.leaf_index = b.first_receipt + outbox.leaf_index - b.first_leaf"
    " WHERE outbox.number = ?"
)


class BatchReads(Rows):
    """Read batches and peers' leaves."""

    __slots__ = ()

    def open_batches(self, peer: str) -> list[OutgoingBatch]:
        """Return batches without a receipt, by ascending sequence."""
        rows = self._all(
            "SELECT * FROM outgoing_batch WHERE peer = ? AND first_receipt IS NULL"
            " ORDER BY sequence",
            (peer,),
        )
        return [_outgoing(row) for row in rows]

    def batch_entries(self, peer: str, sequence: int) -> list[OutboxRow]:
        """Return the entries of one of our batches in leaf order."""
        row = self._one(_BATCH, (peer, sequence))
        if row is None:
            return []
        first, end = row["first_leaf"], row["first_leaf"] + row["count"]
        entries = self._all(_ENTRIES, (first, end, peer, sequence))
        return entry_rows(entries)

    def receipt(self, entry: int) -> bytes | None:
        """Return the peer's receipt leaf that answered an entry, or None."""
        row = self._one(_RECEIPT, (entry,))
        return None if row is None else bytes(row[0])

    def batch_receipt(self, peer: str, sequence: int) -> BatchReceipt | None:
        """Return the kept answer to one of our batches, or None."""
        row = self._one(_BATCH, (peer, sequence))
        if row is None or row["first_receipt"] is None:
            return None
        first, count = row["first_receipt"], row["count"]
        receipts = self._all(
            _LEAVES + " AND leaf_index >= ? AND leaf_index < ? ORDER BY leaf_index",
            (peer, row["origin"], first, first + count),
        )
        if len(receipts) != count:
            raise StoreCorruptError("Receipts of a peer are missing.", remedy=RESTORE)
        return BatchReceipt(
            origin=row["origin"],
            first_receipt=first,
            receipts=tuple(receipt[0] for receipt in receipts),
            proof=row["proof"],
            checkpoint_size=row["checkpoint_size"],
        )

    def incoming_batch(self, peer: str, sequence: int) -> IncomingBatch | None:
        """Return a batch that we accepted from a peer, or None."""
        row = self._one(
            "SELECT * FROM incoming_batch WHERE peer = ? AND sequence = ?",
            (peer, sequence),
        )
        return None if row is None else IncomingBatch(**dict(row))

    def offer(self, peer: str, origin: str, index: int) -> bytes | None:
        """Return an offer leaf of a peer's shard that we accepted, or None."""
        row = self._one(
            _LEAVES + " AND leaf_index = ? AND kind = 'offer'", (peer, origin, index)
        )
        return None if row is None else bytes(row[0])

    def arrival_batch(self, number: int) -> tuple[IncomingBatch, int] | None:
        """Return the batch that brought a message and its position in it."""
        row = self._one(
            "SELECT peer, sequence, position FROM arrival WHERE message = ?", (number,)
        )
        if row is None:
            return None
        batch = self.incoming_batch(row["peer"], row["sequence"])
        return None if batch is None else (batch, row["position"])


class BatchWrites(BatchReads):
    """Form and answer batches."""

    __slots__ = ()

    def form_batch(self, batch: OutgoingBatch, entries: Sequence[Offered]) -> None:
        """Keep a batch; its entries become ``OFFERED``.

        Raises:
            AlreadyExistsError: A batch for that peer has that sequence.
            ValueError: The entries do not fill the batch's leaves.
            WrongStateError: An entry is not queued for that peer.
        """
        if sorted(entry.leaf_index for entry in entries) != [
            *range(batch.first_leaf, batch.first_leaf + batch.count)
        ]:
            raise ValueError("a batch has one entry for each of its leaves")
        if self._one(_BATCH, (batch.peer, batch.sequence)) is not None:
            raise AlreadyExistsError(
                f"Batch {batch.sequence} to {batch.peer} is formed already.",
                peer=batch.peer,
                sequence=batch.sequence,
            )
        queued = self._in(
            "SELECT number FROM outbox WHERE state = 'queued' AND peer = ?"
            " AND number IN (",
            [entry.entry for entry in entries],
            batch.peer,
        )
        if len(set(queued)) < batch.count:
            raise WrongStateError(
                f"An entry of batch {batch.sequence} is not queued for {batch.peer}.",
                peer=batch.peer,
                sequence=batch.sequence,
            )
        in_order = sorted(entries, key=attrgetter("leaf_index"))
        self._db.execute(
            _OFFER,
            (
                batch.sequence,
                batch.first_leaf,
                json.dumps([entry.entry for entry in in_order]),
            ),
        )
        by_redacted: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
        for entry in entries:
            if entry.redacted:
                by_redacted[entry.redacted].append(entry.entry)
        self._db.executemany(
            _REDACTED,
            (
                (json_list(redacted), json.dumps(numbers))
                for redacted, numbers in by_redacted.items()
            ),
        )
        count_moves(self._db, batch.peer, ("queued", "offered"), batch.count)
        self._db.execute(
            "INSERT INTO outgoing_batch VALUES (?, ?, ?, ?, ?, NULL, NULL, NULL, NULL)",
            (
                batch.peer,
                batch.sequence,
                batch.first_leaf,
                batch.count,
                batch.offered_ms,
            ),
        )

    def keep_receipt(self, peer: str, sequence: int, receipt: BatchReceipt) -> None:
        """Keep a peer's answer; the batch is open no longer.

        Raises:
            AlreadyExistsError: One of the leaves' places is taken.
            NotFoundError: There is no such batch.
            ValueError: There are not as many receipts as messages.
            WrongStateError: It is answered already.
        """
        row = self._open_batch(peer, sequence)
        if len(receipt.receipts) != row["count"]:
            raise ValueError("a batch has one receipt for each of its messages")
        shard = self._peer_shard(peer, receipt.origin)
        self._keep_leaves(shard, "receipt", receipt.first_receipt, receipt.receipts)
        self._db.execute(
            "UPDATE outgoing_batch SET origin = ?, first_receipt = ?, proof = ?,"
            " checkpoint_size = ? WHERE peer = ? AND sequence = ?",
            (
                receipt.origin,
                receipt.first_receipt,
                receipt.proof,
                receipt.checkpoint_size,
                peer,
                sequence,
            ),
        )

    def count_attempt(self, peer: str, sequence: int) -> None:
        """Add one failed delivery to every entry of a batch.

        Raises:
            NotFoundError: There is no such batch.
            WrongStateError: It is answered already.
        """
        self._open_batch(peer, sequence)
        self._db.executemany(
            "UPDATE outbox SET attempts = attempts + 1 WHERE number = ?",
            ((entry.number,) for entry in self.batch_entries(peer, sequence)),
        )

    def void_batch(self, peer: str, sequence: int, *, reason: str, at_ms: int) -> None:
        """Take a refused batch back: its entries become ``DEAD``.

        Its sequence number becomes free; its leaves stay in the log.

        Raises:
            NotFoundError: There is no such batch.
            WrongStateError: It is answered already.
        """
        self._open_batch(peer, sequence)
        self._db.executemany(
            "UPDATE outbox SET state = 'dead', reason = ?, settled_ms = ?"
            " WHERE number = ?",
            (
                (reason, at_ms, entry.number)
                for entry in self.batch_entries(peer, sequence)
            ),
        )
        self._forget(peer, sequence)

    def reopen_batch(self, peer: str, sequence: int) -> None:
        """Take a formed batch back: its entries become ``QUEUED`` again.

        Its sequence number becomes free; its leaves stay in the log.

        Raises:
            NotFoundError: There is no such batch.
            WrongStateError: It is answered already.
        """
        self._open_batch(peer, sequence)
        self._db.executemany(
            "UPDATE outbox SET state = 'queued', sequence = NULL, leaf_index = NULL,"
            " redacted = '[]' WHERE number = ?",
            ((entry.number,) for entry in self.batch_entries(peer, sequence)),
        )
        self._forget(peer, sequence)

    def keep_incoming(
        self,
        batch: IncomingBatch,
        offers: Sequence[bytes],
        messages: Sequence[int | None],
    ) -> None:
        """Keep an accepted batch and the exact bytes of its offer leaves.

        Args:
            batch: The batch.
            offers: Its offer leaves in order.
            messages: Arrival numbers in the same order; None for a message
                that was refused or had been here before.

        Raises:
            AlreadyExistsError: A batch of that sequence, or a leaf in one of
                the places, is kept already.
            ValueError: There are not as many offers or numbers as messages.
        """
        if not len(offers) == len(messages) == batch.count:
            raise ValueError("a batch has one offer for each of its messages")
        if self.incoming_batch(batch.peer, batch.sequence) is not None:
            raise AlreadyExistsError(
                f"Batch {batch.sequence} of {batch.peer} is kept already.",
                peer=batch.peer,
                sequence=batch.sequence,
            )
        shard = self._peer_shard(batch.peer, batch.origin)
        self._keep_leaves(shard, "offer", batch.first_offer, offers)
        self._db.execute(
            "INSERT INTO incoming_batch VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                batch.peer,
                batch.sequence,
                batch.digest,
                batch.first_receipt,
                batch.count,
                batch.origin,
                batch.first_offer,
                batch.proof,
                batch.checkpoint_size,
                batch.received_ms,
            ),
        )
        self._insert(
            "INSERT INTO arrival VALUES",
            [
                (number, batch.peer, batch.sequence, position)
                for position, number in enumerate(messages)
                if number is not None
            ],
        )

    def _peer_shard(self, peer: str, origin: str) -> int:
        """Return the number of a shard of a peer's log; number it if it is new."""
        place = (peer, origin)
        self._db.execute(
            "INSERT INTO peer_shard (peer, origin) VALUES (?, ?)"
            " ON CONFLICT DO NOTHING",
            place,
        )
        (row,) = self._all(
            "SELECT number FROM peer_shard WHERE peer = ? AND origin = ?", place
        )
        number: int = row["number"]
        return number

    def _keep_leaves(
        self, shard: int, kind: str, first: int, leaves: Sequence[bytes]
    ) -> None:
        taken = self._one(
            "SELECT origin, leaf_index FROM peer_leaf, peer_shard AS s"
            " WHERE shard = ? AND leaf_index >= ? AND leaf_index < ?"
            " AND s.number = shard",
            (shard, first, first + len(leaves)),
        )
        if taken is not None:
            raise AlreadyExistsError(
                f"Leaf {taken['leaf_index']} of {taken['origin']} is kept already.",
                origin=taken["origin"],
                leaf_index=taken["leaf_index"],
            )
        self._insert(
            "INSERT INTO peer_leaf VALUES",
            [(shard, index, kind, leaf) for index, leaf in enumerate(leaves, first)],
        )

    def _open_batch(self, peer: str, sequence: int) -> sqlite3.Row:
        row = self._one(_BATCH, (peer, sequence))
        if row is None:
            raise NotFoundError(
                f"There is no batch {sequence} to {peer}.", peer=peer, sequence=sequence
            )
        if row["first_receipt"] is not None:
            raise WrongStateError(
                f"{peer} has answered batch {sequence} already.",
                peer=peer,
                sequence=sequence,
            )
        return row

    def _forget(self, peer: str, sequence: int) -> None:
        self._db.execute(
            "DELETE FROM outgoing_batch WHERE peer = ? AND sequence = ?",
            (peer, sequence),
        )


def _outgoing(row: sqlite3.Row) -> OutgoingBatch:
    return OutgoingBatch(
        peer=row["peer"],
        sequence=row["sequence"],
        first_leaf=row["first_leaf"],
        count=row["count"],
        offered_ms=row["offered_ms"],
    )
