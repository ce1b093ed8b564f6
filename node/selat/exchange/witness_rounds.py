# SPDX-License-Identifier: Apache-2.0
"""What nodes tell each other of logs when nothing else is said.

In each round one checkpoint of ours is offered to every connected peer, the
same to all of them, so that a quorum of several can meet on it; what peers hold
of other logs is compared with what we hold; and proofs of equivocation go to
those that have not had them. A new session begins with its own part of that.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Final

from selat.core.cosigned_states import CosignedState
from selat.core.equivocation import parse_equivocation
from selat.core.notes import parse_note
from selat.core.tiles import consistency_proof
from selat.core.tree_heads import parse_tree_head
from selat.core.witnessing import AddCheckpoint
from selat.errors import (
    LogUnknownError,
    PeerError,
    SelatError,
    UnavailableError,
)
from selat.exchange.head_comparison import HeadComparison
from selat.exchange.links import PeerConnection
from selat.exchange.local import LocalNode
from selat.exchange.peer_book import KnownPeer
from selat.exchange.signing import SignedHead
from selat.exchange.view_comparison import ViewComparison
from selat.exchange.witness_client import WitnessConnection
from selat.store.port import Snapshot, Transaction

_log = logging.getLogger(__name__)

#: Rounds of different nodes do not fall together: each waits so much less or
#: more than its interval, as a share of it.
_JITTER: Final = 0.25
#: A peer that says that it knows another size is asked so often in a round.
_ATTEMPTS_MAX: Final = 3


#: Gives the connections that are open now, by the name of the peer.
Connections = Callable[[], Mapping[str, PeerConnection]]


class WitnessRounds:
    """Keep peers vouching for each other.

    Args:
        local: Our node.
        comparison: Compares our log with what peers hold.
        interval_s: Time between two rounds, in s.

    Attributes:
        views: Compares what peers hold of each other; None to leave it out.
    """

    def __init__(
        self,
        *,
        local: LocalNode,
        comparison: HeadComparison,
        interval_s: float,
    ) -> None:
        """Wait for the first round."""
        self._local = local
        self._comparison = comparison
        self.views: ViewComparison | None = None
        self._interval_s = interval_s
        self._due = asyncio.Event()

    def begin_soon(self) -> None:
        """Do not wait any longer for the next round."""
        self._due.set()

    async def run(self, connections: Connections) -> None:
        """Hold a round each interval until cancelled."""
        while True:
            await self._pause()
            try:
                await self.round(connections())
            except SelatError as error:
                _log.warning("no round", extra={"reason": error.reason})
            except Exception:  # noqa: BLE001 - the next round may go better
                _log.exception("round failed")

    async def _pause(self) -> None:
        share = 1 + random.uniform(-_JITTER, _JITTER)  # noqa: S311 - no secret
        try:
            async with asyncio.timeout(self._interval_s * share):
                await self._due.wait()
        except TimeoutError:
            return
        finally:
            self._due.clear()

    async def round(self, connections: Mapping[str, PeerConnection]) -> None:
        """Offer one checkpoint to all, compare views and spread evidence."""
        head = await self._newest_head()
        await asyncio.gather(
            *(
                self._visit_quietly(name, connection.witness, head)
                for name, connection in connections.items()
            )
        )

    async def meet(self, peer: KnownPeer, connection: WitnessConnection) -> bool:
        """Begin a session: compare our log with what the peer holds of it.

        Returns:
            Whether the peer can be visited; an older node has none of these calls,
            and deliveries need none.

        Raises:
            LogRolledBackError: The peer holds what our log does not contain.
        """
        try:
            await self._comparison.with_peer(peer.name, connection)
        except UnavailableError as error:
            _log.info("not met", extra={"peer": peer.name, "reason": error.reason})
            return False
        return True

    async def visit(self, peer: KnownPeer, connection: WitnessConnection) -> None:
        """Spread evidence, offer our head and compare views, beside a delivery.

        Raises:
            StoreError: The store cannot be read.
            UnavailableError: Nothing may be signed.
        """
        await self._visit_quietly(peer.name, connection, await self._newest_head())

    async def _newest_head(self) -> SignedHead:
        head = await self._local.store.read(lambda s: s.tree_head())
        return await self._local.signer.at_least(head.end)

    async def _visit_quietly(
        self, peer: str, connection: WitnessConnection, head: SignedHead
    ) -> None:
        """Visit a peer; what goes wrong between two nodes ends there."""
        try:
            await self._visit(peer, connection, head)
        except PeerError as error:
            _log.warning("visit failed", extra={"peer": peer, "reason": error.reason})
            await self._note(peer, error)
        except SelatError as error:
            _log.info("visit failed", extra={"peer": peer, "reason": error.reason})

    async def _visit(
        self, peer: str, connection: WitnessConnection, head: SignedHead
    ) -> None:
        await self._report(peer, connection)
        for final in await self._local.store.read(partial(_final_heads, peer)):
            await self._offer(peer, connection, final)
        await self._offer(peer, connection, head)
        if self.views is not None:
            await self.views.compare(peer, connection)

    # --- our log -------------------------------------------------------------
    async def _offer(
        self, peer: str, connection: WitnessConnection, head: SignedHead
    ) -> None:
        """Ask for a cosignature of our head, from the size that the peer knows."""
        local, size = self._local, head.checkpoint.size
        local.anchors.show(head)
        back = local.witness.take_to_hand_back(peer)
        known = local.anchors.known_size(peer, head.checkpoint.origin)
        for _ in range(_ATTEMPTS_MAX):
            if known > size:  # a delivery has overtaken this round
                return
            request = await local.store.read(_request(head, known))
            answer = await connection.add_checkpoint(request, cosigned=back)
            await self._keep(peer, answer)
            if answer.lines:
                return
            known, back = answer.size, None

    async def _keep(self, peer: str, answer: CosignedState) -> None:
        local, now_ms = self._local, self._local.clock()
        known = local.peers.get(peer)
        gathered = await asyncio.to_thread(local.anchors.verify, known, answer)
        if gathered is not None:
            await local.store.write(
                lambda t: local.anchors.keep(t, gathered, now_ms=now_ms)
            )

    # --- evidence ------------------------------------------------------------
    async def _report(self, peer: str, connection: WitnessConnection) -> None:
        """Hand over the proofs that a peer has not had, oldest first."""
        key = f"equivocations-told/{peer}"

        def untold(snapshot: Snapshot) -> list[tuple[int, bytes]]:
            told = int(snapshot.setting(key) or b"-1")
            return [
                (row.leaf_index, row.proof)
                for row in snapshot.equivocations()
                if row.leaf_index > told and peer not in (row.peer, row.reporter)
            ]

        for index, proof in await self._local.store.read(untold):
            with suppress(LogUnknownError):  # it never knew that node
                await connection.report_equivocation(parse_equivocation(proof))
            await self._local.store.write(partial(_put_told, key, index))

    async def _note(self, peer: str, error: PeerError) -> None:
        now_ms = self._local.clock()

        def work(transaction: Transaction) -> None:
            transaction.note_incident(
                peer=peer, reason=error.reason, detail=str(error), at_ms=now_ms
            )

        await self._local.store.write(work)


def _put_told(key: str, index: int, transaction: Transaction) -> None:
    transaction.put_setting(key, str(index).encode())


def _final_heads(peer: str, snapshot: Snapshot) -> list[SignedHead]:
    """Return the final checkpoints of our log that a peer has not cosigned."""
    heads: list[SignedHead] = []
    for shard in snapshot.shards():
        done = snapshot.cosigned(peer, shard.origin) if shard.final_note else None
        if shard.final_note and (done is None or done.size < shard.size):
            heads.append(
                SignedHead(
                    checkpoint=parse_tree_head(parse_note(shard.final_note).text),
                    note=shard.final_note,
                    first_position=shard.first_position,
                )
            )
    return heads


def _request(head: SignedHead, known_size: int) -> Callable[[Snapshot], AddCheckpoint]:
    """Return how to make the request for a cosignature of a head."""
    origin, size = head.checkpoint.origin, head.checkpoint.size

    def make(snapshot: Snapshot) -> AddCheckpoint:
        return AddCheckpoint(
            old_size=known_size,
            proof=consistency_proof(known_size, size, snapshot.shard_tiles(origin)),
            checkpoint=head.note,
        )

    return make
