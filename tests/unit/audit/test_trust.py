# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from selat.audit import trust
from selat.audit.trust import parse_trust
from selat.core.fingerprints import Fingerprint
from selat.errors import MalformedError, UnsupportedVersionError

ROOT = Fingerprint(bytes(range(32)))
TEXT = f"""
version = 1
quorum = 1
unexamined = ["police.xd.example"]

[[node]]
name = "police.xa.example"
root = "{ROOT.digest.hex()}"

[[node]]
name = "police.xb.example"
root = "{ROOT}"

[[node]]
name = "police.xc.example"
root = "{ROOT.words()}"
"""


def test_root_is_pinned_in_any_form_that_people_compare() -> None:
    parsed = parse_trust(TEXT.encode())
    assert parsed.quorum == 1
    assert parsed.unexamined == {"police.xd.example"}
    assert dict(parsed.roots) == {f"police.x{letter}.example": ROOT for letter in "abc"}


def test_nobody_need_be_left_out() -> None:
    text = TEXT.replace('unexamined = ["police.xd.example"]\n', "")
    assert parse_trust(text.encode()).unexamined == frozenset()


def test_trust_file_of_another_version_is_refused() -> None:
    with pytest.raises(UnsupportedVersionError, match="trust file"):
        parse_trust(TEXT.replace("version = 1", "version = 2").encode())


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("version = 1\n", "", "lacks version"),
        ("quorum = 1\n", "", "lacks quorum"),
        ("version = 1", "version = true", "another type"),
        ("version = 1", 'version = "1"', "another type"),
        ("quorum = 1", "quorum = 1.0", "another type"),
        ("quorum = 1", "quorum = -1", "asks for -1"),
        ("quorum = 1", "quorum = 3", "asks for 3 cosigners and pins 3 nodes"),
        ("quorum = 1", "quorum = 1\nqourum = 2", "unknown key 'qourum'"),
        ("root = ", "rooot = ", "lacks root"),
        ('name = "police.xb.example"', 'name = "police"', "no node"),
        ("xb.example", "xa.example", "pins police.xa.example twice"),
        ('"police.xd.example"', '"police.xa.example"', "leaves it out"),
        ('"police.xd.example"', "7", "another type"),
        ('["police.xd.example"]', '"police.xd.example"', "another type"),
        ('name = "police.xb.example"', "name = 7", "another type"),
        ("[[node]]", "[node]", "TOML"),
        ("version", "version = = 1\nversion", "TOML"),
        ("version", "\u00ff = 1\nversion", "TOML"),
    ],
)
def test_trust_file_of_another_form_is_refused(old: str, new: str, what: str) -> None:
    with pytest.raises(MalformedError, match=what):
        parse_trust(TEXT.replace(old, new).encode())


def test_root_of_another_length_is_refused() -> None:
    with pytest.raises(MalformedError, match="no fingerprint"):
        parse_trust(TEXT.replace(ROOT.digest.hex(), "ab12").encode())


@pytest.mark.parametrize(
    "nodes", ["node = []", "node = 7", "node = [7]", 'node = ["police.xa.example"]']
)
def test_trust_file_pins_nodes(nodes: str) -> None:
    with pytest.raises(MalformedError):
        parse_trust(f"version = 1\nquorum = 0\n{nodes}\n".encode())


def test_trust_file_is_text() -> None:
    with pytest.raises(MalformedError, match="UTF-8"):
        parse_trust(b"version = 1 # \xff")


def test_longer_trust_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust, "TRUST_BYTES_MAX", 10)
    with pytest.raises(MalformedError, match="more than 10 bytes"):
        parse_trust(TEXT.encode())
