# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
from tests.fakes.identities import Identity, make_identity
from tests.fakes.local_nodes import (
    NAME,
    FakeClock,
    accept_peers,
    leaves_of,
    local_node,
    open_store,
    peer_row,
)
from tests.fakes.peer_logs import PeerLog, other_history

from selat.core.equivocation import Equivocation, parse_equivocation
from selat.core.equivocation_leaf import EquivocationLeaf
from selat.errors import LogRolledBackError, LogUnknownError, SignatureError
from selat.exchange.local import LocalNode
from selat.store.values import PeerCheckpoint, PeerState

XA, XB = "police.xa.example", "police.xb.example"


def two_histories(identity: Identity, size: int = 3) -> Equivocation:
    log, other = PeerLog(identity, leaves=size), other_history(identity, size)
    return Equivocation(first=log.note(), second=other.note())


async def state_of(local: LocalNode, name: str) -> PeerState:
    row = await local.store.read(lambda s: s.peer(name))
    assert row is not None
    assert local.peers.find(name) is not None
    return row.state


async def counted(local: LocalNode) -> dict[str, int]:
    rows = await local.store.read(lambda s: s.incidents(limit=9))
    return {row.reason: row.count for row in rows}


async def test_proof_is_kept_logged_and_ends_the_exchange(
    local: LocalNode, xa: Identity
) -> None:
    await accept_peers(local, peer_row(xa))
    told: list[str] = []
    local.accuser.on_found = lambda: told.append("found")
    proof = two_histories(xa)
    assert await local.accuser.accuse(proof, reporter="")
    (kept,) = await local.store.read(lambda s: s.equivocations())
    assert parse_equivocation(kept.proof) == proof
    (leaf,) = await leaves_of(local.store)
    assert isinstance(leaf, EquivocationLeaf)
    assert (leaf.node, leaf.peer, leaf.size) == (NAME, XA, 3)
    assert await state_of(local, XA) is PeerState.SUSPENDED
    assert local.peers.accepted() == []
    assert [peer.name for peer in local.peers.corresponding()] == [XA]
    assert told == ["found"]


async def test_known_proof_changes_nothing_and_is_counted_when_seen_again(
    local: LocalNode, xa: Identity
) -> None:
    await accept_peers(local, peer_row(xa))
    await local.accuser.accuse(two_histories(xa), reporter="")
    assert not await local.accuser.accuse(two_histories(xa), reporter="")
    assert not await local.accuser.accuse(two_histories(xa), reporter=XB)
    assert await counted(local) == {"EQUIVOCATION": 2}
    assert len(await leaves_of(local.store)) == 1


async def test_second_proof_of_another_size_is_kept_too(
    local: LocalNode, xa: Identity
) -> None:
    await accept_peers(local, peer_row(xa))
    await local.accuser.accuse(two_histories(xa), reporter="")
    assert await local.accuser.accuse(two_histories(xa, 4), reporter=XB)
    kept = await local.store.read(lambda s: s.equivocations(XA))
    assert [row.reporter for row in kept] == ["", XB]


async def test_peer_that_was_removed_stays_removed(
    local: LocalNode, xa: Identity
) -> None:
    await accept_peers(local, peer_row(xa, state=PeerState.REMOVED))
    assert await local.accuser.accuse(two_histories(xa), reporter="")
    assert await state_of(local, XA) is PeerState.REMOVED


async def test_node_that_was_never_accepted_cannot_be_accused(
    local: LocalNode, xa: Identity
) -> None:
    with pytest.raises(LogUnknownError):
        await local.accuser.accuse(two_histories(xa), reporter=XB)
    assert await counted(local) == {}


async def test_notes_of_other_keys_prove_nothing(
    local: LocalNode, xa: Identity, xb: Identity
) -> None:
    await accept_peers(local, peer_row(xa))
    log, other = PeerLog(xa, leaves=3), other_history(xa, 3)
    other.signers = xb.key_store.log_signers(other.origin)
    framed = Equivocation(first=log.note(), second=other.note())
    with pytest.raises(SignatureError):
        await local.accuser.accuse(framed, reporter=XB)
    assert not await local.accuser.try_accuse(framed.first, framed.second)
    assert await state_of(local, XA) is PeerState.ACCEPTED


async def test_same_root_twice_proves_nothing(local: LocalNode, xa: Identity) -> None:
    await accept_peers(local, peer_row(xa))
    note = PeerLog(xa, leaves=3).note()
    assert not await local.accuser.try_accuse(note, note)


async def test_note_is_held_against_what_deliveries_showed(
    local: LocalNode, xa: Identity
) -> None:
    await accept_peers(local, peer_row(xa))
    log, other = PeerLog(xa, leaves=3), other_history(xa, 3)
    shown = PeerCheckpoint(
        origin=log.origin, size=3, root=log.checkpoint().root, note=log.note()
    )
    await local.store.write(lambda t: t.keep_peer_checkpoint(XA, shown))
    assert await local.accuser.examine(log.note()) is None
    assert await local.accuser.examine(b"no note") is None
    assert await local.accuser.examine(other_history(xa, 4).note()) is None
    error = await local.accuser.examine(other.note())
    assert error is not None
    assert error.first == shown.note
    assert await state_of(local, XA) is PeerState.SUSPENDED


async def test_note_that_nobody_signed_accuses_nobody(
    local: LocalNode, xa: Identity, xb: Identity
) -> None:
    await accept_peers(local, peer_row(xa))
    log, other = PeerLog(xa, leaves=3), other_history(xa, 3)
    other.signers = xb.key_store.log_signers(other.origin)
    shown = PeerCheckpoint(
        origin=log.origin, size=3, root=log.checkpoint().root, note=log.note()
    )
    await local.store.write(lambda t: t.keep_peer_checkpoint(XA, shown))
    assert await local.accuser.examine(other.note()) is None


async def test_proof_against_our_own_log_halts_the_signer(
    tmp_path: Path, clock: FakeClock
) -> None:
    ours = make_identity(tmp_path / "keys", NAME, state="XC")
    async with open_store(tmp_path / "store.db") as store:
        local = local_node(store, clock=clock, own_card=lambda: ours.card)
        with pytest.raises(LogRolledBackError, match="two roots for 3 leaves"):
            await local.accuser.accuse(two_histories(ours), reporter=XB)
        await store.write(lambda t: t.append_leaves([b"leaf"]))
        with pytest.raises(LogRolledBackError):
            await local.signer.at_least(1)
        assert await counted(local) == {"LOG_ROLLED_BACK": 1}
