# SPDX-License-Identifier: Apache-2.0
"""A batch that is refused for now is tried again, less and less often."""

from __future__ import annotations

from tests.fakes.lying_recipients import Answer, LyingRecipient
from tests.fakes.nodes import Home, Running, eventually, introduce, person, running

from selat.v1 import desk_service_pb2 as pb
from selat.v1 import exchange_pb2

#: More refusals than a batch that is refused for good gets.
REFUSALS = 5


def refuse_for_now(batch: exchange_pb2.Batch) -> list[Answer]:
    return [
        exchange_pb2.BatchRefusal(
            sequence=batch.sequence, reason="KEY_WRAP_INVALID", retryable=True
        )
    ]


async def refused_at_least(node: Running, peer: str, times: int) -> pb.LinkStatus:
    async def link() -> pb.LinkStatus | None:
        node.node.links.heard_from(peer)
        found = await node.link(peer)
        return found if found.attempts >= times else None

    return await eventually(link)


async def test_waits_grow_until_the_batch_is_receipted(xa: Home, xb: Home) -> None:
    await introduce(xa, xb)
    liar = LyingRecipient(xb, xa)
    async with running(xa) as a:
        async with liar.serving(refuse_for_now):
            ids = await a.publish(person())
            link = await refused_at_least(a, xb.name, REFUSALS)
            assert link.last_error == "KEY_WRAP_INVALID"
            (entry,) = await a.outbox()
            assert entry.state == pb.OUTBOX_STATE_OFFERED
            assert entry.attempts >= REFUSALS
        async with running(xb) as b:
            a.node.links.heard_from(b.name)
            await a.settled(b.name, 1)
            assert await b.received() == ids
        link = await a.link(xb.name)
        assert link.last_error in {"", "PEER_UNREACHABLE"}
        assert link.attempts < REFUSALS
