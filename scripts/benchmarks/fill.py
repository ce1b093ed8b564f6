# SPDX-License-Identifier: Apache-2.0
"""A process that fills a node's store with the past of a busy node (`depth`).

usage: python -m scripts.benchmarks.fill HOME in|out COUNT

Rows are those that an exchange with another peer would have left, of the same
number and size; what no delivery reads again is random. The node may not run.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from datetime import date
from pathlib import Path
from typing import Final

from scripts.benchmarks.nodes import CALL_MESSAGES
from scripts.benchmarks.records import CATEGORY, RECORD_BYTES

from selat.core.checkpoints import origin_for
from selat.core.message_ids import RANDOM_BYTES, new_message_id
from selat.node.folder import NodeFolder
from selat.store.port import Transaction
from selat.store.sqlite.store import SqliteStore
from selat.store.values import (
    BatchReceipt,
    Direction,
    IncomingBatch,
    Lane,
    NewMessage,
    Offered,
    OutboxState,
    OutgoingBatch,
    PeerCheckpoint,
    Settled,
)

_PAST_PEER: Final = "police.xz.example"
_SELECTORS: Final = 4
# Sizes of what an exchange leaves, in bytes.
_OFFER_BYTES: Final = 600
_RECEIPT_BYTES: Final = 480
_NOTE_BYTES: Final = 3_400
_PROOF_BYTES: Final = 32 * 20
_WRAPPED_KEY_BYTES: Final = 61
_AT_REST_BYTES: Final = RECORD_BYTES + 52
#: Batches kept in one transaction.
_BATCHES: Final = 8


async def main(home: Path, direction: Direction, count: int) -> None:
    """Fill the store of a node that does not run."""
    print("filling", flush=True)
    store = SqliteStore.open(NodeFolder(home=home).store)
    fill = _fill_out if direction is Direction.OUT else _fill_in
    batches = count // CALL_MESSAGES
    try:
        for start in range(1, batches + 1, _BATCHES):
            sequences = range(start, min(start + _BATCHES, batches + 1))

            def work(transaction: Transaction, sequences: range = sequences) -> None:
                for sequence in sequences:
                    fill(transaction, sequence)

            await store.write(work)
    finally:
        await store.close()


def _fill_out(transaction: Transaction, sequence: int) -> None:
    """Keep a batch that a past peer has receipted."""
    now_ms = _now_ms()
    numbers = transaction.add_messages(_messages(Direction.OUT))
    first = transaction.append_leaves(_random(CALL_MESSAGES, _OFFER_BYTES))
    queued = [(number, Lane.ROUTINE) for number in numbers]
    transaction.enqueue(queued, [_PAST_PEER], now_ms)
    entries = transaction.queued(_PAST_PEER, limit=CALL_MESSAGES)
    transaction.form_batch(
        OutgoingBatch(
            peer=_PAST_PEER,
            sequence=sequence,
            first_leaf=first,
            count=len(entries),
            offered_ms=now_ms,
        ),
        [
            Offered(entry=entry.number, leaf_index=first + position)
            for position, entry in enumerate(entries)
        ],
    )
    checkpoint = _checkpoint(sequence)
    transaction.keep_peer_checkpoint(_PAST_PEER, checkpoint)
    receipt = BatchReceipt(
        origin=checkpoint.origin,
        first_receipt=checkpoint.size - CALL_MESSAGES,
        receipts=tuple(_random(CALL_MESSAGES, _RECEIPT_BYTES)),
        proof=os.urandom(_PROOF_BYTES),
        checkpoint_size=checkpoint.size,
    )
    transaction.keep_receipt(_PAST_PEER, sequence, receipt)
    settled = [
        Settled(entry=entry.number, state=OutboxState.ACCEPTED, reason="")
        for entry in entries
    ]
    transaction.settle(settled, now_ms)
    transaction.append_leaves(_random(1, _RECEIPT_BYTES))


def _fill_in(transaction: Transaction, sequence: int) -> None:
    """Keep a batch that came from a past peer."""
    numbers = transaction.add_messages(_messages(Direction.IN))
    checkpoint = _checkpoint(sequence)
    transaction.keep_peer_checkpoint(_PAST_PEER, checkpoint)
    receipts = _random(CALL_MESSAGES, _RECEIPT_BYTES)
    batch = IncomingBatch(
        peer=_PAST_PEER,
        sequence=sequence,
        digest=os.urandom(32),
        first_receipt=transaction.append_leaves(receipts),
        count=CALL_MESSAGES,
        origin=checkpoint.origin,
        first_offer=checkpoint.size - CALL_MESSAGES,
        proof=os.urandom(_PROOF_BYTES),
        checkpoint_size=checkpoint.size,
        received_ms=_now_ms(),
    )
    transaction.keep_incoming(batch, _random(CALL_MESSAGES, _OFFER_BYTES), numbers)


def _messages(direction: Direction) -> list[NewMessage]:
    now_ms = _now_ms()
    return [
        NewMessage(
            direction=direction,
            message_id=new_message_id(now_ms, os.urandom(RANDOM_BYTES)).bytes,
            version=1,
            originator=_PAST_PEER,
            category=CATEGORY,
            record_type="person",
            status="current",
            lane=Lane.ROUTINE,
            level="confidential",
            tlp="amber_strict",
            created_ms=now_ms,
            expires_ms=None,
            stored_ms=now_ms,
            wrapped_key=os.urandom(_WRAPPED_KEY_BYTES),
            ciphertext=os.urandom(_AT_REST_BYTES),
            selectors=tuple(_random(_SELECTORS, 16)),
        )
        for _ in range(CALL_MESSAGES)
    ]


def _checkpoint(sequence: int) -> PeerCheckpoint:
    """Return what a peer's log would have signed after so many batches."""
    return PeerCheckpoint(
        origin=origin_for(_PAST_PEER, date(2026, 1, 1)),
        size=sequence * (CALL_MESSAGES + 1),
        root=os.urandom(32),
        note=os.urandom(_NOTE_BYTES),
    )


def _random(count: int, size: int) -> list[bytes]:
    return [os.urandom(size) for _ in range(count)]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Direction(sys.argv[2]), int(sys.argv[3])))
