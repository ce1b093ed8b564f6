# SPDX-License-Identifier: Apache-2.0
"""Our log as a running node publishes it, out of the store."""

from __future__ import annotations

from selat.core.notes import parse_note
from selat.core.tile_paths import TilePath
from selat.core.tree_heads import parse_tree_head
from selat.errors import NotFoundError
from selat.exchange.signing import CheckpointSigner
from selat.publication.resources import tile_bytes
from selat.publication.shards import shard_called
from selat.store.port import Snapshot, Store
from selat.store.values import Shard


class PublishedLog:
    """Give checkpoints, tiles and entries of our shards.

    Args:
        store: The database.
        signer: Signs the newest state.
    """

    def __init__(self, *, store: Store, signer: CheckpointSigner) -> None:
        """Take where the log is kept and who signs it."""
        self._store = store
        self._signer = signer

    async def checkpoint(self, name: str, covering: int = 0) -> bytes:
        """Return the signed note of a shard that a verifier should begin with.

        It is the newest that enough peers have cosigned or, where there is none
        or it covers too little, the newest of all. A closed shard has but its last.

        Args:
            name: The shard, for example ``2026h2``; the newest when empty.
            covering: How many leaves of the shard it must cover.

        Raises:
            NotFoundError: There is no such shard, or it has fewer leaves.
        """

        def work(snapshot: Snapshot) -> tuple[Shard, bytes]:
            shard = shard_called(snapshot, name)
            cosigned = snapshot.newest_cosigned_checkpoint(shard.origin)
            return shard, cosigned or shard.final_note

        while True:
            shard, note = await self._store.read(work)
            if covering > shard.size:
                raise NotFoundError(
                    f"{shard.origin} has {shard.size} leaves, not {covering}.",
                    remedy="Ask for no more leaves than there are.",
                )
            least = shard.size if shard.final_note else covering
            if note and size_of(note) >= least:
                return note
            if shard.final_note:
                return shard.final_note
            head = await self._signer.at_least(shard.end)
            # The log may have gone on to its next shard since it was read.
            if head.checkpoint.origin == shard.origin:
                return head.note

    async def tile(self, name: str, tile: TilePath) -> bytes:
        """Return a tile or an entry bundle of a shard.

        Raises:
            NotFoundError: The shard has none such.
        """

        def work(snapshot: Snapshot) -> bytes:
            shard = shard_called(snapshot, name)
            return tile_bytes(snapshot, shard, tile, size=shard.size)

        return await self._store.read(work)


def size_of(note: bytes) -> int:
    """Return of how many leaves a signed note is."""
    return parse_tree_head(parse_note(note).text).size
