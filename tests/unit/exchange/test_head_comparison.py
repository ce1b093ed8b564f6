# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.fakes.exchanges import FakeLog
from tests.fakes.identities import Identity
from tests.fakes.local_nodes import NAME, ORIGIN, accept_peers, peer_row, signers_of
from tests.fakes.peer_logs import ScriptedPeer

from selat.core.checkpoints import Checkpoint
from selat.core.notes import sign_note
from selat.errors import LogRolledBackError, PeerUnreachableError
from selat.exchange.head_comparison import HeadComparison
from selat.exchange.local import LocalNode
from selat.exchange.peer_book import KnownPeer

XA = "police.xa.example"


def signed(size: int, root: bytes, *, origin: str = ORIGIN) -> bytes:
    """Return a checkpoint that we signed."""
    text = Checkpoint(origin=origin, size=size, root=root).text()
    return sign_note(text, signers_of(origin))


@pytest.fixture
async def comparison(local: LocalNode, xa: Identity, xb: Identity) -> HeadComparison:
    """Give the comparison of a node with three leaves and two peers."""
    await accept_peers(local, peer_row(xa), peer_row(xb))
    await local.store.write(lambda t: t.append_leaves([b"1", b"2", b"3"]))
    return HeadComparison(
        store=local.store,
        peers=local.peers,
        signer=local.signer,
        verifiers=lambda origin: [each.verifier for each in signers_of(origin)],
    )


async def root(local: LocalNode) -> bytes:
    head = await local.store.read(lambda s: s.tree_head())
    return head.frontier.root()


def connected(**peers: ScriptedPeer) -> Any:  # noqa: ANN401 - a `Connect`
    """Connect to scripted peers, by the code of their state."""

    @asynccontextmanager
    async def connect(peer: KnownPeer) -> AsyncIterator[ScriptedPeer]:
        yield peers[peer.name.split(".")[1]]

    return connect


async def test_log_that_a_peer_holds_as_it_is_goes_on(
    comparison: HeadComparison, local: LocalNode
) -> None:
    held = [signed(3, await root(local))]
    connect = connected(xa=ScriptedPeer(notes=held), xb=ScriptedPeer())
    await comparison.at_start(connect)
    assert (await local.signer.at_least(3)).checkpoint.size == 3


@pytest.mark.parametrize(
    ("size", "origin"),
    [
        pytest.param(4, ORIGIN, id="longer"),
        pytest.param(3, ORIGIN, id="another history"),
        pytest.param(1, f"{NAME}/exchange/2031h1", id="later shard"),
    ],
)
async def test_log_that_does_not_contain_what_a_peer_holds_is_not_signed(
    comparison: HeadComparison, local: LocalNode, size: int, origin: str
) -> None:
    held = ScriptedPeer(notes=[signed(size, b"r" * 32, origin=origin)])
    with pytest.raises(LogRolledBackError, match=f"{XA} holds a checkpoint of {size}"):
        await comparison.at_start(connected(xa=held, xb=ScriptedPeer()))
    with pytest.raises(LogRolledBackError):
        await local.signer.at_least(1)


async def test_what_we_did_not_sign_is_passed_over(
    comparison: HeadComparison, local: LocalNode
) -> None:
    stranger = FakeLog(NAME, seed=9)
    stranger.origin = ORIGIN
    stranger.fill(9)
    notes = [b"no note", stranger.sign(stranger.checkpoint())]
    await comparison.with_peer(XA, ScriptedPeer(notes=notes))
    assert (await local.signer.at_least(3)).checkpoint.size == 3


async def test_peers_that_do_not_answer_hold_nothing_up(
    comparison: HeadComparison, local: LocalNode
) -> None:
    class Silent(ScriptedPeer):
        async def witnessed(self, origins: object) -> tuple[bytes, ...]:
            assert origins == ()
            await asyncio.Event().wait()
            return ()

    away = ScriptedPeer(failure=PeerUnreachableError("It is away."))
    await comparison.at_start(connected(xa=Silent(), xb=away), timeout_s=0.01)
    assert (await local.signer.at_least(3)).checkpoint.size == 3


async def test_one_that_knows_is_heard_beside_one_that_is_silent(
    comparison: HeadComparison,
) -> None:
    class Silent(ScriptedPeer):
        async def witnessed(self, origins: object) -> tuple[bytes, ...]:
            assert origins == ()
            await asyncio.Event().wait()
            return ()

    held = ScriptedPeer(notes=[signed(9, b"r" * 32)])
    with pytest.raises(LogRolledBackError):
        await comparison.at_start(connected(xa=Silent(), xb=held), timeout_s=0.2)


async def test_node_without_peers_asks_nobody(
    local: LocalNode,
) -> None:
    alone = HeadComparison(
        store=local.store,
        peers=local.peers,
        signer=local.signer,
        verifiers=lambda _: (),
    )
    await alone.at_start(connected())
