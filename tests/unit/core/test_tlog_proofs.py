# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from tests.fakes.logs import ORIGIN, log_signers, signed_head, verifiers_of
from tests.fakes.trees import MemoryTree

from selat.core.merkle import leaf_hash
from selat.core.notes import sign_note
from selat.core.tiles import inclusion_proof, root_at
from selat.core.tlog_proofs import (
    EXTRA_BYTES_MAX,
    TLOG_PROOF_BYTES_MAX,
    TlogProof,
    parse_tlog_proof,
    verify_tlog_proof,
)
from selat.errors import MalformedError, ProofError, SignatureError

LEAVES = [f"leaf {number}".encode() for number in range(7)]
TREE = MemoryTree([leaf_hash(leaf) for leaf in LEAVES])
NOTE = signed_head(7, root_at(7, TREE))
KEYS = verifiers_of(log_signers())
PROOF = TlogProof(index=4, proof=inclusion_proof(4, 7, TREE), checkpoint=NOTE)
LINES = [base64.b64encode(item).decode() for item in PROOF.proof]


def written(*lines: str, note: bytes = NOTE) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode() + note


def test_a_proof_is_the_text_of_the_specification() -> None:
    assert PROOF.encode() == written("c2sp.org/tlog-proof@v1", "index 4", *LINES, "")
    with_extra = replace(PROOF, extra=b"more")
    assert with_extra.encode() == written(
        "c2sp.org/tlog-proof@v1", "extra bW9yZQ==", "index 4", *LINES, ""
    )


@pytest.mark.parametrize("extra", [b"", b"more", bytes(EXTRA_BYTES_MAX)])
def test_a_proof_is_read_as_it_was_written(extra: bytes) -> None:
    proof = replace(PROOF, extra=extra)
    assert parse_tlog_proof(proof.encode()) == proof


def test_the_only_leaf_needs_no_hashes() -> None:
    proof = TlogProof(index=0, proof=(), checkpoint=signed_head(1, leaf_hash(b"one")))
    assert parse_tlog_proof(proof.encode()) == proof
    verify_tlog_proof(proof, leaf=b"one", origin=ORIGIN, verifiers=KEYS)


def test_a_leaf_is_proven_by_its_proof_alone() -> None:
    checkpoint = verify_tlog_proof(
        parse_tlog_proof(PROOF.encode()), leaf=LEAVES[4], origin=ORIGIN, verifiers=KEYS
    )
    assert (checkpoint.origin, checkpoint.size) == (ORIGIN, 7)


def test_another_leaf_or_index_is_not_proven() -> None:
    with pytest.raises(ProofError):
        verify_tlog_proof(PROOF, leaf=LEAVES[3], origin=ORIGIN, verifiers=KEYS)
    moved = replace(PROOF, index=5)
    with pytest.raises(ProofError):
        verify_tlog_proof(moved, leaf=LEAVES[4], origin=ORIGIN, verifiers=KEYS)
    outside = replace(PROOF, index=7)
    with pytest.raises(ProofError):
        verify_tlog_proof(outside, leaf=LEAVES[4], origin=ORIGIN, verifiers=KEYS)


def test_a_proof_is_of_one_log_and_its_keys() -> None:
    with pytest.raises(MalformedError, match="not one of"):
        verify_tlog_proof(PROOF, leaf=LEAVES[4], origin="another", verifiers=KEYS)
    others = verifiers_of(log_signers(seed=2))
    with pytest.raises(SignatureError):
        verify_tlog_proof(PROOF, leaf=LEAVES[4], origin=ORIGIN, verifiers=others)


HEADER = "c2sp.org/tlog-proof@v1"
HASH = base64.b64encode(bytes(32)).decode()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(NOTE, id="a note alone"),
        pytest.param(written(HEADER, "", note=b""), id="nothing behind the header"),
        pytest.param(written(HEADER, ""), id="no index"),
        pytest.param(written("c2sp.org/tlog-proof@v2", "index 4", ""), id="version"),
        pytest.param(written(HEADER, "index 4", *LINES, "", "")[:-1], id="cut off"),
        pytest.param(written(HEADER, "index 4", *LINES), id="no empty line"),
        pytest.param(written(HEADER, "index 4", "", *LINES, ""), id="hashes below"),
        pytest.param(written(HEADER, "index 04", *LINES, ""), id="a leading zero"),
        pytest.param(written(HEADER, "index -4", *LINES, ""), id="a sign"),
        pytest.param(written(HEADER, "index", *LINES, ""), id="no number"),
        pytest.param(written(HEADER, "index  4", *LINES, ""), id="two spaces"),
        pytest.param(written(HEADER, "index 4 ", *LINES, ""), id="a space behind"),
        pytest.param(written(HEADER, "index \u0664", *LINES, ""), id="another digit"),
        pytest.param(written(HEADER, f"index {2**63}", *LINES, ""), id="64 bits"),
        pytest.param(written(HEADER, "index 9" + "9" * 30, ""), id="a long number"),
        pytest.param(written(HEADER, "old 4", *LINES, ""), id="another word"),
        pytest.param(written(HEADER, "extra ", "index 4", ""), id="empty extra data"),
        pytest.param(written(HEADER, "extra =", "index 4", ""), id="no base64"),
        pytest.param(written(HEADER, "index 4", "extra AA==", ""), id="extra below"),
        pytest.param(
            written(HEADER, "extra AA==", "extra AA==", "index 4", ""), id="extra twice"
        ),
        pytest.param(written(HEADER, "index 4", HASH[:-4], ""), id="a short hash"),
        pytest.param(written(HEADER, "index 4", HASH + "\r", ""), id="a return"),
        pytest.param(written(HEADER, "index 4", *[HASH] * 64, ""), id="64 hashes"),
        pytest.param(written(HEADER, "index 4", "", note=b"x\n"), id="no note"),
        pytest.param(
            written(HEADER, "index 4", "", note=sign_note(b"x\n", log_signers()[:1])),
            id="no checkpoint",
        ),
    ],
)
def test_nothing_else_is_a_proof(data: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_tlog_proof(data)


def test_extra_data_is_bounded() -> None:
    with pytest.raises(MalformedError, match="extra data"):
        replace(PROOF, extra=bytes(EXTRA_BYTES_MAX + 1))


@pytest.mark.parametrize("index", [-1, 2**63])
def test_an_index_is_one_of_a_tree(index: int) -> None:
    with pytest.raises(MalformedError, match="no tree has"):
        replace(PROOF, index=index)


def test_its_length_is_bounded_before_it_is_read() -> None:
    with pytest.raises(MalformedError, match=str(TLOG_PROOF_BYTES_MAX)):
        parse_tlog_proof(b"\n" * (TLOG_PROOF_BYTES_MAX + 1))
