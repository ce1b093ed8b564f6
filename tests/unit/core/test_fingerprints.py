# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from hashlib import sha256

import pytest

from selat.core.fingerprints import Fingerprint, fingerprint
from selat.errors import MalformedError

ED25519 = bytes(range(32))
MLDSA44 = bytes(1312)
PRINT = fingerprint(ed25519=ED25519, mldsa44=MLDSA44)
HEX = PRINT.hex_groups()
WORDS = PRINT.words()

# The examples of D. S. Wilkerson, "A Proposal for Proquints".
PROQUINTS = [
    ("127.0.0.1", "lusab babad"),
    ("63.84.220.193", "gutih tugad"),
    ("63.118.7.35", "gutuk bisog"),
    ("140.98.193.141", "mudof sakat"),
    ("64.255.6.200", "haguz biram"),
    ("128.30.52.45", "mabiv gibot"),
    ("147.67.119.2", "natag lisaf"),
    ("212.58.253.68", "tibup zujah"),
    ("216.35.68.215", "tobog higil"),
    ("216.68.232.21", "todah vobij"),
    ("198.81.129.136", "sinid makam"),
    ("12.110.110.204", "budov kuras"),
]


def test_fingerprint_is_the_documented_hash() -> None:
    preimage = b"selat/v1/root-fingerprint\x00" + ED25519 + MLDSA44
    assert PRINT.digest == sha256(preimage).digest()


@pytest.mark.parametrize(("address", "words"), PROQUINTS)
def test_words_are_proquints(address: str, words: str) -> None:
    four_bytes = bytes(int(part) for part in address.split("."))
    shown = Fingerprint(four_bytes * 8)
    assert shown.words() == " ".join([words] * 8)
    assert Fingerprint.parse(shown.words()) == shown


def test_hexadecimal_form_has_sixteen_groups_of_four() -> None:
    assert [len(group) for group in HEX.split(" ")] == [4] * 16
    assert bytes.fromhex(HEX) == PRINT.digest
    assert str(PRINT) == HEX


@pytest.mark.parametrize(
    "text",
    [
        HEX,
        HEX.upper(),
        HEX.replace(" ", "-"),
        WORDS,
        WORDS.title(),
        WORDS.replace(" ", "-"),
        f"  {WORDS}\n",
        "\n".join(HEX[i : i + 20] for i in range(0, 80, 20)),
    ],
)
def test_every_form_a_person_may_copy_is_read(text: str) -> None:
    assert Fingerprint.parse(text) == PRINT


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        HEX[5:],
        HEX + " 0000",
        HEX.replace(" ", ""),
        HEX.replace(" ", "--"),
        HEX.replace(" ", ":"),
        HEX[:-1] + "g",
        HEX[:-1],
        WORDS[:-5] + "hello",
        WORDS[:-5] + "aiaia",
        " ".join([*HEX.split()[:8], *WORDS.split()[8:]]),
        "\uff10" + HEX[1:],
        HEX + " " * 200,
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(MalformedError, match="no fingerprint"):
        Fingerprint.parse(text)


@pytest.mark.parametrize("size", [0, 16, 33])
def test_digest_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(MalformedError):
        Fingerprint(bytes(size))


@pytest.mark.parametrize(("ed25519", "mldsa44"), [(31, 1312), (32, 1311), (1312, 32)])
def test_key_of_another_length_has_no_fingerprint(ed25519: int, mldsa44: int) -> None:
    with pytest.raises(MalformedError, match="length of its algorithm"):
        fingerprint(ed25519=bytes(ed25519), mldsa44=bytes(mldsa44))
