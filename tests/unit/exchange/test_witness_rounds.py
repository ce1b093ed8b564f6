# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from tests.fakes.identities import Identity
from tests.fakes.local_nodes import (
    NOW_MS,
    ORIGIN,
    accept_peers,
    peer_row,
    signers_of,
)
from tests.fakes.peer_logs import (
    PeerLog,
    ScriptedPeer,
    cosigner_of,
    other_history,
)

from selat.core.checkpoints import Checkpoint
from selat.core.cosigned_states import CosignedState
from selat.core.equivocation import Equivocation
from selat.core.notes import sign_note
from selat.core.proof_lines import read_head
from selat.core.proofs import verify_consistency
from selat.core.tiles import root_at
from selat.core.witnessing import AddCheckpoint
from selat.errors import (
    CheckpointForkedError,
    LogRolledBackError,
    LogUnknownError,
    PeerUnreachableError,
)
from selat.exchange.head_comparison import HeadComparison
from selat.exchange.local import LocalNode
from selat.exchange.view_comparison import ViewComparison
from selat.exchange.witness_rounds import WitnessRounds

XA, XB = "police.xa.example", "police.xb.example"

Cosign = Callable[[AddCheckpoint], CosignedState]


def honest(identity: Identity, *, known: int = 0) -> Cosign:
    """Cosign what starts from the size that is known, and tell it otherwise."""
    sizes = [known]

    def cosign(request: AddCheckpoint) -> CosignedState:
        head = read_head(request.checkpoint)
        if request.old_size != sizes[0]:
            return CosignedState(origin=head.origin, size=sizes[0], lines=b"")
        sizes[0] = head.size
        lines = cosigner_of(identity).cosign(head.text(), time_s=NOW_MS // 1000)
        return CosignedState(origin=head.origin, size=head.size, lines=lines)

    return cosign


@pytest.fixture
async def node(local: LocalNode, xa: Identity, xb: Identity) -> LocalNode:
    """Give a node with five leaves and two peers."""
    await accept_peers(local, peer_row(xa), peer_row(xb))
    await local.store.write(lambda t: t.append_leaves([b"leaf"] * 5))
    return local


def rounds_of(local: LocalNode, *, interval_s: float = 60) -> WitnessRounds:
    comparison = HeadComparison(
        store=local.store,
        peers=local.peers,
        signer=local.signer,
        verifiers=lambda origin: [each.verifier for each in signers_of(origin)],
    )
    return WitnessRounds(local=local, comparison=comparison, interval_s=interval_s)


async def anchored_size(local: LocalNode) -> int:
    found = await local.store.read(lambda s: s.newest_anchored())
    return 0 if found is None else found.size


async def incidents(local: LocalNode) -> set[tuple[str, str]]:
    rows = await local.store.read(lambda s: s.incidents(limit=9))
    return {(row.peer, row.reason) for row in rows}


def connections(**peers: ScriptedPeer) -> Any:  # noqa: ANN401 - of links
    return {f"police.{code}.example": peer for code, peer in peers.items()}


# --- our log -----------------------------------------------------------------


async def test_one_head_is_offered_to_every_peer(
    node: LocalNode, xa: Identity, xb: Identity
) -> None:
    one, two = ScriptedPeer(cosign=honest(xa)), ScriptedPeer(cosign=honest(xb))
    await rounds_of(node).round(connections(xa=one, xb=two))
    assert one.requests[0].checkpoint == two.requests[0].checkpoint
    kept = await node.store.read(lambda s: s.newest_anchored())
    assert kept is not None
    assert (kept.size, kept.cosigners) == (5, 2)


async def test_peer_that_knows_another_size_is_asked_from_there(
    node: LocalNode, xa: Identity
) -> None:
    peer = ScriptedPeer(cosign=honest(xa, known=3))
    await rounds_of(node).round(connections(xa=peer))
    assert [each.old_size for each in peer.requests] == [0, 3]
    head = read_head(peer.requests[1].checkpoint)
    old_root = await node.store.read(lambda s: root_at(3, s.shard_tiles(ORIGIN)))
    verify_consistency(
        old_size=3,
        old_root=old_root,
        new_size=5,
        new_root=head.root,
        proof=peer.requests[1].proof,
    )
    assert await anchored_size(node) == 5


async def test_quiet_log_is_cosigned_again_in_the_next_round(
    node: LocalNode, xa: Identity
) -> None:
    peer, rounds = ScriptedPeer(cosign=honest(xa)), rounds_of(node)
    await rounds.round(connections(xa=peer))
    await rounds.round(connections(xa=peer))
    assert [(each.old_size, each.proof) for each in peer.requests[1:]] == [(5, ())]


async def test_peer_that_a_delivery_told_more_is_left_alone(
    node: LocalNode, xa: Identity
) -> None:
    newer = CosignedState(origin=ORIGIN, size=9, lines=b"")
    node.anchors.verify(node.peers.get(XA), newer)
    peer = ScriptedPeer(cosign=honest(xa))
    await rounds_of(node).round(connections(xa=peer))
    assert peer.requests == []


async def test_peer_that_changes_its_mind_is_not_asked_for_ever(
    node: LocalNode,
) -> None:
    def fickle(request: AddCheckpoint) -> CosignedState:
        size = (request.old_size + 1) % 4
        return CosignedState(origin=ORIGIN, size=size, lines=b"")

    peer = ScriptedPeer(cosign=fickle)
    await rounds_of(node).round(connections(xa=peer))
    assert len(peer.requests) == 3


async def test_our_cosignature_is_handed_back_once(
    node: LocalNode, xa: Identity
) -> None:
    ours = CosignedState(origin=f"{XA}/exchange/2030h2", size=4, lines=b"lines")
    node.witness.hand_back(XA, ours)
    peer = ScriptedPeer(cosign=honest(xa, known=3))
    await rounds_of(node).round(connections(xa=peer))
    assert len(peer.requests) == 2
    assert peer.handed_back == [ours]


async def test_fault_of_a_peer_is_an_incident_and_ends_its_visit_alone(
    node: LocalNode, xb: Identity
) -> None:
    def refuse(_request: AddCheckpoint) -> CosignedState:
        raise CheckpointForkedError("It says that we forked.", peer=XA)

    one, two = ScriptedPeer(cosign=refuse), ScriptedPeer(cosign=honest(xb))
    await rounds_of(node).round(connections(xa=one, xb=two))
    assert await incidents(node) == {(XA, "CHECKPOINT_FORKED")}
    assert await anchored_size(node) == 5


async def test_peer_that_is_away_is_no_incident(node: LocalNode) -> None:
    await rounds_of(node).round(connections(xa=ScriptedPeer()))
    assert await incidents(node) == set()


async def test_final_checkpoint_of_a_closed_shard_is_offered_until_it_is_cosigned(
    node: LocalNode, xa: Identity
) -> None:
    await node.store.write(lambda t: t.close_shard(b"close"))
    root = await node.store.read(lambda s: s.tree_head().frontier.root())
    text = Checkpoint(origin=ORIGIN, size=6, root=root).text()
    final = sign_note(text, signers_of(ORIGIN))
    later = ORIGIN.replace("2030h2", "2031h1")
    await node.store.write(
        lambda t: t.open_shard(later, final_note=final, open_leaf=b"open")
    )
    cosigned = {ORIGIN: honest(xa), later: honest(xa)}
    peer = ScriptedPeer(cosign=lambda request: cosigned[request.origin](request))
    rounds = rounds_of(node)
    await rounds.round(connections(xa=peer))
    assert [each.origin for each in peer.requests] == [ORIGIN, later]
    await rounds.round(connections(xa=peer))
    assert [each.origin for each in peer.requests[2:]] == [later]
    kept = await node.store.read(lambda s: s.newest_cosigned_checkpoint(ORIGIN))
    assert kept is not None
    assert kept.startswith(final)


# --- evidence ----------------------------------------------------------------


async def accuse(node: LocalNode, identity: Identity, *, reporter: str = "") -> None:
    log, other = PeerLog(identity, leaves=3), other_history(identity, 3)
    proof = Equivocation(first=log.note(), second=other.note())
    await node.accuser.accuse(proof, reporter=reporter)


async def test_proof_is_told_to_each_peer_once(
    node: LocalNode, xa: Identity, xb: Identity
) -> None:
    await accuse(node, xb)
    peer, rounds = ScriptedPeer(cosign=honest(xa)), rounds_of(node)
    await rounds.round(connections(xa=peer))
    await rounds.round(connections(xa=peer))
    assert len(peer.reports) == 1


@pytest.mark.parametrize("reporter", [XA, ""])
async def test_proof_is_not_told_to_whom_it_came_from_or_is_about(
    node: LocalNode, xa: Identity, xb: Identity, reporter: str
) -> None:
    await accuse(node, xb if reporter else xa, reporter=reporter)
    peer = ScriptedPeer(cosign=honest(xa))
    await rounds_of(node).round(connections(xa=peer))
    assert peer.reports == []


@pytest.mark.parametrize(
    ("failure", "is_told"),
    [(LogUnknownError("Who?"), True), (PeerUnreachableError("Away."), False)],
)
async def test_proof_that_did_not_come_over_is_told_again(
    node: LocalNode,
    xa: Identity,
    xb: Identity,
    failure: Exception,
    *,
    is_told: bool,
) -> None:
    await accuse(node, xb)
    peer, rounds = ScriptedPeer(cosign=honest(xa), failure=failure), rounds_of(node)
    await rounds.round(connections(xa=peer))
    peer.failure = None
    await rounds.round(connections(xa=peer))
    assert (not peer.reports) is is_told


# --- sessions and time -------------------------------------------------------


async def test_our_head_is_offered_beside_a_session(
    node: LocalNode, xa: Identity
) -> None:
    peer, rounds = ScriptedPeer(cosign=honest(xa)), rounds_of(node)
    assert await rounds.meet(node.peers.get(XA), peer)
    assert peer.requests == []
    await rounds.visit(node.peers.get(XA), peer)
    assert await anchored_size(node) == 5


async def test_session_with_an_older_node_begins_without(
    node: LocalNode, xa: Identity
) -> None:
    older = ScriptedPeer(
        cosign=honest(xa), failure=PeerUnreachableError("UNIMPLEMENTED")
    )
    assert not await rounds_of(node).meet(node.peers.get(XA), older)
    assert older.requests == []


async def test_session_does_not_begin_when_the_peer_holds_more_than_we_have(
    node: LocalNode, xa: Identity
) -> None:
    text = Checkpoint(origin=ORIGIN, size=9, root=b"r" * 32).text()
    peer = ScriptedPeer(notes=[sign_note(text, signers_of(ORIGIN))], cosign=honest(xa))
    with pytest.raises(LogRolledBackError):
        await rounds_of(node).meet(node.peers.get(XA), peer)
    assert peer.requests == []


async def test_views_are_compared_in_each_round(
    node: LocalNode, xa: Identity, xb: Identity
) -> None:
    log = PeerLog(xb, leaves=4)
    await node.witness.add_checkpoint(log.request(old_size=0))
    peer, rounds = ScriptedPeer(cosign=honest(xa)), rounds_of(node)
    rounds.views = ViewComparison(local=node, connections=dict)
    await rounds.round(connections(xa=peer))
    assert peer.asked == [(log.origin,)]


async def test_rounds_go_on_after_one_that_failed(
    node: LocalNode, xa: Identity
) -> None:
    peer, rounds = ScriptedPeer(cosign=honest(xa)), rounds_of(node, interval_s=0.001)
    asked = asyncio.Event()
    count = 0

    def open_now() -> Any:  # noqa: ANN401 - of links
        nonlocal count
        count += 1
        if count == 1:
            raise PeerUnreachableError("No link is there yet.")
        asked.set()
        return connections(xa=peer)

    task = asyncio.ensure_future(rounds.run(open_now))
    await asyncio.wait_for(asked.wait(), 10)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert count >= 2


async def test_round_may_begin_before_its_time(node: LocalNode, xa: Identity) -> None:
    rounds = rounds_of(node, interval_s=3_600)
    asked = asyncio.Event()

    def cosign(request: AddCheckpoint) -> CosignedState:
        asked.set()
        return honest(xa)(request)

    peer = ScriptedPeer(cosign=cosign)
    task = asyncio.ensure_future(rounds.run(lambda: connections(xa=peer)))
    rounds.begin_soon()
    await asyncio.wait_for(asked.wait(), 10)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
