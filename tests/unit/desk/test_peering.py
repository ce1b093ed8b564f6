# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.identities import EXPIRES, Identity, make_identity
from tests.fakes.local_nodes import (
    NAME,
    NOW_MS,
    FakeClock,
    accept_peers,
    leaves_of,
    peer_row,
)

from selat.core.leaves import PeerLeaf
from selat.core.times import to_ms
from selat.desk.peering import Peering
from selat.errors import (
    CardExpiredError,
    InvalidInputError,
    MalformedError,
    NotFoundError,
    PeerRemovedError,
    PeerSuspendedError,
    PeerUnknownError,
    SignatureError,
    VerificationError,
    WrongStateError,
)
from selat.exchange.local import LocalNode
from selat.exchange.peer_book import KnownPeer
from selat.identity.card import SignedCard, issue_card
from selat.store.values import PeerState

XA = "police.xa.example"
NO_CATEGORIES: frozenset[str] = frozenset()


class Released(dict[str, frozenset[str]]):
    """What was put into force."""

    async def put(self, peer: str, categories: frozenset[str]) -> None:
        self[peer] = categories


@pytest.fixture
def released() -> Released:
    return Released()


@pytest.fixture
def peering(local: LocalNode, released: Released) -> Peering:
    return Peering(
        local=local,
        categories=frozenset({"terrorism", "drugs"}),
        set_released=released.put,
    )


def renewed(identity: Identity, **changes: Any) -> SignedCard:  # noqa: ANN401 - fields
    """Issue the card after the first one."""
    follows: dict[str, Any] = {"sequence": 2, "previous_digest": identity.card.digest}
    card = replace(identity.card.card, **(follows | changes))
    return issue_card(card, identity.key_store.root())


async def add(
    peering: Peering,
    card: SignedCard,
    *,
    fingerprint: str | None = None,
    categories: frozenset[str] = NO_CATEGORIES,
) -> tuple[KnownPeer, bool]:
    told = card.fingerprint.hex_groups() if fingerprint is None else fingerprint
    return await peering.add(
        card.envelope, fingerprint=told, categories=categories, by="host"
    )


async def acts(local: LocalNode) -> list[tuple[str, str, str]]:
    """Return what was logged: peer, action and who did it."""
    leaves = await leaves_of(local.store)
    assert all(isinstance(leaf, PeerLeaf) for leaf in leaves)
    return [
        (leaf.peer, leaf.action, leaf.by)
        for leaf in leaves
        if isinstance(leaf, PeerLeaf)
    ]


# --- adding ------------------------------------------------------------------
async def test_peer_is_accepted_by_its_fingerprint(
    peering: Peering, local: LocalNode, released: Released, xa: Identity
) -> None:
    peer, updated = await add(peering, xa.card, categories=frozenset({"terrorism"}))
    assert not updated
    assert peer.card == xa.card
    assert local.peers.get(XA) == peer
    assert peer.row.accepted_ms == NOW_MS
    assert released == {XA: {"terrorism"}}
    (leaf,) = await leaves_of(local.store)
    assert isinstance(leaf, PeerLeaf)
    assert (leaf.node, leaf.card) == (NAME, xa.card.digest)
    assert await acts(local) == [(XA, "accepted", "host")]


async def test_fingerprint_may_be_told_in_words(peering: Peering, xa: Identity) -> None:
    peer, _ = await add(peering, xa.card, fingerprint=xa.card.fingerprint.words())
    assert peer.name == XA


async def test_acceptance_outlives_the_process(
    peering: Peering, local: LocalNode, xa: Identity
) -> None:
    peer, _ = await add(peering, xa.card)
    assert await local.store.read(lambda s: s.peers()) == [peer.row]


async def test_peer_without_categories_gets_nothing_released(
    peering: Peering, released: Released, xa: Identity
) -> None:
    await add(peering, xa.card)
    assert not released


async def test_all_categories_may_be_released_at_once(
    peering: Peering, released: Released, xa: Identity
) -> None:
    await add(peering, xa.card, categories=frozenset({"*"}))
    assert released == {XA: {"*"}}


async def refused(
    peering: Peering,
    local: LocalNode,
    released: Released,
    card: SignedCard,
    **told: Any,  # noqa: ANN401 - arguments of a call
) -> Exception:
    """Return why a card was refused; nothing of it is kept or logged."""
    before = await acts(local), local.peers.known()
    with pytest.raises(Exception, match=r".") as caught:
        await add(peering, card, **told)
    assert (await acts(local), local.peers.known()) == before
    assert not released
    return caught.value


async def test_card_of_another_fingerprint_is_refused(
    peering: Peering, local: LocalNode, released: Released, xa: Identity, xb: Identity
) -> None:
    told = xb.card.fingerprint.hex_groups()
    error = await refused(peering, local, released, xa.card, fingerprint=told)
    assert isinstance(error, SignatureError)
    assert "Do not accept the card" in error.remedy


async def test_new_peer_needs_a_fingerprint(
    peering: Peering, local: LocalNode, released: Released, xa: Identity
) -> None:
    error = await refused(peering, local, released, xa.card, fingerprint="")
    assert isinstance(error, InvalidInputError)
    assert "--fingerprint" in error.remedy


async def test_what_is_no_fingerprint_is_refused(
    peering: Peering, local: LocalNode, released: Released, xa: Identity
) -> None:
    error = await refused(peering, local, released, xa.card, fingerprint="0000")
    assert isinstance(error, MalformedError)


async def test_unknown_category_is_refused(
    peering: Peering, local: LocalNode, released: Released, xa: Identity
) -> None:
    categories = frozenset({"terrorism", "chess"})
    error = await refused(peering, local, released, xa.card, categories=categories)
    assert isinstance(error, InvalidInputError)
    assert "chess" in error.message
    assert "drugs, terrorism" in error.remedy


async def test_own_card_is_refused(
    peering: Peering, local: LocalNode, released: Released, tmp_path: Path
) -> None:
    own = make_identity(tmp_path / "keys", NAME, state="XC")
    error = await refused(peering, local, released, own.card)
    assert isinstance(error, InvalidInputError)
    assert "own card" in error.message


async def test_expired_card_is_refused(
    peering: Peering,
    local: LocalNode,
    released: Released,
    clock: FakeClock,
    xa: Identity,
) -> None:
    clock.now_ms = to_ms(EXPIRES) + 1
    error = await refused(peering, local, released, xa.card)
    assert isinstance(error, CardExpiredError)


async def test_bytes_that_are_no_card_are_refused(peering: Peering) -> None:
    with pytest.raises(MalformedError):
        await peering.add(b"{}", fingerprint="", categories=NO_CATEGORIES, by="host")


# --- newer cards -------------------------------------------------------------
async def test_newer_card_of_a_peer_needs_no_fingerprint(
    peering: Peering,
    local: LocalNode,
    released: Released,
    clock: FakeClock,
    xa: Identity,
) -> None:
    await add(peering, xa.card)
    clock.now_ms += 1
    newer = renewed(xa, agency="Federal Police of XA")
    peer, updated = await add(peering, newer, fingerprint="")
    assert updated
    assert peer.card == newer
    assert (peer.row.accepted_ms, peer.row.changed_ms) == (NOW_MS, NOW_MS + 1)
    assert not released
    assert await acts(local) == [(XA, "accepted", "host"), (XA, "updated", "host")]


async def test_same_card_changes_what_is_released(
    peering: Peering, released: Released, xa: Identity
) -> None:
    await add(peering, xa.card, categories=frozenset({"terrorism"}))
    _, updated = await add(
        peering, xa.card, fingerprint="", categories=frozenset({"drugs"})
    )
    assert updated
    assert released == {XA: {"drugs"}}


async def test_older_card_is_refused(
    peering: Peering, local: LocalNode, xa: Identity
) -> None:
    newer = renewed(xa)
    await add(peering, newer)
    with pytest.raises(WrongStateError, match="older than the accepted card 2"):
        await add(peering, xa.card)
    assert local.peers.get(XA).card == newer


async def test_other_card_of_the_same_number_is_refused(
    peering: Peering, local: LocalNode, xa: Identity
) -> None:
    accepted, _ = await add(peering, renewed(xa))
    with pytest.raises(VerificationError):
        await add(peering, renewed(xa, agency="Other Police"))
    assert local.peers.get(XA) == accepted


async def test_card_of_another_root_is_refused_with_its_fingerprint(
    peering: Peering, local: LocalNode, xa: Identity, xb: Identity
) -> None:
    await add(peering, xa.card)
    root = xb.key_store.root()
    taken_over = issue_card(
        replace(
            xa.card.card,
            sequence=2,
            previous_digest=xa.card.digest,
            root=root.public,
        ),
        root,
    )
    with pytest.raises(SignatureError):
        await add(peering, taken_over)
    assert local.peers.get(XA).card == xa.card


# --- cards that peers hand out -----------------------------------------------
async def test_newer_card_that_the_peer_hands_out_replaces_the_one_before(
    peering: Peering, local: LocalNode, released: Released, xa: Identity
) -> None:
    known, _ = await add(peering, xa.card)
    newer = renewed(xa)
    await peering.refresh(known, newer.envelope)
    assert local.peers.get(XA).card == newer
    assert not released
    assert (await acts(local))[-1] == (XA, "updated", "peer")


async def test_known_or_older_card_that_the_peer_hands_out_changes_nothing(
    peering: Peering, local: LocalNode, xa: Identity
) -> None:
    known, _ = await add(peering, renewed(xa))
    for card in (known.card, xa.card):
        await peering.refresh(known, card.envelope)
    assert local.peers.get(XA) == known
    assert len(await acts(local)) == 1


async def test_card_of_another_node_is_not_taken_from_a_peer(
    peering: Peering, local: LocalNode, xa: Identity, xb: Identity
) -> None:
    known, _ = await add(peering, xa.card)
    with pytest.raises(VerificationError, match="not one of"):
        await peering.refresh(known, renewed(xb).envelope)
    assert [peer.name for peer in local.peers.known()] == [XA]


# --- removing ----------------------------------------------------------------
async def test_removed_peer_is_accepted_no_more(
    peering: Peering, local: LocalNode, clock: FakeClock, xa: Identity
) -> None:
    await add(peering, xa.card)
    clock.now_ms += 1
    gone = await peering.remove(XA, by="host")
    assert gone.row.state is PeerState.REMOVED
    assert (gone.row.accepted_ms, gone.row.changed_ms) == (NOW_MS, NOW_MS + 1)
    with pytest.raises(PeerRemovedError):
        local.peers.get(XA)
    assert (await acts(local))[-1] == (XA, "removed", "host")


async def test_removed_peer_needs_its_fingerprint_to_come_back(
    peering: Peering, local: LocalNode, xa: Identity
) -> None:
    await add(peering, xa.card)
    await peering.remove(XA, by="host")
    with pytest.raises(InvalidInputError, match="compared first"):
        await add(peering, xa.card, fingerprint="")
    _, updated = await add(peering, xa.card)
    assert not updated
    assert local.peers.get(XA).card == xa.card
    assert [action for _, action, _ in await acts(local)] == [
        "accepted",
        "removed",
        "accepted",
    ]


async def test_removed_peer_does_not_come_back_with_an_older_card(
    peering: Peering, local: LocalNode, xa: Identity
) -> None:
    await add(peering, renewed(xa))
    await peering.remove(XA, by="host")
    with pytest.raises(WrongStateError):
        await add(peering, xa.card)
    assert not local.peers.accepted()


async def test_unknown_peer_cannot_be_removed(
    peering: Peering, local: LocalNode
) -> None:
    with pytest.raises(NotFoundError, match=XA):
        await peering.remove(XA, by="host")
    assert not await acts(local)
    with pytest.raises(PeerUnknownError):
        local.peers.get(XA)


# --- suspended peers -----------------------------------------------------------
async def suspend(local: LocalNode, identity: Identity) -> None:
    await accept_peers(local, peer_row(identity, state=PeerState.SUSPENDED))


async def test_suspended_peer_is_resumed_on_the_record(
    peering: Peering, local: LocalNode, xa: Identity
) -> None:
    await suspend(local, xa)
    resumed = await peering.resume(XA, by="administrator")
    assert resumed.row.state is PeerState.ACCEPTED
    assert local.peers.get(XA).card == xa.card
    assert await acts(local) == [(XA, "resumed", "administrator")]


async def test_newer_card_of_a_suspended_peer_does_not_resume_it(
    peering: Peering, local: LocalNode, xa: Identity
) -> None:
    await suspend(local, xa)
    peer, updated = await add(peering, renewed(xa), fingerprint="")
    assert updated
    assert peer.row.state is PeerState.SUSPENDED
    with pytest.raises(PeerSuspendedError):
        local.peers.get(XA)


@pytest.mark.parametrize("state", [PeerState.ACCEPTED, PeerState.REMOVED])
async def test_peer_that_is_not_suspended_cannot_be_resumed(
    peering: Peering, local: LocalNode, xa: Identity, state: PeerState
) -> None:
    await accept_peers(local, peer_row(xa, state=state))
    with pytest.raises(WrongStateError, match=f"it is {state}"):
        await peering.resume(XA, by="administrator")
    with pytest.raises(NotFoundError):
        await peering.resume("police.xd.example", by="administrator")
