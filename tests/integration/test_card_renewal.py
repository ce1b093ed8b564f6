# SPDX-License-Identifier: Apache-2.0
"""A node's next card reaches its peers without anybody doing anything."""

from __future__ import annotations

import grpc
import pytest
from tests.fakes.nodes import (
    Home,
    Running,
    eventually,
    introduce,
    person,
    running,
)

from selat.core.leaves import CardLeaf, PeerLeaf, parse_leaf
from selat.identity.card import parse_card
from selat.rpc.status import error_from_rpc
from selat.v1 import desk_service_pb2 as pb


async def card_of(node: Running, peer: str) -> pb.Peer:
    peers = await node.admin.ListPeers(pb.ListPeersRequest())
    return next(each for each in peers.peers if each.name == peer)


async def leaf_kinds(node: Running) -> list[type]:
    store = node.node.local.store
    size = (await store.read(lambda s: s.tree_head())).frontier.size
    leaves = await store.read(lambda s: s.leaves(0, size))
    return [type(parse_leaf(leaf)) for leaf in leaves]


async def test_renewed_card_follows_the_one_before_and_is_a_leaf(xa: Home) -> None:
    async with running(xa) as a:
        answer = await a.admin.RenewCard(pb.RenewCardRequest(categories=["piracy"]))
        renewed = parse_card(answer.envelope)
        assert renewed.card.sequence == answer.sequence == xa.card.card.sequence + 1
        assert renewed.card.previous_digest == xa.card.digest
        assert renewed.card.categories == ("piracy",)
        assert renewed.card.endpoints == xa.card.card.endpoints
        assert (await leaf_kinds(a)).count(CardLeaf) == 2
        own = await a.admin.GetOwnCard(pb.GetOwnCardRequest())
        assert own.envelope == answer.envelope
    async with running(xa) as a:
        own = await a.admin.GetOwnCard(pb.GetOwnCardRequest())
        assert own.envelope == answer.envelope


async def test_peer_fetches_a_renewed_card_with_its_next_session(
    xa: Home, xb: Home
) -> None:
    await introduce(xa, xb)
    async with running(xb) as b:
        async with running(xa) as a:
            await a.admin.RenewCard(pb.RenewCardRequest())
        async with running(xa) as a:

            async def seen() -> bool | None:
                return (await card_of(b, a.name)).card_sequence == 2 or None

            await eventually(seen)
            await b.publish(person("Doe, Jane"))
            await b.settled(a.name, 1)
            assert len(await a.inbox()) == 1
        assert (await leaf_kinds(b)).count(PeerLeaf) == 2


async def test_category_that_the_catalogue_lacks_is_not_declared(xa: Home) -> None:
    async with running(xa) as a:
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await a.admin.RenewCard(pb.RenewCardRequest(categories=["gossip"]))
        assert error_from_rpc(failure.value).reason == "INVALID_INPUT"
        own = await a.admin.GetOwnCard(pb.GetOwnCardRequest())
        assert own.envelope == xa.card.envelope


async def test_what_a_renewed_card_no_longer_declares_is_refused(
    xa: Home, xb: Home
) -> None:
    await introduce(xa, xb)
    async with running(xa) as a, running(xb) as b:
        await b.admin.RenewCard(pb.RenewCardRequest(categories=["piracy"]))
        await a.publish(person("Doe, Jane"))
        (entry,) = await a.settled(b.name, 1)
        # The sender still holds the old card: the refusal is the recipient's.
        assert entry.state in (pb.OUTBOX_STATE_REFUSED, pb.OUTBOX_STATE_WITHHELD)
        assert entry.reason == "CATEGORY_NOT_DECLARED"
        assert await b.inbox() == []
