# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio

from selat.exchange.arrivals import Arrivals


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
