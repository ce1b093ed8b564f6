# SPDX-License-Identifier: Apache-2.0
"""Our own log: leaves, tiles and tree head."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from selat.core.merkle import Frontier, leaf_hash
from selat.core.tiles import updated_tiles
from selat.errors import NotFoundError, StoreCorruptError, WrongStateError
from selat.store.sqlite.failures import RESTORE, checked
from selat.store.sqlite.rows import Rows
from selat.store.values import TreeHead


class LogReads(Rows):
    """Read our log."""

    __slots__ = ()

    def tree_head(self) -> TreeHead:
        """Return the state of our log; without origin when none is open."""
        row = self._one("SELECT origin, size, frontier FROM tree_head")
        return TreeHead(origin="") if row is None else _tree_head(row)

    def tile(self, level: int, index: int) -> bytes:
        """Return the hashes of one tile, as many as there are (≤ 256)."""
        row = self._one(
            "SELECT hashes FROM tile WHERE level = ? AND tile_index = ?",
            (level, index),
        )
        return b"" if row is None else bytes(row[0])

    def leaves(self, first: int, count: int) -> list[bytes]:
        """Return the leaves ``first … first+count-1``, exact bytes.

        Raises:
            NotFoundError: The log is shorter than that.
        """
        if first < 0 or count < 0:
            raise NotFoundError("A log has no leaves before its first.", first=first)
        rows = self._all(
            "SELECT data FROM leaf WHERE leaf_index >= ? AND leaf_index < ?"
            " ORDER BY leaf_index",
            (first, first + count),
        )
        if len(rows) < count:
            self._explain_missing(first, count)
        return [bytes(row[0]) for row in rows]

    def _explain_missing(self, first: int, count: int) -> None:
        size = self.tree_head().frontier.size
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
        """Start the log under an origin; refuse if one is open.

        Raises:
            ValueError: The origin is empty.
            WrongStateError: A log is open already.
        """
        if not origin:
            raise ValueError("an origin is not empty")
        opened = self.tree_head().origin
        if opened:
            raise WrongStateError(f"The log {opened} is open already.", origin=opened)
        self._keep(TreeHead(origin=origin))

    def append_leaves(self, leaves: Sequence[bytes]) -> int:
        """Append leaves contiguously; return the index of the first.

        Raises:
            WrongStateError: No log is open.
        """
        head = self.tree_head()
        if not head.origin:
            raise WrongStateError(
                "No log is open.", remedy="Open one under this node's origin first."
            )
        first = head.frontier.size
        if not leaves:
            return first
        hashes = [leaf_hash(leaf) for leaf in leaves]
        rows = list(enumerate(leaves, first))
        self._db.executemany("INSERT INTO leaf VALUES (?, ?)", rows)
        self._db.executemany(
            "INSERT INTO tile VALUES (?, ?, ?)"
            " ON CONFLICT DO UPDATE SET hashes = excluded.hashes",
            (
                (level, index, tile)
                for (level, index), tile in updated_tiles(first, hashes, self).items()
            ),
        )
        self._keep(TreeHead(origin=head.origin, frontier=head.frontier.extend(hashes)))
        return first

    def _keep(self, head: TreeHead) -> None:
        self._db.execute(
            "INSERT INTO tree_head VALUES (1, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET size = excluded.size,"
            " frontier = excluded.frontier",
            (head.origin, head.frontier.size, head.frontier.encode()),
        )


@checked
def _tree_head(row: sqlite3.Row) -> TreeHead:
    """Return the tree head of a row.

    Raises:
        ValueError: Its parts contradict each other.
    """
    frontier = Frontier.decode(bytes(row["frontier"]))
    if frontier.size != row["size"]:
        raise ValueError("a frontier of another size")
    return TreeHead(origin=row["origin"], frontier=frontier)
