# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import base64
from dataclasses import replace
from functools import cache

import pytest
from tests.fakes.logs import ORIGIN, log_signers, signed_head, verifiers_of
from tests.fakes.trees import MemoryTree, numbered

from selat.core.log_states import KnownState
from selat.core.merkle import EMPTY_ROOT
from selat.core.notes import sign_note
from selat.core.tiles import consistency_proof, root_at
from selat.core.witnessing import (
    ADD_CHECKPOINT_BYTES_MAX,
    AddCheckpoint,
    http_status,
    parse_add_checkpoint,
    verify_extension,
)
from selat.errors import (
    EquivocationError,
    InternalError,
    LogUnknownError,
    MalformedError,
    ProofError,
    SelatError,
    SignatureError,
    WitnessConflictError,
)

TREE = MemoryTree(numbered(40))
KEYS = verifiers_of(log_signers())


@cache  # ML-DSA-44 signs at random
def note_at(size: int) -> bytes:
    return signed_head(size, root_at(size, TREE))


def known_at(size: int) -> KnownState:
    return KnownState(origin=ORIGIN, size=size, root=root_at(size, TREE))


def request_from(old_size: int, size: int) -> AddCheckpoint:
    return AddCheckpoint(
        old_size=old_size,
        proof=consistency_proof(old_size, size, TREE),
        checkpoint=note_at(size),
    )


def failure(
    request: AddCheckpoint, known: KnownState | None, note: bytes = b""
) -> SelatError:
    with pytest.raises(SelatError) as caught:
        verify_extension(request, known=known, verifiers=KEYS, known_note=note)
    return caught.value


def written(*lines: str, note: bytes | None = None) -> bytes:
    note = note_at(7) if note is None else note
    return "".join(f"{line}\n" for line in lines).encode() + note


# --- the request ---------------------------------------------------------------
def test_a_request_is_the_text_of_the_specification() -> None:
    request = request_from(5, 7)
    hashes = [base64.b64encode(item).decode() for item in request.proof]
    assert request.encode() == written("old 5", *hashes, "")
    assert request_from(0, 7).encode() == written("old 0", "")
    assert request.origin == ORIGIN


@pytest.mark.parametrize("sizes", [(0, 7), (5, 7), (7, 7), (16, 40)])
def test_a_request_is_read_as_it_was_written(sizes: tuple[int, int]) -> None:
    request = request_from(*sizes)
    assert parse_add_checkpoint(request.encode()) == request


HASH = base64.b64encode(bytes(32)).decode()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(note_at(7), id="a note alone"),
        pytest.param(written("old 5"), id="no empty line"),
        pytest.param(written("old 5", HASH), id="no empty line below a hash"),
        pytest.param(written("old 05", ""), id="a leading zero"),
        pytest.param(written("old 00", ""), id="two zeros"),
        pytest.param(written("old -1", ""), id="a sign"),
        pytest.param(written("old", ""), id="no number"),
        pytest.param(written("old  5", ""), id="two spaces"),
        pytest.param(written("old 5 ", ""), id="a space behind"),
        pytest.param(written(" old 5", ""), id="a space before"),
        pytest.param(written("size 5", ""), id="another word"),
        pytest.param(written(HASH, "old 5", ""), id="hashes first"),
        pytest.param(written(f"old {2**63}", ""), id="64 bits"),
        pytest.param(written("old 8", ""), id="an old size beyond the new one"),
        pytest.param(written("old 5", HASH[:-4], ""), id="a short hash"),
        pytest.param(written("old 5", HASH + "=", ""), id="padding"),
        pytest.param(written("old 5", "\u00e4", ""), id="not ASCII"),
        pytest.param(written("old 5", *[HASH] * 64, ""), id="64 hashes"),
        pytest.param(written("old 5", "", note=b""), id="no note"),
        pytest.param(written("old 0", "", "", note=note_at(7)), id="two empty lines"),
        pytest.param(
            written("old 0", "", note=sign_note(b"x\n", log_signers()[:1])),
            id="no checkpoint",
        ),
    ],
)
def test_nothing_else_is_a_request(body: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_add_checkpoint(body)
    assert http_status(caught.value) == 400


def test_a_request_has_hashes_and_sizes_of_a_tree() -> None:
    with pytest.raises(MalformedError, match="no tree has"):
        replace(request_from(5, 7), proof=(bytes(31),))
    with pytest.raises(MalformedError, match="no tree has"):
        replace(request_from(5, 7), old_size=-1)


# --- the decision --------------------------------------------------------------
@pytest.mark.parametrize("sizes", [(5, 7), (7, 7), (32, 40), (1, 2)])
def test_a_proven_extension_may_be_cosigned(sizes: tuple[int, int]) -> None:
    old_size, size = sizes
    checkpoint = verify_extension(
        request_from(old_size, size), known=known_at(old_size), verifiers=KEYS
    )
    assert (checkpoint.origin, checkpoint.size) == (ORIGIN, size)
    assert checkpoint.root == root_at(size, TREE)


def test_the_first_checkpoint_of_a_log_needs_no_proof() -> None:
    assert verify_extension(request_from(0, 7), known=None, verifiers=KEYS).size == 7
    empty = AddCheckpoint(old_size=0, proof=(), checkpoint=signed_head(0, EMPTY_ROOT))
    assert verify_extension(empty, known=None, verifiers=KEYS).size == 0


def test_an_empty_tree_has_the_empty_root() -> None:
    request = AddCheckpoint(old_size=0, proof=(), checkpoint=signed_head(0, bytes(32)))
    error = failure(request, None)
    assert isinstance(error, ProofError)
    assert http_status(error) == 422


def test_the_first_checkpoint_has_an_empty_proof() -> None:
    error = failure(replace(request_from(0, 7), proof=(bytes(32),)), None)
    assert isinstance(error, ProofError)
    assert http_status(error) == 422


@pytest.mark.parametrize("old_size", [0, 4, 6, 7])
def test_a_stale_size_is_answered_with_the_known_one(old_size: int) -> None:
    error = failure(request_from(old_size, 7), known_at(5))
    assert isinstance(error, WitnessConflictError)
    assert error.context == {"origin": ORIGIN, "size": 5}
    assert http_status(error) == 409


def test_a_log_that_was_never_seen_is_known_at_zero() -> None:
    error = failure(request_from(5, 7), None)
    assert isinstance(error, WitnessConflictError)
    assert error.context["size"] == 0


def test_a_smaller_checkpoint_is_a_conflict() -> None:
    error = failure(request_from(5, 7), known_at(20))
    assert isinstance(error, WitnessConflictError)
    assert error.context["size"] == 20


def test_a_proof_that_does_not_hold_is_refused() -> None:
    request = request_from(5, 7)
    wrong = replace(request, proof=(*request.proof[:-1], bytes(32)))
    error = failure(wrong, known_at(5))
    assert isinstance(error, ProofError)
    assert http_status(error) == 422
    fork = KnownState(origin=ORIGIN, size=5, root=bytes(32))
    assert isinstance(failure(request, fork), ProofError)


@pytest.mark.parametrize(("old_size", "status"), [(7, 422), (5, 409), (0, 409)])
def test_two_roots_of_one_size_are_equivocation(old_size: int, status: int) -> None:
    known_note = signed_head(7, bytes(32))
    known = KnownState(origin=ORIGIN, size=7, root=bytes(32))
    error = failure(request_from(old_size, 7), known, known_note)
    assert isinstance(error, EquivocationError)
    assert (error.first, error.second) == (known_note, note_at(7))
    assert error.context["size"] == 7
    assert http_status(error) == status


def test_two_roots_that_were_found_elsewhere_are_no_conflict() -> None:
    # Nothing tells the caller where to start again.
    assert http_status(EquivocationError("It lies.", size=7)) == 422


def test_only_a_signed_checkpoint_convicts() -> None:
    forged = replace(
        request_from(7, 7), checkpoint=signed_head(7, root_at(7, TREE), seed=2)
    )
    known = KnownState(origin=ORIGIN, size=7, root=bytes(32))
    assert isinstance(failure(forged, known), SignatureError)


def test_both_keys_of_the_log_must_have_signed() -> None:
    text = note_at(7).split(b"\n\n")[0] + b"\n"
    for signer in log_signers():
        request = AddCheckpoint(
            old_size=0, proof=(), checkpoint=sign_note(text, [signer])
        )
        error = failure(request, None)
        assert isinstance(error, SignatureError)
        assert http_status(error) == 403


def test_a_log_without_known_keys_is_unknown() -> None:
    with pytest.raises(LogUnknownError) as caught:
        verify_extension(request_from(0, 7), known=None, verifiers=())
    assert http_status(caught.value) == 404
    other = KnownState(origin="another", size=5, root=bytes(32))
    assert isinstance(failure(request_from(5, 7), other), LogUnknownError)


def test_what_is_not_of_the_protocol_is_a_fault_of_ours() -> None:
    assert http_status(InternalError("It broke.")) == 500


def test_its_length_is_bounded_before_it_is_read() -> None:
    with pytest.raises(MalformedError, match=str(ADD_CHECKPOINT_BYTES_MAX)):
        parse_add_checkpoint(b"\n" * (ADD_CHECKPOINT_BYTES_MAX + 1))
