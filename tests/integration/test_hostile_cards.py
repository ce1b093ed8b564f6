# SPDX-License-Identifier: Apache-2.0
"""A peer that shows a card which is not its next one: it is noticed, not taken."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from tests.fakes.identities import PASSPHRASE, card_of
from tests.fakes.lying_recipients import LyingRecipient
from tests.fakes.nodes import Home, eventually, introduce, make_home, running

from selat.core.times import utc
from selat.identity.keystore import KeyStore
from selat.identity.own_card import NodeProfile
from selat.node.assembly import present_ms


@pytest.fixture
async def liar(xa: Home, xb: Home) -> LyingRecipient:
    """Give police.xb.example as a liar, accepted by police.xa.example."""
    await introduce(xa, xb)
    return LyingRecipient(xb, xa)


@pytest.fixture
def namesake(tmp_path: Path) -> Home:
    """Give another node of the liar's name, under a root of its own."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return make_home(folder, "xb")


def next_card(home: Home) -> bytes:
    """Return the card of a node that follows its first."""
    now = utc(present_ms()).replace(microsecond=0)
    card = home.card.card
    newer = card_of(
        NodeProfile(name=card.name, state=card.state, agency=card.agency),
        KeyStore.open(home.folder.keys, PASSPHRASE),
        tls_certificate=card.tls_certificates[0],
        issued_at=now,
        valid_until=now + timedelta(days=30),
        previous=home.card,
    )
    return newer.envelope


async def assert_not_taken(
    card: bytes, reason: str, *, node: Home, liar: LyingRecipient
) -> None:
    liar.envelope = card
    before = node.inspect(lambda snapshot: snapshot.peers())
    async with liar.serving(lambda batch: [liar.receipt(batch)]), running(node) as a:

        async def is_noticed() -> bool:
            return (liar.name, reason) in await a.incidents()

        await eventually(is_noticed)
        assert not (await a.link(liar.name)).connected
    assert node.inspect(lambda snapshot: snapshot.peers()) == before


async def test_card_of_another_node_is_not_taken(
    xa: Home, xc: Home, liar: LyingRecipient
) -> None:
    await assert_not_taken(next_card(xc), "VERIFICATION", node=xa, liar=liar)


async def test_card_under_another_root_is_not_taken(
    xa: Home, namesake: Home, liar: LyingRecipient
) -> None:
    await assert_not_taken(next_card(namesake), "BAD_SIGNATURE", node=xa, liar=liar)


async def test_what_is_no_card_is_not_taken(xa: Home, liar: LyingRecipient) -> None:
    await assert_not_taken(b"no card", "MALFORMED", node=xa, liar=liar)


async def test_next_card_under_the_same_root_is_taken(
    xa: Home, xb: Home, liar: LyingRecipient
) -> None:
    liar.envelope = next_card(xb)
    async with liar.serving(lambda batch: [liar.receipt(batch)]), running(xa):

        async def is_taken() -> bool:
            (row,) = xa.inspect(lambda snapshot: snapshot.peers())
            return row.envelope == liar.envelope

        await eventually(is_taken)
