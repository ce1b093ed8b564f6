# SPDX-License-Identifier: Apache-2.0
"""Nodes pass from half-year to half-year while they exchange."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

import pytest
from tests.fakes.nodes import (
    Home,
    Running,
    ShiftedClock,
    eventually,
    introduce,
    person,
    running,
)
from tests.fakes.proofs import assert_proven, send
from tests.fakes.reckoning import assert_delivered, assert_log_holds

from selat.core.leaves import ReviewLeaf, parse_leaf
from selat.core.log_states import KnownState, verify_joined
from selat.core.origins import end_ms
from selat.core.shard_leaves import CloseLeaf, OpenLeaf
from selat.errors import CheckpointRolledBackError, OverloadedError
from selat.exchange import receipt_keeper, review_keeper
from selat.exchange.chains import verifiers_of
from selat.exchange.peer_client import connector
from selat.node import serve
from selat.node.assembly import present_ms
from selat.store.values import Shard
from selat.v1 import desk_service_pb2 as pb

ACCEPTED = pb.OUTBOX_STATE_ACCEPTED
#: How far behind a boundary a clock is put, in ms.
AFTER_MS = 60_000


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "HALF_YEAR_CHECK_S", 0.02)
    monkeypatch.setattr(review_keeper, "INTERVAL_S", 0.02)
    monkeypatch.setattr(receipt_keeper, "JOIN_INTERVAL_MS", 0)


@pytest.fixture
def clock() -> ShiftedClock:
    return ShiftedClock()


#: A rule by which a person looks at what comes in.
LOOKED_AT = """
@id("rules/looked-at") @title("A person looks at what comes in") @principle("A test")
@obligation("review")
forbid (principal, action == Action::"accept", resource)
when { principal == Node::"police.xa.example" }
unless { context.approved.contains("review") };
"""


async def let_in(node: Running) -> None:
    """Approve the one message that waits in quarantine."""
    (review,) = (await node.desk.ListReviews(pb.ListReviewsRequest())).reviews
    await node.desk.DecideReview(
        pb.DecideReviewRequest(
            kind=review.kind, number=review.number, act=pb.REVIEW_ACT_APPROVE
        )
    )


class Fault:
    """A step at which a node fails for as long as a test likes."""

    def __init__(self, step: str) -> None:
        self._step = step
        self.is_there = True
        self.happened = False

    def __call__(self, step: str) -> None:
        if step == self._step and self.is_there:
            self.happened = True
            raise OverloadedError("Not now.")


def shards_of(home: Home) -> list[Shard]:
    return home.inspect(lambda snapshot: snapshot.shards())


def pass_half_year(clock: ShiftedClock, *homes: Home) -> None:
    """Put a clock behind the end of the newest shard of any of some nodes."""
    end = max(end_ms(shards_of(home)[-1].origin) for home in homes)
    clock.ahead_ms = end + AFTER_MS - present_ms()


async def gone_on(homes: Iterable[Home], count: int) -> None:
    """Wait until nodes have so many shards."""

    async def look() -> bool:
        return all(len(shards_of(home)) >= count for home in homes)

    await eventually(look)


async def test_exchange_goes_on_over_two_boundaries(
    xa: Home, xb: Home, clock: ShiftedClock
) -> None:
    await introduce(xa, xb)
    out: list[bytes] = []
    back: list[bytes] = []
    async with running(xa, clock=clock) as a, running(xb, clock=clock) as b:
        for number in (1, 2, 3):
            out += await send(a, b, 3)
            back += await send(b, a, 2)
            if number < 3:
                pass_half_year(clock, xa, xb)
                await gone_on((xa, xb), number + 1)
        assert await a.incidents() == await b.incidents() == {}
        for node in (a, b):
            await assert_proven(node, out + back, xa.card, xb.card)
    assert_delivered(xa, xb, out)
    assert_delivered(xb, xa, back)
    for home in (xa, xb):
        _assert_handed_over(home, 3)


def _assert_handed_over(home: Home, count: int) -> None:
    """Hold that each shard ends and begins as it must, with the right names."""
    shards = shards_of(home)
    assert len(shards) == count
    assert [shard.closed for shard in shards] == [True] * (count - 1) + [False]
    for older, newer in pairwise(shards):
        first, last = home.inspect(
            lambda s, at=newer.first_position: s.leaves(at - 1, 2)  # type: ignore[misc] # bound now
        )
        close, opened = parse_leaf(first), parse_leaf(last)
        assert isinstance(close, CloseLeaf)
        assert isinstance(opened, OpenLeaf)
        assert (close.origin, close.next) == (older.origin, newer.origin)
        assert opened.previous.encode() == older.final_note


async def test_restarted_nodes_go_on_in_the_half_year_of_their_start(
    xa: Home, xb: Home, clock: ShiftedClock
) -> None:
    await introduce(xa, xb)
    ids: list[bytes] = []
    for _ in range(3):
        async with running(xa, clock=clock) as a, running(xb, clock=clock) as b:
            ids += await send(a, b)
        pass_half_year(clock, xa, xb)
    assert_delivered(xa, xb, ids)
    assert len(shards_of(xa)) == len(shards_of(xb)) == 3


async def test_half_years_that_a_node_slept_through_have_no_shard(
    xa: Home, clock: ShiftedClock
) -> None:
    for _ in range(2):
        origin = shards_of(xa)[-1].origin
        clock.ahead_ms += end_ms(origin) + AFTER_MS - clock()
        clock.ahead_ms += 184 * 86_400_000
        async with running(xa, clock=clock):
            pass
        assert end_ms(shards_of(xa)[-1].origin) > clock()
    assert len(shards_of(xa)) == 3
    assert_log_holds(xa)


@pytest.mark.parametrize("step", ["intake.verified", "intake.committed"])
async def test_batch_from_before_the_boundary_is_delivered_after_it(
    step: str, xa: Home, xb: Home, clock: ShiftedClock
) -> None:
    """Its leaves stand in a closed shard, and so do its receipts when it was kept."""
    await introduce(xa, xb)
    fault = Fault(step)
    async with (
        running(xa, clock=clock) as a,
        running(xb, clock=clock, on_step=fault) as b,
    ):
        ids = await a.publish(person("Doe, John"), person("Doe, Jane"))

        async def has_failed() -> bool:
            return fault.happened

        await eventually(has_failed)
        pass_half_year(clock, xa, xb)
        await gone_on((xa, xb), 2)
        fault.is_there = False
        await a.settled(b.name, 2)
        ids += await send(a, b)
        await assert_proven(a, ids, xa.card, xb.card)
        await assert_proven(b, ids, xa.card, xb.card)
    assert_delivered(xa, xb, ids)
    offered = xa.inspect(lambda s: s.batch_entries(xb.name, 1))[0].leaf_index
    assert offered is not None
    assert offered < shards_of(xa)[0].size
    kept = xb.inspect(lambda s: s.incoming_batch(xa.name, 1))
    assert kept is not None
    assert kept.origin == shards_of(xa)[0].origin
    assert (kept.first_receipt < shards_of(xb)[0].size) is (step == "intake.committed")


async def test_peer_that_was_away_for_two_half_years_is_led_over_both(
    xa: Home, xb: Home, clock: ShiftedClock
) -> None:
    await introduce(xa, xb)
    async with running(xa, clock=clock) as a:
        async with running(xb, clock=clock) as b:
            ids = await send(a, b) + await send(a, b)
        for count in (2, 3):
            pass_half_year(clock, xa)
            await gone_on((xa,), count)
        async with running(xb, clock=clock) as b:
            ids += await send(a, b)
            back = await send(b, a)
            assert await b.incidents() == {}
    assert_delivered(xa, xb, ids)
    assert_delivered(xb, xa, back)
    assert (len(shards_of(xa)), len(shards_of(xb))) == (3, 2)


async def test_batch_waits_over_two_boundaries_for_a_peer_that_learns_of_them_first(
    xa: Home, xb: Home, clock: ShiftedClock
) -> None:
    """The peer is shown the newest shard by receipts, and then a leaf of the oldest."""
    await introduce(xa, xb)
    fault = Fault("intake.verified")
    async with running(xa, clock=clock) as a:
        async with running(xb, clock=clock, on_step=fault):
            ids = await a.publish(person("Doe, John"))

            async def is_formed() -> bool:
                return fault.happened

            await eventually(is_formed)
        for count in (2, 3):
            pass_half_year(clock, xa)
            await gone_on((xa,), count)
        fault = Fault("intake.verified")
        async with running(xb, clock=clock, on_step=fault) as b:
            back = await send(b, a)
            fault.is_there = False
            await a.settled(b.name, 1)
            await assert_proven(b, ids + back, xa.card, xb.card)
    assert_delivered(xa, xb, ids)
    assert_delivered(xb, xa, back)


async def test_clock_that_jumped_ahead_and_back_leaves_a_log_that_goes_on(
    xa: Home, xb: Home, clock: ShiftedClock
) -> None:
    await introduce(xa, xb)
    async with running(xa, clock=clock) as a, running(xb) as b:
        ids = await send(a, b)
        pass_half_year(clock, xa)
        await gone_on((xa,), 2)
        clock.ahead_ms = 0
        ids += await send(a, b)
        back = await send(b, a)
    async with running(xa), running(xb) as b:
        pass
    assert_delivered(xa, xb, ids)
    assert_delivered(xb, xa, back)
    assert (len(shards_of(xa)), len(shards_of(xb))) == (2, 1)


async def test_states_over_a_boundary_are_proven_on_demand(
    xa: Home, xb: Home, clock: ShiftedClock
) -> None:
    await introduce(xa, xb)
    async with running(xa, clock=clock) as a, running(xb, clock=clock) as b:
        await send(a, b)
        pass_half_year(clock, xa, xb)
        await gone_on((xa, xb), 2)
        peer = a.node.local.peers.get(b.name)
        async with connector(certificate=a.node.tls, clock=clock)(peer) as connection:
            old, new = (_state(xb, number) for number in (0, 1))
            proof = await connection.prove(old, new)
            verify_joined(
                proof,
                owner=b.name,
                verifiers=verifiers_of(peer, now_ms=clock()),
                old=old,
                new=new,
            )
            unknown = replace(old, origin=f"{b.name}/exchange/2000h1")
            for one, other in ((new, old), (unknown, new), (old, unknown)):
                with pytest.raises(CheckpointRolledBackError, match="never had"):
                    await connection.prove(one, other)


@pytest.mark.parametrize("is_decided_before", [True, False])
async def test_sender_learns_of_a_review_over_a_boundary(
    xa: Home, xb: Home, clock: ShiftedClock, *, is_decided_before: bool
) -> None:
    """The receipt stands in the closed shard; the review there, or in the next."""
    (xb.folder.policy / "rules" / "test.cedar").write_text(LOOKED_AT, "utf-8")
    await introduce(xa, xb)
    async with running(xb, clock=clock) as b:
        async with running(xa, clock=clock) as a:
            ids = await a.publish(person("Doe, John"))
            (entry,) = await a.settled(b.name, 1)
            assert entry.state == pb.OUTBOX_STATE_QUARANTINED
        if is_decided_before:
            await let_in(b)
        pass_half_year(clock, xa, xb)
        await gone_on((xb,), 2)
        async with running(xa, clock=clock) as a:
            await gone_on((xa,), 2)
            if not is_decided_before:
                await let_in(b)

            async def is_learned() -> bool:
                (entry,) = await a.outbox(b.name)
                return entry.state == ACCEPTED

            await eventually(is_learned)
            await assert_proven(a, ids, xa.card, xb.card, act="approve")
            await assert_proven(b, ids, xa.card, xb.card, act="approve")
            assert await a.incidents() == await b.incidents() == {}
            back = await send(b, a)
    assert_delivered(xb, xa, back)
    for home in (xa, xb):
        assert_log_holds(home)
    leaves = xb.inspect(lambda s: s.leaves(0, s.tree_head().end))
    (at,) = [
        position
        for position, data in enumerate(leaves)
        if isinstance(parse_leaf(data), ReviewLeaf)
    ]
    assert (at < shards_of(xb)[0].end) is is_decided_before


def _state(home: Home, number: int) -> KnownState:
    """Return the newest state of one of a node's shards."""
    shard = shards_of(home)[number]
    return KnownState(origin=shard.origin, size=shard.size, root=shard.frontier.root())
