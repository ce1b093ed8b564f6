# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
from tests.fakes.identities import EXPIRES, Identity, SeededEntropy, make_identity
from tests.fakes.local_nodes import NAME, FakeClock, accept_peers, peer_row

from selat.core.sealing import unwrap_batch_key
from selat.errors import CardExpiredError
from selat.exchange.forming import draw_batch_key
from selat.exchange.local import LocalNode
from selat.exchange.peer_book import KnownPeer

PEER = "police.xa.example"


@pytest.fixture
async def peer(local: LocalNode, xa: Identity) -> KnownPeer:
    await accept_peers(local, peer_row(xa))
    return local.peers.get(PEER)


def test_key_that_is_drawn_ahead_is_the_one_that_the_recipient_unwraps(
    local: LocalNode, peer: KnownPeer, xa: Identity
) -> None:
    drawn = draw_batch_key(local, peer, 7)
    private_key = xa.key_store.find_seal(drawn.seal_key_id)
    assert private_key is not None
    unwrapped = unwrap_batch_key(
        drawn.wrapped,
        private_key=private_key,
        sender=NAME,
        recipient=PEER,
        sequence=7,
    )
    assert unwrapped == drawn.key


def test_key_of_another_batch_is_not_used(local: LocalNode, peer: KnownPeer) -> None:
    drawn = draw_batch_key(local, peer, 7)
    assert drawn.is_for(local, peer, 7)
    assert not drawn.is_for(local, peer, 8)


async def test_key_for_an_older_seal_key_is_not_used(
    local: LocalNode, peer: KnownPeer, tmp_path: Path
) -> None:
    drawn = draw_batch_key(local, peer, 7)
    entropy = SeededEntropy("another generation")
    other = make_identity(tmp_path / "other", PEER, entropy=entropy)
    await accept_peers(local, peer_row(other))
    assert not drawn.is_for(local, local.peers.get(PEER), 7)


def test_key_is_not_used_after_the_card(
    local: LocalNode, peer: KnownPeer, clock: FakeClock
) -> None:
    drawn = draw_batch_key(local, peer, 7)
    clock.now_ms = int(EXPIRES.timestamp() * 1000) + 1
    with pytest.raises(CardExpiredError):
        drawn.is_for(local, peer, 7)


def test_key_is_not_shown(local: LocalNode, peer: KnownPeer) -> None:
    drawn = draw_batch_key(local, peer, 7)
    assert repr(drawn) == "BatchKey(sequence=7, …)"
