# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.bundles import blind, evidence, offers, receipt, trust_file
from tests.fakes.identities import Identity, SeededEntropy, later, make_identity
from tests.fakes.leaves import ERASE
from tests.unit.audit.conftest import (
    Pair,
    failures,
    make_pair,
    message,
    next_card,
    resign,
)

from selat.audit.auditing import Audit, audit
from selat.audit.database import open_database
from selat.audit.findings import Code
from selat.audit.trust import parse_trust
from selat.core.tlog_proofs import parse_tlog_proof
from selat.identity.key_kinds import KeyKind


def verify_evidence(data: bytes, folder: Path, pair: Pair, *, quorum: int = 0) -> Audit:
    file = folder / "exchange.evidence"
    file.write_bytes(data)
    trust = parse_trust(trust_file(pair.xa, pair.xb, quorum=quorum))
    with open_database(None) as database:
        return audit([file], trust, database, progress=lambda _count: None)


def test_evidence_of_one_exchange_holds(honest: Pair, tmp_path: Path) -> None:
    offer = honest.crossed[7]
    data = evidence(honest.xa, honest.xb, offer).encode()
    result = verify_evidence(data, tmp_path, honest)
    assert result.holds
    (found,) = result.evidence
    assert (found.message, found.outcome) == (str(offer.id), "accepted")
    assert found.offer.index == 2 + 7


def test_proof_for_another_index_is_caught(honest: Pair, tmp_path: Path) -> None:
    whole = evidence(honest.xa, honest.xb, honest.crossed[7])
    for name in ("offer_proof", "receipt_proof"):
        proof = parse_tlog_proof(getattr(whole, name))
        other = replace(proof, index=proof.index + 1).encode()
        changed: dict[str, Any] = {name: other}
        data = replace(whole, **changed).encode()
        result = verify_evidence(data, tmp_path, honest)
        assert failures(result) == {Code.PROOF_WRONG}
        assert f"stands at index {proof.index + 1} of" in message(
            result, Code.PROOF_WRONG
        )
        assert not result.evidence


def test_evidence_whose_offer_differs_is_caught(honest: Pair, tmp_path: Path) -> None:
    one = evidence(honest.xa, honest.xb, honest.crossed[7])
    other = evidence(honest.xa, honest.xb, honest.crossed[8])
    data = replace(
        one, receipt=other.receipt, receipt_proof=other.receipt_proof
    ).encode()
    result = verify_evidence(data, tmp_path, honest)
    assert failures(result) == {Code.EVIDENCE_MISMATCH}
    assert "another message" in message(result, Code.EVIDENCE_MISMATCH)


def test_evidence_that_is_cut_off_is_caught(honest: Pair, tmp_path: Path) -> None:
    data = evidence(honest.xa, honest.xb, honest.crossed[7]).encode()
    result = verify_evidence(data[:-10], tmp_path, honest)
    assert failures(result) == {Code.FILE_MALFORMED}


def test_evidence_may_be_proven_by_a_newer_checkpoint_of_a_renewed_key(
    xb: Identity, tmp_path: Path
) -> None:
    renewed = make_identity(tmp_path / "xa")
    pair = make_pair(renewed, xb)
    renewed.key_store.add(
        KeyKind.LOG_ED25519, created=later(90), entropy=SeededEntropy("another")
    )
    pair.xa.cards.append(next_card(renewed, 90))
    pair.xa.log.notes.clear()
    pair.xa.log.sign()
    data = evidence(pair.xa, pair.xb, pair.crossed[7]).encode()
    assert verify_evidence(data, tmp_path, pair).holds


def changed(honest: Pair, **changes: Any) -> bytes:  # noqa: ANN401 - of each field
    whole = evidence(honest.xa, honest.xb, honest.crossed[7])
    return replace(whole, **changes).encode()


def test_evidence_that_holds_no_leaves_is_caught(honest: Pair, tmp_path: Path) -> None:
    result = verify_evidence(changed(honest, offer=b"{}"), tmp_path, honest)
    assert failures(result) == {Code.FILE_MALFORMED}


def test_evidence_of_other_leaves_is_caught(honest: Pair, tmp_path: Path) -> None:
    leaf = replace(ERASE, node=honest.xa.name).encode()
    result = verify_evidence(changed(honest, offer=leaf), tmp_path, honest)
    assert failures(result) == {Code.EVIDENCE_MISMATCH}
    assert "does not hold an offer and a receipt" in message(
        result, Code.EVIDENCE_MISMATCH
    )


def test_receipt_of_another_offer_of_the_message_is_caught(
    xa: Identity, xb: Identity, tmp_path: Path
) -> None:
    pair = make_pair(xa, xb)
    at_ms = pair.xa.log.times[-1]
    (offer,) = offers(pair.xa, pair.xb, 1, at_ms)
    other = replace(offer, blind=blind("other"))
    for leaf in (offer, other):
        pair.xa.log.append(leaf)
        pair.xb.log.append(receipt(leaf, at_ms))
    resign(pair)
    one, two = (evidence(pair.xa, pair.xb, leaf) for leaf in (offer, other))
    mixed = replace(one, receipt=two.receipt, receipt_proof=two.receipt_proof)
    result = verify_evidence(mixed.encode(), tmp_path, pair)
    assert failures(result) == {Code.EVIDENCE_MISMATCH}
    assert "the receipt of another offer" in message(result, Code.EVIDENCE_MISMATCH)


@pytest.mark.parametrize(
    ("old", "new", "codes"),
    [
        (b"c2sp.org", b"c2sp.net", {Code.FILE_MALFORMED}),
        (
            b"police.xa.example/exchange",
            b"police.xc.example/exchange",
            {Code.EVIDENCE_MISMATCH},
        ),
        (
            b"/2030h1\n307\n",
            b"/2030h1\n308\n",
            {Code.SIGNATURE_WRONG, Code.COSIGNATURE_WRONG},
        ),
    ],
)
def test_proof_that_was_changed_is_caught(
    old: bytes, new: bytes, codes: set[Code], honest: Pair, tmp_path: Path
) -> None:
    proof = evidence(honest.xa, honest.xb, honest.crossed[7]).offer_proof
    assert old in proof
    data = changed(honest, offer_proof=proof.replace(old, new, 1))
    result = verify_evidence(data, tmp_path, honest)
    assert failures(result) == codes
