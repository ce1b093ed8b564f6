# SPDX-License-Identifier: Apache-2.0
"""What was cosigned, here and by peers, and proofs of equivocation."""

from __future__ import annotations

import sqlite3
from typing import Final

from selat.store.sqlite.failures import checked
from selat.store.sqlite.rows import Rows
from selat.store.witnessing import (
    WAITING_CHECKPOINTS_MAX,
    Cosigned,
    EquivocationRow,
    OwnCheckpoint,
    Witnessed,
)

_DAY_MS: Final = 86_400_000
_PUT_OWN: Final = (
    "INSERT INTO own_checkpoint VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
    " note = excluded.note, cosigners = excluded.cosigners,"
    " anchored_ms = excluded.anchored_ms"
)
# Below an anchored one: what waits, and what was anchored on the same day.
_DROP_BELOW: Final = (
    "DELETE FROM own_checkpoint WHERE origin = :origin AND size < :size"
    " AND (anchored_ms IS NULL OR signed_ms / :day = :signed / :day)"
)
_DROP_WAITING: Final = (
    "DELETE FROM own_checkpoint WHERE origin = :origin AND anchored_ms IS NULL"
    " AND size <= (SELECT size FROM own_checkpoint"
    " WHERE origin = :origin AND anchored_ms IS NULL"
    " ORDER BY size DESC LIMIT 1 OFFSET :keep)"
)
_COSIGNED_NOTE: Final = (
    "SELECT note FROM own_checkpoint WHERE origin = ?"
    " ORDER BY anchored_ms IS NULL, size DESC LIMIT 1"
)
_PUT_WITNESSED: Final = (
    "INSERT INTO witnessed VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
    " size = excluded.size, root = excluded.root, note = excluded.note,"
    " witnessed_ms = excluded.witnessed_ms"
)


class WitnessingReads(Rows):
    """Read what was cosigned."""

    __slots__ = ()

    def witnessed(self, origin: str) -> Witnessed | None:
        """Return what this node has cosigned of a log, or None."""
        row = self._one("SELECT * FROM witnessed WHERE origin = ?", (origin,))
        return None if row is None else _witnessed(row)

    def witnessed_logs(self) -> list[Witnessed]:
        """Return what this node has cosigned of every log, by origin."""
        rows = self._all("SELECT * FROM witnessed ORDER BY origin")
        return [_witnessed(row) for row in rows]

    def own_checkpoint(self, origin: str, size: int) -> OwnCheckpoint | None:
        """Return a cosigned checkpoint of our log by its size, or None."""
        row = self._one(
            "SELECT * FROM own_checkpoint WHERE origin = ? AND size = ?",
            (origin, size),
        )
        return None if row is None else _own_checkpoint(row)

    def own_checkpoints(self, origin: str) -> list[OwnCheckpoint]:
        """Return every cosigned checkpoint of a log of ours, by size."""
        rows = self._all(
            "SELECT * FROM own_checkpoint WHERE origin = ? ORDER BY size", (origin,)
        )
        return [_own_checkpoint(row) for row in rows]

    def newest_anchored(self) -> OwnCheckpoint | None:
        """Return the anchored checkpoint of our newest log with the most leaves."""
        row = self._one(
            "SELECT * FROM own_checkpoint WHERE anchored_ms IS NOT NULL"
            " ORDER BY origin DESC, size DESC LIMIT 1"
        )
        return None if row is None else _own_checkpoint(row)

    def newest_cosigned_checkpoint(self, origin: str) -> bytes | None:
        """Return the newest anchored note of a log of ours with its cosignatures.

        Without an anchored one, the newest that anybody has cosigned; None
        when there is none.
        """
        row = self._one(_COSIGNED_NOTE, (origin,))
        return None if row is None else bytes(row[0])

    def cosigned(self, peer: str, origin: str) -> Cosigned | None:
        """Return how far a peer has cosigned a log of ours, or None."""
        row = self._one(
            "SELECT * FROM cosigner WHERE peer = ? AND origin = ?", (peer, origin)
        )
        return None if row is None else Cosigned(**dict(row))

    def equivocations(self, peer: str = "") -> list[EquivocationRow]:
        """Return proofs of equivocation, of one peer or of all, oldest first."""
        rows = self._all(
            "SELECT peer, origin, size, proof, reporter, found_ms, leaf_index"
            " FROM equivocation WHERE ?1 IN ('', peer) ORDER BY number",
            (peer,),
        )
        return [EquivocationRow(**dict(row)) for row in rows]


class WitnessingWrites(WitnessingReads):
    """Keep what was cosigned."""

    __slots__ = ()

    def put_witnessed(self, new: Witnessed, *, known_size: int) -> bool:
        """Replace the state of a log, if it still has the size that was known."""
        kept = self.witnessed(new.origin)
        if known_size != (0 if kept is None else kept.size):
            return False
        self._db.execute(
            _PUT_WITNESSED,
            (new.origin, new.peer, new.size, new.root, new.note, new.witnessed_ms),
        )
        return True

    def keep_own_checkpoint(self, checkpoint: OwnCheckpoint) -> None:
        """Insert or replace a checkpoint of ours, and drop what it supersedes."""
        this = checkpoint
        self._db.execute(
            _PUT_OWN,
            (
                this.origin,
                this.size,
                this.note,
                this.cosigners,
                this.signed_ms,
                this.anchored_ms,
            ),
        )
        if this.anchored_ms is None:
            self._db.execute(
                _DROP_WAITING,
                {"origin": this.origin, "keep": WAITING_CHECKPOINTS_MAX},
            )
            return
        self._db.execute(
            _DROP_BELOW,
            {
                "origin": this.origin,
                "size": this.size,
                "signed": this.signed_ms,
                "day": _DAY_MS,
            },
        )

    def put_cosigned(self, cosigned: Cosigned) -> None:
        """Insert or replace how far a peer has cosigned a log of ours."""
        self._db.execute(
            "INSERT INTO cosigner VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " size = excluded.size, cosigned_ms = excluded.cosigned_ms",
            (cosigned.peer, cosigned.origin, cosigned.size, cosigned.cosigned_ms),
        )

    def keep_equivocation(self, row: EquivocationRow) -> bool:
        """Keep a proof; False, and nothing changes, when that size has one."""
        kept = self._db.execute(
            "INSERT INTO equivocation"
            " (peer, origin, size, proof, reporter, found_ms, leaf_index)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (origin, size) DO NOTHING",
            (
                row.peer,
                row.origin,
                row.size,
                row.proof,
                row.reporter,
                row.found_ms,
                row.leaf_index,
            ),
        )
        return kept.rowcount > 0


@checked
def _witnessed(row: sqlite3.Row) -> Witnessed:
    return Witnessed(**dict(row))


@checked
def _own_checkpoint(row: sqlite3.Row) -> OwnCheckpoint:
    return OwnCheckpoint(**dict(row))
