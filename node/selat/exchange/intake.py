# SPDX-License-Identifier: Apache-2.0
"""Take a peer's batches in, in the order of the protocol's steps.

1. the peer is accepted and its card valid, 2. sizes are bounded, 3. both
checkpoint signatures hold, 4. the checkpoint extends the last one, 5. the
leaves stand in the log, 6. they are addressed to us, 7. the sequence is right,
8. the clocks agree, 9. the key unwraps, 10. the messages open, 11. they are
those committed to, 12. policy accepts. Up to step 11 a fault refuses the whole
batch and leaves nothing behind; step 12 answers each message by itself. Then
one transaction keeps messages, receipts, checkpoint and tree head; the receipt
is signed after that, and sent after it is signed.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from selat.core.batches import (
    Offer,
    ReceiptBatch,
    SealedBatch,
    VerifiedLog,
    check_bounds,
    check_clock,
    open_messages,
    verify_log_state,
    verify_offers,
)
from selat.core.log_states import LogPoint
from selat.core.sealing import BatchOpener, unwrap_batch_key
from selat.errors import (
    AlreadyExistsError,
    DecryptionError,
    KeyWrapError,
    SequenceGapError,
    SequenceReplayedError,
)
from selat.exchange.anchoring import Gathered
from selat.exchange.chains import keep_states, known_state, newer, verifiers_of
from selat.exchange.judging import Judge, Judged
from selat.exchange.local import LocalNode
from selat.exchange.log_proofs import leaf_range, log_state
from selat.exchange.peer_book import KnownPeer
from selat.exchange.signing import SignedHead
from selat.exchange.witnessing import Advance
from selat.store.port import Snapshot, Transaction
from selat.store.values import IncomingBatch, Link


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verified:
    """A batch after the steps that need no store."""

    batch: SealedBatch
    log: VerifiedLog
    offers: tuple[Offer, ...]
    digest: bytes


class IntakeStream:
    """The batches of one stream from one peer, one after another.

    Args:
        local: Our node.
        judge: Reads opened messages and decides on each.
        arrived: Called after messages were kept.
        link: Where the exchange stood when the stream was opened.
        answer_base: State of our log that the peer has verified.
    """

    def __init__(
        self,
        *,
        local: LocalNode,
        judge: Judge,
        arrived: Callable[[], None],
        link: Link,
        answer_base: LogPoint,
    ) -> None:
        """Start from what is known of the peer's log."""
        self._local = local
        self._judge = judge
        self._arrived = arrived
        self._received = link.received_sequence
        self._chain = known_state(link.checkpoint)
        self._answer_base = answer_base
        self._gathered: Gathered | None = None

    async def accept(self, peer: KnownPeer, batch: SealedBatch) -> ReceiptBatch:
        """Take one batch in and return its receipt.

        Args:
            peer: The sender, looked up for this batch (step 1).
            batch: The batch as it was received.

        Raises:
            PeerError: It is refused; nothing of it was kept.
            StoreError: It could not be kept; nothing of it was.
        """
        local = self._local
        verified, judged = await asyncio.to_thread(self._examine, peer, batch)
        taken = None
        if judged is not None:
            taken = await self._kept(peer, verified, judged)
        if taken is not None:
            kept, advance = taken
            self._received = batch.sequence
            local.on_step("intake.committed")
            self._arrived()
            await asyncio.sleep(0)  # whoever follows the inbox reads before we sign
        else:
            kept, advance = await self._kept_before(peer, verified), None
        self._chain = verified.log.known
        receipt = await self._receipt(peer, batch, kept, duplicate=advance is None)
        if advance is None:
            return receipt
        # After the subscribers were woken: two signatures take a millisecond.
        return replace(receipt, cosigned=await local.witness.cosigned(advance))

    async def keep_gathered(self) -> None:
        """Keep the cosignature that came with the batch answered last.

        Nobody waits for it: what a crash loses of it, the next one brings.

        Raises:
            StoreError: It could not be kept.
        """
        gathered, self._gathered = self._gathered, None
        if gathered is not None:
            local = self._local
            now_ms = local.clock()
            await local.store.write(
                lambda t: local.anchors.keep(t, gathered, now_ms=now_ms)
            )

    def _examine(
        self, peer: KnownPeer, batch: SealedBatch
    ) -> tuple[_Verified, tuple[Judged, ...] | None]:
        """Steps 2 to 12; up to 6 for a batch that is not the next one."""
        verified = self._verify(peer, batch)
        self._local.on_step("intake.verified")
        if batch.sequence != self._received + 1:
            return verified, None
        judged = self._open(peer, verified)
        self._local.on_step("intake.opened")
        return verified, judged

    def _verify(self, peer: KnownPeer, batch: SealedBatch) -> _Verified:
        """Steps 2 to 6."""
        check_bounds(batch)
        log = verify_log_state(
            batch.log,
            owner=peer.name,
            verifiers=verifiers_of(peer, now_ms=self._local.clock()),
            known=self._chain,
        )
        offers = verify_offers(
            batch.offers,
            log=log,
            sender=peer.name,
            recipient=self._local.name,
        )
        digest = hashlib.sha256(b"".join(offer.hash for offer in offers)).digest()
        return _Verified(
            batch=batch,
            log=log,
            offers=offers,
            digest=digest,
        )

    async def _kept_before(self, peer: KnownPeer, verified: _Verified) -> IncomingBatch:
        """Step 7 for a batch that is not the next one: it was kept before."""
        sequence = verified.batch.sequence
        kept, link = await self._local.store.read(
            lambda s: (s.incoming_batch(peer.name, sequence), s.link(peer.name))
        )
        if kept is None:
            raise SequenceGapError(
                f"Batch {sequence} of {peer.name} came where "
                f"{link.received_sequence + 1} was expected.",
                remedy="Open the stream again and start from the greeting.",
                peer=peer.name,
                sequence=sequence,
            )
        if kept.digest != verified.digest:
            raise SequenceReplayedError(
                f"Batch {sequence} of {peer.name} was accepted before with other "
                "contents.",
                remedy="Stop and call the peer: it reuses sequence numbers.",
                peer=peer.name,
                sequence=sequence,
            )
        return kept

    def _open(self, peer: KnownPeer, verified: _Verified) -> tuple[Judged, ...]:
        """Steps 8 to 12."""
        local, batch = self._local, verified.batch
        check_clock(verified.offers, now_ms=local.clock(), sender=peer.name)
        opener = BatchOpener(self._unwrap(peer, batch))
        messages = open_messages(batch, verified.offers, opener=opener)
        return self._judge.judge_all(peer, verified.offers, messages)

    def _unwrap(self, peer: KnownPeer, batch: SealedBatch) -> bytes:
        """Step 9."""
        local = self._local
        private_key = local.seal_keys(batch.seal_key_id)
        if private_key is not None:
            try:
                return unwrap_batch_key(
                    batch.wrapped_key,
                    private_key=private_key,
                    sender=peer.name,
                    recipient=local.name,
                    sequence=batch.sequence,
                )
            except DecryptionError as error:
                raise _not_unwrapped(peer, batch) from error
        raise _not_unwrapped(peer, batch)

    async def _kept(
        self, peer: KnownPeer, verified: _Verified, judged: tuple[Judged, ...]
    ) -> tuple[IncomingBatch, Advance] | None:
        try:
            return await self._local.store.write(
                lambda t: self._keep(t, peer, verified, judged)
            )
        except AlreadyExistsError as error:
            raise SequenceReplayedError(
                f"Batch {verified.batch.sequence} of {peer.name} has leaves that "
                "came with another batch.",
                remedy="Offer a message again by a new leaf.",
                peer=peer.name,
                sequence=verified.batch.sequence,
            ) from error

    def _keep(
        self,
        transaction: Transaction,
        peer: KnownPeer,
        verified: _Verified,
        judged: tuple[Judged, ...],
    ) -> tuple[IncomingBatch, Advance] | None:
        """Keep everything that accepting a batch means, in one transaction.

        None when it is not the next one: a stream that broke off had kept it.
        """
        local, batch = self._local, verified.batch
        now_ms = local.clock()
        link = transaction.link(peer.name)
        if batch.sequence != link.received_sequence + 1:
            return None
        receipts, numbers = self._judge.keep_all(
            transaction, peer, judged, now_ms=now_ms
        )
        theirs = keep_states(transaction, peer.name, verified.log)
        proven_in = verified.log.of(batch.offers.origin).checkpoint
        incoming = IncomingBatch(
            peer=peer.name,
            sequence=batch.sequence,
            digest=verified.digest,
            first_receipt=transaction.append_leaves(receipts),
            count=len(receipts),
            origin=proven_in.origin,
            first_offer=batch.offers.first_index,
            proof=b"".join(batch.offers.proof),
            checkpoint_size=proven_in.size,
            received_ms=now_ms,
        )
        transaction.keep_incoming(incoming, batch.offers.leaves, numbers)
        transaction.put_link(
            replace(
                link,
                received_sequence=batch.sequence,
                checkpoint=newer(link.checkpoint, theirs),
                last_contact_ms=now_ms,
            )
        )
        advance = local.witness.advance(
            transaction,
            peer.name,
            verified.log,
            base=self._chain,
            extension=batch.extension,
            now_ms=now_ms,
        )
        local.on_step("intake.before-commit")
        return incoming, advance

    async def _receipt(
        self,
        peer: KnownPeer,
        batch: SealedBatch,
        kept: IncomingBatch,
        *,
        duplicate: bool,
    ) -> ReceiptBatch:
        """Sign what is committed and prove that the receipts stand in it."""
        local, base = self._local, self._answer_base
        anchors = local.anchors

        def prove(snapshot: Snapshot) -> tuple[SignedHead, ReceiptBatch]:
            head = local.signer.on(snapshot, kept.first_receipt + kept.count)
            local.on_step("intake.signed")
            # First: it tells what the peer has cosigned of our log.
            self._gathered = anchors.verify(peer, batch.cosigned)
            receipts = leaf_range(snapshot, kept.first_receipt, kept.count, head=head)
            return head, ReceiptBatch(
                sequence=kept.sequence,
                receipts=receipts,
                log=log_state(snapshot, head=head, known=base, also=receipts.origin),
                duplicate=duplicate,
                extension=anchors.extension(snapshot, peer.name, head, base=base),
            )

        head, receipt = await local.store.read(prove)
        anchors.show(head)
        self._answer_base = head.point
        return receipt


def _not_unwrapped(peer: KnownPeer, batch: SealedBatch) -> KeyWrapError:
    return KeyWrapError(
        f"The key of batch {batch.sequence} of {peer.name} does not unwrap here.",
        remedy="Give the peer this node's newest card; it will seal the batch again.",
        peer=peer.name,
        sequence=batch.sequence,
    )
