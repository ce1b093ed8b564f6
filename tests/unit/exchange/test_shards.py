# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.fakes.identities import SeededEntropy
from tests.fakes.leaves import CARD
from tests.fakes.local_nodes import (
    DAY_MS,
    NAME,
    NOW_MS,
    ORIGIN,
    FakeClock,
    MemoryMark,
    leaves_of,
    open_store,
    signers_of,
)

from selat.core.checkpoints import open_checkpoint
from selat.core.origins import end_ms
from selat.core.shard_leaves import CloseLeaf, OpenLeaf
from selat.errors import LogClosedError, StoreCorruptError, StoreFullError
from selat.exchange.shards import ShardKeeper
from selat.exchange.signing import CheckpointSigner
from selat.node.assembly import ignore_step
from selat.store.gate import GatedStore
from selat.store.port import Transaction
from selat.store.values import Shard

NEXT = f"{NAME}/exchange/2031h1"
BOUNDARY_MS = end_ms(ORIGIN)


class FullDisk:
    """Fail at one step for as long as it is named."""

    def __init__(self) -> None:
        self.step = ""

    def __call__(self, step: str) -> None:
        if step == self.step:
            raise StoreFullError("The disk is full.")


@dataclass
class Keeping:
    """A keeper and what it works on."""

    store: GatedStore
    clock: FakeClock = field(default_factory=FakeClock)
    disk: FullDisk = field(default_factory=FullDisk)
    mark: MemoryMark = field(default_factory=MemoryMark)
    is_vouched: bool = True

    def start(self) -> ShardKeeper:
        """Return a keeper as it is after a start of the node."""
        self.signer = CheckpointSigner(
            store=self.store, mark=self.mark, signers=signers_of, on_step=ignore_step
        )
        return ShardKeeper(
            node=NAME,
            store=self.store,
            signer=self.signer,
            is_vouched=lambda: self.is_vouched,
            clock=self.clock,
            entropy=SeededEntropy(NAME),
            on_step=self.disk,
        )

    async def shards(self) -> list[Shard]:
        return await self.store.read(lambda snapshot: snapshot.shards())


@pytest.fixture
async def keeping(tmp_path: Path) -> AsyncIterator[Keeping]:
    async with open_store(tmp_path / "node.db") as store:
        await store.write(lambda t: t.append_leaves([CARD.encode()]))
        yield Keeping(store=GatedStore(store))


async def test_nothing_happens_within_the_half_year(keeping: Keeping) -> None:
    keeper = keeping.start()
    for now_ms in (NOW_MS, BOUNDARY_MS - 1):
        keeping.clock.now_ms = now_ms
        await keeper.follow()
    (shard,) = await keeping.shards()
    assert (shard.origin, shard.size, shard.closed) == (ORIGIN, 1, False)
    assert keeping.mark.raised == []


async def test_log_is_handed_over_when_the_half_year_has_passed(
    keeping: Keeping,
) -> None:
    keeper = keeping.start()
    await keeper.follow()
    keeping.clock.now_ms = BOUNDARY_MS
    await keeper.follow()
    old, new = await keeping.shards()
    assert (old.origin, old.size, old.closed) == (ORIGIN, 2, True)
    assert (new.origin, new.size, new.closed) == (NEXT, 1, False)
    verifiers = [signer.verifier for signer in signers_of(ORIGIN)]
    final = open_checkpoint(old.final_note, origin=ORIGIN, verifiers=verifiers)
    assert (final.size, final.root) == (2, old.frontier.root())
    assert keeping.mark.raised == [(ORIGIN, 2, final.root)]


async def test_leaves_of_the_hand_over_name_both_shards(keeping: Keeping) -> None:
    keeping.clock.now_ms = BOUNDARY_MS + 5
    await keeping.start().follow()
    old, _ = await keeping.shards()
    _, close, opened = await leaves_of(keeping.store)
    assert isinstance(close, CloseLeaf)
    assert isinstance(opened, OpenLeaf)
    assert (close.node, close.origin, close.next) == (NAME, ORIGIN, NEXT)
    assert (opened.node, opened.origin) == (NAME, NEXT)
    assert opened.previous.encode() == old.final_note
    assert close.time_ms == opened.time_ms == BOUNDARY_MS + 5


async def test_half_years_that_were_slept_through_are_left_out(
    keeping: Keeping,
) -> None:
    keeping.clock.now_ms = BOUNDARY_MS + 400 * DAY_MS
    await keeping.start().follow()
    _, new = await keeping.shards()
    assert new.origin == f"{NAME}/exchange/2032h1"


async def test_clock_that_goes_back_takes_nothing_back(keeping: Keeping) -> None:
    keeper = keeping.start()
    keeping.clock.now_ms = BOUNDARY_MS
    await keeper.follow()
    keeping.clock.now_ms = NOW_MS
    await keeper.follow()
    await keeping.start().follow()
    assert [shard.origin for shard in await keeping.shards()] == [ORIGIN, NEXT]
    keeping.clock.now_ms = end_ms(NEXT)
    await keeper.follow()
    assert (await keeping.shards())[-1].origin == f"{NAME}/exchange/2031h2"


async def test_nothing_is_handed_over_that_no_card_vouches_for(
    keeping: Keeping,
) -> None:
    keeper = keeping.start()
    keeping.clock.now_ms = BOUNDARY_MS
    keeping.is_vouched = False
    await keeper.follow()
    assert len(await keeping.shards()) == 1
    keeping.is_vouched = True
    await keeper.follow()
    assert len(await keeping.shards()) == 2


STEPS = (
    "shard.before-close",
    "shard.closed",
    "shard.signed",
    "shard.before-open",
    "shard.opened",
)


@pytest.mark.parametrize("restart", [False, True], ids=["running", "restarted"])
@pytest.mark.parametrize("step", STEPS)
async def test_hand_over_that_failed_at_a_step_is_finished_later(
    step: str, keeping: Keeping, *, restart: bool
) -> None:
    keeper = keeping.start()
    keeping.clock.now_ms = BOUNDARY_MS
    keeping.disk.step = step
    with pytest.raises(StoreFullError):
        await keeper.follow()
    keeping.disk.step = ""
    if restart:
        keeper = keeping.start()
    await keeper.follow()
    assert [shard.origin for shard in await keeping.shards()] == [ORIGIN, NEXT]
    kinds = [leaf.kind for leaf in await leaves_of(keeping.store)]
    assert kinds == ["card", "close", "open"]


async def test_hand_over_that_was_begun_is_finished_as_it_was_meant(
    keeping: Keeping,
) -> None:
    """Whatever the clock and the card say by then: the close leaf names the next."""
    keeping.clock.now_ms = BOUNDARY_MS
    keeping.disk.step = "shard.closed"
    with pytest.raises(StoreFullError):
        await keeping.start().follow()
    keeping.disk.step = ""
    keeping.clock.now_ms = NOW_MS
    keeping.is_vouched = False
    await keeping.start().follow()
    assert [shard.origin for shard in await keeping.shards()] == [ORIGIN, NEXT]


async def test_hand_over_that_was_late_goes_on_to_the_present(keeping: Keeping) -> None:
    keeping.clock.now_ms = BOUNDARY_MS
    keeping.disk.step = "shard.closed"
    with pytest.raises(StoreFullError):
        await keeping.start().follow()
    keeping.disk.step = ""
    keeping.clock.now_ms = end_ms(NEXT)
    await keeping.start().follow()
    assert [shard.origin for shard in await keeping.shards()] == [
        ORIGIN,
        NEXT,
        f"{NAME}/exchange/2031h2",
    ]


async def test_leaves_are_refused_while_no_shard_is_open(keeping: Keeping) -> None:
    keeper = keeping.start()
    keeping.clock.now_ms = BOUNDARY_MS
    keeping.disk.step = "shard.signed"
    with pytest.raises(StoreFullError):
        await keeper.follow()
    with pytest.raises(LogClosedError):
        await keeping.store.write(lambda t: t.append_leaves([b"late"]))
    keeping.disk.step = ""
    await keeper.follow()
    assert await keeping.store.write(lambda t: t.append_leaves([b"late"])) == 3


async def test_writers_wait_for_the_next_shard(keeping: Keeping) -> None:
    keeper = keeping.start()
    keeping.clock.now_ms = BOUNDARY_MS
    handing_over = asyncio.ensure_future(keeper.follow())
    positions: list[int] = []
    while not handing_over.done():
        positions.append(
            await keeping.store.write(lambda t: t.append_leaves([b"busy"]))
        )
    await handing_over
    old, new = await keeping.shards()
    assert [position for position in positions if position < old.end - 1] == [
        *range(1, old.end - 1)
    ]
    assert positions == sorted({*positions} - {old.end - 1, old.end})
    assert new.end == positions[-1] + 1 or new.size == 1


async def test_many_callers_hand_over_once(keeping: Keeping) -> None:
    keeper = keeping.start()
    keeping.clock.now_ms = BOUNDARY_MS
    await asyncio.gather(*(keeper.follow() for _ in range(8)))
    assert len(await keeping.shards()) == 2


async def test_heads_of_the_next_shard_count_over_both(keeping: Keeping) -> None:
    keeping.clock.now_ms = BOUNDARY_MS
    await keeping.start().follow()
    end = 1 + await keeping.store.write(lambda t: t.append_leaves([b"one"]))
    head = await keeping.signer.at_least(end)
    assert (head.end, head.first_position) == (end, 2)
    assert (head.point.origin, head.point.size) == (NEXT, 2)
    assert (await keeping.signer.at_least(1)) is head


async def test_shard_that_something_else_closed_is_damage(keeping: Keeping) -> None:
    def damage(transaction: Transaction) -> None:
        transaction.close_shard(CARD.encode())

    await keeping.store.write(damage)
    with pytest.raises(StoreCorruptError, match="without a close leaf"):
        await keeping.start().follow()
