# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
from functools import partial

import pytest
from tests.unit.store.samples import ORIGIN

from selat.errors import ShuttingDownError
from selat.store.gate import GatedStore
from selat.store.port import Store, Transaction


def note(order: list[str], name: str, _: Transaction) -> str:
    order.append(name)
    return name


async def test_open_gate_changes_nothing(store: Store) -> None:
    gated = GatedStore(store)
    await gated.write(lambda t: t.open_log(ORIGIN))
    assert await gated.read(lambda s: s.tree_head().origin) == ORIGIN


async def test_writes_wait_at_the_gate_and_reads_do_not(store: Store) -> None:
    gated, order = GatedStore(store), list[str]()
    async with gated.shut() as past:
        waiting = [
            asyncio.ensure_future(gated.write(partial(note, order, name)))
            for name in ("first", "second")
        ]
        await past.write(partial(note, order, "within"))
        assert await gated.read(lambda s: s.tree_head().origin) == ""
        assert not any(each.done() for each in waiting)
    assert await asyncio.gather(*waiting) == ["first", "second"]
    assert order == ["within", "first", "second"]


async def test_writes_that_were_begun_before_are_finished_first(store: Store) -> None:
    gated, order = GatedStore(store), list[str]()
    before = asyncio.ensure_future(gated.write(partial(note, order, "before")))
    await asyncio.sleep(0)  # it is begun
    async with gated.shut() as past:
        await past.write(partial(note, order, "within"))
    await before
    assert order == ["before", "within"]


async def test_gate_opens_after_a_failure(store: Store) -> None:
    gated = GatedStore(store)
    with pytest.raises(ZeroDivisionError):
        async with gated.shut():
            raise ZeroDivisionError
    assert await gated.write(lambda _: "kept") == "kept"


async def test_gate_that_is_shut_again_lets_in_first_who_waited(store: Store) -> None:
    gated, order = GatedStore(store), list[str]()
    async with gated.shut():
        waiting = asyncio.ensure_future(gated.write(partial(note, order, "waited")))
        await asyncio.sleep(0)  # it waits
    async with gated.shut() as past:
        await past.write(partial(note, order, "within"))
    await waiting
    assert order == ["waited", "within"]


async def test_who_comes_when_the_gate_opens_passes_nobody(store: Store) -> None:
    gated, order = GatedStore(store), list[str]()
    async with gated.shut():
        waiting = asyncio.ensure_future(gated.write(partial(note, order, "waited")))
        await asyncio.sleep(0)  # it waits
    await gated.write(partial(note, order, "came later"))
    await waiting
    assert order == ["waited", "came later"]


async def test_who_gives_up_at_the_gate_holds_nobody_up(store: Store) -> None:
    gated, order = GatedStore(store), list[str]()
    async with gated.shut():
        waiting = [
            asyncio.ensure_future(gated.write(partial(note, order, name)))
            for name in ("given up", "before", "after")
        ]
        waiting[0].cancel()  # before it has begun to wait
        await asyncio.sleep(0)
        waiting[1].cancel()
    await waiting[2]
    await gated.write(partial(note, order, "later"))
    assert order == ["after", "later"]


async def test_write_is_queued_before_it_is_awaited(store: Store) -> None:
    gated, order = GatedStore(store), list[str]()
    first = gated.write(partial(note, order, "first"))
    await gated.write(partial(note, order, "second"))
    assert await first == "first"
    assert order == ["first", "second"]


async def test_closing_closes_the_store(store: Store) -> None:
    gated = GatedStore(store)
    await gated.close()
    with pytest.raises(ShuttingDownError):
        await gated.write(lambda _: None)
