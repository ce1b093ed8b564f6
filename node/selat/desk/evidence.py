# SPDX-License-Identifier: Apache-2.0
"""The proofs of one message's exchanges, for anyone to verify.

Both sides of an exchange can give them: the sender from the receipts that it
keeps, the recipient from the offers that it keeps. Our own leaf is proven
against our newest checkpoint, or the final one of its shard; the peer's leaf
against the checkpoint under which it came.
"""

from __future__ import annotations

from collections.abc import Sequence

from selat.core.merkle import leaf_hash
from selat.exchange.local import LocalNode
from selat.exchange.log_proofs import leaf_range
from selat.exchange.signing import SignedHead
from selat.store.port import Snapshot
from selat.store.values import Direction, MessageRow, OutboxRow
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
        )
    ]


def _own_leaf(
    snapshot: Snapshot, first: int, count: int, position: int, head: SignedHead
) -> pb.LeafEvidence:
    proven = leaf_range(snapshot, first, count, head=head)
    older = snapshot.shard(proven.origin) if proven.origin else None
    return pb.LeafEvidence(
        leaf=proven.leaves[position],
        index=proven.first_index + position,
        first_index=proven.first_index,
        leaf_hashes=[leaf_hash(leaf) for leaf in proven.leaves],
        proof=proven.proof,
        checkpoint=older.final_note if older else head.note,
    )


def _split(hashes: bytes) -> list[bytes]:
    return [
        hashes[start : start + _HASH_BYTES]
        for start in range(0, len(hashes), _HASH_BYTES)
    ]
