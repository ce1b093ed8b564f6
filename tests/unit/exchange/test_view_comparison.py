# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from tests.fakes.identities import Identity
from tests.fakes.local_nodes import accept_peers, peer_row
from tests.fakes.peer_logs import PeerLog, ScriptedPeer, other_history

from selat.errors import PeerUnreachableError
from selat.exchange import view_comparison
from selat.exchange.local import LocalNode
from selat.exchange.view_comparison import ViewComparison
from selat.store.port import Transaction
from selat.store.values import Link, PeerCheckpoint, PeerState

XA, XB = "police.xa.example", "police.xb.example"


def view(local: LocalNode, **connections: ScriptedPeer) -> ViewComparison:
    """Compare with scripted connections, by the code of the peer's state."""
    named = {f"police.{code}.example": peer for code, peer in connections.items()}
    return ViewComparison(local=local, connections=lambda: named)


async def follow(local: LocalNode, log: PeerLog, size: int) -> None:
    """Let deliveries have shown us a log at a size."""
    shown = PeerCheckpoint(
        origin=log.origin,
        size=size,
        root=log.checkpoint(size).root,
        note=log.note(size),
    )

    def work(transaction: Transaction) -> None:
        transaction.put_link(Link(peer=log.node, checkpoint=shown))

    await local.store.write(work)


async def incidents(local: LocalNode) -> set[tuple[str, str]]:
    rows = await local.store.read(lambda s: s.incidents(limit=9))
    return {(row.peer, row.reason) for row in rows}


async def standing(local: LocalNode, name: str) -> PeerState:
    row = await local.store.read(lambda s: s.peer(name))
    assert row is not None
    return row.state


@pytest.fixture
async def log(local: LocalNode, xa: Identity, xb: Identity) -> PeerLog:
    """Give the log of xa, which we follow at six leaves; xb is who is asked."""
    await accept_peers(local, peer_row(xa), peer_row(xb))
    log = PeerLog(xa, leaves=10)
    await follow(local, log, 6)
    return log


async def test_same_state_agrees_and_its_owner_is_not_asked(
    local: LocalNode, log: PeerLog
) -> None:
    other = ScriptedPeer(notes=[log.note(6)])
    await view(local).compare(XB, other)
    assert other.asked == [(log.origin,)]
    assert await incidents(local) == set()


@pytest.mark.parametrize("size", [4, 9])
async def test_other_size_is_joined_by_its_owner(
    local: LocalNode, log: PeerLog, size: int
) -> None:
    owner = ScriptedPeer(log=log)
    await view(local, xa=owner).compare(XB, ScriptedPeer(notes=[log.note(size)]))
    assert await incidents(local) == set()


async def test_owner_that_is_away_is_asked_another_time(
    local: LocalNode, log: PeerLog
) -> None:
    compared = view(local, xa=ScriptedPeer())
    await compared.compare(XB, ScriptedPeer(notes=[log.note(9)]))
    await view(local).compare(XB, ScriptedPeer(notes=[log.note(9)]))
    assert await incidents(local) == set()
    assert not compared._agreed


async def test_states_that_no_proof_joins_raise_an_alarm(
    local: LocalNode, log: PeerLog, xa: Identity
) -> None:
    other = other_history(xa, 9)
    owner = ScriptedPeer(log=log)
    await view(local, xa=owner).compare(XB, ScriptedPeer(notes=[other.note()]))
    assert await incidents(local) == {(XA, "CHECKPOINT_FORKED")}
    assert await standing(local, XA) is PeerState.ACCEPTED  # it is no proof


async def test_second_root_of_one_size_ends_the_exchange(
    local: LocalNode, log: PeerLog, xa: Identity
) -> None:
    other = other_history(xa, 6)
    await view(local).compare(XB, ScriptedPeer(notes=[other.note()]))
    assert await incidents(local) == {(XA, "EQUIVOCATION")}
    assert await standing(local, XA) is PeerState.SUSPENDED
    assert log.size == 10


async def test_state_that_agreed_is_not_compared_again(
    local: LocalNode, log: PeerLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view_comparison, "_AGREED_MAX", 1)
    compared = view(local, xa=ScriptedPeer(log=log))
    shown = ScriptedPeer(notes=[log.note(9), log.note(8)])
    await compared.compare(XB, shown)
    assert [size for _, size, _ in compared._agreed] == [8]
    await compared.compare(XB, ScriptedPeer(notes=[log.note(8)]))
    assert [size for _, size, _ in compared._agreed] == [8]


@pytest.mark.parametrize("kind", ["unsigned", "no note", "not asked for"])
async def test_what_proves_nothing_accuses_nobody(
    local: LocalNode, log: PeerLog, xb: Identity, kind: str
) -> None:
    forged = PeerLog(xb, leaves=9)
    forged.origin = log.origin
    notes = {
        "unsigned": forged.note(),
        "no note": b"no note",
        "not asked for": PeerLog(xb, leaves=3).note(),
    }
    owner = ScriptedPeer(log=log)
    await view(local, xa=owner).compare(XB, ScriptedPeer(notes=[notes[kind]]))
    assert await incidents(local) == set()


async def test_peer_is_not_asked_about_itself(local: LocalNode, log: PeerLog) -> None:
    asked = ScriptedPeer()
    await view(local).compare(log.node, asked)
    assert asked.asked == []


async def test_peer_that_does_not_answer_is_for_the_caller(
    local: LocalNode, log: PeerLog
) -> None:
    away = ScriptedPeer(failure=PeerUnreachableError("It is away."))
    with pytest.raises(PeerUnreachableError):
        await view(local).compare(XB, away)
    assert log.size


async def test_what_was_cosigned_is_compared_as_well(
    local: LocalNode, log: PeerLog, xa: Identity
) -> None:
    await local.witness.add_checkpoint(log.request(old_size=0, size=8))
    other = other_history(xa, 8)
    await view(local).compare(XB, ScriptedPeer(notes=[other.note()]))
    assert await incidents(local) == {(XA, "EQUIVOCATION")}
