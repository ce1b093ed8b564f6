# SPDX-License-Identifier: Apache-2.0
"""The shards of our log, as publication sees them."""

from __future__ import annotations

from dataclasses import dataclass

from selat.core.bundle_paths import shard_of
from selat.core.tiles import TileSource
from selat.errors import NotFoundError
from selat.store.port import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedShard:
    """One shard at one moment.

    Attributes:
        origin: Its origin, ``NODE/exchange/YYYYhN``.
        first_position: Position of its first leaf in our whole log.
        size: Number of its leaves.
        final_note: Its last signed checkpoint; empty while it is open.
    """

    origin: str
    first_position: int
    size: int
    final_note: bytes = b""

    @property
    def name(self) -> str:
        """``YYYYhN``, under which it is published."""
        return shard_of(self.origin)

    def tiles(self, snapshot: Snapshot) -> TileSource:
        """Return where its tiles are kept."""
        return snapshot


def shards_of(snapshot: Snapshot) -> tuple[PublishedShard, ...]:
    """Return the shards of our log, oldest first."""
    head = snapshot.tree_head()
    if not head.origin:
        return ()
    return (
        PublishedShard(origin=head.origin, first_position=0, size=head.frontier.size),
    )


def shard_called(snapshot: Snapshot, name: str) -> PublishedShard:
    """Return the shard of a name, for example ``2026h2``; without, the newest.

    Raises:
        NotFoundError: Our log has none of that name.
    """
    for shard in reversed(shards_of(snapshot)):
        if name in {shard.name, ""}:
            return shard
    raise NotFoundError(
        "Our log has no shard of that name.",
        remedy="Name a half-year in which the node was running, such as 2026h2.",
    )
