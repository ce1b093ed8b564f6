# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.fakes.bundles import (
    BEGIN_MS,
    MINUTE_MS,
    FakeNode,
    add_cards,
    begin,
    exchange,
    export,
)
from tests.fakes.identities import (
    EXPIRES,
    ISSUED,
    Identity,
    SeededEntropy,
    card_of,
    later,
    make_identity,
)
from tests.fakes.leaves import CARD
from tests.unit.audit.conftest import (
    PROFILE,
    Pair,
    Verify,
    failures,
    make_pair,
    message,
    next_card,
    resign,
)

from selat.audit.findings import Code, Findings
from selat.audit.keyring import KEY_TOLERANCE_MS, Keyring
from selat.audit.trust import Trust
from selat.core.times import to_ms
from selat.identity.key_kinds import KeyKind


@pytest.fixture
def renewed(tmp_path: Path) -> Identity:
    """Give the identity of a node that is about to renew its keys."""
    return make_identity(tmp_path / "xa")


def keyring(*identities: Identity) -> tuple[Keyring, Findings]:
    findings = Findings()
    roots = {each.card.card.name: each.card.fingerprint for each in identities}
    trust = Trust(quorum=0, roots=roots, unexamined=frozenset())
    return Keyring(trust, findings), findings


def test_key_is_valid_as_the_newest_card_says(renewed: Identity) -> None:
    keys, findings = keyring(renewed)
    for kind in (KeyKind.LOG_ED25519, KeyKind.WITNESS_MLDSA44):
        renewed.key_store.add(kind, created=later(60), entropy=SeededEntropy("another"))
    for card in (renewed.card, next_card(renewed, 60)):
        keys.add(card.envelope, subject="card")
    keys.check_chains()
    assert not list(findings)
    assert keys.count == 2
    found = keys.log_keys("police.xa.example", "police.xa.example/exchange/2030h1")
    begins = sorted(each.not_before_ms for each in found)
    ends = sorted(each.not_after_ms for each in found)
    changed = to_ms(later(60))
    assert begins == [to_ms(ISSUED), to_ms(ISSUED), changed]
    assert ends == [changed, to_ms(EXPIRES), to_ms(EXPIRES)]
    old = next(each for each in found if each.not_after_ms == changed)
    assert old.is_valid(changed + KEY_TOLERANCE_MS, to_ms(EXPIRES))
    assert not old.is_valid(changed + KEY_TOLERANCE_MS + 1, to_ms(EXPIRES))
    assert len(keys.witness_keys()) == 3


def test_log_key_is_only_for_logs_of_its_node(renewed: Identity) -> None:
    keys, _ = keyring(renewed)
    keys.add(renewed.card.envelope, subject="card")
    name = "police.xa.example"
    assert not keys.log_keys(name, "police.xb.example/exchange/2030h1")
    assert not keys.log_keys("police.xb.example", f"{name}/exchange/2030h1")


def test_log_whose_key_was_renewed_holds(
    renewed: Identity, xb: Identity, verify: Verify
) -> None:
    pair = make_pair(renewed, xb)
    at_ms = BEGIN_MS + 60 * MINUTE_MS
    renewed.key_store.add(
        KeyKind.LOG_ED25519, created=later(60), entropy=SeededEntropy("another")
    )
    card = next_card(renewed, 59)
    pair.xa.cards.append(card)
    pair.xa.log.append(
        replace(CARD, node=pair.xa.name, sequence=2, digest=card.digest, time_ms=at_ms)
    )
    exchange(pair.xa, pair.xb, 2, at_ms + 1)
    resign(pair)
    result = verify(*pair.bundles())
    assert result.holds, list(result.findings)


def test_new_key_does_not_sign_what_is_older(
    renewed: Identity, xb: Identity, verify: Verify
) -> None:
    nodes = FakeNode(renewed), FakeNode(xb)
    renewed.key_store.add(
        KeyKind.LOG_ED25519, created=later(90), entropy=SeededEntropy("another")
    )
    nodes[0].cards.append(next_card(renewed, 90))
    for node in nodes:
        begin(node)
    pair = Pair(*nodes, [])
    resign(pair)
    result = verify(pair.bundles()[0])
    assert failures(result) == {Code.KEY_OUTSIDE_VALIDITY}
    assert "ED25519 key of police.xa.example was used at 2030-03-01" in message(
        result, Code.KEY_OUTSIDE_VALIDITY
    )


def test_cosignature_with_a_key_outside_its_validity_does_not_count(
    xa: Identity, xb: Identity, verify: Verify
) -> None:
    pair = make_pair(xa, xb)
    late_ms = to_ms(EXPIRES) + KEY_TOLERANCE_MS + 1000
    pair.xa.log.sign(pair.xb, at_ms=late_ms)
    result = verify(pair.bundles()[0])
    assert failures(result) == {Code.KEY_OUTSIDE_VALIDITY, Code.QUORUM_NOT_MET}


def test_two_cards_of_one_number_are_caught(
    renewed: Identity, xb: Identity, verify: Verify
) -> None:
    pair = make_pair(renewed, xb)
    first, second = pair.bundles()
    for files, agency in ((first, "Police of XA"), (second, "Customs of XA")):
        card = next_card(renewed, 1, agency=agency)
        files["cards/police.xa.example/2.card"] = card.envelope
    result = verify(first, second)
    assert failures(result) == {Code.CARD_FORKED}
    assert "signed two cards with number 2" in message(result, Code.CARD_FORKED)


def test_card_that_follows_another_one_is_caught(renewed: Identity) -> None:
    keys, findings = keyring(renewed)
    other = card_of(
        replace(PROFILE, agency="Customs of XA"),
        renewed.key_store,
        tls_certificate=renewed.tls_certificate,
        issued_at=ISSUED,
        valid_until=EXPIRES,
    )
    keys.add(other.envelope, subject="1.card")
    keys.add(next_card(renewed, 1).envelope, subject="2.card")
    keys.check_chains()
    (found,) = findings
    assert found.code is Code.CARD_FORKED
    assert "follows another card number 1" in found.message


def test_card_that_is_not_the_logged_one_is_caught(
    xa: Identity, xb: Identity, verify: Verify
) -> None:
    pair = make_pair(xa, xb)
    at_ms = pair.xa.log.times[-1]
    leaf = replace(CARD, node=pair.xa.name, sequence=1, time_ms=at_ms)
    pair.xa.log.append(leaf)
    pair.xa.log.append(replace(leaf, sequence=7))
    resign(pair)
    result = verify(pair.bundles()[0])
    assert failures(result) == {Code.CARD_NOT_LOGGED}
    pair.xa.log.append(replace(leaf, digest=xa.card.digest))
    resign(pair)
    assert verify(pair.bundles()[0]).holds


def test_card_under_another_name_is_caught(
    xa: Identity, xb: Identity, verify: Verify
) -> None:
    pair = make_pair(xa, xb)
    files = pair.bundles()[0]
    files["cards/police.xa.example/2.card"] = xa.card.envelope
    result = verify(files)
    assert failures(result) == {Code.CARD_INVALID}
    assert "holds card 1 of police.xa.example" in message(result, Code.CARD_INVALID)


def test_bundle_without_a_card_of_its_node_fails(
    xa: Identity, xb: Identity, verify: Verify
) -> None:
    pair = make_pair(xa, xb)
    files = add_cards(export(pair.xa), pair.xb)
    assert {Code.CARD_MISSING, Code.SIGNATURE_MISSING} <= failures(verify(files))


def test_card_of_somebody_else_is_passed_over(
    xa: Identity, xb: Identity, verify: Verify, tmp_path: Path
) -> None:
    pair = make_pair(xa, xb)
    stranger = FakeNode(make_identity(tmp_path / "xz", "police.xz.example"))
    files = add_cards(export(pair.xa), pair.xa, pair.xb, stranger)
    result = verify(files)
    assert result.holds
    assert result.cards == 2
