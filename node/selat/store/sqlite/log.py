# SPDX-License-Identifier: Apache-2.0
"""Our own log: shards, their leaves, tiles and tree heads.

Leaves are kept by their position, which counts over all shards; a tree and its
tiles are a shard's own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from selat.core.merkle import EMPTY_FRONTIER, Frontier, leaf_hash
from selat.core.tiles import TileSource, updated_tiles
from selat.errors import (
    AlreadyExistsError,
    LogClosedError,
    NotFoundError,
    StoreCorruptError,
    WrongStateError,
)
from selat.store.sqlite.failures import RESTORE, checked
from selat.store.sqlite.rows import Rows
from selat.store.values import Shard, TreeHead

_NEWEST: Final = "SELECT * FROM shard ORDER BY number DESC LIMIT 1"


class LogReads(Rows):
    """Read our log."""

    __slots__ = ()

    def tree_head(self) -> TreeHead:
        """Return the state of the newest shard; without origin when there is none."""
        row = self._one(_NEWEST)
        if row is None:
            return TreeHead(origin="")
        shard = _shard(row)
        return TreeHead(
            origin=shard.origin,
            frontier=shard.frontier,
            first_position=shard.first_position,
        )

    def shards(self) -> list[Shard]:
        """Return every shard of our log, oldest first."""
        return [_shard(row) for row in self._all("SELECT * FROM shard ORDER BY number")]

    def shard(self, origin: str) -> Shard | None:
        """Return one shard by its origin, or None."""
        row = self._one("SELECT * FROM shard WHERE origin = ?", (origin,))
        return None if row is None else _shard(row)

    def shard_at(self, position: int) -> Shard:
        """Return the shard that the leaf at a position is in, or would be.

        Raises:
            NotFoundError: No shard begins at or before that position.
        """
        row = self._one(
            "SELECT * FROM shard WHERE first_position <= ?"
            " ORDER BY number DESC LIMIT 1",
            (position,),
        )
        if row is None:
            raise NotFoundError("No shard of our log begins there.", position=position)
        return _shard(row)

    def shard_tiles(self, origin: str) -> TileSource:
        """Return the tiles of one shard; of none when it is not there."""
        row = self._one("SELECT number FROM shard WHERE origin = ?", (origin,))
        return _Tiles(self._db, 0 if row is None else row["number"])

    def leaves(self, first: int, count: int) -> list[bytes]:
        """Return the leaves at positions ``first … first+count-1``, exact bytes.

        Raises:
            NotFoundError: The log is shorter than that.
        """
        if first < 0 or count < 0:
            raise NotFoundError("A log has no leaves before its first.", first=first)
        leaves = self._blobs(
            "SELECT data FROM leaf WHERE position >= ? AND position < ?"
            " ORDER BY position",
            (first, first + count),
        )
        if len(leaves) < count:
            self._explain_missing(first, count)
        return leaves

    def _explain_missing(self, first: int, count: int) -> None:
        size = self.tree_head().end
        if first + count <= size:
            raise StoreCorruptError("Leaves of our log are missing.", remedy=RESTORE)
        raise NotFoundError(
            f"The log has {size} leaves, not {first + count}.",
            remedy="Ask for leaves below the size of its newest checkpoint.",
            size=size,
        )


class LogWrites(LogReads):
    """Extend our log."""

    __slots__ = ()

    def open_log(self, origin: str) -> None:
        """Start the first shard of the log under an origin.

        Raises:
            ValueError: The origin is empty.
            WrongStateError: There is one already.
        """
        opened = self.tree_head().origin
        if opened:
            raise WrongStateError(f"The log {opened} is open already.", origin=opened)
        self._begin(origin, first_position=0)

    def append_leaves(self, leaves: Sequence[bytes]) -> int:
        """Append leaves contiguously; return the position of the first.

        Raises:
            LogClosedError: The newest shard is closed.
            WrongStateError: There is no shard.
        """
        row = self._newest()
        shard = _shard(row)
        if shard.closed:
            raise LogClosedError(
                f"The shard {shard.origin} of our log is closed, and the next one is "
                "not open yet.",
                remedy="It is opened by itself; if that lasts, `selat status` tells "
                "why.",
                origin=shard.origin,
            )
        if not leaves:
            return shard.end
        hashes = [leaf_hash(leaf) for leaf in leaves]
        number = row["number"]
        rows = list(enumerate(leaves, shard.end))
        self._insert("INSERT INTO leaf VALUES", rows)
        changed = updated_tiles(shard.size, hashes, _Tiles(self._db, number))
        self._db.executemany(
            "INSERT INTO tile VALUES (?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET hashes = excluded.hashes",
            ((number, *place, tile) for place, tile in changed.items()),
        )
        frontier = shard.frontier.extend(hashes)
        self._db.execute(
            "UPDATE shard SET size = ?, frontier = ? WHERE number = ?",
            (frontier.size, frontier.encode(), number),
        )
        return shard.end

    def close_shard(self, close_leaf: bytes) -> None:
        """Append the last leaf of the newest shard.

        Raises:
            LogClosedError: It is closed already.
            WrongStateError: There is no shard.
        """
        self.append_leaves([close_leaf])
        self._db.execute(
            "UPDATE shard SET is_closed = 1 WHERE number = ?",
            (self._newest()["number"],),
        )

    def open_shard(self, origin: str, *, final_note: bytes, open_leaf: bytes) -> None:
        """Begin the next shard with its first leaf.

        Raises:
            AlreadyExistsError: A shard has that origin.
            ValueError: The origin or the note is empty.
            WrongStateError: The newest shard is not closed, or there is none.
        """
        if not final_note:
            raise ValueError("a shard is opened on a signed note")
        row = self._newest()
        closing = _shard(row)
        if not closing.closed:
            raise WrongStateError(
                f"The shard {closing.origin} is not closed.", origin=closing.origin
            )
        if self.shard(origin) is not None:
            raise AlreadyExistsError(
                f"The shard {origin} is there already.", origin=origin
            )
        self._db.execute(
            "UPDATE shard SET final_note = ? WHERE number = ?",
            (final_note, row["number"]),
        )
        self._begin(origin, first_position=closing.end)
        self.append_leaves([open_leaf])

    def _newest(self) -> sqlite3.Row:
        row = self._one(_NEWEST)
        if row is None:
            raise WrongStateError(
                "No log is open.", remedy="Open one under this node's origin first."
            )
        return row

    def _begin(self, origin: str, *, first_position: int) -> None:
        if not origin:
            raise ValueError("an origin is not empty")
        self._db.execute(
            "INSERT INTO shard"
            " (origin, first_position, size, frontier, is_closed, final_note)"
            " VALUES (?, ?, 0, ?, 0, x'')",
            (origin, first_position, EMPTY_FRONTIER.encode()),
        )


class _Tiles(Rows):
    """The tiles of one shard: a `selat.core.tiles.TileSource`."""

    __slots__ = ("_number",)

    def __init__(self, db: sqlite3.Connection, number: int) -> None:
        super().__init__(db)
        self._number = number

    def tile(self, level: int, index: int) -> bytes:
        """Return the hashes of one tile, as many as there are (≤ 256)."""
        row = self._one(
            "SELECT hashes FROM tile WHERE shard = ? AND level = ? AND tile_index = ?",
            (self._number, level, index),
        )
        return b"" if row is None else bytes(row[0])


@checked
def _shard(row: sqlite3.Row) -> Shard:
    """Return the shard of a row.

    Raises:
        ValueError: Its parts contradict each other.
    """
    frontier = Frontier.decode(bytes(row["frontier"]))
    if frontier.size != row["size"]:
        raise ValueError("a frontier of another size")
    return Shard(
        origin=row["origin"],
        frontier=frontier,
        first_position=row["first_position"],
        closed=bool(row["is_closed"]),
        final_note=bytes(row["final_note"]),
    )
