# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256

import pytest
from cryptography import x509
from tests.fakes.identities import EXPIRES, ISSUED, MIDYEAR, Identity

from selat.core.checkpoints import open_checkpoint
from selat.core.cosignatures import (
    CosignatureSigner,
    cosigners,
    verify_cosignatures,
)
from selat.core.fingerprints import fingerprint
from selat.core.notes import open_note, sign_note
from selat.errors import (
    CardExpiredError,
    MalformedError,
    PeerUnknownError,
    SignatureError,
)
from selat.identity.card_contents import (
    Card,
    witness_name,
)
from selat.identity.card_keys import CardKey, KeyAlgorithm, KeyPurpose
from selat.identity.certificate_checks import to_pem
from selat.identity.contact_points import ContactFunction, ContactPoint
from selat.identity.key_schedule import succeeded

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
ORIGIN = "police.xa.example/exchange/2030h1"
DESK = ContactPoint(
    function=ContactFunction.COUNTER_TERRORISM,
    phone="+99912345678",
    languages=("en", "ms"),
    hours="24/7",
)


def with_more(card: Card, *keys: CardKey) -> Card:
    return replace(card, keys=(*card.keys, *keys))


def renewed(card: Card, purpose: KeyPurpose, other: Card) -> CardKey:
    """A second key of a purpose, used from midyear."""
    old = next(key for key in card.keys if key.purpose is purpose)
    new = next(key for key in other.keys if key.purpose is purpose)
    return replace(old, key_id="renewed", public=new.public, not_before=MIDYEAR)


def test_card_gives_the_key_of_a_time(card: Card) -> None:
    for key in card.keys:
        assert card.key(key.purpose, key.algorithm, MIDYEAR) is key


@pytest.mark.parametrize("at", [ISSUED - SECOND, EXPIRES + SECOND])
def test_card_gives_no_key_outside_its_time(card: Card, at: datetime) -> None:
    for key in card.keys:
        with pytest.raises(CardExpiredError, match=f"no {key.purpose.name} key"):
            card.key(key.purpose, key.algorithm, at)


def test_expired_card_gives_no_key_that_would_last_longer(card: Card) -> None:
    short = replace(card, valid_until=MIDYEAR)
    assert short.seal_key(MIDYEAR).key_id
    with pytest.raises(CardExpiredError):
        short.seal_key(MIDYEAR + SECOND)


def test_key_may_be_older_than_the_card(card: Card) -> None:
    newer = replace(card, issued_at=MIDYEAR)
    assert newer.seal_key(ISSUED).key_id == card.seal_key(ISSUED).key_id


def test_newest_of_two_keys_is_given(card: Card, other: Identity) -> None:
    both = with_more(card, renewed(card, KeyPurpose.SEAL, other.card.card))
    assert both.seal_key(MIDYEAR - SECOND) == card.seal_key(ISSUED)
    assert both.seal_key(MIDYEAR).key_id == "renewed"


def test_seal_key_is_the_nodes(card: Card, identity: Identity) -> None:
    key = card.seal_key(MIDYEAR)
    private = identity.key_store.find_seal(key.key_id)
    assert private is not None
    assert private.public == key.public


def test_log_verifiers_verify_what_the_node_signs(
    card: Card, identity: Identity
) -> None:
    text = f"{ORIGIN}\n0\n{'A' * 43}=\n".encode()
    note = sign_note(text, identity.key_store.log_signers(ORIGIN))
    assert open_note(note, card.log_verifiers(ORIGIN, at=MIDYEAR)).text == text


@pytest.mark.parametrize(
    "origin", ["", "police.xb.example/exchange/2030h1", "police.xa.example/other/1"]
)
def test_card_vouches_for_its_own_logs_only(card: Card, origin: str) -> None:
    with pytest.raises(MalformedError, match="vouches"):
        card.log_verifiers(origin, at=MIDYEAR)


def test_log_verifiers_of_another_time_are_not_given(card: Card) -> None:
    with pytest.raises(CardExpiredError, match="no LOG key"):
        card.log_verifiers(ORIGIN, at=EXPIRES + SECOND)


def test_tls_certificate_is_known_by_its_digest(card: Card, identity: Identity) -> None:
    digest = sha256(identity.tls_certificate).digest()
    assert card.tls_certificates == (identity.tls_certificate,)
    assert card.tls_digests(MIDYEAR) == {digest}
    card.check_tls_certificate(digest, at=MIDYEAR)


@pytest.mark.parametrize("at", [ISSUED - SECOND, EXPIRES + SECOND])
def test_tls_certificate_is_refused_outside_its_time(card: Card, at: datetime) -> None:
    digest = sha256(card.tls_certificates[0]).digest()
    assert not card.tls_digests(at)
    with pytest.raises(CardExpiredError, match="no TLS key"):
        card.check_tls_certificate(digest, at=at)


def test_unlisted_tls_certificate_is_refused(card: Card) -> None:
    with pytest.raises(PeerUnknownError, match="does not list"):
        card.check_tls_certificate(bytes(32), at=MIDYEAR)


def test_tls_certificates_are_given_as_pem(card: Card, identity: Identity) -> None:
    (certificate,) = x509.load_pem_x509_certificates(
        card.tls_certificates_pem(at=MIDYEAR)
    )
    assert certificate == x509.load_der_x509_certificate(identity.tls_certificate)


def test_fingerprint_is_that_of_the_root(card: Card, identity: Identity) -> None:
    public = identity.key_store.root().public
    expected = fingerprint(ed25519=public.ed25519, mldsa44=public.mldsa44)
    assert card.fingerprint == expected


def test_every_kind_of_key_must_be_listed(card: Card, other: Identity) -> None:
    spare = renewed(card, KeyPurpose.SEAL, other.card.card)
    for missing in card.keys:
        keys = tuple(key for key in card.keys if key is not missing)
        with pytest.raises(MalformedError, match="6 to 32 keys"):
            replace(card, keys=keys)
        if missing.purpose is not KeyPurpose.SEAL:
            with pytest.raises(MalformedError, match="is missing"):
                replace(card, keys=(*keys, spare))


def test_no_key_does_two_jobs(card: Card) -> None:
    log = card.key(KeyPurpose.LOG, KeyAlgorithm.ED25519, MIDYEAR)
    witness = replace(log, purpose=KeyPurpose.WITNESS, key_id="witness")
    with pytest.raises(MalformedError, match="one job"):
        with_more(card, witness)
    with pytest.raises(MalformedError, match="one job"):
        with_more(card, replace(log, key_id="log", public=card.root.ed25519))


def test_no_two_keys_have_one_name(card: Card, other: Identity) -> None:
    key = renewed(card, KeyPurpose.SEAL, other.card.card)
    with pytest.raises(MalformedError, match="one name"):
        with_more(card, replace(key, key_id=card.keys[0].key_id))


def test_tls_certificate_must_be_of_the_cards_node(card: Card, other: Identity) -> None:
    with pytest.raises(MalformedError, match=r"police\.xa\.example may use"):
        with_more(card, renewed(card, KeyPurpose.TLS, other.card.card))


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "police"},
        {"name": "police.xb.example"},
        {"state": "xa"},
        {"agency": "a\x1b[31m"},
        {"sequence": 2},
        {"previous_digest": bytes(32)},
        {"valid_until": ISSUED},
        {"endpoints": ("node.xa.example",)},
        {"endpoints": ("node.xa.example:7443",) * 9},
        {"contact_points": (DESK,) * 61},
        {"protocol_versions": ()},
        {"protocol_versions": ("selat",)},
        {"categories": ("*",)},
        {"categories": ("piracy",) * 65},
        {"log_origin_prefix": "police.xb.example/exchange/"},
    ],
)
def test_card_that_breaks_a_rule_does_not_exist(
    card: Card, changes: dict[str, object]
) -> None:
    with pytest.raises(MalformedError) as caught:
        replace(card, **changes)  # type: ignore[arg-type]  # a table of fields
    assert caught.value.remedy


@pytest.mark.parametrize(
    "changes",
    [
        {"phone": "112"},
        {"languages": ()},
        {"languages": ("English",)},
        {"languages": ("en",) * 9},
        {"hours": ""},
    ],
)
def test_contact_point_that_breaks_a_rule_does_not_exist(
    changes: dict[str, object],
) -> None:
    with pytest.raises(MalformedError):
        replace(DESK, **changes)  # type: ignore[arg-type]  # a table of fields


def test_every_log_key_judges_what_was_signed_at_an_unknown_time(
    card: Card, identity: Identity, other: Identity
) -> None:
    both = with_more(card, renewed(card, KeyPurpose.LOG, other.card.card))
    text = f"{ORIGIN}\n0\n{'A' * 43}=\n".encode()
    verifiers = both.every_log_verifier(ORIGIN)
    assert len(verifiers) == 3
    for keys, count in ((identity.key_store, 2), (other.key_store, 1)):
        note = sign_note(text, keys.log_signers(ORIGIN))
        assert len(open_note(note, verifiers).verified) == count
    with pytest.raises(MalformedError, match="vouches"):
        card.every_log_verifier("police.xb.example/exchange/2030h1")


def test_witness_verifiers_verify_what_the_node_cosigns(
    card: Card, identity: Identity
) -> None:
    name = witness_name(card.name)
    signer = CosignatureSigner(name, *identity.key_store.witness())
    text = f"{ORIGIN}\n0\n{'A' * 43}=\n".encode()
    lines = signer.cosign(text, time_s=5)
    verifiers = card.witness_verifiers(at=MIDYEAR)
    assert cosigners(verify_cosignatures(text, lines, verifiers)) == {name}
    with pytest.raises(CardExpiredError, match="no WITNESS key"):
        card.witness_verifiers(at=EXPIRES + SECOND)


def test_two_keys_verify_where_either_may_have_signed(
    card: Card, identity: Identity, other: Identity
) -> None:
    begin = MIDYEAR
    keys = card.keys
    for purpose in (KeyPurpose.LOG, KeyPurpose.WITNESS):
        for key in (each for each in other.card.card.keys if each.purpose is purpose):
            follower = replace(key, not_before=begin)
            keys = succeeded(keys, follower, ends=begin + MINUTE)
    both = replace(card, keys=keys)
    text = f"{ORIGIN}\n0\n{'A' * 43}=\n".encode()
    old, new = (
        sign_note(text, each.key_store.log_signers(ORIGIN))
        for each in (identity, other)
    )
    spans: list[tuple[datetime, datetime, list[bytes]]] = [
        (begin - SECOND, begin - SECOND, [old]),
        (begin, begin, [old, new]),
        (begin + MINUTE + SECOND, begin + MINUTE + SECOND, [new]),
        (begin - SECOND, EXPIRES, [old, new]),
        (begin + 2 * MINUTE, EXPIRES, [new]),
    ]
    for since, until, valid in spans:
        verifiers = both.log_verifiers_between(ORIGIN, since=since, until=until)
        for note in valid:
            opened = open_checkpoint(note, origin=ORIGIN, verifiers=verifiers)
            assert opened.text() == text
        for note in {old, new}.difference(valid):
            with pytest.raises(SignatureError, match="is missing"):
                open_checkpoint(note, origin=ORIGIN, verifiers=verifiers)
        assert len(both.witness_verifiers_between(since=since, until=until)) == (
            2 * len(valid)
        )


def test_keys_between_two_moments_are_none_of_an_expired_card(card: Card) -> None:
    for until in (EXPIRES + SECOND, EXPIRES + 2 * SECOND):
        with pytest.raises(CardExpiredError, match="no LOG key"):
            card.log_verifiers_between(ORIGIN, since=MIDYEAR, until=until)
    with pytest.raises(CardExpiredError, match="no WITNESS key"):
        card.witness_verifiers_between(since=ISSUED - SECOND, until=ISSUED - SECOND)
    with pytest.raises(MalformedError, match="vouches"):
        card.log_verifiers_between("other/exchange/1", since=MIDYEAR, until=MIDYEAR)


def test_retired_tls_certificate_is_not_trusted_by_who_connects(
    card: Card, identity: Identity
) -> None:
    key = card.key(KeyPurpose.TLS, KeyAlgorithm.X509_P256, MIDYEAR)
    only = (replace(key, not_after=MIDYEAR),)
    others = tuple(each for each in card.keys if each.purpose is not KeyPurpose.TLS)
    ended = replace(card, keys=(*others, *only))
    assert ended.tls_certificates_pem(at=MIDYEAR)
    with pytest.raises(CardExpiredError, match="no TLS key"):
        ended.tls_certificates_pem(at=MIDYEAR + SECOND)
    # Who is late still finds the way to the next card.
    late = card.tls_certificates_pem(at=EXPIRES + SECOND)
    assert late == to_pem(identity.tls_certificate)
