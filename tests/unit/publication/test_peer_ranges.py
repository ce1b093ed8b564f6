# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.fakes.local_nodes import open_store
from tests.unit.store.samples import message

from selat.core.bundles import Direction, PeerRange
from selat.publication.peer_ranges import peer_ranges
from selat.store.port import Transaction
from selat.store.publication import PeerLog
from selat.store.sqlite.inspection import inspect, inspection
from selat.store.values import (
    BatchReceipt,
    IncomingBatch,
    Lane,
    Offered,
    OutgoingBatch,
    PeerCheckpoint,
)
from selat.store.values import Direction as Way

PEER = "police.xa.example"
OLDER = PeerLog(peer=PEER, origin=f"{PEER}/exchange/2030h1")
NEWER = PeerLog(peer=PEER, origin=f"{PEER}/exchange/2030h2")


def checkpoint(origin: str, size: int) -> PeerCheckpoint:
    return PeerCheckpoint(origin=origin, size=size, root=bytes(32), note=b"note")


def sent(transaction: Transaction, sequence: int, *, log: PeerLog) -> None:
    """Keep a batch of one message to the peer, and its receipt."""
    (number,) = transaction.add_messages([message(sequence, direction=Way.OUT)])
    first = transaction.append_leaves([b"offer %d" % sequence])
    transaction.enqueue([(number, Lane.ROUTINE)], [PEER], 1)
    (entry,) = transaction.queued(PEER, limit=1)
    batch = OutgoingBatch(
        peer=PEER, sequence=sequence, first_leaf=first, count=1, offered_ms=1
    )
    transaction.form_batch(batch, [Offered(entry=entry.number, leaf_index=first)])
    transaction.keep_peer_checkpoint(PEER, checkpoint(log.origin, sequence + 1))
    receipt = BatchReceipt(
        origin=log.origin,
        first_receipt=sequence,
        receipts=(b"receipt %d" % sequence,),
        proof=bytes(64),
        checkpoint_size=sequence + 1,
    )
    transaction.keep_receipt(PEER, sequence, receipt)


def received(transaction: Transaction, sequence: int, *, log: PeerLog) -> None:
    """Keep a batch of one message from the peer."""
    (number,) = transaction.add_messages([message(10 + sequence)])
    transaction.keep_peer_checkpoint(PEER, checkpoint(log.origin, sequence + 21))
    batch = IncomingBatch(
        peer=PEER,
        sequence=sequence,
        digest=bytes(32),
        first_receipt=transaction.append_leaves([b"our receipt"]),
        count=1,
        origin=log.origin,
        first_offer=sequence + 20,
        proof=b"",
        checkpoint_size=sequence + 21,
        received_ms=1,
    )
    transaction.keep_incoming(batch, [b"their offer %d" % sequence], [number])


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Path]:
    """Give a log of four leaves: two batches out, two in, in two shards there."""

    def fill(transaction: Transaction) -> None:
        sent(transaction, 1, log=OLDER)
        received(transaction, 1, log=OLDER)
        sent(transaction, 2, log=NEWER)
        received(transaction, 2, log=NEWER)

    async with open_store(tmp_path / "store.db") as opened:
        await opened.write(fill)
        yield tmp_path / "store.db"


def found(
    store: Path, log: PeerLog, *spans: tuple[int, int], answered: tuple[int, ...] = ()
) -> list[PeerRange]:
    with inspection(store) as reads:
        return list(peer_ranges(reads, log, spans=spans, answered=answered))


@pytest.mark.parametrize("log", [OLDER, NEWER])
@pytest.mark.parametrize("span", [(0, 4), (0, 1), (1, 2), (2, 4), (4, 9), (3, 3)])
def test_leaves_are_counted_that_pair_with_ours(
    store: Path, log: PeerLog, span: tuple[int, int]
) -> None:
    first, end = span
    count = inspect(store, lambda s: s.peer_leaf_count(log, first=first, end=end))
    assert count == sum(len(each.leaves) for each in found(store, log, span))


def named(ranges: list[PeerRange]) -> list[tuple[Direction, int]]:
    return [(each.direction, each.sequence) for each in ranges]


def test_ranges_pair_with_our_leaves_of_the_period(store: Path) -> None:
    both = [(Direction.IN, 1), (Direction.OUT, 1)]
    assert sorted(named(found(store, OLDER, (0, 4)))) == both
    assert named(found(store, OLDER, (0, 1))) == [(Direction.OUT, 1)]
    assert named(found(store, OLDER, (1, 2))) == [(Direction.IN, 1)]
    assert named(found(store, OLDER, (2, 4))) == []
    assert sorted(named(found(store, NEWER, (0, 2), (2, 4)))) == [
        (Direction.IN, 2),
        (Direction.OUT, 2),
    ]


def test_range_says_what_the_peer_proved(store: Path) -> None:
    (out,) = found(store, OLDER, (0, 1))
    assert out.leaves == (b"receipt 1",)
    assert out.range.first_index == 1
    assert out.range.proof == (bytes(32), bytes(32))
    assert out.size == 2


def test_answer_in_the_period_is_there_once_whenever_it_was_offered(
    store: Path,
) -> None:
    out = [(Direction.OUT, 1)]
    assert named(found(store, OLDER, (2, 4), answered=(1,))) == out
    assert named(found(store, OLDER, (0, 1), answered=(1,))) == out
    # It stands in one of the peer's shards, and in no other.
    assert named(found(store, NEWER, (4, 4), answered=(1, 7))) == []
