# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.fakes.bundles import (
    evidence,
    trust_file,
)
from tests.unit.audit.conftest import (
    Pair,
    failures,
    message,
)

from selat.audit.auditing import Audit, audit
from selat.audit.database import open_database
from selat.audit.findings import Code
from selat.audit.trust import parse_trust
from selat.core.tlog_proofs import parse_tlog_proof


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
