# SPDX-License-Identifier: Apache-2.0
"""A peer that answers with lies: each has its reason, and settles nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from uuid import uuid4

import pytest
from tests.fakes.liars import MemoryLog
from tests.fakes.lying_recipients import Answer, LyingRecipient
from tests.fakes.nodes import Home, Running, eventually, introduce, person, running
from tests.fakes.reckoning import leaves_of

from selat.core.leaves import PeerCheckpointLeaf
from selat.v1 import desk_service_pb2 as pb
from selat.v1 import exchange_pb2
from selat.v1.peer_service_pb2 import Greeting

Lie = Callable[[LyingRecipient, exchange_pb2.Batch], Answer]


@pytest.fixture
async def liar(xa: Home, xb: Home) -> LyingRecipient:
    """Give police.xb.example as a liar, accepted by police.xa.example."""
    await introduce(xa, xb)
    return LyingRecipient(xb, xa)


async def assert_noticed(sender: Running, liar: LyingRecipient, reason: str) -> None:
    async def is_noticed() -> bool:
        return (liar.name, reason) in await sender.incidents()

    await eventually(is_noticed)


async def assert_nothing_settled(sender: Running) -> None:
    assert {e.state for e in await sender.outbox()} == {pb.OUTBOX_STATE_OFFERED}
    kept = sender.home.inspect(lambda s: s.batch_receipt("police.xb.example", 1))
    assert kept is None
    assert list(leaves_of(sender.home, PeerCheckpointLeaf)) == []
    link = await sender.link("police.xb.example")
    assert link.verified_size == 0


def another_offer(liar: LyingRecipient, batch: exchange_pb2.Batch) -> Answer:
    return liar.receipt(batch, liar.receipts(batch, offer=os.urandom(32)))


def another_message(liar: LyingRecipient, batch: exchange_pb2.Batch) -> Answer:
    return liar.receipt(batch, liar.receipts(batch, id=uuid4()))


def another_version(liar: LyingRecipient, batch: exchange_pb2.Batch) -> Answer:
    return liar.receipt(batch, liar.receipts(batch, version=2))


def another_sender(liar: LyingRecipient, batch: exchange_pb2.Batch) -> Answer:
    return liar.receipt(batch, liar.receipts(batch, sender="police.xc.example"))


def another_recipient(liar: LyingRecipient, batch: exchange_pb2.Batch) -> Answer:
    return liar.receipt(batch, liar.receipts(batch, recipient="police.xc.example"))


def unknown_outcome(liar: LyingRecipient, batch: exchange_pb2.Batch) -> Answer:
    leaves = [
        leaf.replace(b'"outcome":"accepted"', b'"outcome":"perhaps"')
        for leaf in liar.receipts(batch)
    ]
    return liar.receipt(batch, leaves)


def too_few_receipts(liar: LyingRecipient, batch: exchange_pb2.Batch) -> Answer:
    return liar.receipt(batch, liar.receipts(batch)[:-1])


def the_offers_themselves(liar: LyingRecipient, batch: exchange_pb2.Batch) -> Answer:
    return liar.receipt(batch, list(batch.offers.leaves))


def leaves_that_are_none(liar: LyingRecipient, batch: exchange_pb2.Batch) -> Answer:
    return liar.receipt(batch, [b"{}"] * len(batch.offers.leaves))


def receipts_not_in_the_log(liar: LyingRecipient, batch: exchange_pb2.Batch) -> Answer:
    receipt = liar.receipt(batch)
    receipt.receipts.leaves[0] = liar.receipts(batch)[0]
    return receipt


def receipts_in_another_order(
    liar: LyingRecipient, batch: exchange_pb2.Batch
) -> Answer:
    return liar.receipt(batch, list(reversed(liar.receipts(batch))))


def another_batch(liar: LyingRecipient, batch: exchange_pb2.Batch) -> Answer:
    receipt = liar.receipt(batch)
    receipt.sequence += 1
    return receipt


def refusal_of_another_batch(
    _liar: LyingRecipient, batch: exchange_pb2.Batch
) -> Answer:
    return exchange_pb2.BatchRefusal(sequence=batch.sequence + 1, reason="PEER")


def a_greeting(liar: LyingRecipient, _batch: exchange_pb2.Batch) -> Answer:
    return liar.greeting


def no_ed25519_signature(liar: LyingRecipient, batch: exchange_pb2.Batch) -> Answer:
    receipt = liar.receipt(batch)
    receipt.log.checkpoint = liar.note(signers=liar.keys.log_signers(liar.origin)[1:])
    return receipt


def no_mldsa_signature(liar: LyingRecipient, batch: exchange_pb2.Batch) -> Answer:
    receipt = liar.receipt(batch)
    receipt.log.checkpoint = liar.note(signers=liar.keys.log_signers(liar.origin)[:1])
    return receipt


def checkpoint_of_another_node(
    liar: LyingRecipient, batch: exchange_pb2.Batch
) -> Answer:
    liar.origin = "police.xc.example/exchange/2030h1"
    return liar.receipt(batch)


def consistency_from_nowhere(liar: LyingRecipient, batch: exchange_pb2.Batch) -> Answer:
    liar.log.append([b"one", b"two"])
    liar.known_size = 1
    return liar.receipt(batch)


LIES: dict[str, tuple[Lie, ...]] = {
    "RECEIPT_INVALID": (
        another_offer,
        another_message,
        another_version,
        another_sender,
        another_recipient,
        unknown_outcome,
        too_few_receipts,
        the_offers_themselves,
        leaves_that_are_none,
        receipts_not_in_the_log,
        receipts_in_another_order,
        another_batch,
        refusal_of_another_batch,
        a_greeting,
    ),
    "CHECKPOINT_ED25519_INVALID": (no_ed25519_signature,),
    "CHECKPOINT_MLDSA44_INVALID": (no_mldsa_signature,),
    "BATCH_MALFORMED": (checkpoint_of_another_node, consistency_from_nowhere),
}


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        pytest.param(lie, reason, id=lie.__name__)
        for reason, lies in LIES.items()
        for lie in lies
    ],
)
async def test_lie_is_noticed_and_settles_nothing(
    lie: Lie, reason: str, xa: Home, liar: LyingRecipient
) -> None:
    async with liar.serving(lambda batch: [lie(liar, batch)]), running(xa) as sender:
        await sender.publish(person(), person())
        await assert_noticed(sender, liar, reason)
        await assert_nothing_settled(sender)


async def test_honest_answer_settles(xa: Home, liar: LyingRecipient) -> None:
    async with (
        liar.serving(lambda batch: [liar.receipt(batch)]),
        running(xa) as sender,
    ):
        await sender.publish(person(), person())
        entries = await sender.settled(liar.name, 2)
        assert {e.state for e in entries} == {pb.OUTBOX_STATE_ACCEPTED}
        assert await sender.incidents() == {}


async def test_second_answer_to_one_batch_is_noticed(
    xa: Home, liar: LyingRecipient
) -> None:
    async with (
        liar.serving(lambda batch: [liar.receipt(batch), liar.receipt(batch)]),
        running(xa) as sender,
    ):
        await sender.publish(person())
        await assert_noticed(sender, liar, "RECEIPT_INVALID")


async def test_log_that_was_rolled_back_between_two_answers_is_noticed(
    xa: Home, liar: LyingRecipient
) -> None:
    await _settle_one(xa, liar)

    def roll_back(batch: exchange_pb2.Batch) -> list[Answer]:
        liar.log = MemoryLog()
        liar.known_size = 0
        return [liar.receipt(batch)]

    async with liar.serving(roll_back), running(xa) as sender:
        await sender.publish(person())
        await assert_noticed(sender, liar, "CHECKPOINT_ROLLED_BACK")


async def test_log_that_was_forked_between_two_answers_is_noticed(
    xa: Home, liar: LyingRecipient
) -> None:
    known = await _settle_one(xa, liar)

    def fork(batch: exchange_pb2.Batch) -> list[Answer]:
        liar.log = MemoryLog()
        liar.log.append([b"another history"] * known)
        liar.known_size = known
        return [liar.receipt(batch)]

    async with liar.serving(fork), running(xa) as sender:
        await sender.publish(person())
        await assert_noticed(sender, liar, "CHECKPOINT_FORKED")


async def test_shard_begun_without_a_hand_over_between_two_answers_is_noticed(
    xa: Home, liar: LyingRecipient
) -> None:
    await _settle_one(xa, liar)

    def begin_anew(batch: exchange_pb2.Batch) -> list[Answer]:
        liar.log, liar.known_size = MemoryLog(), 0
        liar.origin = f"{liar.name}/exchange/2030h2"
        return [liar.receipt(batch)]

    async with liar.serving(begin_anew), running(xa) as sender:
        await sender.publish(person())
        await assert_noticed(sender, liar, "HAND_OVER_INVALID")
        assert {each.state for each in await sender.outbox()} == {
            pb.OUTBOX_STATE_ACCEPTED,
            pb.OUTBOX_STATE_OFFERED,
        }


async def _settle_one(xa: Home, liar: LyingRecipient) -> int:
    """Let one batch of two be delivered honestly; return the log's size."""
    async with (
        liar.serving(lambda batch: [liar.receipt(batch)]),
        running(xa) as sender,
    ):
        await sender.publish(person(), person())
        await sender.settled(liar.name, 2)
    liar.greeting = Greeting(received_sequence=1)
    return liar.log.size


@pytest.mark.parametrize(
    ("greeting", "reason"),
    [
        pytest.param(Greeting(received_sequence=1), "SEQUENCE_GAP", id="a batch"),
        pytest.param(
            Greeting(
                checkpoint_size=1, checkpoint_origin="police.xa.example/exchange/2000h1"
            ),
            "CHECKPOINT_ROLLED_BACK",
            id="a shard",
        ),
        pytest.param(
            Greeting(checkpoint_size=2**64 - 1), "CHECKPOINT_ROLLED_BACK", id="leaves"
        ),
    ],
)
async def test_greeting_that_claims_what_never_was_is_noticed(
    greeting: Greeting, reason: str, xa: Home, liar: LyingRecipient
) -> None:
    liar.greeting = greeting
    async with liar.serving(lambda _batch: []), running(xa) as sender:
        await assert_noticed(sender, liar, reason)


async def test_greeting_that_forgets_what_was_receipted_is_noticed(
    xa: Home, liar: LyingRecipient
) -> None:
    await _settle_one(xa, liar)
    liar.greeting = Greeting(received_sequence=0)
    async with liar.serving(lambda _batch: []), running(xa) as sender:
        await assert_noticed(sender, liar, "SEQUENCE_GAP")
