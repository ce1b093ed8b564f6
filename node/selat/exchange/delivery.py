# SPDX-License-Identifier: Apache-2.0
"""Deliver to one peer: batches out, receipts back, over one stream.

The store is the queue. Whatever interrupts a session (a crash, a network, a
refusal), the next one starts from the peer's greeting: batches without a
receipt are sealed and sent again, then new ones are formed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Protocol

from selat.core.batches import SealedBatch
from selat.core.log_states import NOTHING_KNOWN, KnownState, LogPoint, LogState
from selat.core.receipts import ReceiptBatch
from selat.errors import (
    CardExpiredError,
    CheckpointRolledBackError,
    PeerUnreachableError,
    ReceiptInvalidError,
    SequenceGapError,
    WrongStateError,
)
from selat.exchange.chains import answered
from selat.exchange.forming import (
    BatchKey,
    FormedBatch,
    Sorted,
    assemble,
    draw_batch_key,
    form,
    prepare,
    prepare_short,
    restore,
)
from selat.exchange.local import LocalNode
from selat.exchange.log_proofs import holds
from selat.exchange.peer_book import KnownPeer
from selat.exchange.receipt_keeper import ReceiptKeeper, SentBatch
from selat.exchange.review_keeper import AskReviews, ReviewKeeper
from selat.exchange.signing import SignedHead
from selat.rpc.status import error_of_reason
from selat.store.port import Snapshot, Transaction
from selat.store.values import Link

#: Batches on their way at once: enough to hide a round trip and a commit.
BATCHES_IN_FLIGHT_MAX: Final = 4
#: The peer must greet within this time, in s.
GREETING_TIMEOUT_S: Final = 15.0
#: Refusals of the same batch until its messages become dead letters.
REFUSALS_MAX: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """Where the peer says the exchange stands.

    Attributes:
        received_sequence: Number of the last batch that it accepted.
        known: State of our log that it has verified.
    """

    received_sequence: int
    known: LogPoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The peer's word that it did not accept a batch."""

    sequence: int
    reason: str
    detail: str
    retryable: bool


class DeliveryStream(Protocol):
    """One open stream to a peer.

    Each method raises `PeerUnreachableError` when the connection is lost and
    the peer's own error when it ended the stream with one.
    """

    async def open(self, known: LogPoint) -> Greeting:
        """Open the exchange from what we know of the peer's log; get greeted."""

    async def send(self, batch: SealedBatch) -> None:
        """Send a batch; waits while the peer cannot take more."""

    async def receive(self) -> ReceiptBatch | Refusal:
        """Return the peer's answer to the oldest batch not yet answered."""

    async def close(self) -> None:
        """End the stream."""


class Session:
    """One stream's worth of delivery to one peer.

    Args:
        local: Our node.
        peer: The recipient as it is known now.
        stream: The open stream.
        wake: Set whenever something may have been queued for the peer.
        prove: Fetches a proof between two states of the peer's log.
        ask_reviews: Asks what became of messages that the peer quarantined.
        on_open: Called once the peer has greeted.
    """

    def __init__(
        self,
        *,
        local: LocalNode,
        peer: KnownPeer,
        stream: DeliveryStream,
        wake: asyncio.Event,
        prove: Callable[[KnownState, KnownState], Awaitable[LogState]],
        ask_reviews: AskReviews,
        on_open: Callable[[], None],
    ) -> None:
        """Start with nothing in flight."""
        self._local = local
        self._peer = peer
        self._stream = stream
        self._wake = wake
        self._on_open = on_open
        self._in_flight: deque[SentBatch] = deque()
        self._slots = asyncio.Semaphore(BATCHES_IN_FLIGHT_MAX)
        self._known = NOTHING_KNOWN
        self._has_more = False
        self._drawn: BatchKey | None = None
        # Cleared while a short batch is made ready: what leaves goes first, and
        # receipts, which nobody waits for, are kept after it.
        self._is_calm = asyncio.Event()
        self._is_calm.set()
        self._receipts = ReceiptKeeper(local=local, prove=prove)
        self._reviews = ReviewKeeper(local=local, ask=ask_reviews)

    async def run(self) -> None:
        """Deliver until the stream ends; always ends with an exception.

        Raises:
            PeerUnreachableError: The connection was lost.
            PeerError: One side broke the protocol or refused a batch.
        """
        link = await self._local.store.read(lambda s: s.link(self._peer.name))
        known = self._receipts.begin(link)
        try:
            async with asyncio.timeout(GREETING_TIMEOUT_S):
                greeting = await self._stream.open(
                    known.point if known else NOTHING_KNOWN
                )
        except TimeoutError as error:
            raise PeerUnreachableError(
                f"{self._peer.name} did not greet within {GREETING_TIMEOUT_S:.0f} s.",
                remedy="It is tried again by itself.",
                peer=self._peer.name,
            ) from error
        await self._check_greeting(greeting, link)
        await self._receipts.join_last(self._peer)
        self._known = greeting.known
        await self._local.store.write(self._note_contact)
        self._on_open()
        await _until_one_fails(
            self._send_all(), self._receive_all(), self._reviews.run(self._peer)
        )

    async def _check_greeting(self, greeting: Greeting, link: Link) -> None:
        known = greeting.known
        if not await self._local.store.read(lambda s: holds(s, known)):
            raise CheckpointRolledBackError(
                f"{self._peer.name} has verified {known.size} leaves of "
                f"{known.origin or 'our log'}, which our database does not have.",
                remedy="Our database is older than what we signed: stop this node "
                "and restore the newest database.",
                peer=self._peer.name,
            )
        batches = await self._local.store.read(
            lambda s: s.open_batches(self._peer.name)
        )
        settled = batches[0].sequence - 1 if batches else link.sent_sequence
        if not settled <= greeting.received_sequence <= link.sent_sequence:
            raise SequenceGapError(
                f"{self._peer.name} says that it received batch "
                f"{greeting.received_sequence}; we formed {link.sent_sequence} and "
                f"hold receipts up to {settled}.",
                remedy="One side lost part of its database: call the peer.",
                peer=self._peer.name,
            )

    def _note_contact(self, transaction: Transaction) -> None:
        link = transaction.link(self._peer.name)
        if not transaction.open_batches(self._peer.name):
            link = answered(link)
        # Else a batch may have been refused: the wait grows until one is answered.
        transaction.put_link(replace(link, last_contact_ms=self._local.clock()))

    # --- out ---------------------------------------------------------------
    async def _send_all(self) -> None:
        local, peer = self._local, self._peer.name
        for batch in await local.store.read(lambda s: s.open_batches(peer)):
            work = partial(restore, local, batch)
            await self._send(await local.store.read(work))
        while True:
            self._wake.clear()
            formed = await self._form_next()
            if formed is not None:
                await self._send(formed)
                await self._draw_key_of(formed.batch.sequence + 1)
            self._is_calm.set()
            await self._wake.wait()

    async def _draw_key_of(self, sequence: int) -> None:
        """Draw the key of the next batch while nobody waits for it."""
        if not self._wake.is_set():
            work = partial(draw_batch_key, self._local, self._peer, sequence)
            with suppress(CardExpiredError):  # the next batch tells, if there is one
                self._drawn = await asyncio.to_thread(work)

    async def _form_next(self) -> FormedBatch | None:
        """Form a batch of what is queued; None when nothing is, or may leave.

        Wakes itself when something is left for the next batch. Whoever queues
        something wakes us behind it in the store's queue of writes, and need not do
        so after the commit: the last round before we wait is one of those writes.
        """
        await self._slots.acquire()
        self._slots.release()
        await self._local.follow_half_year()
        # A changed card or policy counts from the next batch on.
        self._peer = self._local.peers.get(self._peer.name)
        try:
            queue, formed = await self._decide_and_form()
        except WrongStateError:
            self._wake.set()  # a message ended in the meantime: look again
            return None
        if self._has_more or queue.has_more:
            self._wake.set()  # for what a read of the store did not have yet
        self._has_more = queue.has_more
        if not queue.is_empty():
            self._local.on_step("delivery.formed")
        return formed

    async def _decide_and_form(self) -> tuple[Sorted, FormedBatch | None]:
        """Decide and log what is queued; a short queue in one transaction."""
        store = self._local.store
        if not self._has_more:
            self._is_calm.clear()
            short = await store.write(self._form_short)
            if short is not None:
                return short
            self._is_calm.set()
        local, peer = self._local, self._peer
        queue = await store.read(lambda s: prepare(local, peer, s))
        if queue.is_empty():
            return queue, None
        return queue, await store.write(lambda t: self._form(queue, t))

    def _form_short(
        self, transaction: Transaction
    ) -> tuple[Sorted, FormedBatch | None] | None:
        queue = prepare_short(self._local, self._peer, transaction)
        if queue is None:
            return None
        return queue, None if queue.is_empty() else self._form(queue, transaction)

    def _form(self, queue: Sorted, transaction: Transaction) -> FormedBatch | None:
        local = self._local
        local.on_step("delivery.prepared")
        return form(transaction, queue, peer=self._peer.name, now_ms=local.clock())

    async def _send(self, formed: FormedBatch) -> None:
        await self._slots.acquire()
        work = partial(self._assemble, formed)
        head, batch = await self._local.store.read(work)
        self._known = head.point
        self._local.anchors.show(head)
        self._in_flight.append(SentBatch(formed=formed, head=head))
        self._is_calm.set()  # before what may wait for the peer, and so for receipts
        await self._stream.send(batch)
        self._local.on_step("delivery.sent")

    def _assemble(
        self, formed: FormedBatch, snapshot: Snapshot
    ) -> tuple[SignedHead, SealedBatch]:
        """Sign what is committed and seal a batch that stands in it.

        Adds the proof for its cosignature, and ours of before.
        """
        local, peer = self._local, self._peer
        head = local.signer.on(snapshot, formed.log_end)
        drawn, self._drawn = self._drawn, None
        batch = assemble(
            local,
            peer,
            formed,
            snapshot,
            head=head,
            known=self._known,
            drawn=drawn,
        )
        return head, replace(
            batch,
            extension=local.anchors.extension(
                snapshot, peer.name, head, base=self._known
            ),
            cosigned=local.witness.take_to_hand_back(peer.name),
        )

    # --- back --------------------------------------------------------------
    async def _receive_all(self) -> None:
        while True:
            answer = await self._stream.receive()
            await self._is_calm.wait()
            if not self._in_flight:
                raise ReceiptInvalidError(
                    f"{self._peer.name} answered a batch that is not on its way.",
                    remedy="The stream is opened again by itself.",
                    peer=self._peer.name,
                )
            sent = self._in_flight.popleft()
            if answer.sequence != sent.formed.batch.sequence:
                raise ReceiptInvalidError(
                    f"{self._peer.name} answered batch {answer.sequence} in the "
                    f"place of {sent.formed.batch.sequence}.",
                    remedy="The stream is opened again by itself.",
                    peer=self._peer.name,
                )
            if isinstance(answer, Refusal):
                await self._refused(sent, answer)
            else:
                await self._receipts.keep(
                    self._peer, sent, answer, follows=bool(self._in_flight)
                )
            self._slots.release()

    async def _refused(self, sent: SentBatch, refusal: Refusal) -> None:
        """Count the refusal, take the batch back if it is hopeless, and stop."""
        batch, now_ms = sent.formed.batch, self._local.clock()
        attempts = sent.formed.messages[0].row.attempts + 1

        def note(transaction: Transaction) -> None:
            transaction.count_attempt(batch.peer, batch.sequence)
            if refusal.retryable or attempts < REFUSALS_MAX:
                return
            # The peer took none of the batches behind this one: they are
            # formed anew, so that sequence numbers stay without gaps.
            for behind in transaction.open_batches(batch.peer):
                if behind.sequence > batch.sequence:
                    transaction.reopen_batch(batch.peer, behind.sequence)
            transaction.void_batch(
                batch.peer, batch.sequence, reason=refusal.reason, at_ms=now_ms
            )
            link = transaction.link(batch.peer)
            transaction.put_link(replace(link, sent_sequence=batch.sequence - 1))

        await self._local.store.write(note)
        raise error_of_reason(refusal.reason, refusal.detail, peer=batch.peer)


async def _until_one_fails(*work: Coroutine[Any, Any, None]) -> None:
    """Run endless work side by side; end all with the first that fails."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
