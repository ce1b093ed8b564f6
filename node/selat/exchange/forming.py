# SPDX-License-Identifier: Apache-2.0
"""From queued entries to a sealed batch.

`prepare` decides and builds leaves, `form` logs them in one transaction,
`assemble` seals what stands in the log. A batch that was formed before a crash
is prepared again from the store by `restore`: the same leaves, a new key.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from selat.core.batches import LeafRange, LogState, SealedBatch
from selat.core.leaves import OfferLeaf, WithholdLeaf, parse_leaf
from selat.core.merkle import leaf_hash
from selat.core.payloads import offer_salt, unpack
from selat.core.sealing import (
    BATCH_BYTES_MAX,
    BATCH_KEY_BYTES,
    BATCH_MESSAGES_MAX,
    BatchSealer,
    commitment,
    wrap_batch_key,
)
from selat.core.tiles import consistency_proof, range_proof
from selat.core.times import utc
from selat.errors import StoreCorruptError
from selat.exchange.facts import facts_of
from selat.exchange.local import LocalNode
from selat.exchange.peer_book import KnownPeer
from selat.exchange.signing import SignedHead
from selat.policy.port import Effect
from selat.store.port import Snapshot, Transaction
from selat.store.values import (
    Offered,
    OutboxRow,
    OutboxState,
    OutgoingBatch,
    Payload,
    Settled,
)
from selat.v1 import message_pb2

_BLIND_BYTES: Final = 32
PAYLOAD_ERASED: Final = "PAYLOAD_ERASED"
"""Reason of a dead letter whose payload was erased before it could leave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A message that may leave, with its leaf."""

    row: OutboxRow
    leaf: bytes
    salt: bytes
    header: bytes
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """A message that may not leave; the leaf says by which policies."""

    row: OutboxRow
    leaf: bytes
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorted:
    """Queued entries after the decision."""

    offers: tuple[Prepared, ...]
    denials: tuple[Denied, ...]
    erased: tuple[OutboxRow, ...]

    def is_empty(self) -> bool:
        """Tell whether nothing was queued."""
        return not (self.offers or self.denials or self.erased)


@dataclass(frozen=True, slots=True, kw_only=True)
class FormedBatch:
    """A batch that stands in the log, and what is to be sealed for it."""

    batch: OutgoingBatch
    messages: tuple[Prepared, ...]
    log_size: int

    def leaf_hashes(self) -> tuple[bytes, ...]:
        """Return the RFC 6962 hashes of the offer leaves in order."""
        return tuple(leaf_hash(message.leaf) for message in self.messages)


def _open(local: LocalNode, row: OutboxRow, payload: Payload) -> tuple[bytes, ...]:
    stored = unpack(
        local.cipher.reveal(
            payload,
            originator=local.name,
            message_id=row.message_id,
            version=row.version,
        )
    )
    return stored.salt, stored.header, stored.body


def prepare(local: LocalNode, peer: KnownPeer, snapshot: Snapshot) -> Sorted:
    """Take a peer's queued entries, decide each, and build its leaf.

    Stops at 256 messages or 1 MiB; the policy set is the same for all of them.
    """
    rows = snapshot.queued(peer.name, limit=BATCH_MESSAGES_MAX)
    payloads = snapshot.payloads([row.message for row in rows])
    policy, facts, now_ms = local.policy(), peer.facts, local.clock()
    blinds = local.entropy(_BLIND_BYTES * len(rows))
    offers: list[Prepared] = []
    denials: list[Denied] = []
    erased: list[OutboxRow] = []
    size = 0
    for position, row in enumerate(rows):
        payload = payloads.get(row.message)
        if payload is None:
            erased.append(row)
            continue
        seed, header, body = _open(local, row, payload)
        size += len(header) + len(body)
        if size > BATCH_BYTES_MAX and offers:
            break
        message = facts_of(message_pb2.Header.FromString(header))
        decision = policy.release(message, facts, now_ms=now_ms)
        blind = blinds[position * _BLIND_BYTES : (position + 1) * _BLIND_BYTES]
        salt = offer_salt(seed, recipient=peer.name, blind=blind)
        permitted = decision.effect is Effect.PERMIT
        leaf = (OfferLeaf if permitted else WithholdLeaf)(
            id=UUID(bytes=row.message_id),
            version=row.version,
            type=message.record_type,
            category=message.category,
            level=message.level,
            codes=message.codes,
            tlp=message.tlp,
            purposes=message.purposes,
            sender=local.name,
            recipient=peer.name,
            time_ms=now_ms,
            policy=policy.digest,
            effect=decision.effect.value,
            policies=decision.policies,
            commit=commitment(salt=salt, header=header, body=body),
            blind=blind,
        ).encode()
        if permitted:
            offers.append(
                Prepared(row=row, leaf=leaf, salt=salt, header=header, body=body)
            )
        else:
            denials.append(Denied(row=row, leaf=leaf, reason=decision.reason))
    return Sorted(offers=tuple(offers), denials=tuple(denials), erased=tuple(erased))


def form(
    transaction: Transaction, queue: Sorted, *, peer: str, now_ms: int
) -> FormedBatch | None:
    """Log the decisions and keep the batch; None when nothing may leave."""
    settled = [
        Settled(
            entry=denial.row.number, state=OutboxState.WITHHELD, reason=denial.reason
        )
        for denial in queue.denials
    ] + [
        Settled(entry=row.number, state=OutboxState.DEAD, reason=PAYLOAD_ERASED)
        for row in queue.erased
    ]
    leaves = [offer.leaf for offer in queue.offers]
    leaves += [denial.leaf for denial in queue.denials]
    first = transaction.append_leaves(leaves) if leaves else 0
    transaction.settle(settled, now_ms)
    if not queue.offers:
        return None
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
            Offered(entry=item.row.number, leaf_index=first + position)
            for position, item in enumerate(queue.offers)
        ],
    )
    transaction.put_link(replace(link, sent_sequence=batch.sequence))
    return FormedBatch(batch=batch, messages=queue.offers, log_size=first + len(leaves))


def restore(local: LocalNode, batch: OutgoingBatch, snapshot: Snapshot) -> FormedBatch:
    """Prepare a formed batch again, with the leaves that are in the log.

    Raises:
        StoreCorruptError: A payload is gone although its batch is open.
    """
    rows = snapshot.batch_entries(batch.peer, batch.sequence)
    payloads = snapshot.payloads([row.message for row in rows])
    leaves = snapshot.leaves(batch.first_leaf, batch.count)
    messages: list[Prepared] = []
    for row, data in zip(rows, leaves, strict=True):
        leaf = parse_leaf(data)
        payload = payloads.get(row.message)
        if not isinstance(leaf, OfferLeaf) or payload is None:
            raise StoreCorruptError(
                f"Batch {batch.sequence} to {batch.peer} can no longer be sealed.",
                remedy="Restore the database from a backup.",
                peer=batch.peer,
                sequence=batch.sequence,
            )
        seed, header, body = _open(local, row, payload)
        salt = offer_salt(seed, recipient=batch.peer, blind=leaf.blind)
        messages.append(
            Prepared(row=row, leaf=data, salt=salt, header=header, body=body)
        )
    return FormedBatch(
        batch=batch,
        messages=tuple(messages),
        log_size=batch.first_leaf + batch.count,
    )


def assemble(
    local: LocalNode,
    peer: KnownPeer,
    formed: FormedBatch,
    snapshot: Snapshot,
    *,
    head: SignedHead,
    known_size: int,
) -> SealedBatch:
    """Seal a formed batch and add the proofs that its recipient needs.

    Args:
        local: Our node.
        peer: The recipient.
        formed: The batch.
        snapshot: A snapshot at least as new as the head.
        head: A signed head that contains the batch.
        known_size: Size of our log that the recipient has verified.
    """
    batch, now = formed.batch, utc(local.clock())
    seal_key = peer.card.card.seal_key(now)
    batch_key = local.entropy(BATCH_KEY_BYTES)
    sealer = BatchSealer(batch_key)
    size = head.checkpoint.size
    return SealedBatch(
        sequence=batch.sequence,
        offers=LeafRange(
            first_index=batch.first_leaf,
            leaves=tuple(message.leaf for message in formed.messages),
            proof=range_proof(batch.first_leaf, batch.count, size, snapshot),
        ),
        log=log_state(snapshot, head=head, known_size=known_size),
        seal_key_id=seal_key.key_id,
        wrapped_key=wrap_batch_key(
            batch_key=batch_key,
            recipient_key=seal_key.public,
            sender=local.name,
            recipient=peer.name,
            sequence=batch.sequence,
        ),
        sealed_messages=tuple(
            sealer.seal(
                position,
                leaf=message.leaf,
                salt=message.salt,
                header=message.header,
                body=message.body,
            )
            for position, message in enumerate(formed.messages)
        ),
    )


def log_state(snapshot: Snapshot, *, head: SignedHead, known_size: int) -> LogState:
    """Return our signed head with the proof from a size that the peer knows."""
    size = head.checkpoint.size
    return LogState(
        checkpoint=head.note,
        consistency_size=known_size,
        consistency_proof=(
            consistency_proof(known_size, size, snapshot) if known_size else ()
        ),
    )
