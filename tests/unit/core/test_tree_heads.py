# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import base64

import pytest

from selat.core.tree_heads import Checkpoint, parse_tree_head
from selat.errors import MalformedError

ROOT = bytes(range(32))
ROOT_TEXT = base64.b64encode(ROOT)
TEXT = b"example.com/log\n42\n" + ROOT_TEXT + b"\n"


def test_a_checkpoint_is_origin_size_and_root() -> None:
    head = parse_tree_head(TEXT)
    assert head == Checkpoint(origin="example.com/log", size=42, root=ROOT)
    assert head.text() == TEXT


def test_extension_lines_are_kept() -> None:
    head = parse_tree_head(TEXT + b"one\ntwo\n")
    assert head.extensions == ("one", "two")
    assert head.text() == TEXT + b"one\ntwo\n"


@pytest.mark.parametrize("size", [0, 2**63 - 1])
def test_sizes_reach_to_63_bits(size: int) -> None:
    text = TEXT.replace(b"42", str(size).encode())
    assert parse_tree_head(text).size == size


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(TEXT[:-1], id="no newline at the end"),
        pytest.param(TEXT + b"\n", id="an empty extension line"),
        pytest.param(b"\n42\n" + ROOT_TEXT + b"\n", id="no origin"),
        pytest.param(b"example.com/log\n42\n", id="no root"),
        pytest.param(TEXT.replace(b"42", b"042"), id="a leading zero"),
        pytest.param(TEXT.replace(b"42", b"00"), id="two zeros"),
        pytest.param(TEXT.replace(b"42", b"-1"), id="a negative size"),
        pytest.param(TEXT.replace(b"42", b"+1"), id="a signed size"),
        pytest.param(TEXT.replace(b"42", b"4_2"), id="an underscore"),
        pytest.param(TEXT.replace(b"42", b" 42"), id="a space"),
        pytest.param(TEXT.replace(b"42", b""), id="no size"),
        pytest.param(TEXT.replace(b"42", "\u0664".encode()), id="an Arabic digit"),
        pytest.param(TEXT.replace(b"42", b"9223372036854775808"), id="64 bits"),
        pytest.param(TEXT.replace(b"42", b"1" * 5_000), id="a huge size"),
        pytest.param(TEXT.replace(b"8=", b"8"), id="no padding"),
        pytest.param(TEXT.replace(b"8=", b"9="), id="bits beyond the last byte"),
        pytest.param(TEXT.replace(ROOT_TEXT, b"AAAA"), id="a short root"),
        pytest.param(TEXT.replace(ROOT_TEXT, b"\xc3\xa4"), id="a root not ASCII"),
        pytest.param(TEXT.replace(b"example", b"\xff"), id="not UTF-8"),
        pytest.param(TEXT.replace(b"example", b"a\rb"), id="a control character"),
    ],
)
def test_nothing_else_is_a_checkpoint(text: bytes) -> None:
    with pytest.raises(MalformedError, match="The checkpoint "):
        parse_tree_head(text)


@pytest.mark.parametrize(
    ("origin", "size", "root", "extensions"),
    [
        ("", 1, ROOT, ()),
        ("a\nb", 1, ROOT, ()),
        ("\ud800", 1, ROOT, ()),
        ("a", -1, ROOT, ()),
        ("a", 2**63, ROOT, ()),
        ("a", 1, ROOT[:31], ()),
        ("a", 1, ROOT, ("",)),
        ("a", 1, ROOT, ("x\ny",)),
    ],
)
def test_no_checkpoint_says_what_cannot_be_read_back(
    origin: str, size: int, root: bytes, extensions: tuple[str, ...]
) -> None:
    with pytest.raises(MalformedError):
        Checkpoint(origin=origin, size=size, root=root, extensions=extensions)
