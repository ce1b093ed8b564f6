# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio

import pytest
from tests.unit.store.samples import message as sample

from selat.core.payloads import pack
from selat.exchange.arrivals import Arrivals, Arrived
from selat.exchange.local import LocalNode


async def test_ring_wakes_everybody_who_waits() -> None:
    arrivals = Arrivals()
    waiting = [asyncio.create_task(arrivals.next_ring().wait()) for _ in range(3)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    arrivals.ring()
    assert await asyncio.gather(*waiting) == [True, True, True]


async def test_ring_before_the_wait_is_not_missed() -> None:
    # Whoever takes the event, reads the store and then waits misses nothing.
    arrivals = Arrivals()
    ring = arrivals.next_ring()
    arrivals.ring()
    assert await ring.wait()


async def test_ring_of_the_past_wakes_nobody() -> None:
    arrivals = Arrivals()
    arrivals.ring()
    assert not arrivals.next_ring().is_set()


async def test_close_sends_everybody_away() -> None:
    arrivals = Arrivals()
    ring = arrivals.next_ring()
    assert not arrivals.closed
    arrivals.close()
    assert ring.is_set()
    assert arrivals.closed


@pytest.fixture
async def arrived(local: LocalNode) -> Arrived:
    """Give a message that is kept as the first."""
    await local.store.write(lambda t: t.add_messages([sample(1)]))
    row = await local.store.read(lambda s: s.message(1))
    assert row is not None
    return Arrived(row, pack(salt=bytes(32), header=b"header", body=b"body"))


async def test_what_comes_with_a_ring_is_given_to_whoever_has_all_before_it(
    arrived: Arrived,
) -> None:
    arrivals = Arrivals()
    ring = arrivals.next_ring()
    arrivals.ring([arrived])
    assert arrivals.all_since(ring, 0) == (arrived,)


async def test_whoever_misses_something_reads_the_store(arrived: Arrived) -> None:
    arrivals = Arrivals()
    ring = arrivals.next_ring()
    assert arrivals.all_since(ring, 0) == (), "it has not rung"
    arrivals.ring([arrived])
    behind, past = arrived.row.cursor - 2, arrived.row.cursor
    assert arrivals.all_since(ring, behind) == arrivals.all_since(ring, past) == ()
    arrivals.ring()
    assert arrivals.all_since(ring, 0) == (), "there was another ring since"


async def test_ring_without_messages_sends_to_the_store() -> None:
    arrivals = Arrivals()
    ring = arrivals.next_ring()
    arrivals.ring()
    assert arrivals.all_since(ring, 0) == ()
