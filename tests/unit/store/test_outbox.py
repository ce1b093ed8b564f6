# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from collections import Counter

import pytest
from tests.unit.store.samples import (
    ALPHA,
    BRAVO,
    NOW,
    form,
    message,
    message_id,
    publish,
)

from selat.errors import NotFoundError, WrongStateError
from selat.store.port import Store, Transaction
from selat.store.values import (
    Direction,
    Holding,
    Lane,
    OutboxRow,
    OutboxState,
    QueueCount,
    Settled,
)


async def queued(store: Store, peer: str, limit: int = 100) -> list[int]:
    rows = await store.read(lambda s: s.queued(peer, limit=limit))
    return [row.number for row in rows]


async def settle(
    store: Store, entry: int, state: OutboxState, *, leaf_index: int | None = None
) -> None:
    settled = Settled(entry=entry, state=state, reason="WHY", leaf_index=leaf_index)
    await store.write(lambda t: t.settle([settled], NOW + 9))


async def test_every_message_is_queued_for_every_peer(store: Store) -> None:
    def work(transaction: Transaction) -> int:
        transaction.add_messages(
            [message(n, direction=Direction.OUT, author="tan") for n in (1, 2)]
        )
        return transaction.enqueue(
            [(1, Lane.ROUTINE), (2, Lane.FLASH)], [ALPHA, BRAVO], NOW + 1
        )

    assert await store.write(work) == 4

    assert await store.read(lambda s: s.queued(BRAVO, limit=1)) == [
        OutboxRow(
            number=4,
            message=2,
            message_id=message_id(2),
            version=1,
            category="terrorism",
            record_type="person",
            level="restricted",
            tlp="amber",
            holding=Holding.CURRENT,
            author="tan",
            peer=BRAVO,
            lane=Lane.FLASH,
            state=OutboxState.QUEUED,
            queued_ms=NOW + 1,
            attempts=0,
            sequence=None,
            leaf_index=None,
            reason="",
            settled_ms=None,
            held_ms=None,
            obligations=(),
            approved=(),
            redacted=(),
        )
    ]


async def test_queue_gives_highest_lane_first_then_oldest(store: Store) -> None:
    lanes = [Lane.ROUTINE, Lane.FLASH, Lane.URGENT, Lane.ROUTINE, Lane.FLASH]

    def work(transaction: Transaction) -> None:
        numbers = transaction.add_messages([message(number) for number in range(5)])
        transaction.enqueue(list(zip(numbers, lanes, strict=True)), [ALPHA], NOW)

    await store.write(work)

    assert await queued(store, ALPHA) == [2, 5, 3, 1, 4]
    assert await queued(store, ALPHA, limit=2) == [2, 5]
    assert await queued(store, BRAVO) == []


async def test_message_is_queued_once_for_each_peer(store: Store) -> None:
    await store.write(lambda t: publish(t, 1, ALPHA))

    again = [(1, Lane.FLASH)]
    assert await store.write(lambda t: t.enqueue(again, [ALPHA, BRAVO], NOW)) == 1
    assert await store.write(lambda t: t.enqueue([], [ALPHA], NOW)) == 0
    assert await store.write(lambda t: t.enqueue(again, [], NOW)) == 0

    rows = await store.read(lambda s: s.outbox())
    assert [(row.peer, row.lane) for row in rows] == [
        (BRAVO, Lane.FLASH),
        (ALPHA, Lane.ROUTINE),
    ]


async def test_unknown_message_queues_nothing(store: Store) -> None:
    await store.write(lambda t: t.add_messages([message()]))
    both = [(1, Lane.ROUTINE), (2, Lane.ROUTINE)]

    with pytest.raises(NotFoundError):
        await store.write(lambda t: t.enqueue(both, [ALPHA], NOW))

    assert await queued(store, ALPHA) == []


@pytest.mark.parametrize(
    "state",
    [
        OutboxState.ACCEPTED,
        OutboxState.REFUSED,
        OutboxState.QUARANTINED,
        OutboxState.WITHHELD,
        OutboxState.DEAD,
    ],
)
async def test_settled_entry_leaves_the_queue(store: Store, state: OutboxState) -> None:
    await store.write(lambda t: publish(t, 2, ALPHA))

    await settle(store, 1, state, leaf_index=30)

    (row,) = await store.read(lambda s: s.outbox(state=state))
    assert (row.number, row.reason, row.settled_ms) == (1, "WHY", NOW + 9)
    assert row.leaf_index == 30
    assert await queued(store, ALPHA) == [2]


async def test_settling_leaves_the_leaf_of_the_offer(store: Store) -> None:
    entries = await store.write(lambda t: publish(t, 2, ALPHA))
    await store.write(lambda t: form(t, entries))

    await settle(store, 2, OutboxState.ACCEPTED)

    (row,) = await store.read(lambda s: s.outbox(state=OutboxState.ACCEPTED))
    assert (row.leaf_index, row.sequence) == (1, 1)


async def test_nothing_is_settled_as_waiting(store: Store) -> None:
    await store.write(lambda t: publish(t, 1, ALPHA))

    with pytest.raises(ValueError, match="final"):
        await settle(store, 1, OutboxState.OFFERED)


async def test_settled_entry_is_not_settled_again(store: Store) -> None:
    await store.write(lambda t: publish(t, 2, ALPHA))
    await settle(store, 1, OutboxState.REFUSED)
    accepted = [
        Settled(entry=entry, state=OutboxState.ACCEPTED, reason="") for entry in (2, 1)
    ]

    with pytest.raises(WrongStateError):
        await store.write(lambda t: t.settle(accepted, NOW))
    with pytest.raises(WrongStateError):
        await store.write(lambda t: t.settle(accepted[:1] * 2, NOW))
    with pytest.raises(WrongStateError):
        await settle(store, 77, OutboxState.ACCEPTED)

    rows = await store.read(lambda s: s.outbox())
    assert [row.state for row in rows] == [OutboxState.QUEUED, OutboxState.REFUSED]


async def test_quarantined_entry_is_settled_once_more(store: Store) -> None:
    await store.write(lambda t: publish(t, 1, ALPHA))
    await settle(store, 1, OutboxState.QUARANTINED)
    await settle(store, 1, OutboxState.ACCEPTED)

    (row,) = await store.read(lambda s: s.outbox())
    assert row.state is OutboxState.ACCEPTED


async def test_dead_entry_is_queued_again_in_its_old_place(store: Store) -> None:
    await store.write(lambda t: publish(t, 2, ALPHA))
    await settle(store, 1, OutboxState.DEAD, leaf_index=3)

    await store.write(lambda t: t.requeue(1, NOW + 50))

    first, _ = await store.read(lambda s: s.queued(ALPHA, limit=5))
    assert (first.number, first.queued_ms, first.attempts) == (1, NOW + 50, 0)
    assert (first.reason, first.settled_ms, first.leaf_index) == ("", None, None)


async def test_only_dead_entries_are_queued_again(store: Store) -> None:
    await store.write(lambda t: publish(t, 1, ALPHA))

    with pytest.raises(WrongStateError, match="queued, not dead"):
        await store.write(lambda t: t.requeue(1, NOW))
    with pytest.raises(NotFoundError):
        await store.write(lambda t: t.requeue(2, NOW))


async def test_outbox_is_listed_newest_first_by_any_condition(store: Store) -> None:
    await store.write(lambda t: publish(t, 3, ALPHA, BRAVO))
    await settle(store, 3, OutboxState.DEAD)
    await settle(store, 4, OutboxState.ACCEPTED)

    async def listed(
        *,
        peer: str = "",
        state: OutboxState | None = None,
        message: int | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[int]:
        rows = await store.read(
            lambda s: s.outbox(
                peer=peer, state=state, message=message, before=before, limit=limit
            )
        )
        return [row.number for row in rows]

    assert await listed() == [6, 5, 4, 3, 2, 1]
    assert await listed(limit=2) == [6, 5]
    assert await listed(before=3) == [2, 1]
    assert await listed(peer=ALPHA) == [5, 3, 1]
    assert await listed(state=OutboxState.DEAD) == [3]
    assert await listed(state=OutboxState.ACCEPTED) == [4]
    assert await listed(state=OutboxState.QUEUED, peer=BRAVO) == [6, 2]
    assert await listed(message=2) == [4, 3]
    assert await listed(message=2, peer=BRAVO, state=OutboxState.DEAD) == []


async def test_peers_with_queued_entries_or_open_batches_have_work(
    store: Store,
) -> None:
    assert await store.read(lambda s: s.peers_with_work()) == []
    await store.write(lambda t: publish(t, 1, BRAVO, ALPHA))
    assert await store.read(lambda s: s.peers_with_work()) == [ALPHA, BRAVO]

    await settle(store, 1, OutboxState.WITHHELD)
    assert await store.read(lambda s: s.peers_with_work()) == [ALPHA]

    await store.write(lambda t: form(t, [2]))
    assert await store.read(lambda s: s.queued(ALPHA, limit=1)) == []
    assert await store.read(lambda s: s.peers_with_work()) == [ALPHA]


async def test_counts_show_how_many_entries_are_in_each_state(store: Store) -> None:
    await store.write(lambda t: publish(t, 3, ALPHA, BRAVO))
    await settle(store, 1, OutboxState.DEAD)
    await settle(store, 3, OutboxState.DEAD)
    await settle(store, 5, OutboxState.ACCEPTED)
    await store.write(lambda t: t.requeue(3, NOW))

    counts = await store.read(lambda s: s.counts())

    assert counts.queues == (
        QueueCount(peer=ALPHA, state=OutboxState.ACCEPTED, count=1),
        QueueCount(peer=ALPHA, state=OutboxState.DEAD, count=1),
        QueueCount(peer=ALPHA, state=OutboxState.QUEUED, count=1),
        QueueCount(peer=BRAVO, state=OutboxState.QUEUED, count=3),
    )


async def test_counts_follow_every_way_that_an_entry_takes(store: Store) -> None:
    async def check() -> None:
        counts = await store.read(lambda s: s.counts())
        rows = await store.read(lambda s: s.outbox())
        counted = {(each.peer, each.state): each.count for each in counts.queues}
        assert counted == Counter((row.peer, row.state) for row in rows)

    await store.write(lambda t: publish(t, 6, BRAVO, ALPHA))
    await store.write(lambda t: form(t, [2, 4, 6, 8]))
    await check()

    # Accepted straight away, out of quarantine, and from the queue.
    await settle(store, 2, OutboxState.ACCEPTED)
    await settle(store, 4, OutboxState.QUARANTINED)
    await settle(store, 4, OutboxState.ACCEPTED)
    await settle(store, 6, OutboxState.REFUSED)
    await settle(store, 1, OutboxState.ACCEPTED)
    await check()

    await store.write(lambda t: form(t, [10], sequence=2))
    await store.write(lambda t: t.reopen_batch(ALPHA, 2))
    await check()

    await store.write(lambda t: form(t, [10, 12], sequence=2))
    await store.write(lambda t: t.void_batch(ALPHA, 2, reason="X", at_ms=NOW))
    await store.write(lambda t: t.requeue(12, NOW))
    await check()
