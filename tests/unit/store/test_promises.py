# SPDX-License-Identifier: Apache-2.0
"""What `selat.store.port` promises of every adapter."""

from __future__ import annotations

import asyncio
from functools import partial
from threading import Event, get_ident

import pytest
from tests.unit.store.conftest import Adapter
from tests.unit.store.samples import (
    ALPHA,
    ALPHAS,
    NOW,
    ORIGIN,
    adding,
    form,
    incoming,
    message,
    publish,
)

from selat.errors import ShuttingDownError, StoreBusyError, StoreFullError
from selat.store.port import Snapshot, Store, Transaction

# For events between threads that come at once; only a fault lets it pass.
PATIENCE_S = 20.0


async def newest(store: Store) -> int:
    return await store.read(lambda s: s.newest_arrival())


def note(order: list[int], number: int, _: Transaction) -> None:
    order.append(number)


async def test_work_off_the_event_loop_returns_its_value(store: Store) -> None:
    written = await store.write(lambda _: (get_ident(), "value"))
    read = await store.read(lambda _: (get_ident(), "value"))

    for thread, value in (written, read):
        assert thread != get_ident()
        assert value == "value"


async def test_failed_work_leaves_nothing_behind(store: Store) -> None:
    class BoomError(Exception):
        pass

    def work(transaction: Transaction) -> None:
        entries = publish(transaction, 3, ALPHA)
        form(transaction, entries)
        transaction.keep_incoming(incoming(), [b"a", b"b"], [1, None])
        transaction.put_setting("key", b"value")
        transaction.note_incident(peer=ALPHA, reason="X", detail="x", at_ms=NOW)
        raise BoomError

    with pytest.raises(BoomError):
        await store.write(work)

    def look(snapshot: Snapshot) -> list[object]:
        return [
            snapshot.tree_head().origin,
            snapshot.newest_arrival(),
            snapshot.outbox(),
            snapshot.open_batches(ALPHA),
            snapshot.incoming_batch(ALPHA, 1),
            snapshot.setting("key"),
            snapshot.incidents(limit=1),
            snapshot.counts().queues,
        ]

    assert await store.read(look) == ["", 0, [], [], None, None, [], ()]


async def test_error_of_a_read_is_raised_to_its_caller(store: Store) -> None:
    def work(_: Snapshot) -> None:
        raise LookupError("nothing")

    with pytest.raises(LookupError, match="nothing"):
        await store.read(work)

    assert await newest(store) == 0


async def test_reopened_store_has_everything(adapter: Adapter) -> None:
    def work(transaction: Transaction) -> None:
        entries = publish(transaction, 3, ALPHA)
        form(transaction, entries[:2])
        transaction.keep_incoming(incoming(), [b"a", b"b"], [1, None])
        transaction.put_setting("key", b"value")
        transaction.note_incident(peer=ALPHA, reason="X", detail="x", at_ms=NOW)

    def look(snapshot: Snapshot) -> list[object]:
        return [
            snapshot.tree_head(),
            snapshot.leaves(0, 2),
            snapshot.shard_tiles(ORIGIN).tile(0, 0),
            [snapshot.message(number) for number in (1, 2, 3)],
            snapshot.payloads([1, 2, 3]),
            snapshot.outbox(),
            snapshot.open_batches(ALPHA),
            snapshot.batch_entries(ALPHA, 1),
            snapshot.arrival_batch(1),
            snapshot.offer(ALPHA, ALPHAS, 11),
            snapshot.setting("key"),
            snapshot.incidents(limit=1),
            snapshot.counts(),
        ]

    store = adapter.open()
    await store.write(work)
    before = await store.read(look)
    await store.close()

    store = adapter.open()
    after = await store.read(look)
    await store.close()

    assert after == before


async def test_writes_run_in_the_order_of_their_calls(store: Store) -> None:
    order: list[int] = []

    await asyncio.gather(
        *(store.write(partial(note, order, number)) for number in range(200))
    )

    assert order == list(range(200))


async def test_work_sees_what_it_and_others_before_it_wrote(store: Store) -> None:
    def work(transaction: Transaction) -> int:
        transaction.add_messages([message(transaction.newest_arrival() + 1)])
        return transaction.newest_arrival()

    seen = await asyncio.gather(*(store.write(work) for _ in range(20)))

    assert seen == list(range(1, 21))


async def test_what_was_written_is_read(store: Store) -> None:
    for number in range(1, 20):
        await store.write(adding(message(number)))
        assert await newest(store) == number


async def test_snapshot_is_one_moment_and_blocks_no_write(store: Store) -> None:
    began, go_on = Event(), Event()

    def look(snapshot: Snapshot) -> tuple[int, int]:
        before = snapshot.newest_arrival()
        began.set()
        assert go_on.wait(PATIENCE_S)
        return before, snapshot.newest_arrival()

    reading = asyncio.ensure_future(store.read(look))
    assert await asyncio.to_thread(began.wait, PATIENCE_S)
    await store.write(adding(message()))
    assert await newest(store) == 1
    go_on.set()

    assert await reading == (0, 0)


async def test_snapshot_has_what_was_written_before_it_is_read(store: Store) -> None:
    began, go_on = Event(), Event()

    def look(snapshot: Snapshot) -> int:
        began.set()
        assert go_on.wait(PATIENCE_S)
        return snapshot.newest_arrival()

    reading = asyncio.ensure_future(store.read(look))
    assert await asyncio.to_thread(began.wait, PATIENCE_S)
    await store.write(adding(message()))
    go_on.set()

    assert await reading == 1


async def test_write_in_progress_is_unseen_and_blocks_no_read(store: Store) -> None:
    began, go_on = Event(), Event()

    def work(transaction: Transaction) -> None:
        transaction.add_messages([message()])
        began.set()
        assert go_on.wait(PATIENCE_S)

    writing = asyncio.ensure_future(store.write(work))
    assert await asyncio.to_thread(began.wait, PATIENCE_S)
    assert await newest(store) == 0
    go_on.set()
    await writing

    assert await newest(store) == 1


async def test_lock_of_another_process_is_busy(adapter: Adapter, store: Store) -> None:
    def work(transaction: Transaction) -> None:
        transaction.add_messages([message(transaction.newest_arrival() + 1)])

    with adapter.locked():
        results = await asyncio.gather(
            *(store.write(work) for _ in range(5)), return_exceptions=True
        )
        assert await newest(store) == 0

    assert [type(result) for result in results] == [StoreBusyError] * 5
    await store.write(work)
    assert await newest(store) == 1


async def test_full_disk_keeps_nothing_and_heals_with_room(
    adapter: Adapter, store: Store
) -> None:
    large = message(2, ciphertext=b"x" * 1_000_000)
    await store.write(lambda t: t.add_messages([message(1)]))
    await adapter.fill(store)

    def work(transaction: Transaction) -> None:
        transaction.open_log(ORIGIN)
        transaction.add_messages([large])

    with pytest.raises(StoreFullError):
        await store.write(work)
    assert await newest(store) == 1
    assert (await store.read(lambda s: s.tree_head())).origin == ""

    await adapter.make_room(store)
    await store.write(work)
    assert await newest(store) == 2


async def test_on_a_full_disk_whoever_got_an_answer_is_kept(
    adapter: Adapter, store: Store
) -> None:
    await adapter.fill(store)
    works = [adding(message(n, ciphertext=b"x" * 90 * n**2)) for n in range(1, 41)]

    results = await asyncio.gather(
        *(store.write(work) for work in works), return_exceptions=True
    )

    answered = [result[0] for result in results if isinstance(result, list)]
    failed = [result for result in results if not isinstance(result, list)]
    assert {type(error) for error in failed} == {StoreFullError}
    assert await newest(store) == len(answered)
    assert answered == list(range(1, len(answered) + 1))


async def test_write_is_queued_by_its_call_and_not_when_it_is_awaited(
    store: Store,
) -> None:
    first = store.write(adding(message(1)))
    second = await store.write(adding(message(2)))
    assert [*await first, *second] == [1, 2]


async def test_work_whose_caller_gave_up_before_it_began_is_left_out(
    store: Store,
) -> None:
    began, go_on = Event(), Event()

    def block(_: Transaction) -> None:
        began.set()
        assert go_on.wait(PATIENCE_S)

    blocking = asyncio.ensure_future(store.write(block))
    assert await asyncio.to_thread(began.wait, PATIENCE_S)
    given_up = asyncio.ensure_future(store.write(adding(message())))
    await asyncio.sleep(0)
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    go_on.set()
    await blocking

    assert await store.write(lambda t: t.newest_arrival()) == 0


async def test_work_that_began_is_kept_although_its_caller_gave_up(
    store: Store,
) -> None:
    began, go_on = Event(), Event()

    def work(transaction: Transaction) -> None:
        began.set()
        assert go_on.wait(PATIENCE_S)
        transaction.add_messages([message()])

    given_up = asyncio.ensure_future(store.write(work))
    assert await asyncio.to_thread(began.wait, PATIENCE_S)
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    go_on.set()

    assert await store.write(lambda t: t.newest_arrival()) == 1


async def test_close_finishes_what_is_in_hand(adapter: Adapter) -> None:
    store = adapter.open()
    writes = [
        asyncio.ensure_future(store.write(adding(message(n)))) for n in range(1, 101)
    ]
    reading = asyncio.ensure_future(store.read(lambda s: s.newest_arrival()))
    await asyncio.sleep(0)

    await store.close()

    assert [await write for write in writes] == [[n] for n in range(1, 101)]
    assert 0 <= await reading <= 100


async def test_closed_store_refuses_further_calls(adapter: Adapter) -> None:
    store = adapter.open()
    await store.close()
    await store.close()

    with pytest.raises(ShuttingDownError):
        await store.write(lambda t: t.newest_arrival())
    with pytest.raises(ShuttingDownError):
        await store.read(lambda s: s.newest_arrival())


async def test_any_error_of_a_work_reaches_its_caller_and_the_writer_goes_on(
    store: Store,
) -> None:
    class StopError(BaseException):
        pass

    def work(_: Transaction) -> None:
        raise StopError

    with pytest.raises(StopError):
        await store.write(work)

    assert await store.write(lambda t: t.newest_arrival()) == 0
