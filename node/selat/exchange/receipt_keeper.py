# SPDX-License-Identifier: Apache-2.0
"""Keep a peer's receipts: verify, settle, and log the peer's checkpoint.

One keeper follows one path of verified states of the peer's log, that of the
receipts of one session; `_join` ties it to what the peer's own deliveries
taught us.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from selat.core.leaf_json import identifier_text
from selat.core.leaves import PeerCheckpointLeaf
from selat.core.log_states import (
    KnownState,
    LogState,
    VerifiedLog,
    verify_joined,
    verify_log_state,
)
from selat.core.receipts import Receipt, ReceiptBatch, verify_receipts
from selat.errors import (
    CheckpointForkedError,
    EquivocationError,
    ReceiptInvalidError,
)
from selat.exchange.anchoring import Gathered
from selat.exchange.chains import (
    answered,
    keep_states,
    known_state,
    newer,
    place,
    verifiers_of,
)
from selat.exchange.forming import FormedBatch
from selat.exchange.local import LocalNode
from selat.exchange.peer_book import KnownPeer
from selat.exchange.signing import SignedHead
from selat.exchange.witnessing import Advance
from selat.store.port import Snapshot, Transaction
from selat.store.values import (
    BatchReceipt,
    Link,
    OutboxState,
    PeerCheckpoint,
    Settled,
)

#: What deliveries in both directions taught us of the peer's log is joined by a
#: proof at most this often, in ms.
JOIN_INTERVAL_MS: Final = 1_000

_OUTCOMES: Final = {
    "accepted": OutboxState.ACCEPTED,
    "refused": OutboxState.REFUSED,
    "quarantined": OutboxState.QUARANTINED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SentBatch:
    """A batch that is on its way.

    Attributes:
        formed: The batch.
        head: State of our log that the peer verifies with it.
    """

    formed: FormedBatch
    head: SignedHead


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verified:
    """What an answer holds after the steps that need no store."""

    log: VerifiedLog
    receipts: tuple[Receipt, ...]
    gathered: Gathered | None


class ReceiptKeeper:
    """Keep the receipts of one session.

    Args:
        local: Our node.
        prove: Fetches a proof between two states of the peer's log, the older one
            first.
    """

    def __init__(
        self,
        *,
        local: LocalNode,
        prove: Callable[[KnownState, KnownState], Awaitable[LogState]],
    ) -> None:
        """Start without a known state; `begin` gives one."""
        self._local = local
        self._prove = prove
        self._chain: KnownState | None = None
        self._joined_ms = 0

    def begin(self, link: Link) -> KnownState | None:
        """Start from the newest state that is kept; return it."""
        self._chain = known_state(link.checkpoint)
        return self._chain

    async def keep(
        self, peer: KnownPeer, sent: SentBatch, answer: ReceiptBatch, *, follows: bool
    ) -> None:
        """Verify the receipts of a batch and keep them.

        Args:
            peer: Who answered.
            sent: The batch.
            answer: Its receipts.
            follows: Whether another batch of ours is on its way.

        Raises:
            PeerError: They do not hold; nothing was kept.
        """
        local = self._local
        try:
            verified = await asyncio.to_thread(self._verify, peer, sent, answer)
            local.on_step("delivery.receipt-verified")
            newest, advance = await local.store.write(
                partial(self._settle, sent, answer, verified)
            )
        except (CheckpointForkedError, EquivocationError) as error:
            proven = await local.accuser.examine(answer.log.checkpoint)
            if proven is None:
                raise
            raise proven from error
        local.on_step("delivery.settled")
        self._chain = verified.log.known
        await self._join(peer, newest)
        if advance.is_proven:
            cosigned = await local.witness.cosigned(advance, follows=follows)
            local.witness.hand_back(peer.name, cosigned)

    def _verify(
        self, peer: KnownPeer, sent: SentBatch, answer: ReceiptBatch
    ) -> _Verified:
        log = verify_log_state(
            answer.log,
            owner=peer.name,
            verifiers=verifiers_of(peer, now_ms=self._local.clock()),
            known=self._chain,
        )
        receipts = verify_receipts(
            answer,
            log=log,
            offer_hashes=sent.formed.leaf_hashes(),
            recipient=peer.name,
            sender=self._local.name,
        )
        for message, receipt in zip(sent.formed.messages, receipts, strict=True):
            row = message.row
            told = receipt.own["id"], receipt.like.version
            if told != (identifier_text(row.message_id), row.version):
                raise ReceiptInvalidError(
                    f"A receipt of {peer.name} for batch {answer.sequence} names "
                    "another message than its offer.",
                    remedy="Stop and call the peer: its receipts cannot be relied on.",
                    peer=peer.name,
                    sequence=answer.sequence,
                )
        return _Verified(
            log=log,
            receipts=receipts,
            gathered=self._local.anchors.verify(peer, answer.cosigned),
        )

    def _settle(
        self,
        sent: SentBatch,
        answer: ReceiptBatch,
        verified: _Verified,
        transaction: Transaction,
    ) -> tuple[PeerCheckpoint, Advance]:
        """Keep the receipts and log the peer's checkpoint, in one transaction."""
        local, batch = self._local, sent.formed.batch
        log, receipts = verified.log, verified.receipts
        now_ms = local.clock()
        theirs = keep_states(transaction, batch.peer, log)
        proven_in = log.of(answer.receipts.origin).checkpoint
        transaction.keep_receipt(
            batch.peer,
            batch.sequence,
            BatchReceipt(
                origin=proven_in.origin,
                first_receipt=answer.receipts.first_index,
                receipts=answer.receipts.leaves,
                proof=b"".join(answer.receipts.proof),
                checkpoint_size=proven_in.size,
            ),
        )
        transaction.settle(
            [
                Settled(
                    entry=message.row.number,
                    state=_OUTCOMES[receipt.like.outcome],
                    reason=receipt.like.reason,
                )
                for message, receipt in zip(sent.formed.messages, receipts, strict=True)
            ],
            now_ms,
        )
        leaf = PeerCheckpointLeaf(
            sender=local.name,
            peer=batch.peer,
            origin=theirs.origin,
            size=theirs.size,
            root=theirs.root,
            sequence=batch.sequence,
            time_ms=now_ms,
            blind=local.entropy(32),
        )
        transaction.append_leaves([leaf.encode()])
        link = transaction.link(batch.peer)
        newest = newer(link.checkpoint, theirs)
        transaction.put_link(
            replace(
                answered(link),
                checkpoint=newest,
                acknowledged_size=max(link.acknowledged_size, sent.head.end),
                last_contact_ms=now_ms,
            )
        )
        advance = local.witness.advance(
            transaction,
            batch.peer,
            log,
            base=self._chain,
            extension=answer.extension,
            now_ms=now_ms,
        )
        if verified.gathered is not None:
            local.anchors.keep(transaction, verified.gathered, now_ms=now_ms)
        return newest, advance

    async def join_last(self, peer: KnownPeer) -> None:
        """Prove that the last receipts are of the log that we know newest.

        What the peer delivered since may have told of another one.

        Raises:
            PeerError: They are not.
        """
        name = peer.name

        def last_receipts(snapshot: Snapshot) -> PeerCheckpoint | None:
            waiting = snapshot.open_batches(name)
            following = (
                waiting[0].sequence
                if waiting
                else snapshot.link(name).sent_sequence + 1
            )
            receipt = snapshot.batch_receipt(name, following - 1)
            if receipt is None:
                return None
            return snapshot.peer_checkpoint(
                name, receipt.origin, receipt.checkpoint_size
            )

        last = known_state(await self._local.store.read(last_receipts))
        if last is not None and self._chain is not None:
            await self._prove_one_log(peer, last, self._chain)

    async def _join(self, peer: KnownPeer, newest: PeerCheckpoint) -> None:
        """Prove that both directions saw one history of the peer's log."""
        now_ms, known = self._local.clock(), known_state(newest)
        if self._chain is None or now_ms < self._joined_ms + JOIN_INTERVAL_MS:
            return
        if known is not None and known.point != self._chain.point:
            self._joined_ms = now_ms
            await self._prove_one_log(peer, self._chain, known)

    async def _prove_one_log(
        self, peer: KnownPeer, one: KnownState, other: KnownState
    ) -> None:
        if one.point == other.point:  # kept checkpoints of one size have one root
            return
        old, new = sorted((one, other), key=place)
        verify_joined(
            await self._prove(old, new),
            owner=peer.name,
            verifiers=verifiers_of(peer, now_ms=self._local.clock()),
            old=old,
            new=new,
        )
