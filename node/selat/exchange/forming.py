# SPDX-License-Identifier: Apache-2.0
"""From queued entries to a sealed batch.

`prepare` decides and builds leaves, `form` logs them in one transaction; a short
queue is decided in that transaction, by `prepare_short`. `assemble` seals what
stands in the log. A batch that was formed before a crash
is prepared again from the store by `restore`: the same leaves, a new key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from selat.core.batches import SealedBatch
from selat.core.leaves import OfferLeaf, parse_leaf
from selat.core.log_states import LogPoint
from selat.core.merkle import leaf_hash
from selat.core.payloads import HEADER_START, Packed, unpack
from selat.core.sealing import (
    BATCH_BYTES_MAX,
    BATCH_KEY_BYTES,
    BATCH_MESSAGES_MAX,
    BatchSealer,
    wrap_batch_key,
)
from selat.core.times import utc
from selat.errors import StoreCorruptError
from selat.exchange.local import LocalNode
from selat.exchange.log_proofs import leaf_range, log_state
from selat.exchange.peer_book import KnownPeer
from selat.exchange.releasing import (
    Denied,
    Prepared,
    Releaser,
    Waiting,
    prepare_again,
)
from selat.exchange.signing import SignedHead
from selat.store.port import Snapshot, Transaction
from selat.store.reviews import Held
from selat.store.values import (
    Offered,
    OutboxRow,
    OutboxState,
    OutgoingBatch,
    Payload,
    Settled,
)

PAYLOAD_ERASED: Final = "PAYLOAD_ERASED"
"""Reason of a dead letter whose payload was erased before it could leave."""
#: A queue of so many entries is decided while other writers wait: it takes as long
#: as handing it from thread to thread would.
SHORT_QUEUE_MAX: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorted:
    """Queued entries after the decision.

    Attributes:
        offers: What may leave.
        denials: What may not.
        waiting: What waits for a person.
        erased: Entries whose payload is no more.
        has_more: Whether entries were left for the next batch.
    """

    offers: tuple[Prepared, ...]
    denials: tuple[Denied, ...]
    waiting: tuple[Waiting, ...]
    erased: tuple[OutboxRow, ...]
    has_more: bool

    def is_empty(self) -> bool:
        """Tell whether nothing was queued."""
        return not (self.offers or self.denials or self.waiting or self.erased)


@dataclass(frozen=True, slots=True, kw_only=True)
class FormedBatch:
    """A batch that stands in the log, and what is to be sealed for it.

    Attributes:
        batch: The batch.
        messages: Its messages with their leaves.
        log_end: How many leaves our log has, over all shards, with the batch.
    """

    batch: OutgoingBatch
    messages: tuple[Prepared, ...]
    log_end: int

    def leaf_hashes(self) -> tuple[bytes, ...]:
        """Return the RFC 6962 hashes of the offer leaves in order."""
        return tuple(leaf_hash(message.leaf) for message in self.messages)


class BatchKey(NamedTuple):
    """A fresh key for one batch, wrapped to its recipient.

    Attributes:
        sequence: Number of the batch.
        seal_key_id: The recipient's seal key.
        key: The key itself, for one sealing.
        wrapped: The same, wrapped.
    """

    sequence: int
    seal_key_id: str
    key: bytes
    wrapped: bytes

    def __repr__(self) -> str:
        """Show that there is a key, and nothing of it."""
        return f"BatchKey(sequence={self.sequence}, …)"

    def is_for(self, local: LocalNode, peer: KnownPeer, sequence: int) -> bool:
        """Tell whether it is the key of a batch that is sealed now."""
        seal_key = peer.card.card.seal_key(utc(local.clock()))
        return (self.sequence, self.seal_key_id) == (sequence, seal_key.key_id)


def draw_batch_key(local: LocalNode, peer: KnownPeer, sequence: int) -> BatchKey:
    """Draw the key of a batch and wrap it, which needs nothing of the batch.

    Args:
        local: Our node.
        peer: The recipient.
        sequence: Number of the batch.
    """
    seal_key = peer.card.card.seal_key(utc(local.clock()))
    key = local.entropy(BATCH_KEY_BYTES)
    wrapped = wrap_batch_key(
        batch_key=key,
        recipient_key=seal_key.public,
        sender=local.name,
        recipient=peer.name,
        sequence=sequence,
    )
    return BatchKey(sequence, seal_key.key_id, key, wrapped)


def _open(local: LocalNode, row: OutboxRow, payload: Payload) -> Packed:
    return unpack(
        local.cipher.reveal(
            payload,
            originator=local.name,
            message_id=row.message_id,
            version=row.version,
        )
    )


def prepare(local: LocalNode, peer: KnownPeer, snapshot: Snapshot) -> Sorted:
    """Take a peer's queued entries, decide each, and build its leaf.

    Stops at 256 messages or 1 MiB; the policy set is the same for all of them.
    """
    rows = snapshot.queued(peer.name, limit=BATCH_MESSAGES_MAX)
    return _prepare(local, peer, snapshot, rows)


def prepare_short(
    local: LocalNode, peer: KnownPeer, snapshot: Snapshot
) -> Sorted | None:
    """Prepare as `prepare`; None when more than a few entries are queued."""
    rows = snapshot.queued(peer.name, limit=SHORT_QUEUE_MAX + 1)
    if len(rows) > SHORT_QUEUE_MAX:
        return None
    return _prepare(local, peer, snapshot, rows)


def _prepare(
    local: LocalNode, peer: KnownPeer, snapshot: Snapshot, rows: Sequence[OutboxRow]
) -> Sorted:
    payloads = snapshot.payloads([row.message for row in rows])
    entries, erased = _bounded(rows, payloads)
    outcomes = Releaser(local, peer).decide_all(
        [(row, _open(local, row, payload)) for row, payload in entries]
    )
    offers: list[Prepared] = []
    denials: list[Denied] = []
    waiting: list[Waiting] = []
    size = 0
    for outcome in outcomes:
        match outcome:
            case Prepared():
                size += len(outcome.message.data) - HEADER_START
                if size > BATCH_BYTES_MAX and offers:
                    break
                offers.append(outcome)
            case Denied():
                denials.append(outcome)
            case Waiting():
                waiting.append(outcome)
    return Sorted(
        offers=tuple(offers),
        denials=tuple(denials),
        waiting=tuple(waiting),
        erased=tuple(erased),
        has_more=(
            len(rows) == BATCH_MESSAGES_MAX
            or len(offers) + len(denials) + len(waiting) + len(erased) < len(rows)
        ),
    )


def _bounded(
    rows: Sequence[OutboxRow], payloads: Mapping[int, Payload]
) -> tuple[list[tuple[OutboxRow, Payload]], list[OutboxRow]]:
    """Return the first entries, as many as a batch may hold, and those erased.

    What is withheld leaves room for more, which the next batch takes.
    """
    entries: list[tuple[OutboxRow, Payload]] = []
    erased: list[OutboxRow] = []
    size = 0
    for row in rows:
        payload = payloads.get(row.message)
        if payload is None:
            erased.append(row)
            continue
        size += len(payload.ciphertext)
        if size > BATCH_BYTES_MAX and entries:
            break
        entries.append((row, payload))
    return entries, erased


def form(
    transaction: Transaction, queue: Sorted, *, peer: str, now_ms: int
) -> FormedBatch | None:
    """Log the decisions and keep the batch; None when nothing may leave."""
    leaves = [offer.leaf for offer in queue.offers]
    leaves += [denial.leaf for denial in queue.denials]
    leaves += [item.leaf for item in queue.waiting]
    first = transaction.append_leaves(leaves) if leaves else 0
    denied = first + len(queue.offers)
    held = denied + len(queue.denials)
    transaction.settle(
        [
            Settled(
                entry=denial.row.number,
                state=OutboxState.WITHHELD,
                reason=denial.reason,
                leaf_index=index,
            )
            for index, denial in enumerate(queue.denials, denied)
        ]
        + [
            Settled(entry=row.number, state=OutboxState.DEAD, reason=PAYLOAD_ERASED)
            for row in queue.erased
        ],
        now_ms,
    )
    transaction.hold(
        [
            Held(
                entry=item.row.number,
                leaf_index=index,
                reason=item.reason,
                obligations=item.obligations,
            )
            for index, item in enumerate(queue.waiting, held)
        ],
        now_ms,
    )
    if not queue.offers:
        return None
    batch = _keep_batch(transaction, queue, peer=peer, first=first, now_ms=now_ms)
    return FormedBatch(batch=batch, messages=queue.offers, log_end=first + len(leaves))


def _keep_batch(
    transaction: Transaction, queue: Sorted, *, peer: str, first: int, now_ms: int
) -> OutgoingBatch:
    link = transaction.link(peer)
    batch = OutgoingBatch(
        peer=peer,
        sequence=link.sent_sequence + 1,
        first_leaf=first,
        count=len(queue.offers),
        offered_ms=now_ms,
    )
    transaction.form_batch(
        batch,
        [
            Offered(entry=item.row.number, leaf_index=index, redacted=item.redacted)
            for index, item in enumerate(queue.offers, first)
        ],
    )
    transaction.put_link(replace(link, sent_sequence=batch.sequence))
    return batch


def restore(local: LocalNode, batch: OutgoingBatch, snapshot: Snapshot) -> FormedBatch:
    """Prepare a formed batch again, with the leaves that are in the log.

    Raises:
        StoreCorruptError: A payload is gone, or not the one that its leaf
            commits to, although its batch is open.
    """
    rows = snapshot.batch_entries(batch.peer, batch.sequence)
    payloads = snapshot.payloads([row.message for row in rows])
    leaves = snapshot.leaves(batch.first_leaf, batch.count)
    messages: list[Prepared] = []
    for row, data in zip(rows, leaves, strict=True):
        leaf = parse_leaf(data)
        payload = payloads.get(row.message)
        prepared = None
        if isinstance(leaf, OfferLeaf) and payload is not None:
            prepared = prepare_again(row, _open(local, row, payload), leaf)
        if prepared is None:
            raise StoreCorruptError(
                f"Batch {batch.sequence} to {batch.peer} can no longer be sealed.",
                remedy="Restore the database from a backup.",
                peer=batch.peer,
                sequence=batch.sequence,
            )
        messages.append(prepared)
    return FormedBatch(
        batch=batch,
        messages=tuple(messages),
        log_end=batch.first_leaf + batch.count,
    )


def assemble(
    local: LocalNode,
    peer: KnownPeer,
    formed: FormedBatch,
    snapshot: Snapshot,
    *,
    head: SignedHead,
    known: LogPoint,
    drawn: BatchKey | None,
) -> SealedBatch:
    """Seal a formed batch and add the proofs that its recipient needs.

    Args:
        local: Our node.
        peer: The recipient.
        formed: The batch.
        snapshot: A snapshot at least as new as the head.
        head: A signed head that contains the batch, or follows its shard.
        known: State of our log that the recipient has verified.
        drawn: A key that was drawn ahead and never used, if there is one. It is
            used up, or dropped when the batch or the recipient's key is another.
    """
    batch = formed.batch
    if drawn is None or not drawn.is_for(local, peer, batch.sequence):
        drawn = draw_batch_key(local, peer, batch.sequence)
    sealer = BatchSealer(drawn.key)
    offers = leaf_range(snapshot, batch.first_leaf, batch.count, head=head)
    return SealedBatch(
        sequence=batch.sequence,
        offers=offers,
        log=log_state(snapshot, head=head, known=known, also=offers.origin),
        seal_key_id=drawn.seal_key_id,
        wrapped_key=drawn.wrapped,
        sealed_messages=tuple(
            sealer.seal(position, leaf=offer.leaf, message=offer.message)
            for position, offer in enumerate(formed.messages)
        ),
    )
