# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from functools import partial

import pytest
from tests.fakes.local_nodes import NAME, ORIGIN, signers_of
from tests.fakes.trees import MemoryTree
from tests.unit.store.samples import message

from selat.core.checkpoints import Checkpoint, open_checkpoint
from selat.core.merkle import leaf_hash
from selat.core.notes import parse_note, sign_note
from selat.core.proofs import verify_range
from selat.core.tiles import range_proof, root_at
from selat.core.tree_heads import parse_tree_head
from selat.desk.evidence import evidence_of
from selat.exchange.local import LocalNode
from selat.store.port import Transaction
from selat.store.values import (
    BatchReceipt,
    Direction,
    IncomingBatch,
    Lane,
    MessageRow,
    Offered,
    OutboxRow,
    OutgoingBatch,
    PeerCheckpoint,
)
from selat.store.witnessing import OwnCheckpoint
from selat.v1 import desk_service_pb2 as pb

PEER = "police.xa.example"
#: The peer's log: two leaves of ours stand at 3 and 4 of 9.
THEIRS = [f"their leaf {number}".encode() for number in range(9)]
TREE = MemoryTree([leaf_hash(leaf) for leaf in THEIRS])
THEIR_PROOF = range_proof(3, 2, 9, TREE)
THEIR_ORIGIN = f"{PEER}/exchange/2030h2"
THEIR_CHECKPOINT = PeerCheckpoint(
    origin=THEIR_ORIGIN, size=9, root=TREE.frontier.root(), note=b"their signed note"
)


def received(transaction: Transaction) -> list[MessageRow]:
    """Keep a batch of two messages from the peer; return them."""
    numbers = transaction.add_messages([message(1), message(2)])
    transaction.keep_peer_checkpoint(PEER, THEIR_CHECKPOINT)
    batch = IncomingBatch(
        peer=PEER,
        sequence=1,
        digest=b"d" * 32,
        first_receipt=transaction.append_leaves([b"receipt 1", b"receipt 2"]),
        count=2,
        origin=THEIR_ORIGIN,
        first_offer=3,
        proof=b"".join(THEIR_PROOF),
        checkpoint_size=9,
        received_ms=1,
    )
    transaction.keep_incoming(batch, THEIRS[3:5], numbers)
    return [row for number in numbers if (row := transaction.message(number))]


def check_ours(leaf: pb.LeafEvidence) -> None:
    """Hold that a leaf of our log is proven against a checkpoint of ours."""
    checkpoint = open_checkpoint(
        leaf.checkpoint,
        origin=ORIGIN,
        verifiers=[signer.verifier for signer in signers_of(ORIGIN)],
    )
    check(leaf, size=checkpoint.size, root=checkpoint.root)


def check(leaf: pb.LeafEvidence, *, size: int, root: bytes) -> None:
    hashes = list(leaf.leaf_hashes)
    assert hashes[leaf.index - leaf.first_index] == leaf_hash(leaf.leaf)
    verify_range(
        first=leaf.first_index,
        leaf_hashes=hashes,
        size=size,
        root=root,
        proof=list(leaf.proof),
    )


def check_theirs(leaf: pb.LeafEvidence) -> None:
    """Hold that a leaf of the peer's log is proven against its checkpoint."""
    assert leaf.checkpoint == THEIR_CHECKPOINT.note
    check(leaf, size=THEIR_CHECKPOINT.size, root=THEIR_CHECKPOINT.root)


async def test_received_message_is_proven_by_offer_and_receipt(
    local: LocalNode,
) -> None:
    rows = await local.store.write(received)
    for position, row in enumerate(rows):
        (evidence,) = await evidence_of(local, row, [])
        assert (evidence.sender, evidence.recipient) == (PEER, NAME)
        assert evidence.offer.leaf == THEIRS[3 + position]
        assert evidence.receipt.leaf == b"receipt %d" % (position + 1)
        check_theirs(evidence.offer)
        check_ours(evidence.receipt)


async def test_message_is_proven_before_its_receipt_was_signed(
    local: LocalNode,
) -> None:
    await local.store.write(lambda t: t.append_leaves([b"an older leaf"]))
    await local.signer.at_least(1)
    rows = await local.store.write(received)
    (evidence,) = await evidence_of(local, rows[1], [])
    check_ours(evidence.receipt)


def cosigned(transaction: Transaction, size: int, *, anchored: bool) -> bytes:
    """Keep a checkpoint of ours as if peers had cosigned it; return its note."""
    tiles = transaction.shard_tiles(ORIGIN)
    root = root_at(size, tiles)
    text = Checkpoint(origin=ORIGIN, size=size, root=root).text()
    note = sign_note(text, signers_of(ORIGIN))
    transaction.keep_own_checkpoint(
        OwnCheckpoint(
            origin=ORIGIN,
            size=size,
            note=note,
            cosigners=1,
            signed_ms=size * 86_400_000,
            anchored_ms=1 if anchored else None,
        )
    )
    return note


async def test_own_leaf_is_proven_by_what_peers_have_cosigned(
    local: LocalNode,
) -> None:
    rows = await local.store.write(received)
    await local.store.write(lambda t: t.append_leaves([b"3", b"4", b"5", b"6"]))
    # Too small; and then the best of those that are there.
    for size, anchored, expected in ((1, True, 6), (5, False, 5), (3, True, 3)):
        await local.store.write(partial(cosigned, size=size, anchored=anchored))
        (evidence,) = await evidence_of(local, rows[0], [])
        check_ours(evidence.receipt)
        text = parse_note(evidence.receipt.checkpoint).text
        assert parse_tree_head(text).size == expected


async def test_message_that_came_by_no_batch_has_no_evidence(local: LocalNode) -> None:
    def work(transaction: Transaction) -> MessageRow | None:
        (number,) = transaction.add_messages([message(1)])
        return transaction.message(number)

    row = await local.store.write(work)
    assert row is not None
    assert await evidence_of(local, row, []) == []


# --- sent --------------------------------------------------------------------
def queued(transaction: Transaction) -> tuple[MessageRow, list[OutboxRow]]:
    """Queue three messages for the peer; return the last with all entries."""
    numbers = transaction.add_messages(
        [message(number, direction=Direction.OUT) for number in (1, 2, 3)]
    )
    transaction.enqueue([(number, Lane.ROUTINE) for number in numbers], [PEER], 1)
    row = transaction.message(numbers[1])
    assert row is not None
    return row, transaction.queued(PEER, limit=3)


def offer(transaction: Transaction, entries: list[OutboxRow]) -> None:
    """Form a batch of entries."""
    transaction.append_leaves([b"an older leaf"])
    first = transaction.append_leaves([b"offer %d" % each.number for each in entries])
    transaction.form_batch(
        OutgoingBatch(
            peer=PEER,
            sequence=1,
            first_leaf=first,
            count=len(entries),
            offered_ms=1,
        ),
        [
            Offered(entry=entry.number, leaf_index=index)
            for index, entry in enumerate(entries, first)
        ],
    )


def receipt(transaction: Transaction) -> None:
    """Keep the peer's answer to the batch."""
    transaction.keep_peer_checkpoint(PEER, THEIR_CHECKPOINT)
    transaction.keep_receipt(
        PEER,
        1,
        BatchReceipt(
            origin=THEIR_ORIGIN,
            first_receipt=3,
            receipts=tuple(THEIRS[3:5]),
            proof=b"".join(THEIR_PROOF),
            checkpoint_size=9,
        ),
    )


async def test_sent_message_is_proven_by_offer_and_receipt(local: LocalNode) -> None:
    def work(transaction: Transaction) -> tuple[MessageRow, list[OutboxRow]]:
        row, entries = queued(transaction)
        offer(transaction, entries[:2])
        receipt(transaction)
        return row, transaction.batch_entries(PEER, 1)

    row, entries = await local.store.write(work)
    found = await evidence_of(local, row, entries)
    assert [each.receipt.leaf for each in found] == THEIRS[3:5]
    for entry, evidence in zip(entries, found, strict=True):
        assert (evidence.sender, evidence.recipient) == (NAME, PEER)
        assert evidence.offer.leaf == b"offer %d" % entry.number
        check_ours(evidence.offer)
        check_theirs(evidence.receipt)


@pytest.mark.parametrize("offered", [False, True])
async def test_exchange_that_is_not_complete_has_no_evidence(
    local: LocalNode, *, offered: bool
) -> None:
    def work(transaction: Transaction) -> tuple[MessageRow, list[OutboxRow]]:
        row, entries = queued(transaction)
        if offered:
            offer(transaction, entries)
            entries = transaction.batch_entries(PEER, 1)
        return row, entries

    row, entries = await local.store.write(work)
    assert len(entries) == 3
    assert await evidence_of(local, row, entries) == []
