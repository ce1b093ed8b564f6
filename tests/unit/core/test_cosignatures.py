# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from tests.fakes.logs import (
    ORIGIN,
    ed25519_signer,
    log_signers,
    signed_head,
    verifiers_of,
    witness_signer,
)

from selat.core.cosignatures import (
    REQUIRED_TYPES,
    CosignatureSigner,
    cosignatures_of,
    cosigners,
    verify_cosignatures,
    with_cosignatures,
)
from selat.core.note_keys import (
    Ed25519CosignatureVerifier,
    SignatureType,
    key_id,
    parse_vkey,
)
from selat.core.notes import (
    NOTE_BYTES_MAX,
    SIGNATURES_MAX,
    NoteSignature,
    open_note,
    parse_note,
    parse_signatures,
    sign_note,
)
from selat.errors import InvalidInputError, MalformedError, SignatureError

NOTE = signed_head(7, bytes(range(32)))
TEXT = parse_note(NOTE).text
NOW_S = 1_900_000_000
WITNESS = witness_signer()
LINES = WITNESS.cosign(TEXT, time_s=NOW_S)
ED25519_LINE, MLDSA44_LINE = LINES.splitlines(keepends=True)


def forged(line: bytes, *, position: int = -1) -> bytes:
    """Return a line with a byte of its signature changed."""
    found = parse_signatures(line)[0]
    signature = bytearray(found.signature)
    signature[position] ^= 1
    return NoteSignature(
        name=found.name, key_id=found.key_id, signature=bytes(signature)
    ).line()


def at_time(time_s: int) -> bytes:
    """Return a type 0x04 line with any time, rightly signed."""
    verifier = WITNESS.verifiers[0]
    message = f"cosignature/v1\ntime {time_s}\n".encode() + TEXT
    signature = time_s.to_bytes(8, "big") + WITNESS._ed25519.sign(message)
    return NoteSignature(
        name=WITNESS.name, key_id=verifier.id, signature=signature
    ).line()


def test_a_witness_signs_with_both_types_and_states_the_time() -> None:
    found = verify_cosignatures(TEXT, LINES, WITNESS.verifiers)
    assert [each.signature_type for each in found] == [
        SignatureType.COSIGNATURE_ED25519,
        SignatureType.MLDSA44,
    ]
    assert {each.name for each in found} == {"police.xb.example/witness"}
    assert {each.time_s for each in found} == {NOW_S}
    assert [each.line for each in found] == [ED25519_LINE, MLDSA44_LINE]
    assert [each.key_id for each in found] == [each.id for each in WITNESS.verifiers]


def test_the_ed25519_type_signs_a_time_line_and_the_whole_text() -> None:
    signature = parse_signatures(ED25519_LINE)[0].signature
    assert signature[:8] == NOW_S.to_bytes(8, "big")
    key = Ed25519PublicKey.from_public_bytes(WITNESS.verifiers[0].public_key)
    key.verify(signature[8:], b"cosignature/v1\ntime 1900000000\n" + TEXT)


def test_key_ids_are_of_name_type_and_key() -> None:
    ids = [
        key_id(WITNESS.name, SignatureType(kind), verifier.public_key)
        for kind, verifier in zip((4, 6), WITNESS.verifiers, strict=True)
    ]
    assert ids == [verifier.id for verifier in WITNESS.verifiers]


def test_a_cosigner_counts_once_and_with_both_types_only() -> None:
    both = verify_cosignatures(TEXT, LINES + LINES, WITNESS.verifiers)
    assert cosigners(both) == {WITNESS.name}
    assert {each.signature_type for each in both} == REQUIRED_TYPES
    for line in (ED25519_LINE, MLDSA44_LINE):
        alone = verify_cosignatures(TEXT, line, WITNESS.verifiers)
        assert len(alone) == 1
        assert cosigners(alone) == frozenset()


def test_types_of_two_cosigners_do_not_add_up_to_one() -> None:
    other = witness_signer("police.xc.example/witness", seed=12)
    lines = ED25519_LINE + other.cosign(TEXT, time_s=NOW_S).splitlines(keepends=True)[1]
    found = verify_cosignatures(TEXT, lines, WITNESS.verifiers + other.verifiers)
    assert len(found) == 2
    assert cosigners(found) == frozenset()


def test_unknown_keys_are_passed_over() -> None:
    stranger = witness_signer("police.xd.example/witness", seed=13)
    lines = stranger.cosign(TEXT, time_s=NOW_S) + LINES
    found = verify_cosignatures(TEXT, lines, WITNESS.verifiers)
    assert cosigners(found) == {WITNESS.name}
    # A signature that nobody knows may be wrong.
    assert verify_cosignatures(TEXT, forged(ED25519_LINE), stranger.verifiers) == ()
    assert verify_cosignatures(TEXT, b"", WITNESS.verifiers) == ()


@pytest.mark.parametrize("line", [ED25519_LINE, MLDSA44_LINE], ids=["0x04", "0x06"])
@pytest.mark.parametrize("position", [0, 7, 8, -1])
def test_one_wrong_cosignature_of_a_known_key_condemns_them(
    line: bytes, position: int
) -> None:
    with pytest.raises(SignatureError, match="does not hold"):
        verify_cosignatures(
            TEXT, LINES + forged(line, position=position), WITNESS.verifiers
        )


def test_a_cosignature_is_of_one_checkpoint() -> None:
    other = parse_note(signed_head(8, bytes(range(32)))).text
    for line in (ED25519_LINE, MLDSA44_LINE):
        with pytest.raises(SignatureError):
            verify_cosignatures(other, line, WITNESS.verifiers)


def test_a_cosignature_without_a_time_is_refused() -> None:
    assert verify_cosignatures(TEXT, at_time(2**63 - 1), WITNESS.verifiers)
    with pytest.raises(SignatureError, match="states no time"):
        verify_cosignatures(TEXT, at_time(0), WITNESS.verifiers)
    with pytest.raises(SignatureError, match="does not hold"):
        verify_cosignatures(TEXT, at_time(2**63), WITNESS.verifiers)


@pytest.mark.parametrize("time_s", [0, -1, 2**63])
def test_no_cosignature_is_made_without_a_time(time_s: int) -> None:
    with pytest.raises(InvalidInputError, match="clock"):
        WITNESS.cosign(TEXT, time_s=time_s)


@pytest.mark.parametrize("time_s", [1, 2**63 - 1])
def test_the_first_and_the_last_moment_can_be_stated(time_s: int) -> None:
    lines = WITNESS.cosign(TEXT, time_s=time_s)
    found = verify_cosignatures(TEXT, lines, WITNESS.verifiers)
    assert {each.time_s for each in found} == {time_s}


def test_only_checkpoints_are_cosigned() -> None:
    with pytest.raises(MalformedError):
        WITNESS.cosign(b"no checkpoint\n", time_s=NOW_S)
    with pytest.raises(MalformedError):
        verify_cosignatures(b"no checkpoint\n", ED25519_LINE, WITNESS.verifiers)


def test_a_logs_own_keys_are_no_cosigners() -> None:
    signers = log_signers()
    assert cosignatures_of(NOTE, [signers[0].verifier]) == ()
    with pytest.raises(SignatureError, match="states no time"):
        cosignatures_of(NOTE, verifiers_of(signers))


def test_cosignatures_stand_behind_the_logs_own_signatures() -> None:
    note = with_cosignatures(NOTE, [LINES])
    assert note == NOTE + LINES
    opened = open_note(note, verifiers_of(log_signers()))
    assert opened.unknown_count == 2
    assert cosigners(cosignatures_of(note, WITNESS.verifiers)) == {WITNESS.name}


def test_a_key_is_added_to_a_note_once() -> None:
    later = WITNESS.cosign(TEXT, time_s=NOW_S + 1)
    assert with_cosignatures(NOTE, [LINES, LINES, later]) == NOTE + LINES
    assert with_cosignatures(NOTE + LINES, [later]) == NOTE + LINES
    assert with_cosignatures(NOTE, [ED25519_LINE, MLDSA44_LINE]) == NOTE + LINES
    assert with_cosignatures(NOTE, []) == NOTE


def test_a_note_takes_as_many_cosignatures_as_it_may_hold() -> None:
    name = "a" * 200 + "/witness"
    many = [
        NoteSignature(
            name=f"{number}.{name}", key_id=bytes(4), signature=bytes(2428)
        ).line()
        for number in range(40)
    ]
    note = with_cosignatures(NOTE, many)
    count = len(parse_note(note).signatures)
    assert NOTE_BYTES_MAX - len(many[-1]) < len(note) <= NOTE_BYTES_MAX
    assert 2 < count < 42

    def small(name: str) -> bytes:
        return NoteSignature(name=name, key_id=bytes(4), signature=bytes(72)).line()

    room = NOTE_BYTES_MAX - len(note) - len(small(""))
    fitting = small("w" * room)
    assert with_cosignatures(note, [small("w" * (room + 1))]) == note
    assert with_cosignatures(note, [fitting]) == note + fitting
    whole = with_cosignatures(NOTE, [small(f"w{number}") for number in range(64)])
    assert len(parse_note(whole).signatures) == SIGNATURES_MAX


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(b"\n", id="an empty line"),
        pytest.param(LINES[:-1], id="no end"),
        pytest.param(LINES + b"\n", id="an empty line behind"),
        pytest.param(b"w x\n", id="no signature"),
        pytest.param(b"\xff\n", id="no UTF-8"),
        pytest.param(b"\x00\n", id="a control character"),
        pytest.param(ED25519_LINE * (SIGNATURES_MAX + 1), id="too many"),
        pytest.param(b"\xe2" * (NOTE_BYTES_MAX + 1), id="too long"),
        pytest.param(NOTE, id="a note"),
    ],
)
def test_nothing_else_is_read_as_signature_lines(lines: bytes) -> None:
    with pytest.raises(MalformedError):
        verify_cosignatures(TEXT, lines, WITNESS.verifiers)
    with pytest.raises(MalformedError):
        with_cosignatures(NOTE, [lines])


def test_a_cosignature_key_is_read_as_it_was_written() -> None:
    verifier = WITNESS.verifiers[0]
    again = parse_vkey(verifier.vkey)
    assert isinstance(again, Ed25519CosignatureVerifier)
    assert again.vkey == verifier.vkey
    assert cosigners(
        verify_cosignatures(TEXT, LINES, [again, WITNESS.verifiers[1]])
    ) == {WITNESS.name}


def test_a_signature_of_a_log_is_no_cosignature_of_the_same_key() -> None:
    # One Ed25519 key under both types: the key ID tells them apart.
    log = ed25519_signer(seed=11)
    witness = witness_signer(ORIGIN, seed=11)
    note = sign_note(TEXT, [log])
    assert cosignatures_of(note, witness.verifiers) == ()
    assert log.verifier.public_key == witness.verifiers[0].public_key


def test_a_witness_needs_a_name() -> None:
    with pytest.raises(MalformedError, match="key name"):
        CosignatureSigner("a b", WITNESS._ed25519, WITNESS._mldsa44)
