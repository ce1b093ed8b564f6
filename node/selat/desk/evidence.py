# SPDX-License-Identifier: Apache-2.0
"""The proofs of one message's exchanges, for anyone to verify.

Both sides of an exchange can give them: the sender from the receipts that it
keeps, the recipient from the offers that it keeps. Our own leaf is proven
against a checkpoint that peers have cosigned, as far as there is one, the peer's
leaf against the checkpoint under which it came.
"""

from __future__ import annotations

from collections.abc import Sequence

from selat.core.merkle import leaf_hash
from selat.core.tiles import range_proof
from selat.exchange.local import LocalNode
from selat.exchange.signing import SignedHead
from selat.store.port import Snapshot
from selat.store.values import Direction, MessageRow, OutboxRow, Shard
from selat.v1 import desk_service_pb2 as pb

_HASH_BYTES = 32


async def evidence_of(
    local: LocalNode, row: MessageRow, entries: Sequence[OutboxRow]
) -> list[pb.ExchangeEvidence]:
    """Return the evidence of every complete exchange of a message.

    Args:
        local: Our node.
        row: The message.
        entries: Its outbox entries; only for published messages.
    """
    # A message is there a moment before the receipt that follows it is signed.
    end = await local.store.read(lambda snapshot: snapshot.tree_head().end)
    head = await local.signer.at_least(end)

    def work(snapshot: Snapshot) -> list[pb.ExchangeEvidence]:
        if row.direction is Direction.IN:
            return _received(local, snapshot, row, head)
        found = (_sent(local, snapshot, entry, head) for entry in entries)
        return [evidence for evidence in found if evidence is not None]

    return await local.store.read(work)


def _sent(
    local: LocalNode, snapshot: Snapshot, entry: OutboxRow, head: SignedHead
) -> pb.ExchangeEvidence | None:
    if entry.sequence is None or entry.leaf_index is None:
        return None
    receipt = snapshot.batch_receipt(entry.peer, entry.sequence)
    if receipt is None:
        return None
    rows = snapshot.batch_entries(entry.peer, entry.sequence)
    first = rows[0].leaf_index or 0
    position = entry.leaf_index - first
    theirs = snapshot.peer_checkpoint(
        entry.peer, receipt.origin, receipt.checkpoint_size
    )
    return pb.ExchangeEvidence(
        sender=local.name,
        recipient=entry.peer,
        offer=_own_leaf(snapshot, first, len(rows), position, head),
        receipt=pb.LeafEvidence(
            leaf=receipt.receipts[position],
            index=receipt.first_receipt + position,
            first_index=receipt.first_receipt,
            leaf_hashes=[leaf_hash(leaf) for leaf in receipt.receipts],
            proof=_split(receipt.proof),
            checkpoint=theirs.note if theirs else b"",
        ),
        review=_review_there(snapshot, entry),
    )


def _review_there(snapshot: Snapshot, entry: OutboxRow) -> pb.LeafEvidence | None:
    """Return what the peer's reviewer decided, as far as we learned of it."""
    review = snapshot.peer_review(entry.number)
    if review is None:
        return None
    theirs = snapshot.peer_checkpoint(entry.peer, review.origin, review.checkpoint_size)
    return pb.LeafEvidence(
        leaf=review.leaf,
        index=review.leaf_index,
        first_index=review.leaf_index,
        leaf_hashes=[leaf_hash(review.leaf)],
        proof=_split(review.proof),
        checkpoint=theirs.note if theirs else b"",
    )


def _received(
    local: LocalNode, snapshot: Snapshot, row: MessageRow, head: SignedHead
) -> list[pb.ExchangeEvidence]:
    found = snapshot.arrival_batch(row.number)
    if found is None:
        return []
    batch, position = found
    offers = [
        snapshot.offer(batch.peer, batch.origin, batch.first_offer + i)
        for i in range(batch.count)
    ]
    leaves = [leaf for leaf in offers if leaf is not None]
    theirs = snapshot.peer_checkpoint(batch.peer, batch.origin, batch.checkpoint_size)
    return [
        pb.ExchangeEvidence(
            sender=batch.peer,
            recipient=local.name,
            offer=pb.LeafEvidence(
                leaf=leaves[position],
                index=batch.first_offer + position,
                first_index=batch.first_offer,
                leaf_hashes=[leaf_hash(leaf) for leaf in leaves],
                proof=_split(batch.proof),
                checkpoint=theirs.note if theirs else b"",
            ),
            receipt=_own_leaf(
                snapshot, batch.first_receipt, batch.count, position, head
            ),
            review=_review_here(snapshot, row, head),
        )
    ]


def _review_here(
    snapshot: Snapshot, row: MessageRow, head: SignedHead
) -> pb.LeafEvidence | None:
    """Return what our own reviewer decided."""
    reviews = snapshot.reviews_of_message(row.number)
    return _own_leaf(snapshot, reviews[-1].leaf_index, 1, 0, head) if reviews else None


def _own_leaf(
    snapshot: Snapshot, first: int, count: int, position: int, head: SignedHead
) -> pb.LeafEvidence:
    shard = snapshot.shard_at(first)
    index = first - shard.first_position
    size, note = _covering(snapshot, shard, index + count, head)
    leaves = snapshot.leaves(first, count)
    return pb.LeafEvidence(
        leaf=leaves[position],
        index=index + position,
        first_index=index,
        leaf_hashes=[leaf_hash(leaf) for leaf in leaves],
        proof=range_proof(index, count, size, snapshot.shard_tiles(shard.origin)),
        checkpoint=note,
    )


def _covering(
    snapshot: Snapshot, shard: Shard, least: int, head: SignedHead
) -> tuple[int, bytes]:
    """Return the checkpoint to prove leaves by: size and signed note.

    It is the newest that enough peers have cosigned, else the newest that any has,
    else what we have signed alone.
    """
    cosigned = [
        kept for kept in snapshot.own_checkpoints(shard.origin) if kept.size >= least
    ]
    if cosigned:
        best = max(cosigned, key=lambda kept: (kept.anchored_ms is not None, kept.size))
        return best.size, best.note
    if shard.origin == head.checkpoint.origin:
        return head.checkpoint.size, head.note
    return shard.size, shard.final_note


def _split(hashes: bytes) -> list[bytes]:
    return [
        hashes[start : start + _HASH_BYTES]
        for start in range(0, len(hashes), _HASH_BYTES)
    ]
