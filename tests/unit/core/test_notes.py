# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import base64

import pytest
from tests.fakes.logs import ORIGIN, ed25519_signer, mldsa44_signer

from selat.core.notes import (
    NOTE_BYTES_MAX,
    SIGNATURES_MAX,
    Ed25519Signer,
    NoteSigner,
    open_note,
    parse_note,
    sign_note,
)
from selat.errors import MalformedError, SignatureError

TEXT = f"{ORIGIN}\n0\n{'A' * 43}=\n".encode()
OURS = ed25519_signer()
OURS_TOO = mldsa44_signer()
STRANGER = ed25519_signer("stranger.example", seed=9)
LINE = "\u2014 stranger.example " + base64.b64encode(bytes(68)).decode() + "\n"


def note_with(block: str, *, text: bytes = TEXT) -> bytes:
    return text + b"\n" + block.encode()


def test_a_note_is_text_empty_line_and_signatures() -> None:
    note = parse_note(sign_note(TEXT, [OURS, OURS_TOO]))
    assert note.text == TEXT
    assert [line.name for line in note.signatures] == [ORIGIN, ORIGIN]
    assert [line.key_id for line in note.signatures] == [
        OURS.verifier.id,
        OURS_TOO.verifier.id,
    ]


@pytest.mark.parametrize("text", [b"\n", b"\n\n", b"a\n\nb\n", b"a\n\n\n"], ids=repr)
def test_the_text_may_have_empty_lines(text: bytes) -> None:
    assert parse_note(sign_note(text, [OURS])).text == text


def test_known_keys_are_told_from_unknown_ones() -> None:
    note = sign_note(TEXT, [STRANGER, OURS, OURS_TOO])
    opened = open_note(note, [OURS_TOO.verifier, OURS.verifier])
    assert opened.text == TEXT
    assert opened.verified == (OURS.verifier, OURS_TOO.verifier)
    assert opened.unknown_count == 1


def test_the_same_signature_twice_is_one_signer() -> None:
    opened = open_note(sign_note(TEXT, [OURS, OURS]), [OURS.verifier])
    assert opened.verified == (OURS.verifier,)


def test_one_known_key_is_enough() -> None:
    note = sign_note(TEXT, [OURS])
    opened = open_note(note, [STRANGER.verifier, OURS.verifier])
    assert opened.verified == (OURS.verifier,)


def test_a_note_without_a_known_signature_is_refused() -> None:
    with pytest.raises(SignatureError, match="missing") as caught:
        open_note(sign_note(TEXT, [STRANGER]), [OURS_TOO.verifier])
    assert caught.value.context["signature_type"] == "MLDSA44"


def test_nobody_opens_a_note_without_keys() -> None:
    with pytest.raises(SignatureError, match="No key is known"):
        open_note(sign_note(TEXT, [OURS]), [])


@pytest.mark.parametrize("position", [0, 1])
def test_one_wrong_signature_of_a_known_key_condemns_the_note(position: int) -> None:
    impostors: list[NoteSigner] = [ed25519_signer(seed=3), mldsa44_signer(seed=3)]
    lines = sign_note(TEXT, [OURS, OURS_TOO]).splitlines(keepends=True)
    forged = parse_note(sign_note(TEXT, impostors)).signatures[position]
    known = (OURS.verifier, OURS_TOO.verifier)[position]
    encoded = base64.b64encode(known.id + forged.signature).decode()
    lines[4 + position] = f"\u2014 {ORIGIN} {encoded}\n".encode()
    with pytest.raises(SignatureError, match="does not hold") as caught:
        open_note(b"".join(lines), [OURS.verifier, OURS_TOO.verifier])
    assert caught.value.context["signature_type"] == known.signature_type.name


@pytest.mark.parametrize(
    "other", [ed25519_signer(seed=3), ed25519_signer("b.example")], ids=["id", "name"]
)
def test_a_key_with_another_name_or_id_is_unknown(other: Ed25519Signer) -> None:
    opened = open_note(sign_note(TEXT, [other, OURS]), [OURS.verifier])
    assert opened.unknown_count == 1


def test_a_signature_of_the_other_type_is_not_this_one() -> None:
    with pytest.raises(SignatureError, match="MLDSA44"):
        open_note(sign_note(TEXT, [OURS]), [OURS_TOO.verifier])


@pytest.mark.parametrize(
    "text", [b"", b"no newline", b"tab\t\n", b"return\r\n", b"\x00\n", b"\xff\n"]
)
def test_nobody_signs_what_is_no_text(text: bytes) -> None:
    with pytest.raises(MalformedError):
        sign_note(text, [OURS])


def test_a_note_needs_a_signer() -> None:
    with pytest.raises(MalformedError, match="signer"):
        sign_note(TEXT, [])


@pytest.mark.parametrize(
    "note",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\n", id="a newline"),
        pytest.param(TEXT, id="no signatures"),
        pytest.param(TEXT + b"\n", id="an empty line and no signatures"),
        pytest.param(TEXT + LINE.encode(), id="no empty line"),
        pytest.param(b"\n" + LINE.encode(), id="no text"),
        pytest.param(note_with(LINE) + b"\n", id="an empty line at the end"),
        pytest.param(note_with(LINE)[:-1], id="no newline at the end"),
        pytest.param(note_with(LINE[1:]), id="no dash"),
        pytest.param(note_with("-" + LINE[1:]), id="a hyphen"),
        pytest.param(note_with(LINE[:1] + LINE[2:]), id="no space after the dash"),
        pytest.param(note_with(LINE.replace(" ", "  ")), id="two spaces"),
        pytest.param(note_with(LINE.replace(".", "+")), id="a plus in the name"),
        pytest.param(note_with(LINE.replace(".", "\u2003")), id="a wide space"),
        pytest.param(note_with("\u2014  AAAAAAA=\n"), id="no name"),
        pytest.param(note_with("\u2014 a\n"), id="no signature"),
        pytest.param(note_with("\u2014 a AAAAAA==\n"), id="a key ID alone"),
        pytest.param(note_with("\u2014 a AAA\n"), id="no whole base64"),
        pytest.param(note_with("\u2014 a AAAAAAB=\n"), id="base64 not canonical"),
        pytest.param(note_with("\u2014 a AAAA_AA=\n"), id="base64 of URLs"),
        pytest.param(note_with("\u2014 a AAAA\u00e4AA=\n"), id="base64 not ASCII"),
        pytest.param(note_with(LINE[:-1] + " \n"), id="a space at the end"),
        pytest.param(note_with(LINE[:-1] + "\r\n"), id="a carriage return"),
        pytest.param(note_with(LINE, text=b"a\tb\n"), id="a tab in the text"),
        pytest.param(note_with(LINE, text=b"\xc3\x28\n"), id="text not UTF-8"),
        pytest.param(note_with(LINE, text=b"\xed\xa0\x80\n"), id="half a character"),
        pytest.param(note_with(LINE * (SIGNATURES_MAX + 1)), id="many signatures"),
        pytest.param(note_with(LINE, text=b"a" * NOTE_BYTES_MAX + b"\n"), id="long"),
    ],
)
def test_nothing_else_is_a_note(note: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_note(note)


def test_as_many_signatures_as_the_limit_are_read() -> None:
    assert len(parse_note(note_with(LINE * SIGNATURES_MAX)).signatures) == 64


def test_sixteen_long_signatures_are_read_as_c2sp_asks() -> None:
    encoded = base64.b64encode(bytes(5_000)).decode()
    block = f"\u2014 stranger.example {encoded}\n" * 16
    assert len(parse_note(note_with(block)).signatures) == 16


def test_a_long_name_of_an_unknown_key_is_ignored() -> None:
    line = LINE.replace("stranger", "s" * 1_000)
    note = sign_note(TEXT, [OURS]) + line.encode()
    assert open_note(note, [OURS.verifier]).unknown_count == 1
