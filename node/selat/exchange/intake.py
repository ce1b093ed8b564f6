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

A batch is opened while the one before it is being kept. So opening follows the
stream, not the store: it asks whether a batch comes next after the one opened
before, and the transaction asks again.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

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
from selat.core.log_states import KnownState, LogPoint
from selat.core.sealing import BatchOpener, unwrap_batch_key
from selat.errors import (
    AlreadyExistsError,
    DecryptionError,
    KeyWrapError,
    SequenceGapError,
    SequenceReplayedError,
)
from selat.exchange.anchoring import Gathered
from selat.exchange.arrivals import HANDED_OVER_MAX, Arrived
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
class OpenedBatch:
    """A batch after the steps that need no store.

    Attributes:
        batch: The batch.
        log: The sender's log as the batch proves it.
        base: The state of the log before it, on this stream.
        offers: The batch's offers.
        digest: SHA-256 of the offers' leaf hashes.
        judged: Its messages with their decisions; None when it does not come
            next, so that it is a duplicate or a fault.
    """

    batch: SealedBatch
    log: VerifiedLog
    base: KnownState | None
    offers: tuple[Offer, ...]
    digest: bytes
    judged: tuple[Judged, ...] | None


class _Kept(NamedTuple):
    """What a transaction kept of a batch.

    Attributes:
        incoming: The batch.
        advance: How far its sender's log has come.
        arrived: Its messages, when they are few.
    """

    incoming: IncomingBatch
    advance: Advance
    arrived: tuple[Arrived, ...]


class IntakeStream:
    """The batches of one stream from one peer, one after another.

    Args:
        local: Our node.
        judge: Reads opened messages and decides on each.
        arrived: Called after messages were kept; with all of them when they are few.
        link: Where the exchange stood when the stream was opened.
        answer_base: State of our log that the peer has verified.
    """

    def __init__(
        self,
        *,
        local: LocalNode,
        judge: Judge,
        arrived: Callable[[Sequence[Arrived]], None],
        link: Link,
        answer_base: LogPoint,
    ) -> None:
        """Start from what is known of the peer's log."""
        self._local = local
        self._judge = judge
        self._arrived = arrived
        self._chain = known_state(link.checkpoint)
        self._opened_sequence = link.received_sequence
        self._answer_base = answer_base
        self._gathered: Gathered | None = None
        self._ahead = 0

    async def open(self, peer: KnownPeer, batch: SealedBatch) -> OpenedBatch:
        """Verify one batch, open it and decide on its messages.

        The one before it is opened, but may not be kept yet.

        Args:
            peer: The sender, looked up for this batch (step 1).
            batch: The batch as it was received.

        Raises:
            PeerError: It is refused.
        """
        self._ahead += 1
        opened = await asyncio.to_thread(self._open, peer, batch)
        self._chain = opened.log.known
        if opened.judged is not None:
            self._opened_sequence = batch.sequence
            self._local.on_step("intake.opened")
        return opened

    async def keep(self, peer: KnownPeer, opened: OpenedBatch) -> ReceiptBatch:
        """Keep one batch and return its receipt.

        Args:
            peer: The sender, looked up again.
            opened: The batch; all that were opened before it are kept.

        Raises:
            PeerError: It is refused; nothing of it was kept.
            StoreError: It could not be kept; nothing of it was.
        """
        self._ahead -= 1
        local, taken = self._local, None
        if opened.judged is not None:
            taken = await self._kept(peer, opened, opened.judged)
        if taken is None:
            kept = await self._kept_before(peer, opened)
            return await self._receipt(peer, opened, kept, duplicate=True)
        local.on_step("intake.committed")
        self._arrived(taken.arrived)
        await asyncio.sleep(0)  # whoever follows the inbox is served before we sign
        receipt = await self._receipt(peer, opened, taken.incoming, duplicate=False)
        # After the subscribers were woken: two signatures take a millisecond.
        cosigned = await local.witness.cosigned(
            taken.advance, follows=bool(self._ahead)
        )
        return replace(receipt, cosigned=cosigned)

    async def keep_gathered(self) -> None:
        """Keep the cosignature that came with the batch answered last.

        Nobody waits for it: what a crash loses of it, the next one brings. A batch
        that is here already takes it along.

        Raises:
            StoreError: It could not be kept.
        """
        if self._gathered is not None and not self._ahead:
            await self._local.store.write(self._keep_gathered)

    def _keep_gathered(self, transaction: Transaction) -> None:
        local, gathered = self._local, self._gathered
        self._gathered = None
        if gathered is not None:
            local.anchors.keep(transaction, gathered, now_ms=local.clock())

    def _open(self, peer: KnownPeer, batch: SealedBatch) -> OpenedBatch:
        """Steps 2 to 12."""
        local = self._local
        check_bounds(batch)
        log = verify_log_state(
            batch.log,
            owner=peer.name,
            verifiers=verifiers_of(peer, now_ms=local.clock()),
            known=self._chain,
        )
        offers = verify_offers(
            batch.offers, log=log, sender=peer.name, recipient=local.name
        )
        local.on_step("intake.verified")
        comes_next = batch.sequence == self._opened_sequence + 1  # step 7
        return OpenedBatch(
            batch=batch,
            log=log,
            base=self._chain,
            offers=offers,
            digest=hashlib.sha256(b"".join(offer.hash for offer in offers)).digest(),
            judged=self._judged(peer, batch, offers) if comes_next else None,
        )

    def _judged(
        self, peer: KnownPeer, batch: SealedBatch, offers: tuple[Offer, ...]
    ) -> tuple[Judged, ...]:
        """Steps 8 to 12."""
        check_clock(offers, now_ms=self._local.clock(), sender=peer.name)
        opener = BatchOpener(self._unwrap(peer, batch))
        messages = open_messages(batch, offers, opener=opener)
        return self._judge.judge_all(peer, offers, messages)

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

    async def _kept_before(self, peer: KnownPeer, opened: OpenedBatch) -> IncomingBatch:
        """Return a batch that was kept before, as what came again.

        Raises:
            SequenceGapError: None of that number was.
            SequenceReplayedError: It had other contents.
        """
        batch = opened.batch
        kept, link = await self._local.store.read(
            lambda s: (s.incoming_batch(peer.name, batch.sequence), s.link(peer.name))
        )
        if kept is None:
            raise SequenceGapError(
                f"Batch {batch.sequence} of {peer.name} came where "
                f"{link.received_sequence + 1} was expected.",
                remedy="Open the stream again and start from the greeting.",
                peer=peer.name,
                sequence=batch.sequence,
            )
        if kept.digest != opened.digest:
            raise SequenceReplayedError(
                f"Batch {batch.sequence} of {peer.name} was accepted before with "
                "other contents.",
                remedy="Stop and call the peer: it reuses sequence numbers.",
                peer=peer.name,
                sequence=batch.sequence,
            )
        return kept

    async def _kept(
        self, peer: KnownPeer, opened: OpenedBatch, judged: tuple[Judged, ...]
    ) -> _Kept | None:
        try:
            return await self._local.store.write(
                lambda t: self._keep(t, peer, opened, judged)
            )
        except AlreadyExistsError as error:
            raise SequenceReplayedError(
                f"Batch {opened.batch.sequence} of {peer.name} has leaves that "
                "came with another batch.",
                remedy="Offer a message again by a new leaf.",
                peer=peer.name,
                sequence=opened.batch.sequence,
            ) from error

    def _keep(
        self,
        transaction: Transaction,
        peer: KnownPeer,
        opened: OpenedBatch,
        judged: tuple[Judged, ...],
    ) -> _Kept | None:
        """Keep everything that accepting a batch means, in one transaction.

        None when it does not come next: a stream that broke off had kept it.
        """
        local, batch = self._local, opened.batch
        now_ms = local.clock()
        link = transaction.link(peer.name)
        if batch.sequence != link.received_sequence + 1:
            return None
        receipts, numbers = self._judge.keep_all(
            transaction, peer, judged, now_ms=now_ms
        )
        theirs = keep_states(transaction, peer.name, opened.log)
        proven_in = opened.log.of(batch.offers.origin).checkpoint
        incoming = IncomingBatch(
            peer=peer.name,
            sequence=batch.sequence,
            digest=opened.digest,
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
            opened.log,
            base=opened.base,
            extension=batch.extension,
            now_ms=now_ms,
        )
        self._keep_gathered(transaction)
        arrived = _arrived(transaction, judged, numbers)
        local.on_step("intake.before-commit")
        return _Kept(incoming, advance, arrived)

    async def _receipt(
        self,
        peer: KnownPeer,
        opened: OpenedBatch,
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
            self._gathered = anchors.verify(peer, opened.batch.cosigned)
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


def _arrived(
    snapshot: Snapshot, judged: Sequence[Judged], numbers: Sequence[int | None]
) -> tuple[Arrived, ...]:
    """Return what was kept of a batch, as it is kept; nothing of a large one."""
    if len(judged) > HANDED_OVER_MAX:
        return ()
    kept = [
        (snapshot.message(number), item.opened)
        for item, number in zip(judged, numbers, strict=True)
        if number is not None
    ]
    return tuple(Arrived(row, opened) for row, opened in kept if row is not None)


def _not_unwrapped(peer: KnownPeer, batch: SealedBatch) -> KeyWrapError:
    return KeyWrapError(
        f"The key of batch {batch.sequence} of {peer.name} does not unwrap here.",
        remedy="Give the peer this node's newest card; it will seal the batch again.",
        peer=peer.name,
        sequence=batch.sequence,
    )
