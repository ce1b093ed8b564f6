# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import base64
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from tests.fakes.logs import ORIGIN, ed25519_signer, mldsa44_signer

from selat.core.note_keys import (
    VKEY_CHARACTERS_MAX,
    Ed25519Verifier,
    Mldsa44Verifier,
    NoteSigner,
    SignatureType,
    cosigned_message,
    key_id,
    parse_vkey,
)
from selat.errors import MalformedError, SignatureError

ROOT = bytes(range(32))
TEXT = f"{ORIGIN}\n258\n{base64.b64encode(ROOT).decode()}\n".encode()
MLDSA = MLDSA44PrivateKey.from_seed_bytes(bytes([1]) * 32)

signers = pytest.mark.parametrize(
    "signer", [ed25519_signer(), mldsa44_signer()], ids=["Ed25519", "ML-DSA-44"]
)


def timestamped(time_s: int, *, claimed_s: int | None = None) -> bytes:
    message = cosigned_message(ORIGIN, TEXT, timestamp_s=time_s)
    stated = time_s if claimed_s is None else claimed_s
    return stated.to_bytes(8, "big") + MLDSA.sign(message)


def test_a_key_id_is_of_name_type_and_key() -> None:
    digest = sha256(b"name\n\x06key").digest()
    assert key_id("name", SignatureType.MLDSA44, b"key") == digest[:4]


@signers
def test_what_a_key_signed_its_verifier_believes(signer: NoteSigner) -> None:
    signer.verifier.verify(TEXT, signer.sign(TEXT))


@signers
def test_another_text_is_not_believed(signer: NoteSigner) -> None:
    signature = signer.sign(TEXT)
    with pytest.raises(SignatureError) as caught:
        signer.verifier.verify(TEXT.replace(b"258", b"259"), signature)
    assert caught.value.context == {
        "signature_type": signer.verifier.signature_type.name,
        "key": ORIGIN,
    }


@signers
@pytest.mark.parametrize("change", ["short", "long", "empty"])
def test_a_signature_of_another_length_is_not_believed(
    signer: NoteSigner, change: str
) -> None:
    signature = signer.sign(TEXT)
    wrong = {"short": signature[:-1], "long": signature + b"\0", "empty": b""}[change]
    with pytest.raises(SignatureError):
        signer.verifier.verify(TEXT, wrong)


def test_the_cosigned_message_is_that_of_the_specification() -> None:
    assert cosigned_message("witness.example", TEXT, timestamp_s=7) == (
        b"subtree/v1\n\0"
        b"\x0fwitness.example"
        b"\0\0\0\0\0\0\0\x07"
        + bytes([len(ORIGIN)])
        + ORIGIN.encode()
        + bytes(8)
        + b"\0\0\0\0\0\0\x01\x02"
        + ROOT
    )


def test_extension_lines_are_not_part_of_the_cosigned_message() -> None:
    extended = TEXT + b"more\n"
    assert cosigned_message(ORIGIN, extended, timestamp_s=0) == cosigned_message(
        ORIGIN, TEXT, timestamp_s=0
    )


@pytest.mark.parametrize("part", ["cosigner", "origin"])
def test_a_name_longer_than_its_length_field_is_refused(part: str) -> None:
    long = "x" * 256
    text = TEXT.replace(ORIGIN.encode(), long.encode()) if part == "origin" else TEXT
    cosigner = long if part == "cosigner" else ORIGIN
    with pytest.raises(MalformedError, match="255 bytes"):
        cosigned_message(cosigner, text, timestamp_s=0)


def test_a_log_states_no_time_of_its_own_checkpoint() -> None:
    assert mldsa44_signer().sign(TEXT)[:8] == bytes(8)


def test_a_stated_time_is_signed() -> None:
    verifier = mldsa44_signer().verifier
    verifier.verify(TEXT, timestamped(1_900_000_000))
    with pytest.raises(SignatureError):
        verifier.verify(TEXT, timestamped(1_900_000_000, claimed_s=1_900_000_001))


def test_a_time_beyond_63_bits_is_refused() -> None:
    verifier = mldsa44_signer().verifier
    verifier.verify(TEXT, timestamped(2**63 - 1))
    with pytest.raises(SignatureError):
        verifier.verify(TEXT, timestamped(2**63))


def test_ml_dsa_signs_checkpoints_only() -> None:
    signer = mldsa44_signer()
    with pytest.raises(MalformedError):
        signer.sign(b"no checkpoint\n")
    with pytest.raises(MalformedError):
        signer.verifier.verify(b"no checkpoint\n", bytes(8 + 2420))


@pytest.mark.parametrize(
    "name",
    ["", "a b", "a+b", "a\u00a0b", "a\u2003b", "a\u0085b", "a\nb", "a\x01b", "a\ud800"],
)
def test_a_key_name_has_neither_spaces_nor_plus_signs(name: str) -> None:
    with pytest.raises(MalformedError, match="key name"):
        Ed25519Verifier(name, bytes(32))


@pytest.mark.parametrize("kind", [Ed25519Verifier, Mldsa44Verifier])
def test_a_key_of_another_length_is_no_key(
    kind: type[Ed25519Verifier | Mldsa44Verifier],
) -> None:
    with pytest.raises(MalformedError, match="no such key"):
        kind(ORIGIN, bytes(31))


@signers
def test_a_verifier_key_is_read_as_it_was_written(signer: NoteSigner) -> None:
    again = parse_vkey(signer.verifier.vkey)
    assert again.vkey == signer.verifier.vkey
    assert again.id == signer.verifier.id
    again.verify(TEXT, signer.sign(TEXT))


def vkey(*, name: str = ORIGIN, identifier: str = "", material: bytes = b"") -> str:
    material = material or b"\x01" + bytes(32)
    digest = sha256(name.encode() + b"\n" + material).hexdigest()
    return f"{name}+{identifier or digest[:8]}+{base64.b64encode(material).decode()}"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param(ORIGIN, id="a name alone"),
        pytest.param(vkey(identifier="00000000"), id="a wrong ID"),
        pytest.param(vkey(identifier=" "), id="a blank ID"),
        pytest.param(vkey(material=b"\x02" + bytes(32)), id="a key of type 2"),
        pytest.param(vkey(material=b"\x01" + bytes(31)), id="a short key"),
        pytest.param(vkey(material=b"\x06" + bytes(32)), id="a key of another type"),
        pytest.param(vkey(name="a b"), id="a name with a space"),
        pytest.param(vkey(name=""), id="no name"),
        pytest.param(vkey() + "=", id="too much padding"),
        pytest.param(vkey()[:-1], id="cut off"),
        pytest.param(vkey() + "\n", id="a newline"),
        pytest.param(vkey()[:-2] + "B=", id="bits beyond the last byte"),
        pytest.param(vkey().replace("+A", "+\u00e4", 1), id="not ASCII"),
        pytest.param(vkey(name="a" * VKEY_CHARACTERS_MAX), id="too long"),
    ],
)
def test_nothing_else_is_a_verifier_key(text: str) -> None:
    with pytest.raises(MalformedError):
        parse_vkey(text)


def test_an_upper_case_key_id_is_refused() -> None:
    name, identifier, key = ed25519_signer(seed=2).verifier.vkey.split("+", 2)
    assert identifier != identifier.upper()
    with pytest.raises(MalformedError):
        parse_vkey(f"{name}+{identifier.upper()}+{key}")
