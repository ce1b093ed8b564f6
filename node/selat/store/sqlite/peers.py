# SPDX-License-Identifier: Apache-2.0
"""Peers, how far the exchange with each has come, and their checkpoints."""

from __future__ import annotations

import sqlite3

from selat.errors import CheckpointForkedError
from selat.store.publication import KeptCard
from selat.store.sqlite.failures import checked
from selat.store.sqlite.publication import PublicationWrites
from selat.store.sqlite.rows import Rows
from selat.store.values import Link, PeerCheckpoint, PeerRow, PeerState

_LINK = (
    "SELECT link.*, origin, size, root, note FROM link"
    " LEFT JOIN peer_checkpoint AS c ON c.peer = link.peer"
    " AND c.origin = link.checkpoint_origin AND c.size = link.checkpoint_size"
    " WHERE link.peer = ?"
)
_PUT_LINK = (
    "INSERT INTO link VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
    " checkpoint_origin = excluded.checkpoint_origin,"
    " checkpoint_size = excluded.checkpoint_size,"
    " acknowledged_size = excluded.acknowledged_size,"
    " received_sequence = excluded.received_sequence,"
    " sent_sequence = excluded.sent_sequence,"
    " attempts = excluded.attempts,"
    " next_attempt_ms = excluded.next_attempt_ms,"
    " last_error = excluded.last_error,"
    " last_contact_ms = excluded.last_contact_ms"
)


class PeerReads(Rows):
    """Read peers."""

    __slots__ = ()

    def peers(self) -> list[PeerRow]:
        """Return every peer, accepted and removed, by name."""
        return [_peer(row) for row in self._all("SELECT * FROM peer ORDER BY name")]

    def peer(self, name: str) -> PeerRow | None:
        """Return one peer, or None."""
        row = self._one("SELECT * FROM peer WHERE name = ?", (name,))
        return None if row is None else _peer(row)

    def link(self, peer: str) -> Link:
        """Return how far the exchange with a peer has come; new if unknown."""
        row = self._one(_LINK, (peer,))
        return Link(peer=peer) if row is None else _link(row)

    def peer_checkpoint(
        self, peer: str, origin: str, size: int
    ) -> PeerCheckpoint | None:
        """Return a verified checkpoint of a peer by its shard and size, or None."""
        row = self._one(
            "SELECT * FROM peer_checkpoint WHERE peer = ? AND origin = ? AND size = ?",
            (peer, origin, size),
        )
        return None if row is None else _checkpoint(row)


class PeerWrites(PeerReads, PublicationWrites):
    """Change peers."""

    __slots__ = ()

    def put_peer(self, peer: PeerRow) -> None:
        """Insert or replace a peer; its card is also kept for `cards`."""
        self.keep_card(KeptCard(node=peer.name, envelope=peer.envelope))
        self._db.execute(
            "INSERT INTO peer VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " envelope = excluded.envelope, state = excluded.state,"
            " accepted_ms = excluded.accepted_ms, changed_ms = excluded.changed_ms",
            (
                peer.name,
                peer.envelope,
                peer.state.value,
                peer.accepted_ms,
                peer.changed_ms,
            ),
        )

    def put_link(self, link: Link) -> None:
        """Insert or replace the state of an exchange, and keep its checkpoint.

        Raises:
            CheckpointForkedError: Another root is kept for its size.
        """
        checkpoint = link.checkpoint
        if checkpoint is not None:
            self.keep_peer_checkpoint(link.peer, checkpoint)
        self._db.execute(
            _PUT_LINK,
            (
                link.peer,
                None if checkpoint is None else checkpoint.origin,
                None if checkpoint is None else checkpoint.size,
                link.acknowledged_size,
                link.received_sequence,
                link.sent_sequence,
                link.attempts,
                link.next_attempt_ms,
                link.last_error,
                link.last_contact_ms,
            ),
        )

    def keep_peer_checkpoint(self, peer: str, checkpoint: PeerCheckpoint) -> None:
        """Keep a verified checkpoint of a peer; one for each shard and size.

        Raises:
            CheckpointForkedError: Another root is kept for that shard and size; it
                is evidence against the peer and stays.
        """
        kept = self._db.execute(
            "INSERT INTO peer_checkpoint VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
            " SET note = excluded.note WHERE root = excluded.root",
            (
                peer,
                checkpoint.origin,
                checkpoint.size,
                checkpoint.root,
                checkpoint.note,
            ),
        )
        if kept.rowcount == 0:
            raise CheckpointForkedError(
                f"Another root of {checkpoint.origin} with {checkpoint.size} leaves is "
                "kept.",
                remedy="Stop and call the peer: its log shows two histories.",
                peer=peer,
                size=checkpoint.size,
            )


@checked
def _peer(row: sqlite3.Row) -> PeerRow:
    return PeerRow(
        name=row["name"],
        envelope=row["envelope"],
        state=PeerState(row["state"]),
        accepted_ms=row["accepted_ms"],
        changed_ms=row["changed_ms"],
    )


@checked
def _checkpoint(row: sqlite3.Row) -> PeerCheckpoint:
    return PeerCheckpoint(
        origin=row["origin"], size=row["size"], root=row["root"], note=row["note"]
    )


@checked
def _link(row: sqlite3.Row) -> Link:
    return Link(
        peer=row["peer"],
        checkpoint=None if row["checkpoint_size"] is None else _checkpoint(row),
        acknowledged_size=row["acknowledged_size"],
        received_sequence=row["received_sequence"],
        sent_sequence=row["sent_sequence"],
        attempts=row["attempts"],
        next_attempt_ms=row["next_attempt_ms"],
        last_error=row["last_error"],
        last_contact_ms=row["last_contact_ms"],
    )
