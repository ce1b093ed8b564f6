# SPDX-License-Identifier: Apache-2.0
"""Our log as a running node publishes it, out of the store."""

from __future__ import annotations

from selat.core.tile_paths import TilePath
from selat.exchange.signing import CheckpointSigner
from selat.publication.resources import tile_bytes
from selat.publication.shards import PublishedShard, shard_called
from selat.store.port import Snapshot, Store


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

    async def checkpoint(self, name: str) -> bytes:
        """Return the signed note of a shard that a verifier should begin with.

        Args:
            name: The shard, for example ``2026h2``; the newest when empty.

        Raises:
            NotFoundError: There is no such shard.
        """

        def work(snapshot: Snapshot) -> PublishedShard:
            return shard_called(snapshot, name)

        shard = await self._store.read(work)
        if shard.final_note:
            return shard.final_note
        return (await self._signer.at_least(shard.size)).note

    async def tile(self, name: str, tile: TilePath) -> bytes:
        """Return a tile or an entry bundle of a shard.

        Raises:
            NotFoundError: The shard has none such.
        """

        def work(snapshot: Snapshot) -> bytes:
            shard = shard_called(snapshot, name)
            return tile_bytes(snapshot, shard, tile, size=shard.size)

        return await self._store.read(work)
