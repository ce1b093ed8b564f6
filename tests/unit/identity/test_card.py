# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import pytest
from tests.fakes.identities import Identity

from selat.core.cards import card_digest, sign_card
from selat.errors import (
    KeyStoreError,
    MalformedError,
    SignatureError,
    UnsupportedVersionError,
    VerificationError,
)
from selat.identity.card import SignedCard, issue_card, parse_card, verify_successor
from selat.identity.card_contents import Card
from selat.identity.card_wire import encode_card


def successor(identity: Identity, **changes: object) -> SignedCard:
    """Issue the card after the first one, with changes."""
    follows = {"sequence": 2, "previous_digest": identity.card.digest}
    card = replace(identity.card.card, **(follows | changes))  # type: ignore[arg-type]  # a table of fields
    return issue_card(card, identity.key_store.root())


def test_issued_card_is_parsed_as_it_was(identity: Identity) -> None:
    parsed = parse_card(identity.card.envelope)
    assert parsed == identity.card
    assert parsed.digest == card_digest(parsed.payload)
    assert parsed.fingerprint == identity.card.card.fingerprint


def test_card_is_not_signed_by_another_root(card: Card, other: Identity) -> None:
    with pytest.raises(KeyStoreError, match="other root keys"):
        issue_card(card, other.key_store.root())


def test_card_signed_by_another_root_than_it_lists_is_refused(
    card: Card, other: Identity
) -> None:
    forged = sign_card(encode_card(card), other.key_store.root())
    with pytest.raises(SignatureError):
        parse_card(forged)


def test_envelope_of_something_else_is_refused(identity: Identity) -> None:
    with pytest.raises(MalformedError):
        parse_card(sign_card(b"\xff", identity.key_store.root()))
    with pytest.raises(UnsupportedVersionError):
        parse_card(sign_card(b"\x08\x02", identity.key_store.root()))
    with pytest.raises(MalformedError):
        parse_card(b"")


def test_next_card_is_followed(identity: Identity) -> None:
    verify_successor(identity.card, successor(identity, agency="Federal Police"))


def test_card_after_missed_ones_is_followed(identity: Identity) -> None:
    later = successor(identity, sequence=5, previous_digest=bytes(32))
    verify_successor(identity.card, later)


def test_card_of_another_node_is_not_followed(
    identity: Identity, other: Identity
) -> None:
    with pytest.raises(VerificationError, match=r"not one of police\.xa\.example"):
        verify_successor(identity.card, other.card)


def test_card_of_another_root_is_not_followed(
    identity: Identity, other: Identity
) -> None:
    root = other.key_store.root()
    card = replace(
        identity.card.card,
        sequence=2,
        previous_digest=identity.card.digest,
        root=root.public,
    )
    with pytest.raises(SignatureError, match="other root keys") as caught:
        verify_successor(identity.card, issue_card(card, root))
    assert "Call the peer" in caught.value.remedy


def test_older_or_same_card_is_not_followed(identity: Identity) -> None:
    second = successor(identity)
    for card in (identity.card, second):
        with pytest.raises(VerificationError, match="not one above 2"):
            verify_successor(second, card)


def test_next_card_of_another_history_is_not_followed(identity: Identity) -> None:
    fork = successor(identity, previous_digest=bytes(32))
    with pytest.raises(VerificationError, match="follows another card number 1"):
        verify_successor(identity.card, fork)
