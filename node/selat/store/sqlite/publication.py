# SPDX-License-Identifier: Apache-2.0
"""What auditors get beside our own log: cards, and peers' leaves by batch."""

from __future__ import annotations

import sqlite3
from typing import Final

from selat.errors import StoreCorruptError
from selat.store.publication import KeptCard, PeerLog, ProvenRange
from selat.store.sqlite.failures import RESTORE
from selat.store.sqlite.rows import Rows

_RECEIPTS: Final = (
    "SELECT sequence, count, first_receipt AS first_index, proof, checkpoint_size"
    " FROM outgoing_batch WHERE peer = ? AND origin = ?"
    " AND first_leaf + count > ? AND first_leaf < ? AND sequence > ?"
    " ORDER BY sequence LIMIT ?"
)
_OFFERS: Final = (
    "SELECT sequence, count, first_offer AS first_index, proof, checkpoint_size"
    " FROM incoming_batch WHERE peer = ? AND origin = ?"
    " AND first_receipt + count > ? AND first_receipt < ? AND sequence > ?"
    " ORDER BY sequence LIMIT ?"
)
_COUNT: Final = (
    "SELECT COALESCE(SUM(count), 0) FROM"
    " (SELECT count, peer, origin, first_leaf AS first FROM outgoing_batch"
    " UNION ALL SELECT count, peer, origin, first_receipt FROM incoming_batch)"
    " WHERE peer = ? AND origin = ? AND first + count > ? AND first < ?"
)
_LEAVES: Final = (
    "SELECT data FROM peer_leaf WHERE shard ="
    " (SELECT number FROM peer_shard WHERE peer = ? AND origin = ?)"
    " AND leaf_index >= ? AND leaf_index < ? ORDER BY leaf_index"
)


class PublicationReads(Rows):
    """Read cards and ranges of peers' leaves."""

    __slots__ = ()

    def cards(self) -> list[KeptCard]:
        """Return every card that was in force, own and peers', oldest first."""
        rows = self._all("SELECT node, envelope FROM card ORDER BY number")
        return [KeptCard(**dict(row)) for row in rows]

    def peer_logs(self) -> list[PeerLog]:
        """Return the shards of peers' logs that leaves are kept of, in order."""
        rows = self._all("SELECT peer, origin FROM peer_shard ORDER BY peer, origin")
        return [PeerLog(**dict(row)) for row in rows]

    def peer_leaf_count(self, log: PeerLog, *, first: int, end: int) -> int:
        """Return how many leaves of a peer pair with ours of some positions."""
        (leaves,) = self._db.execute(
            _COUNT, (log.peer, log.origin, first, end)
        ).fetchone()
        return int(leaves)

    def receipt_ranges(
        self, log: PeerLog, *, first: int, end: int, after: int, limit: int
    ) -> list[ProvenRange]:
        """Return a peer's receipts for batches of ours, by ascending sequence."""
        values = (log.peer, log.origin, first, end, after, limit)
        return [self._range(log, row) for row in self._all(_RECEIPTS, values)]

    def offer_ranges(
        self, log: PeerLog, *, first: int, end: int, after: int, limit: int
    ) -> list[ProvenRange]:
        """Return a peer's offers of accepted batches, by ascending sequence."""
        values = (log.peer, log.origin, first, end, after, limit)
        return [self._range(log, row) for row in self._all(_OFFERS, values)]

    def _range(self, log: PeerLog, row: sqlite3.Row) -> ProvenRange:
        first, count = row["first_index"], row["count"]
        leaves = self._blobs(_LEAVES, (log.peer, log.origin, first, first + count))
        if len(leaves) != count:
            raise StoreCorruptError("Leaves of a peer are missing.", remedy=RESTORE)
        return ProvenRange(
            sequence=row["sequence"],
            first_index=first,
            leaves=tuple(leaves),
            proof=row["proof"],
            checkpoint_size=row["checkpoint_size"],
        )


class PublicationWrites(PublicationReads):
    """Keep cards."""

    __slots__ = ()

    def keep_card(self, card: KeptCard) -> None:
        """Keep a card that comes into force; one that is kept stays as it is."""
        self._db.execute(
            "INSERT INTO card (node, envelope) VALUES (?, ?) ON CONFLICT DO NOTHING",
            (card.node, card.envelope),
        )
