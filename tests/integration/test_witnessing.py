# SPDX-License-Identifier: Apache-2.0
"""Nodes cosign each other's logs, on the way and when nothing else is said."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.fakes.liars import Liar
from tests.fakes.nodes import (
    Desk,
    Home,
    ShiftedClock,
    desk_of,
    eventually,
    introduce,
    make_home,
    person,
    running,
)

from selat.core.checkpoints import open_checkpoint
from selat.core.cosignatures import cosignatures_of, cosigners, verify_cosignatures
from selat.core.proof_lines import read_head
from selat.core.tiles import consistency_proof
from selat.core.times import utc
from selat.core.witnessing import AddCheckpoint
from selat.errors import (
    CheckpointForkedError,
    InvalidInputError,
    LogRolledBackError,
    LogUnknownError,
    ProofError,
)
from selat.exchange.peer_service import SERVICE_NAME
from selat.exchange.witness_calls import ORIGINS_MAX
from selat.exchange.witness_client import WitnessClient
from selat.node.assembly import present_ms
from selat.node.witness_settings import WitnessSettings
from selat.rpc.status import error_from_rpc
from selat.store.witnessing import OwnCheckpoint
from selat.v1 import desk_service_pb2 as pb


async def anchored(node: Desk, *, size: int = 1) -> pb.AnchorStatus:
    """Wait until a node's log is anchored at so many leaves."""

    async def look() -> pb.AnchorStatus | None:
        anchor = (await node.status()).anchor
        return anchor if anchor.size >= size else None

    return await eventually(look)


async def cosigned(node: Desk, peer: str, *, size: int = 1) -> pb.LinkStatus:
    """Wait until a peer has cosigned a node's log at so many leaves."""

    async def look() -> pb.LinkStatus | None:
        link = await node.link(peer)
        return link if link.cosigned_size >= size else None

    return await eventually(look)


async def incident(node: Desk, peer: str, reason: str) -> bool:
    async def look() -> bool:
        return (peer, reason) in await node.incidents()

    return await eventually(look)


def newest(home: Home) -> OwnCheckpoint:
    found = home.inspect(lambda s: s.newest_anchored())
    assert found is not None
    return found


@asynccontextmanager
async def witness(caller: Home, called: Home) -> AsyncIterator[WitnessClient]:
    """Call a node's witness as an accepted peer of it."""
    async with Liar(caller, called).channel() as channel:
        yield WitnessClient(channel, service=SERVICE_NAME, translate=error_from_rpc)


def of_two(folder: Path, code: str) -> Home:
    """Make a node that wants two cosigners."""
    return make_home(folder, code, witness=WitnessSettings(quorum=2))


@pytest.fixture
def wary(tmp_path: Path) -> Home:
    return of_two(tmp_path, "xd")


# --- anchoring ---------------------------------------------------------------


async def test_log_is_anchored_by_the_deliveries_of_both_sides(
    xa: Home, xb: Home
) -> None:
    await introduce(xa, xb)
    async with running(xa) as a, running(xb) as b:
        for number in range(1, 4):
            await a.publish(person(f"Doe {number}"))
            await a.settled(b.name, number)
        offered = (await a.link(b.name)).acknowledged_size
        assert (await anchored(a, size=offered)).cosigners == 1
        # What it receipted before the last batch is handed back with that one.
        await anchored(b, size=(await b.status()).log_size - 1)
        assert await a.incidents() == await b.incidents() == {}


async def test_kept_note_is_verified_with_cards_alone(xa: Home, xb: Home) -> None:
    await introduce(xa, xb)
    async with running(xa) as a, running(xb):
        await anchored(a)
    kept, now = newest(xa), utc(present_ms())
    checkpoint = open_checkpoint(
        kept.note,
        origin=kept.origin,
        verifiers=xa.card.card.log_verifiers(kept.origin, at=now),
    )
    assert checkpoint.size == kept.size
    found = cosignatures_of(kept.note, xb.card.card.witness_verifiers(at=now))
    assert cosigners(found) == {f"{xb.name}/witness"}
    assert xa.inspect(lambda s: s.newest_cosigned_checkpoint(kept.origin)) == kept.note


async def test_quiet_log_is_offered_in_each_round(xa: Home, xb: Home) -> None:
    await introduce(xa, xb)
    async with running(xa) as a, running(xb) as b:
        first = await anchored(a)
        await cosigned(b, a.name)
        # A card is a leaf that no delivery carries.
        await a.admin.RenewCard(pb.RenewCardRequest(categories=["drugs"]))
        size = (await a.status()).log_size
        assert size > first.size
        a.node.rounds.begin_soon()
        again = await anchored(a, size=size)
        assert again.anchored_at.ToMilliseconds() >= first.anchored_at.ToMilliseconds()
        assert not again.overdue


async def test_quorum_of_two_meets_on_one_checkpoint(
    wary: Home, xa: Home, xb: Home
) -> None:
    await introduce(wary, xa, xb)
    async with running(wary) as node, running(xa), running(xb):
        await cosigned(node, xa.name)
        await cosigned(node, xb.name)
        node.node.rounds.begin_soon()
        anchor = await anchored(node)
    assert (anchor.quorum, anchor.cosigners) == (2, 2)
    now, kept = utc(present_ms()), newest(wary)
    for peer in (xa, xb):
        verifiers = peer.card.card.witness_verifiers(at=now)
        assert cosigners(cosignatures_of(kept.note, verifiers))


async def test_one_cosigner_of_two_does_not_anchor(
    wary: Home, xa: Home, xb: Home
) -> None:
    await introduce(wary, xa, xb)
    async with running(wary) as node, running(xa):
        link = await cosigned(node, xa.name)
        anchor = (await node.status()).anchor
    assert (anchor.origin, anchor.size, anchor.overdue) == ("", 0, True)
    assert link.HasField("cosigned_at")
    assert wary.inspect(lambda s: s.newest_cosigned_checkpoint(link_origin(wary)))


def link_origin(home: Home) -> str:
    return home.inspect(lambda s: s.tree_head()).origin


async def test_node_without_peers_is_not_overdue(xa: Home) -> None:
    async with running(xa) as a:
        anchor = (await a.status()).anchor
    assert (anchor.quorum, anchor.size, anchor.overdue) == (1, 0, False)


# --- on request --------------------------------------------------------------


async def test_checkpoint_is_cosigned_and_stale_one_is_told_the_size(
    xa: Home, xb: Home
) -> None:
    await introduce(xa, xb)
    log = Liar(xa, xb)
    log.log.append([b"one", b"two"])
    first = AddCheckpoint(old_size=0, proof=(), checkpoint=log.note())
    log.log.append([b"three"])
    stale = AddCheckpoint(old_size=0, proof=(), checkpoint=log.note())
    proof = consistency_proof(2, 3, log.log)
    following = AddCheckpoint(old_size=2, proof=proof, checkpoint=log.note())
    async with running(xb) as b, witness(xa, xb) as ask:
        answer = await ask.add_checkpoint(first, cosigned=None)
        assert (answer.origin, answer.size) == (log.origin, 2)
        conflict = await ask.add_checkpoint(stale, cosigned=None)
        assert (conflict.size, conflict.lines) == (2, b"")
        answer = await ask.add_checkpoint(following, cosigned=None)
        assert answer.size == 3
        found = verify_cosignatures(
            log.note().partition(b"\n\n")[0] + b"\n",
            answer.lines,
            xb.card.card.witness_verifiers(at=utc(present_ms())),
        )
        assert cosigners(found) == {f"{xb.name}/witness"}
        (held,) = await ask.witnessed(())
        assert read_head(held).size == 3
        assert await b.incidents() == {}


async def test_owner_that_proves_nothing_raises_an_alarm(xa: Home, xb: Home) -> None:
    await introduce(xa, xb)
    log = Liar(xa, xb)
    log.log.append([b"one", b"two", b"three"])
    first = AddCheckpoint(old_size=0, proof=(), checkpoint=log.note(size=2))
    wrong = AddCheckpoint(old_size=2, proof=(bytes(32),), checkpoint=log.note())
    async with running(xb) as b, witness(xa, xb) as ask:
        await ask.add_checkpoint(first, cosigned=None)
        with pytest.raises(CheckpointForkedError):
            await ask.add_checkpoint(wrong, cosigned=None)
        assert await b.incidents() == {(xa.name, "CHECKPOINT_FORKED"): 1}
        (held,) = await ask.witnessed(())
        assert read_head(held).size == 2


async def test_wrong_proof_for_a_third_log_accuses_nobody(
    xa: Home, xb: Home, xc: Home
) -> None:
    await introduce(xa, xb, xc)
    log = Liar(xc, xb)
    log.log.append([b"one", b"two", b"three"])
    first = AddCheckpoint(old_size=0, proof=(), checkpoint=log.note(size=2))
    wrong = AddCheckpoint(old_size=2, proof=(bytes(32),), checkpoint=log.note())
    async with running(xb) as b, witness(xa, xb) as ask:
        await ask.add_checkpoint(first, cosigned=None)
        with pytest.raises(ProofError):
            await ask.add_checkpoint(wrong, cosigned=None)
        assert await b.incidents() == {}


async def test_log_of_a_stranger_is_not_cosigned(xa: Home, xb: Home, xc: Home) -> None:
    await introduce(xa, xb)
    log = Liar(xc, xb)
    log.log.append([b"one"])
    request = AddCheckpoint(old_size=0, proof=(), checkpoint=log.note())
    async with running(xb), witness(xa, xb) as ask:
        with pytest.raises(LogUnknownError):
            await ask.add_checkpoint(request, cosigned=None)
        assert await ask.witnessed((log.origin,)) == ()


async def test_call_asks_about_so_many_logs_and_no_more(xa: Home, xb: Home) -> None:
    await introduce(xa, xb)
    async with running(xb), witness(xa, xb) as ask:
        with pytest.raises(InvalidInputError, match=f"{ORIGINS_MAX}"):
            await ask.witnessed(["x"] * (ORIGINS_MAX + 1))


# --- our own log -------------------------------------------------------------


async def roll_back(xa: Home, xb: Home) -> None:
    """Let a node exchange, and restore the database of before.

    An empty file in the place of the mark is what an operator puts there who is
    sure that the database is the newest.
    """
    saved = xa.path.with_name("saved.db")
    await introduce(xa, xb)
    shutil.copy(xa.folder.store, saved)
    async with running(xa) as a, running(xb) as b:
        await a.publish(person())
        await a.settled(b.name, 1)
    for leftover in xa.path.glob("store.db-*"):
        leftover.unlink()
    shutil.copy(saved, xa.folder.store)
    xa.folder.high_water.write_bytes(b"")


async def test_restored_database_is_noticed_at_the_start_by_a_peer(
    xa: Home, xb: Home
) -> None:
    await roll_back(xa, xb)
    async with running(xb) as b:
        with pytest.raises(LogRolledBackError, match=b.name):
            async with running(xa):
                pass


async def test_restored_database_closes_no_shard_before_peers_are_heard(
    xa: Home, xb: Home
) -> None:
    await roll_back(xa, xb)
    before = xa.inspect(lambda s: s.shards())
    clock = ShiftedClock()
    clock.ahead_ms = 200 * 86_400_000
    async with running(xb, clock=clock):
        with pytest.raises(LogRolledBackError):
            async with running(xa, clock=clock):
                pass
    assert xa.inspect(lambda s: s.shards()) == before


async def test_restored_database_is_noticed_when_a_peer_comes(
    xa: Home, xb: Home
) -> None:
    await roll_back(xa, xb)
    async with running(xa) as a:
        async with running(xb) as b:
            await incident(a, b.name, "LOG_ROLLED_BACK")
            with pytest.raises(LogRolledBackError):
                await a.node.local.signer.at_least(1)
            # What officers publish is kept; it leaves when the log is whole again.
            ids = await a.publish(person("Roe"))
            assert not set(ids) & set(await b.received())
        (waiting,) = await a.outbox(b.name)
        assert waiting.state == pb.OUTBOX_STATE_QUEUED


async def test_node_starts_while_its_peers_are_away(xa: Home, xb: Home) -> None:
    await introduce(xa, xb)
    async with running(xa) as a:
        assert (await a.status()).log_size


async def test_anchor_is_shown_while_the_node_does_not_run(xa: Home, xb: Home) -> None:
    await introduce(xa, xb)
    async with running(xa) as a, running(xb):
        await anchored(a)
    async with desk_of(xa) as desk:
        assert (await desk.status()).anchor.size == newest(xa).size
