# SPDX-License-Identifier: Apache-2.0
"""A node shows each of its peers another history, and is found out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from tests.fakes.liars import Liar, MemoryLog, Stream
from tests.fakes.lying_recipients import LyingRecipient
from tests.fakes.nodes import Home, Running, eventually, introduce, person, running

from selat.core.equivocation import (
    Equivocation,
    parse_equivocation,
    verify_equivocation,
)
from selat.core.equivocation_leaf import EquivocationLeaf
from selat.core.leaves import PeerLeaf, parse_leaf
from selat.errors import (
    LogRolledBackError,
    LogUnknownError,
    MalformedError,
    PeerSuspendedError,
    SignatureError,
    WrongStateError,
)
from selat.exchange.peer_service import SERVICE_NAME
from selat.exchange.witness_client import WitnessClient
from selat.rpc.status import error_from_rpc
from selat.v1 import desk_service_pb2 as pb

SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Village:
    """Two honest nodes that run, and a third party that tells each another story."""

    a: Running
    b: Running
    to_a: Liar
    to_b: Liar

    @property
    def liar(self) -> str:
        return self.to_a.name


@pytest.fixture
async def village(xa: Home, xb: Home, xc: Home) -> AsyncIterator[Village]:
    await introduce(xa, xb, xc)
    async with running(xa) as a, running(xb) as b:
        yield Village(a=a, b=b, to_a=Liar(xc, xa), to_b=Liar(xc, xb))


async def deliver_one(liar: Liar) -> None:
    async with liar.stream() as stream:
        await stream.open()
        await stream.deliver(liar.batch(liar.tell(person())))


async def compared(village: Village) -> None:
    """Let both honest nodes tell each other what they were shown."""

    async def linked() -> bool:
        return (await village.a.link(village.b.name)).connected

    await eventually(linked)
    village.a.node.rounds.begin_soon()


async def standing(node: Running, peer: str) -> pb.Peer:
    listed = await node.admin.ListPeers(pb.ListPeersRequest())
    return next(each for each in listed.peers if each.name == peer)


async def suspended(node: Running, peer: str) -> pb.Peer:
    async def look() -> pb.Peer | None:
        found = await standing(node, peer)
        return found if found.standing == SUSPENDED else None

    return await eventually(look)


async def evidence(node: Running, peer: str) -> pb.EquivocationEvidence:
    request = pb.GetPeerEvidenceRequest(name=peer)
    (found,) = (await node.admin.GetPeerEvidence(request)).equivocations
    return found


def leaves(home: Home) -> list[object]:
    return [
        parse_leaf(leaf)
        for leaf in home.inspect(lambda s: s.leaves(0, s.tree_head().end))
    ]


async def test_one_that_lies_to_two_is_found_out_by_both(
    village: Village, xa: Home, xb: Home, xc: Home
) -> None:
    await deliver_one(village.to_a)
    await deliver_one(village.to_b)
    await compared(village)
    for node, home in ((village.a, xa), (village.b, xb)):
        peer = await suspended(node, village.liar)
        assert peer.equivocations == 1
        found = await evidence(node, village.liar)
        assert (found.origin, found.size) == (village.to_a.origin, 1)
        proof = parse_equivocation(found.proof)
        verify_equivocation(proof, xc.card.card.every_log_verifier(found.origin))
        (leaf,) = (leaf for leaf in leaves(home) if isinstance(leaf, EquivocationLeaf))
        assert (leaf.peer, leaf.reporter) == (village.liar, found.reporter)
        assert (village.liar, "EQUIVOCATION") in await node.incidents()
        link = await node.link(village.liar)
        assert link.suspended
        assert not link.connected


async def test_node_that_is_told_verifies_and_believes(village: Village) -> None:
    village.b.node.rounds.views = None  # it learns by the report alone
    await deliver_one(village.to_a)
    await deliver_one(village.to_b)
    await compared(village)
    await suspended(village.b, village.liar)
    assert (await evidence(village.b, village.liar)).reporter == village.a.name
    assert (await evidence(village.a, village.liar)).reporter == ""


async def test_open_streams_of_the_liar_end(village: Village) -> None:
    async with AsyncExitStack() as stack:
        streams: list[tuple[Liar, Stream]] = []
        for liar in (village.to_a, village.to_b):
            stream = await stack.enter_async_context(liar.stream())
            await stream.open()
            await stream.deliver(liar.batch(liar.tell(person())))
            streams.append((liar, stream))
        await compared(village)
        await suspended(village.a, village.liar)
        await suspended(village.b, village.liar)
        for liar, stream in streams:
            with pytest.raises(PeerSuspendedError):
                await stream.send(liar.batch(liar.tell(person())))
        assert len(await village.a.received()) == 1


async def test_exchange_waits_for_an_administrator(
    village: Village, xa: Home, xc: Home
) -> None:
    await deliver_one(village.to_a)
    await deliver_one(village.to_b)
    await compared(village)
    await suspended(village.a, village.liar)
    recipient = LyingRecipient(xc, xa)
    # The history that this node was shown is the one that goes on.
    recipient.log = village.to_a.log
    async with recipient.serving(lambda batch: [recipient.receipt(batch)]):
        await village.a.publish(person(recipients=(village.liar,)))
        assert {each.state for each in await village.a.outbox(village.liar)} == {
            pb.OUTBOX_STATE_QUEUED
        }
        with pytest.raises(PeerSuspendedError):
            await deliver_one(village.to_a)
        request = pb.ResumePeerRequest(name=village.liar)
        resumed = await village.a.admin.ResumePeer(request)
        assert resumed.peer.standing == "accepted"
        await village.a.settled(village.liar, 1)
    await deliver_one(village.to_a)
    assert (await standing(village.a, village.liar)).equivocations == 1
    acts = [leaf.action for leaf in leaves(xa) if isinstance(leaf, PeerLeaf)]
    assert acts[-1] == "resumed"
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await village.a.admin.ResumePeer(request)
    assert isinstance(error_from_rpc(refused.value), WrongStateError)


async def test_suspended_peer_may_be_removed(village: Village) -> None:
    await deliver_one(village.to_a)
    await deliver_one(village.to_b)
    await compared(village)
    await suspended(village.a, village.liar)
    await village.a.admin.RemovePeer(pb.RemovePeerRequest(name=village.liar))
    removed = await standing(village.a, village.liar)
    assert (removed.standing, removed.equivocations) == ("removed", 1)


async def test_newer_card_does_not_end_a_suspension(village: Village, xc: Home) -> None:
    await deliver_one(village.to_a)
    await deliver_one(village.to_b)
    await compared(village)
    await suspended(village.a, village.liar)
    await village.a.add_peer(xc)
    assert (await standing(village.a, village.liar)).standing == SUSPENDED


async def test_second_root_in_a_request_is_found_out_at_once(
    village: Village,
) -> None:
    await deliver_one(village.to_a)
    other = Liar(village.to_a.home, village.to_a.victim)
    other.log = MemoryLog()
    other.log.append([b"another history"])
    async with village.to_a.channel() as channel:
        ask = WitnessClient(channel, service=SERVICE_NAME, translate=error_from_rpc)
        status, body = await village.a.node.http_witness.add_checkpoint(
            b"old 0\n\n" + other.note()
        )
        assert (status, body) == (409, b"1\n")
        with pytest.raises(PeerSuspendedError):
            await ask.witnessed(())
    await suspended(village.a, village.liar)


# --- reports -----------------------------------------------------------------


async def report(liar: Liar, proof: Equivocation) -> None:
    """Hand a report to the liar's victim."""
    async with liar.channel() as channel:
        ask = WitnessClient(channel, service=SERVICE_NAME, translate=error_from_rpc)
        await ask.report_equivocation(proof)


def two_notes(owner: Liar) -> Equivocation:
    return Equivocation(
        first=owner.note(size=1, root=bytes(32)),
        second=owner.note(size=1, root=b"r" * 32),
    )


async def test_report_without_proof_accuses_nobody(
    village: Village, xa: Home, xb: Home
) -> None:
    reporter, framed = Liar(xb, xa), Liar(village.to_a.home, xa)
    framed.keys = reporter.keys  # it has not the keys of whom it accuses
    with pytest.raises(SignatureError):
        await report(reporter, two_notes(framed))
    assert (await standing(village.a, village.liar)).standing == "accepted"
    assert (village.liar, "EQUIVOCATION") not in await village.a.incidents()


async def test_report_about_a_stranger_is_passed_over(
    village: Village, xa: Home, xb: Home
) -> None:
    stranger = Liar(village.to_a.home, xa)
    stranger.origin = "police.xz.example/exchange/2030h1"
    with pytest.raises(LogUnknownError):
        await report(Liar(xb, xa), two_notes(stranger))
    assert await village.a.incidents() == {}


async def test_report_that_cannot_be_read_is_refused(village: Village) -> None:
    async with village.to_a.channel() as channel:
        call: Any = channel.unary_unary(f"/{SERVICE_NAME}/ReportEquivocation")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(b"\x0a\x03abc")
    assert isinstance(error_from_rpc(refused.value), MalformedError)


async def test_proof_against_ourselves_stops_signing(
    village: Village, xa: Home, xb: Home
) -> None:
    ours = Liar(xa, xa)
    with pytest.raises(LogRolledBackError):
        await report(Liar(xb, xa), two_notes(ours))
    assert (xb.name, "LOG_ROLLED_BACK") in await village.a.incidents()
    with pytest.raises(LogRolledBackError):
        await village.a.node.local.signer.at_least(1)
