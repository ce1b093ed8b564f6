# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from tests.unit.store.samples import (
    ALPHA,
    ALPHAS,
    BRAVO,
    NOW,
    form,
    incoming,
    message,
    publish,
)

from selat.errors import AlreadyExistsError, NotFoundError, WrongStateError
from selat.store.port import Store, Transaction
from selat.store.values import (
    BatchReceipt,
    Offered,
    OutboxState,
    OutgoingBatch,
    Settled,
)

RECEIPT = BatchReceipt(
    origin=ALPHAS,
    first_receipt=90,
    receipts=(b"receipt 1", b"receipt 2"),
    proof=b"p" * 96,
    checkpoint_size=120,
)


def void(transaction: Transaction, *, peer: str, sequence: int) -> None:
    transaction.void_batch(peer, sequence, reason="X", at_ms=NOW)


def reopen(transaction: Transaction, *, peer: str, sequence: int) -> None:
    transaction.reopen_batch(peer, sequence)


def count(transaction: Transaction, *, peer: str, sequence: int) -> None:
    transaction.count_attempt(peer, sequence)


TAKE_BACK = {"void": void, "reopen": reopen, "count": count}


@pytest.fixture
async def batch(store: Store) -> OutgoingBatch:
    """Form batch 1 for Alpha of its entries 2 and 1, in this order; 3 waits."""
    await store.write(lambda t: publish(t, 3, ALPHA))
    return await store.write(lambda t: form(t, [2, 1]))


async def entries(store: Store, sequence: int = 1) -> list[int]:
    rows = await store.read(lambda s: s.batch_entries(ALPHA, sequence))
    return [row.number for row in rows]


async def test_formed_batch_is_open_and_its_entries_are_offered(
    store: Store, batch: OutgoingBatch
) -> None:
    assert await store.read(lambda s: s.open_batches(ALPHA)) == [batch]
    assert await store.read(lambda s: s.open_batches(BRAVO)) == []

    rows = await store.read(lambda s: s.batch_entries(ALPHA, 1))
    assert [(row.number, row.leaf_index) for row in rows] == [(2, 0), (1, 1)]
    assert {(row.state, row.sequence) for row in rows} == {(OutboxState.OFFERED, 1)}


async def test_open_batches_ascend(store: Store) -> None:
    await store.write(lambda t: publish(t, 12, ALPHA))
    for sequence in range(1, 12):
        await store.write(partial(form, entries=[sequence], sequence=sequence))

    batches = await store.read(lambda s: s.open_batches(ALPHA))

    assert [batch.sequence for batch in batches] == list(range(1, 12))


async def test_unknown_batch_has_no_entries_and_no_receipt(store: Store) -> None:
    assert await entries(store) == []
    assert await store.read(lambda s: s.batch_receipt(ALPHA, 1)) is None


async def test_sequence_is_used_once(store: Store, batch: OutgoingBatch) -> None:
    with pytest.raises(AlreadyExistsError):
        await store.write(lambda t: form(t, [3], sequence=batch.sequence))

    assert await entries(store) == [2, 1]


@pytest.mark.parametrize("entry", [1, 99])
async def test_entry_that_is_not_queued_cannot_be_offered(
    store: Store, batch: OutgoingBatch, entry: int
) -> None:
    with pytest.raises(WrongStateError):
        await store.write(lambda t: form(t, [3, entry], sequence=2))
    with pytest.raises(WrongStateError):
        await store.write(lambda t: form(t, [3], sequence=1, peer=BRAVO))

    assert await store.read(lambda s: s.open_batches(ALPHA)) == [batch]
    assert len(await store.read(lambda s: s.queued(ALPHA, limit=9))) == 1


async def test_entries_must_fill_the_leaves_of_the_batch(
    store: Store, batch: OutgoingBatch
) -> None:
    other = replace(batch, sequence=2, first_leaf=2, count=1)

    with pytest.raises(ValueError, match="each of its leaves"):
        await store.write(
            lambda t: t.form_batch(other, [Offered(entry=3, leaf_index=5)])
        )


@pytest.mark.usefixtures("batch")
async def test_receipt_closes_the_batch_and_answers_each_entry(store: Store) -> None:
    assert await store.read(lambda s: s.receipt(2)) is None

    await store.write(lambda t: t.keep_receipt(ALPHA, 1, RECEIPT))

    assert await store.read(lambda s: s.open_batches(ALPHA)) == []
    assert await store.read(lambda s: s.batch_receipt(ALPHA, 1)) == RECEIPT
    assert await store.read(lambda s: s.receipt(2)) == b"receipt 1"
    assert await store.read(lambda s: s.receipt(1)) == b"receipt 2"
    assert await store.read(lambda s: s.receipt(3)) is None
    assert await entries(store) == [2, 1]


@pytest.mark.usefixtures("batch")
async def test_receipt_is_no_offer_of_the_peer(store: Store) -> None:
    await store.write(lambda t: t.keep_receipt(ALPHA, 1, RECEIPT))

    assert await store.read(lambda s: s.offer(ALPHA, ALPHAS, 90)) is None


@pytest.mark.usefixtures("batch")
async def test_first_receipt_counts(store: Store) -> None:
    await store.write(lambda t: t.keep_receipt(ALPHA, 1, RECEIPT))
    other = replace(RECEIPT, first_receipt=200)

    with pytest.raises(WrongStateError):
        await store.write(lambda t: t.keep_receipt(ALPHA, 1, other))
    with pytest.raises(NotFoundError):
        await store.write(lambda t: t.keep_receipt(BRAVO, 1, other))

    assert await store.read(lambda s: s.batch_receipt(ALPHA, 1)) == RECEIPT


@pytest.mark.usefixtures("batch")
async def test_receipts_are_as_many_as_messages(store: Store) -> None:
    short = replace(RECEIPT, receipts=(b"one",))

    with pytest.raises(ValueError, match="one receipt for each"):
        await store.write(lambda t: t.keep_receipt(ALPHA, 1, short))


@pytest.mark.usefixtures("batch")
async def test_leaf_of_a_peer_is_never_replaced(store: Store) -> None:
    await store.write(lambda t: t.keep_receipt(ALPHA, 1, RECEIPT))
    overlapping = incoming(first_offer=91)

    with pytest.raises(AlreadyExistsError) as refused:
        await store.write(
            lambda t: t.keep_incoming(overlapping, [b"x", b"y"], [None, None])
        )

    assert refused.value.context == {"origin": ALPHAS, "leaf_index": 91}
    assert await store.read(lambda s: s.incoming_batch(ALPHA, 1)) is None


@pytest.mark.usefixtures("batch")
async def test_failed_deliveries_are_counted_for_the_batch(store: Store) -> None:
    for _ in range(2):
        await store.write(lambda t: t.count_attempt(ALPHA, 1))

    rows = await store.read(lambda s: s.outbox())
    assert {row.number: row.attempts for row in rows} == {1: 2, 2: 2, 3: 0}


@pytest.mark.usefixtures("batch")
async def test_voided_batch_leaves_dead_letters_and_frees_its_number(
    store: Store,
) -> None:
    await store.write(
        lambda t: t.void_batch(ALPHA, 1, reason="KEY_WRAP_INVALID", at_ms=NOW + 3)
    )

    dead = await store.read(lambda s: s.outbox(state=OutboxState.DEAD))
    assert {(row.reason, row.settled_ms) for row in dead} == {
        ("KEY_WRAP_INVALID", NOW + 3)
    }
    assert len(dead) == 2
    assert await store.read(lambda s: s.leaves(0, 2)) == [b"offer 2", b"offer 1"]
    assert await entries(store) == []

    await store.write(lambda t: form(t, [3], sequence=1))
    assert await entries(store) == [3]
    single = replace(RECEIPT, receipts=(b"receipt 3",))
    await store.write(lambda t: t.keep_receipt(ALPHA, 1, single))
    assert await store.read(lambda s: s.receipt(3)) == b"receipt 3"
    assert await store.read(lambda s: s.receipt(1)) is None
    assert await store.read(lambda s: s.receipt(2)) is None


@pytest.mark.usefixtures("batch")
async def test_voided_entry_travels_in_a_later_batch(store: Store) -> None:
    def work(transaction: Transaction) -> None:
        transaction.void_batch(ALPHA, 1, reason="CLOCK_SKEW", at_ms=NOW)
        transaction.requeue(1, NOW)
        form(transaction, [3, 1], sequence=1)

    await store.write(work)

    assert await entries(store) == [3, 1]


@pytest.mark.usefixtures("batch")
async def test_reopened_batch_is_queued_again_and_frees_its_number(
    store: Store,
) -> None:
    await store.write(lambda t: t.count_attempt(ALPHA, 1))
    await store.write(lambda t: t.reopen_batch(ALPHA, 1))

    rows = await store.read(lambda s: s.queued(ALPHA, limit=9))
    assert [(row.number, row.sequence, row.leaf_index) for row in rows] == [
        (1, None, None),
        (2, None, None),
        (3, None, None),
    ]
    assert [row.attempts for row in rows] == [1, 1, 0]
    assert await store.read(lambda s: s.open_batches(ALPHA)) == []
    await store.write(lambda t: form(t, [1, 2, 3], sequence=1))
    assert await entries(store) == [1, 2, 3]


@pytest.mark.usefixtures("batch")
@pytest.mark.parametrize("act", TAKE_BACK)
async def test_answered_or_unknown_batch_is_not_taken_back(
    store: Store, act: str
) -> None:
    await store.write(lambda t: t.keep_receipt(ALPHA, 1, RECEIPT))

    with pytest.raises(WrongStateError):
        await store.write(partial(TAKE_BACK[act], peer=ALPHA, sequence=1))
    with pytest.raises(NotFoundError):
        await store.write(partial(TAKE_BACK[act], peer=BRAVO, sequence=1))


@pytest.mark.usefixtures("batch")
async def test_entries_are_settled_after_the_receipt(store: Store) -> None:
    def work(transaction: Transaction) -> None:
        transaction.keep_receipt(ALPHA, 1, RECEIPT)
        transaction.settle(
            [
                Settled(entry=2, state=OutboxState.ACCEPTED, reason=""),
                Settled(entry=1, state=OutboxState.REFUSED, reason="POLICY"),
            ],
            NOW,
        )

    await store.write(work)

    rows = await store.read(lambda s: s.batch_entries(ALPHA, 1))
    assert [row.state for row in rows] == [OutboxState.ACCEPTED, OutboxState.REFUSED]


async def test_accepted_batch_comes_back_with_its_offers(store: Store) -> None:
    batch = incoming()
    assert await store.read(lambda s: s.incoming_batch(ALPHA, 1)) is None

    await store.write(lambda t: t.keep_incoming(batch, [b"a", b"b"], [None, None]))

    assert await store.read(lambda s: s.incoming_batch(ALPHA, 1)) == batch
    assert await store.read(lambda s: s.incoming_batch(BRAVO, 1)) is None
    assert await store.read(lambda s: s.offer(ALPHA, ALPHAS, 10)) == b"a"
    assert await store.read(lambda s: s.offer(ALPHA, ALPHAS, 11)) == b"b"
    assert await store.read(lambda s: s.offer(ALPHA, ALPHAS, 12)) is None
    assert await store.read(lambda s: s.offer(BRAVO, ALPHAS, 10)) is None


async def test_message_knows_the_batch_that_brought_it(store: Store) -> None:
    batch = incoming(count=3)

    def work(transaction: Transaction) -> None:
        numbers = transaction.add_messages([message(1), message(2)])
        transaction.keep_incoming(
            batch, [b"a", b"b", b"c"], [numbers[0], None, numbers[1]]
        )

    await store.write(work)

    assert await store.read(lambda s: s.arrival_batch(1)) == (batch, 0)
    assert await store.read(lambda s: s.arrival_batch(2)) == (batch, 2)
    assert await store.read(lambda s: s.arrival_batch(3)) is None


async def test_batch_is_accepted_once(store: Store) -> None:
    await store.write(lambda t: t.keep_incoming(incoming(), [b"a", b"b"], [None] * 2))
    other = incoming(first_offer=50)

    with pytest.raises(AlreadyExistsError):
        await store.write(lambda t: t.keep_incoming(other, [b"c", b"d"], [None] * 2))

    assert await store.read(lambda s: s.offer(ALPHA, ALPHAS, 50)) is None


@pytest.mark.parametrize(("offers", "numbers"), [(1, 2), (2, 1)])
async def test_offers_and_numbers_are_as_many_as_messages(
    store: Store, offers: int, numbers: int
) -> None:
    with pytest.raises(ValueError, match="one offer for each"):
        await store.write(
            lambda t: t.keep_incoming(incoming(), [b"x"] * offers, [None] * numbers)
        )
