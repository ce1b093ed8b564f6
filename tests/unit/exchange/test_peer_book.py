# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime

import pytest
from tests.fakes.identities import EXPIRES, ISSUED, MIDYEAR, Identity
from tests.fakes.local_nodes import peer_row

from selat.errors import (
    CardExpiredError,
    PeerRemovedError,
    PeerSuspendedError,
    PeerUnknownError,
)
from selat.exchange.peer_book import PeerBook
from selat.identity.card import issue_card
from selat.identity.certificate_checks import to_pem
from selat.store.values import PeerState

XA, XB = "police.xa.example", "police.xb.example"


@pytest.fixture
def book(xa: Identity, xb: Identity) -> PeerBook:
    book = PeerBook()
    book.load([peer_row(xb, state=PeerState.REMOVED), peer_row(xa)])
    return book


def test_peers_are_listed_by_name(book: PeerBook) -> None:
    assert [peer.name for peer in book.known()] == [XA, XB]
    assert [peer.name for peer in book.accepted()] == [XA]


def test_accepted_peer_is_found_with_its_card(book: PeerBook, xa: Identity) -> None:
    peer = book.get(XA)
    assert peer.card == xa.card
    assert (peer.facts.name, peer.facts.state) == (XA, "XA")
    assert peer.facts.categories == frozenset(xa.card.card.categories)


def test_policies_see_what_the_card_declares(xa: Identity) -> None:
    card = replace(xa.card.card, categories=("drugs", "terrorism"))
    signed = issue_card(card, xa.key_store.root())
    book = PeerBook()
    book.load([peer_row(xa, envelope=signed.envelope)])
    assert book.get(XA).facts.categories == {"drugs", "terrorism"}


def test_peer_of_no_name_that_is_known_is_refused(book: PeerBook) -> None:
    with pytest.raises(PeerUnknownError) as caught:
        book.get("police.xd.example")
    assert caught.value.context == {"peer": "police.xd.example"}


def test_removed_peer_is_refused(book: PeerBook, xb: Identity) -> None:
    with pytest.raises(PeerRemovedError):
        book.get(XB)
    with pytest.raises(PeerRemovedError):
        book.by_certificate(to_pem(xb.tls_certificate), now=MIDYEAR)


def test_peer_is_found_by_the_certificate_of_its_card(
    book: PeerBook, xa: Identity
) -> None:
    assert book.by_certificate(to_pem(xa.tls_certificate), now=MIDYEAR).name == XA


def test_certificate_on_no_card_is_refused(xa: Identity, xb: Identity) -> None:
    book = PeerBook()
    book.load([peer_row(xa)])
    with pytest.raises(PeerUnknownError):
        book.by_certificate(to_pem(xb.tls_certificate), now=MIDYEAR)


@pytest.mark.parametrize("now", [ISSUED.replace(year=2029), EXPIRES.replace(day=2)])
def test_certificate_outside_the_validity_of_its_card_is_refused(
    now: datetime, book: PeerBook, xa: Identity
) -> None:
    with pytest.raises(CardExpiredError):
        book.by_certificate(to_pem(xa.tls_certificate), now=now)


def test_tls_trusts_the_certificates_of_accepted_peers_only(
    book: PeerBook, xa: Identity
) -> None:
    assert book.trusted_pem() == to_pem(xa.tls_certificate)
    assert PeerBook().trusted_pem() == b""


def test_load_replaces_everything(book: PeerBook, xa: Identity, xb: Identity) -> None:
    book.load([peer_row(xb)])
    assert [peer.name for peer in book.accepted()] == [XB]
    assert book.trusted_pem() == to_pem(xb.tls_certificate)
    with pytest.raises(PeerUnknownError):
        book.by_certificate(to_pem(xa.tls_certificate), now=MIDYEAR)


async def test_load_wakes_who_waits_for_a_change_once(
    book: PeerBook, xa: Identity
) -> None:
    waiting = asyncio.create_task(book.changed())
    await asyncio.sleep(0)
    assert not waiting.done()
    book.load([peer_row(xa)])
    await waiting
    again = asyncio.create_task(book.changed())
    await asyncio.sleep(0)
    assert not again.done()
    again.cancel()


def test_suspended_peer_may_connect_and_be_written_to_and_no_more(
    xa: Identity, xb: Identity
) -> None:
    book = PeerBook()
    book.load([peer_row(xa, state=PeerState.SUSPENDED), peer_row(xb)])
    assert [peer.name for peer in book.accepted()] == [XB]
    assert [peer.name for peer in book.corresponding()] == [XA, XB]
    assert book.correspondent(XA).card == xa.card
    assert to_pem(xa.tls_certificate) in book.trusted_pem()
    with pytest.raises(PeerSuspendedError):
        book.get(XA)
    with pytest.raises(PeerSuspendedError):
        book.by_certificate(to_pem(xa.tls_certificate), now=MIDYEAR)


def test_peer_is_found_whatever_its_standing(book: PeerBook) -> None:
    found = [book.find(name) for name in (XA, XB, "police.xd.example")]
    assert [peer and peer.row.state for peer in found] == [
        PeerState.ACCEPTED,
        PeerState.REMOVED,
        None,
    ]
