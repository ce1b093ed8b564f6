# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.fakes.identities import (
    EXPIRES,
    ISSUED,
    MIDYEAR,
    Identity,
    SeededEntropy,
    card_of,
    make_identity,
)

from selat.errors import CardExpiredError, KeyStoreError, MalformedError
from selat.identity.card import SignedCard, parse_card, verify_successor
from selat.identity.card_contents import Card
from selat.identity.card_keys import KeyAlgorithm, KeyPurpose
from selat.identity.certificate_checks import certificate_digest
from selat.identity.certificates import Term, issue_node_certificate
from selat.identity.key_kinds import KeyKind
from selat.identity.own_card import NodeProfile, build_card

PROFILE = NodeProfile(name="police.xa.example", state="XA", agency="Police of XA")
YEAR = timedelta(days=365)
SECOND = timedelta(seconds=1)


@pytest.fixture
def node(tmp_path: Path) -> Identity:
    """Give an identity that the test may change."""
    return make_identity(tmp_path / "keys")


def next_card(
    node: Identity,
    *,
    previous: SignedCard,
    issued_at: datetime = MIDYEAR,
    certificate: bytes = b"",
) -> SignedCard:
    return card_of(
        PROFILE,
        node.key_store,
        tls_certificate=certificate or node.tls_certificate,
        issued_at=issued_at,
        valid_until=issued_at + YEAR,
        previous=previous,
    )


def renew_all(node: Identity) -> bytes:
    """Renew every key that can be, and return a new TLS certificate."""
    entropy = SeededEntropy("renewed")
    for kind in (
        KeyKind.LOG_ED25519,
        KeyKind.LOG_MLDSA44,
        KeyKind.WITNESS_ED25519,
        KeyKind.WITNESS_MLDSA44,
        KeyKind.SEAL,
        KeyKind.TLS,
    ):
        node.key_store.add(kind, created=MIDYEAR, entropy=entropy)
    term = Term(serial=2, not_before=MIDYEAR, not_after=MIDYEAR + YEAR)
    return issue_node_certificate(node.key_store.tls(), name=PROFILE.name, term=term)


def publics(card: Card) -> set[bytes]:
    return {key.public for key in card.keys}


def test_first_card_says_what_the_configuration_says(node: Identity) -> None:
    card = node.card.card
    assert (card.name, card.state, card.agency) == (
        "police.xa.example",
        "XA",
        "Police of XA",
    )
    assert (card.sequence, card.previous_digest) == (1, b"")
    assert (card.issued_at, card.valid_until) == (ISSUED, EXPIRES)
    assert card.protocol_versions == ("selat/1",)
    assert card.log_origin_prefix == "police.xa.example/exchange/"
    assert parse_card(node.card.envelope) == node.card


def test_first_card_lists_the_key_stores_keys(node: Identity) -> None:
    assert publics(node.card.card) == {
        node.tls_certificate,
        *(
            node.key_store.public(kind)
            for kind in (
                KeyKind.LOG_ED25519,
                KeyKind.LOG_MLDSA44,
                KeyKind.WITNESS_ED25519,
                KeyKind.WITNESS_MLDSA44,
                KeyKind.SEAL,
            )
        ),
    }


def test_next_card_keeps_keys_and_their_beginnings(node: Identity) -> None:
    second = next_card(node, previous=node.card)
    verify_successor(node.card, second)
    assert publics(second.card) == publics(node.card.card)
    assert {key.not_before for key in second.card.keys} == {ISSUED}
    assert {key.not_after for key in second.card.keys} == {MIDYEAR + YEAR}


def test_renewed_keys_begin_with_their_card(node: Identity) -> None:
    second = next_card(node, previous=node.card, certificate=renew_all(node))
    verify_successor(node.card, second)
    for purpose, algorithm in (
        (KeyPurpose.LOG, KeyAlgorithm.ED25519),
        (KeyPurpose.SEAL, KeyAlgorithm.MLKEM768_X25519),
        (KeyPurpose.TLS, KeyAlgorithm.X509_P256),
    ):
        key = second.card.key(purpose, algorithm, MIDYEAR)
        assert key.public not in publics(node.card.card)
        assert key.not_before == MIDYEAR


def test_retired_signing_keys_stay_to_verify_what_they_signed(node: Identity) -> None:
    second = next_card(node, previous=node.card, certificate=renew_all(node))
    for purpose in (KeyPurpose.LOG, KeyPurpose.WITNESS):
        for algorithm in (KeyAlgorithm.ED25519, KeyAlgorithm.MLDSA44):
            before = MIDYEAR - SECOND
            old = node.card.card.key(purpose, algorithm, before)
            kept = second.card.key(purpose, algorithm, before)
            assert kept.public == old.public
            assert kept.not_after == MIDYEAR


def test_retired_seal_and_tls_keys_go_once_they_have_ended(node: Identity) -> None:
    certificate = renew_all(node)
    second = next_card(node, previous=node.card, certificate=certificate)
    assert len(second.card.tls_certificates) == 2
    assert second.card.tls_digests(MIDYEAR + SECOND) == {
        certificate_digest(certificate)
    }
    third = next_card(
        node, previous=second, issued_at=MIDYEAR + SECOND, certificate=certificate
    )
    assert third.card.tls_certificates == (certificate,)
    with pytest.raises(CardExpiredError):
        third.card.seal_key(MIDYEAR - SECOND)


def test_retired_keys_stay_on_every_later_card(node: Identity) -> None:
    certificate = renew_all(node)
    second = next_card(node, previous=node.card, certificate=certificate)
    third = next_card(
        node,
        previous=second,
        issued_at=MIDYEAR + SECOND,
        certificate=certificate,
    )
    verify_successor(second, third)
    signing = {KeyPurpose.LOG, KeyPurpose.WITNESS}
    kept = {key.public for key in second.card.keys if key.purpose in signing}
    assert len(kept) == 8
    assert kept <= publics(third.card)


def test_card_is_signed_by_the_root_of_the_one_before(
    node: Identity, other: Identity
) -> None:
    with pytest.raises(KeyStoreError, match="other root keys"):
        build_card(
            PROFILE,
            other.key_store.root(),
            keys=node.card.card.keys,
            issued_at=MIDYEAR,
            valid_until=MIDYEAR + YEAR,
            previous=node.card,
        )


def test_card_needs_the_root_keys(node: Identity) -> None:
    key_id = node.key_store.key_id(KeyKind.ROOT_ED25519)
    node.key_store.destroy(key_id)
    with pytest.raises(KeyStoreError, match="no root-ed25519 key"):
        next_card(node, previous=node.card)


def test_card_needs_a_certificate_of_its_name(node: Identity, other: Identity) -> None:
    with pytest.raises(MalformedError, match="may use"):
        next_card(node, previous=node.card, certificate=other.tls_certificate)
