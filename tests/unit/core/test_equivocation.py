# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from tests.fakes.logs import ORIGIN, log_signers, signed_head, verifiers_of

from selat.core.equivocation import (
    EQUIVOCATION_BYTES_MAX,
    Equivocation,
    parse_equivocation,
    verify_equivocation,
)
from selat.core.notes import sign_note
from selat.core.tree_heads import Checkpoint
from selat.errors import MalformedError, ProofError, SignatureError

FIRST = signed_head(7, bytes(32))
SECOND = signed_head(7, bytes([1]) * 32)
PROOF = Equivocation(first=FIRST, second=SECOND)
KEYS = verifiers_of(log_signers())


def test_a_proof_is_both_notes_behind_their_lengths() -> None:
    beginning = f"selat/v1/equivocation\n{len(FIRST)} {len(SECOND)}\n\n"
    assert PROOF.encode() == beginning.encode() + FIRST + SECOND


def test_a_proof_is_read_as_it_was_written() -> None:
    assert parse_equivocation(PROOF.encode()) == PROOF


def test_two_signed_roots_of_one_size_convict_a_log() -> None:
    first, second = verify_equivocation(parse_equivocation(PROOF.encode()), KEYS)
    assert (first.origin, first.size) == (second.origin, second.size) == (ORIGIN, 7)
    assert (first.root, second.root) == (bytes(32), bytes([1]) * 32)


def test_a_log_that_changed_its_keys_is_convicted_too() -> None:
    later = signed_head(7, bytes([1]) * 32, seed=2)
    proof = Equivocation(first=FIRST, second=later)
    both = KEYS + verifiers_of(log_signers(seed=2))
    assert verify_equivocation(proof, both)[1].root == bytes([1]) * 32
    with pytest.raises(SignatureError):
        verify_equivocation(proof, KEYS)


def signed_by(*numbers: int) -> bytes:
    """Return the second checkpoint, signed with some of the log's keys."""
    head = Checkpoint(origin=ORIGIN, size=7, root=bytes([1]) * 32)
    return sign_note(head.text(), [log_signers()[number] for number in numbers])


@pytest.mark.parametrize(("number", "missing"), [(0, "MLDSA44"), (1, "ED25519")])
def test_one_type_of_signature_does_not_convict(number: int, missing: str) -> None:
    for first, second in (
        (FIRST, signed_by(number)),
        (signed_by(number), FIRST),
    ):
        with pytest.raises(SignatureError) as caught:
            verify_equivocation(Equivocation(first=first, second=second), KEYS)
        assert caught.value.context["signature_type"] == missing


def test_keys_of_another_log_convict_nobody() -> None:
    with pytest.raises(ProofError, match="not the keys"):
        verify_equivocation(PROOF, verifiers_of(log_signers("another")))
    with pytest.raises(SignatureError, match="No key"):
        verify_equivocation(PROOF, ())


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(signed_head(8, bytes([1]) * 32), id="another size"),
        pytest.param(signed_head(7, bytes([1]) * 32, origin="b"), id="another log"),
        pytest.param(signed_head(7, bytes(32)), id="the same root"),
        pytest.param(FIRST, id="the same note"),
        pytest.param(b"x\n", id="no note"),
        pytest.param(sign_note(b"x\n", log_signers()[:1]), id="no checkpoint"),
    ],
)
def test_checkpoints_that_agree_or_differ_in_more_prove_nothing(second: bytes) -> None:
    with pytest.raises(MalformedError):
        Equivocation(first=FIRST, second=second)


def framed(first: str, second: str, notes: bytes) -> bytes:
    return f"selat/v1/equivocation\n{first} {second}\n\n".encode() + notes


ENCODED = PROOF.encode()
A, B = str(len(FIRST)), str(len(SECOND))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(FIRST + SECOND, id="notes alone"),
        pytest.param(ENCODED[1:], id="no beginning"),
        pytest.param(ENCODED.replace(b"v1", b"v2", 1), id="another version"),
        pytest.param(ENCODED[:-1], id="cut off"),
        pytest.param(ENCODED + b"\n", id="a byte behind"),
        pytest.param(framed("0" + A, B, FIRST + SECOND), id="a leading zero"),
        pytest.param(framed("+" + A, B, FIRST + SECOND), id="a sign"),
        pytest.param(framed(A, B + " ", FIRST + SECOND), id="a space behind"),
        pytest.param(framed("0", B, SECOND), id="no first note"),
        pytest.param(framed(A, "0", FIRST), id="no second note"),
        pytest.param(framed("9" * 7, B, FIRST + SECOND), id="a long number"),
        pytest.param(
            framed(str(len(FIRST) - 1), str(len(SECOND) + 1), FIRST + SECOND),
            id="cut elsewhere",
        ),
        pytest.param(framed(A, A, FIRST + FIRST), id="one note twice"),
    ],
)
def test_nothing_else_is_a_proof_of_equivocation(data: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_equivocation(data)


def test_its_length_is_bounded_before_it_is_read() -> None:
    with pytest.raises(MalformedError, match=str(EQUIVOCATION_BYTES_MAX)):
        parse_equivocation(b"\n" * (EQUIVOCATION_BYTES_MAX + 1))
