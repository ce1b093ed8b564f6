# SPDX-License-Identifier: Apache-2.0
"""Hand our log over to the next shard when the half-year has passed.

Three steps, each of which finds what the one before left, also after a crash:

1. a transaction appends the ``close`` leaf, which names the next origin;
2. the final checkpoint is signed, as always: commit, high-water mark, signature;
3. a transaction of its own keeps that note and begins the next shard with the
   ``open`` leaf that holds it.

Until the third is committed, other writers wait at the store's gate. Origins
only go forward: a shard that was opened for a later half-year stays the newest
when the clock goes back, until the clock has passed it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from selat.core.checkpoints import origin_for
from selat.core.leaves import parse_leaf
from selat.core.origins import end_ms
from selat.core.shard_leaves import CloseLeaf, OpenLeaf
from selat.core.times import utc
from selat.errors import StoreCorruptError
from selat.exchange.signing import CheckpointSigner, SignedHead, StepObserver
from selat.store.gate import GatedStore
from selat.store.port import Snapshot, Store, Transaction
from selat.store.values import Shard

_log = logging.getLogger(__name__)

_BLIND_BYTES = 32


class ShardKeeper:
    """Keep the newest shard that of the present half-year.

    Args:
        node: Our node.
        store: The database.
        signer: Signs the final checkpoints.
        is_vouched: Tells whether our card vouches for what is signed now. Without,
            nothing is handed over: a final checkpoint has to be verifiable for as
            long as the log is, and a clock that is years ahead shows here first.
        clock: The present time.
        entropy: Randomness.
        on_step: Observer of write steps.
    """

    def __init__(
        self,
        *,
        node: str,
        store: GatedStore,
        signer: CheckpointSigner,
        is_vouched: Callable[[], bool],
        clock: Callable[[], int],
        entropy: Callable[[int], bytes],
        on_step: StepObserver,
    ) -> None:
        """Start without knowing the newest shard; the first call looks."""
        self._node = node
        self._store = store
        self._signer = signer
        self._is_vouched = is_vouched
        self._clock = clock
        self._entropy = entropy
        self._on_step = on_step
        self._lock = asyncio.Lock()
        self._until_ms = 0

    async def follow(self) -> None:
        """Hand over to the present half-year's shard if it is not the newest.

        Raises:
            LogRolledBackError: The final checkpoint may not be signed.
            StoreError: A step failed; the next call goes on from there.
        """
        if self._clock() < self._until_ms:
            return
        async with self._lock:
            while await self._step():
                pass

    async def _step(self) -> bool:
        """Hand over once if that is due; return whether it was."""
        shard, following = await self._store.read(_newest)
        if not shard.closed:
            self._until_ms = end_ms(shard.origin)
            now_ms = self._clock()
            if now_ms < self._until_ms or not self._is_vouched():
                return False
            following = origin_for(self._node, utc(now_ms).date())
        async with self._store.shut() as store:
            if not shard.closed:
                await self._close(store, shard, following)
            # None was appended since: it is the newest shard, and complete.
            head = await self._signer.at_least(await store.read(_end))
            self._on_step("shard.signed")
            await self._open(store, following, head)
        _log.info("log goes on", extra={"origin": following})
        return True

    async def _close(self, store: Store, shard: Shard, following: str) -> None:
        leaf = CloseLeaf(
            node=self._node,
            origin=shard.origin,
            next=following,
            time_ms=self._clock(),
            blind=self._entropy(_BLIND_BYTES),
        ).encode()
        self._on_step("shard.before-close")
        await store.write(lambda t: t.close_shard(leaf))
        self._on_step("shard.closed")

    async def _open(self, store: Store, origin: str, head: SignedHead) -> None:
        leaf = OpenLeaf(
            node=self._node,
            origin=origin,
            previous=head.note.decode(),
            time_ms=self._clock(),
            blind=self._entropy(_BLIND_BYTES),
        ).encode()

        def work(transaction: Transaction) -> None:
            transaction.open_shard(origin, final_note=head.note, open_leaf=leaf)
            self._on_step("shard.before-open")

        await store.write(work)
        self._on_step("shard.opened")


def _newest(snapshot: Snapshot) -> tuple[Shard, str]:
    """Return the newest shard and, when it is closed, the origin it names next."""
    shard = snapshot.shards()[-1]
    if not shard.closed:
        return shard, ""
    (data,) = snapshot.leaves(shard.end - 1, 1)
    leaf = parse_leaf(data)
    if not isinstance(leaf, CloseLeaf):
        raise StoreCorruptError(
            f"The shard {shard.origin} of our log is closed without a close leaf.",
            remedy="Restore the database from a backup.",
        )
    return shard, leaf.next


def _end(snapshot: Snapshot) -> int:
    return snapshot.tree_head().end
