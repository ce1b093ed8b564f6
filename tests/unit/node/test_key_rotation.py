# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from tests.fakes.identities import (
    EXPIRES,
    MIDYEAR,
    Identity,
    SeededEntropy,
    make_identity,
)

from selat.core.notes import open_note, sign_note
from selat.core.times import to_ms
from selat.errors import InvalidInputError, KeyStoreError, WrongStateError
from selat.identity.card import SignedCard
from selat.identity.card_keys import CardKey, KeyPurpose
from selat.identity.certificate_checks import to_pem
from selat.identity.key_kinds import KeyKind
from selat.identity.key_schedule import AFTER_DEFAULT, AFTER_MAX, CLOCK_ALLOWANCE
from selat.identity.own_card import (
    CARD_KINDS,
    NodeProfile,
    build_card,
    private_name,
)
from selat.node.key_rotation import NewKeys
from selat.node.own_keys import OwnKeys

ORIGIN = "police.xa.example/exchange/2030h2"
NOW = MIDYEAR + timedelta(milliseconds=300)
SECOND = timedelta(seconds=1)


@pytest.fixture
def node(tmp_path: Path) -> Identity:
    return make_identity(tmp_path / "keys")


def plan(
    card: SignedCard, purpose: KeyPurpose, *, after: timedelta | None = AFTER_DEFAULT
) -> NewKeys:
    return NewKeys.plan(card, purpose, now=NOW, after=after)


def make(node: Identity, new: NewKeys) -> tuple[CardKey, ...]:
    return new.make(
        node.key_store, valid_until=EXPIRES, entropy=SeededEntropy(str(new.purpose))
    )


def rotated(
    node: Identity, purpose: KeyPurpose, *, after: timedelta | None = AFTER_DEFAULT
) -> SignedCard:
    """Return the next card of a node, by which keys take over."""
    new = plan(node.card, purpose, after=after)
    return build_card(
        NodeProfile(name="police.xa.example", state="XA", agency="Police of XA"),
        node.key_store.root(),
        keys=new.list_on(node.card.card.keys, make(node, new)),
        issued_at=MIDYEAR,
        valid_until=EXPIRES,
        previous=node.card,
    )


def keys_of(node: Identity, card: SignedCard) -> Callable[[datetime], OwnKeys]:
    """Return what gives the node's keys in use by the time."""

    def at(moment: datetime) -> OwnKeys:
        return OwnKeys(
            keys=node.key_store, card=lambda: card, clock=lambda: to_ms(moment)
        )

    return at


# --- the plan ----------------------------------------------------------------


def test_planned_keys_take_over_in_time_and_overlap(node: Identity) -> None:
    new = plan(node.card, KeyPurpose.SEAL)
    assert NOW + AFTER_DEFAULT <= new.takes_over_at <= NOW + AFTER_DEFAULT + SECOND
    assert new.takes_over_at.microsecond == 0
    assert new.ends == new.takes_over_at + CLOCK_ALLOWANCE
    (key,) = make(node, new)
    assert key.not_before == new.takes_over_at - CLOCK_ALLOWANCE
    assert key.not_after == EXPIRES


def test_keys_that_others_may_have_end_with_the_second(node: Identity) -> None:
    new = plan(node.card, KeyPurpose.SEAL, after=None)
    assert new.takes_over_at <= NOW < new.ends <= NOW + SECOND


@pytest.mark.parametrize("after", [timedelta(), -SECOND, AFTER_MAX + SECOND])
def test_time_that_is_none_or_too_far_is_refused(
    node: Identity, after: timedelta
) -> None:
    with pytest.raises(InvalidInputError, match="90 days at most") as caught:
        plan(node.card, KeyPurpose.SEAL, after=after)
    assert "7 days" in caught.value.remedy


def test_second_plan_for_a_job_waits_for_the_first(node: Identity) -> None:
    card = rotated(node, KeyPurpose.LOG)
    with pytest.raises(WrongStateError, match=r"New log keys take over at 2030-07-08"):
        plan(card, KeyPurpose.LOG)
    with pytest.raises(WrongStateError) as caught:
        plan(card, KeyPurpose.LOG)
    assert "selat key rotate log --now" in caught.value.remedy
    assert plan(card, KeyPurpose.WITNESS).purpose is KeyPurpose.WITNESS
    assert plan(card, KeyPurpose.LOG, after=None).takes_over_at == MIDYEAR


# --- what is made ------------------------------------------------------------


@pytest.mark.parametrize("purpose", list(KeyPurpose))
def test_each_kind_of_a_job_gets_a_new_key_that_is_stored(
    node: Identity, purpose: KeyPurpose
) -> None:
    before = {key.public for key in node.card.card.keys}
    made = make(node, plan(node.card, purpose))
    kinds = [kind for kind, (job, _) in CARD_KINDS.items() if job is purpose]
    assert [(key.purpose, key.algorithm) for key in made] == [
        CARD_KINDS[kind] for kind in kinds
    ]
    assert not before & {key.public for key in made}
    for key, kind in zip(made, kinds, strict=True):
        assert private_name(key) == node.key_store.key_id(kind)
        assert len(node.key_store.generations(kind)) == 2


def test_two_rotations_within_a_second_use_the_key_that_each_made(
    node: Identity,
) -> None:
    first, second = (
        plan(node.card, KeyPurpose.SEAL, after=None).make(
            node.key_store, valid_until=EXPIRES, entropy=SeededEntropy(seed)
        )[0]
        for seed in ("first", "second")
    )
    assert first.key_id != second.key_id


def test_new_tls_certificate_is_of_the_node_and_of_its_new_key(node: Identity) -> None:
    (key,) = make(node, plan(node.card, KeyPurpose.TLS))
    certificate = x509.load_der_x509_certificate(key.public)
    assert (
        certificate.public_key() == node.key_store.tls(private_name(key)).public_key()
    )
    assert certificate.not_valid_before_utc <= NOW - CLOCK_ALLOWANCE
    rotated(node, KeyPurpose.TLS)  # a card takes it


# --- keys in use -------------------------------------------------------------


def test_log_is_signed_by_the_keys_of_the_time(node: Identity) -> None:
    card = rotated(node, KeyPurpose.LOG)
    keys = keys_of(node, card)
    text = f"{ORIGIN}\n0\n{'A' * 43}=\n".encode()
    begin = plan(node.card, KeyPurpose.LOG).takes_over_at
    for at in (NOW, begin - SECOND, begin, begin + SECOND):
        note = sign_note(text, keys(at).log_signers(ORIGIN))
        valid = card.card.log_verifiers_between(ORIGIN, since=at, until=at)
        assert len(open_note(note, valid).verified) == 2
        assert open_note(note, keys(at).log_verifiers(ORIGIN)).text == text
    old, new = (keys(at).log_signers(ORIGIN) for at in (begin - SECOND, begin))
    assert {each.verifier.id for each in old}.isdisjoint(
        each.verifier.id for each in new
    )


def test_signers_are_drawn_once(node: Identity) -> None:
    keys = keys_of(node, node.card)(NOW)
    assert keys.log_signers(ORIGIN) is keys.log_signers(ORIGIN)
    assert keys.cosigner() is keys.cosigner()


def test_cosigner_and_certificate_are_of_the_time(node: Identity) -> None:
    begin = plan(node.card, KeyPurpose.TLS).takes_over_at
    card = rotated(node, KeyPurpose.TLS)
    keys = keys_of(node, card)
    assert keys(begin - SECOND).tls()[1] == to_pem(node.tls_certificate)
    private, certificate = keys(begin).tls()
    assert certificate != to_pem(node.tls_certificate)
    assert private != keys(begin - SECOND).tls()[0]
    used, later = keys(NOW).in_use(), keys(begin).in_use()
    assert {each for each in used if used[each] != later[each]} == {KeyPurpose.TLS}
    assert keys(NOW).cosigner().name == "police.xa.example/witness"


def test_key_that_the_key_store_lost_is_named(node: Identity) -> None:
    node.key_store.destroy(node.key_store.key_id(KeyKind.LOG_MLDSA44))
    with pytest.raises(KeyStoreError, match="no log-mldsa44 key") as caught:
        keys_of(node, node.card)(NOW).log_signers(ORIGIN)
    assert "backup" in caught.value.remedy
