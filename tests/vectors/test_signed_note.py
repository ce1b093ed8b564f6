# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from selat.core.notes import open_note, parse_note, parse_vkey
from selat.errors import SignatureError

# C2SP signed-note, "Example".
VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
NOTE = """This is an example message.

\u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYj\
OBH3mFXmRKuwHjG1Yu72IneyaQM=
""".encode()

# C2SP signed-note, the first example; the empty line belongs to the text.
VERSES = """Ognuno sta solo sul cuor della terra
trafitto da un raggio di sole:

ed \u00e8 subito sera.

\u2014 quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9o\
JKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=
""".encode()


def test_the_example_is_opened_with_its_key() -> None:
    verifier = parse_vkey(VKEY)
    assert verifier.vkey == VKEY
    assert verifier.id.hex() == "530d903a"
    assert open_note(NOTE, [verifier]).text == b"This is an example message.\n"


def test_the_example_is_not_opened_when_changed() -> None:
    with pytest.raises(SignatureError):
        open_note(NOTE.replace(b"an example", b"no example"), [parse_vkey(VKEY)])


def test_the_text_ends_at_the_last_empty_line() -> None:
    note = parse_note(VERSES)
    assert note.text.endswith("\n\ned \u00e8 subito sera.\n".encode())
    assert [line.name for line in note.signatures] == ["quasimodo.example/salvatore"]
