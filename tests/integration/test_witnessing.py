# SPDX-License-Identifier: Apache-2.0
"""Nodes cosign each other's logs, on the way and when nothing else is said."""

from __future__ import annotations

from tests.fakes.nodes import Home, Running, eventually, introduce, person, running

from selat.store.witnessing import OwnCheckpoint
from selat.v1 import desk_service_pb2 as pb


async def anchored(node: Running, *, size: int = 1) -> pb.AnchorStatus:
    """Wait until a node's log is anchored at so many leaves."""

    async def look() -> pb.AnchorStatus | None:
        anchor = (await node.status()).anchor
        return anchor if anchor.size >= size else None

    return await eventually(look)


async def cosigned(node: Running, peer: str, *, size: int = 1) -> pb.LinkStatus:
    """Wait until a peer has cosigned a node's log at so many leaves."""

    async def look() -> pb.LinkStatus | None:
        link = await node.link(peer)
        return link if link.cosigned_size >= size else None

    return await eventually(look)


def newest(home: Home) -> OwnCheckpoint:
    found = home.inspect(lambda s: s.newest_anchored())
    assert found is not None
    return found


async def test_cosignatures_come_with_deliveries_in_both_directions(
    xa: Home, xb: Home
) -> None:
    await introduce(xa, xb)
    async with running(xa) as a, running(xb) as b:
        await a.publish(person())
        await a.settled(b.name, 1)
        offered = (await a.link(b.name)).acknowledged_size
        await cosigned(a, b.name, size=offered)
        await a.publish(person("Roe"))
        await a.settled(b.name, 2)
        # The first receipt's cosignature is handed back with the second batch.
        receipted = xa.inspect(lambda s: s.link(b.name)).checkpoint
        assert receipted is not None
        await cosigned(b, a.name, size=2)
        assert await a.incidents() == await b.incidents() == {}
