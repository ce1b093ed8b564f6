# SPDX-License-Identifier: Apache-2.0
"""A node is killed while it hands its log over to the next half-year's shard.

After its next start the hand-over is finished, once; nothing that was under way
is lost or doubled, and the peer follows.
"""

from __future__ import annotations

import asyncio

import pytest
from tests.fakes.killed import doomed
from tests.fakes.mail import Mail
from tests.fakes.nodes import (
    DEADLINE_S,
    Home,
    Running,
    ShiftedClock,
    desk_of,
    introduce,
    person,
    running,
)
from tests.fakes.reckoning import assert_delivered, leaves_of

from selat.core.origins import end_ms
from selat.core.shard_leaves import CloseLeaf, OpenLeaf
from selat.node import serve
from selat.node.assembly import present_ms

#: At a start, in their order; the first signature is that of the final checkpoint.
STEPS = (
    "shard.before-close",
    "shard.closed",
    "sign.before-mark",
    "sign.marked",
    "sign.signed",
    "shard.signed",
    "shard.before-open",
    "shard.opened",
)
STORE_STEPS = [
    (step, occurrence)
    for step in ("store.begin", "store.before-commit", "store.committed")
    for occurrence in (1, 2)
]
#: So long before the boundary a node is started that is to meet it, in ms.
LEAD_MS = 2_500
#: More than can be delivered one after another in that time.
MESSAGES_MAX = 2_000


def shards_of(home: Home) -> int:
    return len(home.inspect(lambda snapshot: snapshot.shards()))


def boundary_ms(home: Home) -> int:
    return end_ms(home.inspect(lambda snapshot: snapshot.tree_head().origin))


async def queue(sender: Running, count: int) -> list[bytes]:
    return await sender.publish(*(person(f"Doe {n}") for n in range(count)))


@pytest.mark.parametrize(
    ("step", "occurrence"), [*((step, 1) for step in STEPS), *STORE_STEPS]
)
async def test_node_killed_while_it_hands_over_at_its_start_finishes_it_once(
    step: str, occurrence: int, xa: Home, xb: Home
) -> None:
    await introduce(xa, xb)
    clock = ShiftedClock()
    async with running(xa, clock=clock) as a:
        async with running(xb, clock=clock) as b:
            ids = await queue(a, 2)
            await a.settled(b.name, 2)
        ids += await queue(a, 2)  # they wait for the peer
    clock.ahead_ms = boundary_ms(xa) + 1_000 - present_ms()
    async with doomed(
        xa, step=step, occurrence=occurrence, ahead_ms=clock.ahead_ms
    ) as ended:
        await asyncio.wait_for(asyncio.shield(ended), DEADLINE_S)
    async with running(xa, clock=clock) as a, running(xb, clock=clock) as b:
        ids += await queue(a, 1)
        await a.settled(b.name, 5)
        back = await queue(b, 1)
        await b.settled(a.name, 1)
        assert await a.incidents() == await b.incidents() == {}
    assert_delivered(xa, xb, ids)
    assert_delivered(xb, xa, back)
    assert shards_of(xa) == 2
    assert len(list(leaves_of(xa, CloseLeaf))) == 1
    assert len(list(leaves_of(xa, OpenLeaf))) == 2


@pytest.mark.parametrize("side", ["sender", "recipient"])
@pytest.mark.parametrize("step", ["shard.closed", "shard.signed", "shard.before-open"])
async def test_node_killed_while_it_hands_over_amid_exchange_loses_nothing(
    step: str, side: str, xa: Home, xb: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "HALF_YEAR_CHECK_S", 0.02)
    await introduce(xa, xb)
    victim, other = (xa, xb) if side == "sender" else (xb, xa)
    clock = ShiftedClock()
    clock.ahead_ms = boundary_ms(xa) - LEAD_MS - present_ms()
    mail = Mail(recipient=xb, at_most=MESSAGES_MAX)
    async with running(other, clock=clock) as survivor:
        async with (
            doomed(victim, step=step, ahead_ms=clock.ahead_ms) as ended,
            desk_of(victim) as desk,
        ):
            await mail.hand_in_until(ended, desk if victim is xa else survivor)
        async with running(victim, clock=clock) as back:
            await mail.finish(back if victim is xa else survivor)
    assert_delivered(xa, xb, mail.ids)
    assert shards_of(xa) == shards_of(xb) == 2
