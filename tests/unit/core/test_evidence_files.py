# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.leaves import OFFER, RECEIPT

from selat.core.evidence_files import (
    EVIDENCE_BYTES_MAX,
    PROOF_BYTES_MAX,
    EvidenceFile,
    parse_evidence,
)
from selat.errors import MalformedError, UnsupportedVersionError

PROOF = (
    b"c2sp.org/tlog-proof@v1\nindex 0\n\norigin\n1\nAAAA\n\n\xe2\x80\x94 origin AAAA\n"
)
EVIDENCE = EvidenceFile(
    offer=OFFER.encode(),
    offer_proof=PROOF,
    receipt=RECEIPT.encode(),
    receipt_proof=PROOF,
    cards=(b'{"payload":"a"}', b'{"payload":"b"}'),
)


def test_evidence_comes_back() -> None:
    assert parse_evidence(EVIDENCE.encode()) == EVIDENCE


def test_proof_is_cut_out_by_its_number_of_lines() -> None:
    lines = EVIDENCE.encode().split(b"\n")
    assert lines[0:4] == [b"selat/v1/evidence", b"offer", OFFER.encode(), b"proof 8"]
    assert b"\n".join(lines[4:12]) + b"\n" == PROOF
    assert lines[12] == b"receipt"
    assert lines[-5:] == [
        b"card",
        b'{"payload":"a"}',
        b"card",
        b'{"payload":"b"}',
        b"",
    ]


LINE = st.binary(min_size=1, max_size=40).filter(lambda data: b"\n" not in data)
BLOCK = st.binary(max_size=80).map(lambda data: data + b"\n")


@given(
    offer=LINE,
    receipt=LINE,
    proofs=st.tuples(BLOCK, BLOCK),
    cards=st.lists(LINE, min_size=1, max_size=4),
)
def test_any_evidence_comes_back(
    offer: bytes, receipt: bytes, proofs: tuple[bytes, bytes], cards: list[bytes]
) -> None:
    evidence = EvidenceFile(
        offer=offer,
        offer_proof=proofs[0],
        receipt=receipt,
        receipt_proof=proofs[1],
        cards=tuple(cards),
    )
    assert parse_evidence(evidence.encode()) == evidence


@given(st.data())
def test_truncated_evidence_is_refused(data: st.DataObject) -> None:
    whole = EVIDENCE.encode()
    end = data.draw(st.integers(0, len(whole) - 1))
    if whole[:end].endswith(b'{"payload":"a"}\n'):
        return  # whole again, with one card
    with pytest.raises(MalformedError):
        parse_evidence(whole[:end])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"selat/v1/evidence", b"selat/evidence"),
        (b"\noffer\n", b"\nreceipt\n"),
        (b"\nreceipt\n", b"\noffer\n"),
        (b"proof 8", b"proof 08"),
        (b"proof 8", b"proof 7"),
        (b"proof 8", b"proof 9"),
        (b"proof 8", b"proof 99999"),
        (b"proof 8", b"proof"),
        (b"\ncard\n", b"\nkey\n"),
        (b'"b"}\n', b'"b"}\n\n'),
        (b'"b"}\n', b'"b"}\n\ncard\n'),
        (b'"b"}\n', b'"b"}'),
    ],
)
def test_evidence_of_another_form_is_refused(old: bytes, new: bytes) -> None:
    with pytest.raises(MalformedError, match="evidence file"):
        parse_evidence(EVIDENCE.encode().replace(old, new, 1))


def test_evidence_of_another_version_is_refused() -> None:
    with pytest.raises(UnsupportedVersionError, match="evidence"):
        parse_evidence(EVIDENCE.encode().replace(b"v1", b"v2", 1))


def test_longer_evidence_is_refused() -> None:
    with pytest.raises(MalformedError, match="more than"):
        parse_evidence(bytes(EVIDENCE_BYTES_MAX + 1))


@pytest.mark.parametrize(
    "change",
    [
        {"offer": b""},
        {"receipt": b"a\nb"},
        {"offer_proof": b"no end"},
        {"receipt_proof": bytes(PROOF_BYTES_MAX) + b"\n"},
        {"cards": ()},
        {"cards": (b"{}",) * 65},
        {"cards": (b"",)},
    ],
)
def test_evidence_that_no_file_holds_cannot_be(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        replace(EVIDENCE, **change)
