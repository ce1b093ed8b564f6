# SPDX-License-Identifier: Apache-2.0
"""Our own log: the part of the store's port for shards, leaves and tiles.

`selat.store.port` says what every part of the port promises.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from selat.core.tiles import TileSource
from selat.store.values import Shard, TreeHead


class LogSnapshot(Protocol):
    """Read our log."""

    def tree_head(self) -> TreeHead:
        """Return the state of the newest shard; without origin when there is none."""

    def shards(self) -> list[Shard]:
        """Return every shard of our log, oldest first."""

    def shard(self, origin: str) -> Shard | None:
        """Return one shard by its origin, or None."""

    def shard_at(self, position: int) -> Shard:
        """Return the shard that the leaf at a position is in, or would be.

        Raises:
            NotFoundError: No shard begins at or before that position.
        """

    def shard_tiles(self, origin: str) -> TileSource:
        """Return the tiles of one shard; of none when it is not there.

        They can be read for as long as the snapshot or transaction lasts.
        """

    def leaves(self, first: int, count: int) -> list[bytes]:
        """Return the leaves at positions ``first … first+count-1``, exact bytes.

        Raises:
            NotFoundError: The log is shorter than that.
        """


class LogTransaction(Protocol):
    """Extend our log."""

    def open_log(self, origin: str) -> None:
        """Start the first shard of the log under an origin.

        Raises:
            WrongStateError: There is one already.
        """

    def append_leaves(self, leaves: Sequence[bytes]) -> int:
        """Append leaves contiguously; return the position of the first.

        All of them go into the newest shard. Updates its tiles and its head in
        this transaction.

        Raises:
            LogClosedError: The newest shard is closed.
            WrongStateError: There is no shard.
        """

    def close_shard(self, close_leaf: bytes) -> None:
        """Append the last leaf of the newest shard.

        Raises:
            LogClosedError: It is closed already.
            WrongStateError: There is no shard.
        """

    def open_shard(self, origin: str, *, final_note: bytes, open_leaf: bytes) -> None:
        """Begin the next shard with its first leaf.

        Args:
            origin: Its origin.
            final_note: Signed checkpoint of the shard before, which is kept with
                that one.
            open_leaf: The first leaf.

        Raises:
            AlreadyExistsError: A shard has that origin.
            WrongStateError: The newest shard is not closed, or there is none.
        """
