# SPDX-License-Identifier: Apache-2.0
"""A node is killed while it rotates its keys.

After its next start the rotation has happened or it has not: card, its file, its
leaf and the key store agree, exchange goes on, and the rotation can be repeated.
"""

from __future__ import annotations

import asyncio

import grpc
import pytest
from tests.fakes.identities import PASSPHRASE
from tests.fakes.killed import doomed
from tests.fakes.nodes import (
    DEADLINE_S,
    Home,
    desk_of,
    introduce,
    person,
    running,
)
from tests.fakes.reckoning import assert_delivered, leaves_of

from selat.core.leaves import CardLeaf
from selat.identity.card import SignedCard, parse_card
from selat.identity.keystore import KeyStore
from selat.identity.own_card import CARD_KINDS, private_name
from selat.v1 import desk_service_pb2 as pb

#: In their order, and how many cards there are when the node was killed there.
STEPS = [
    ("card.keys-written", 1),
    ("store.before-commit", 1),
    ("card.committed", 2),
    ("card.written", 2),
]


def cards_of(home: Home) -> list[SignedCard]:
    """Return the cards of a node that its database keeps."""
    kept = home.inspect(lambda snapshot: snapshot.cards())
    return [parse_card(each.envelope) for each in kept if each.node == home.name]


def assert_agrees(home: Home, *, cards: int) -> None:
    """Hold that card, leaf, database and key store say one thing."""
    kept = cards_of(home)
    assert [card.card.sequence for card in kept] == list(range(1, cards + 1))
    assert [leaf.digest for _, leaf in leaves_of(home, CardLeaf)] == [
        card.digest for card in kept
    ]
    assert home.folder.card.read_bytes() == kept[-1].envelope
    keys = KeyStore.open(home.folder.keys, PASSPHRASE)
    stored = {name.key_id for kind in CARD_KINDS for name in keys.generations(kind)}
    listed = {private_name(key) for card in kept for key in card.card.keys}
    assert listed <= stored


@pytest.mark.parametrize("job", ["log", "tls"])
@pytest.mark.parametrize(("step", "cards"), STEPS)
async def test_node_killed_while_it_rotates_has_done_so_or_not(
    step: str, cards: int, job: str, xa: Home, xb: Home
) -> None:
    await introduce(xa, xb)
    async with doomed(xa, step=step) as ended, desk_of(xa) as desk:
        with pytest.raises(grpc.aio.AioRpcError):
            await desk.admin.RotateKey(pb.RotateKeyRequest(job=job))
        await asyncio.wait_for(asyncio.shield(ended), DEADLINE_S)
    async with running(xa) as a, running(xb) as b:
        assert_agrees(xa, cards=cards)
        ids = await a.publish(person("Doe, Jane"))
        await a.settled(b.name, 1)
        back = await b.publish(person("Doe, John"))
        await b.settled(a.name, 1)
        await a.admin.RotateKey(pb.RotateKeyRequest(job=job, at_once=True))
        assert_agrees(xa, cards=cards + 1)
    assert_delivered(xa, xb, ids)
    assert_delivered(xb, xa, back)
