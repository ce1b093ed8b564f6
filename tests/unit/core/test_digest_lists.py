# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from selat.core import digest_lists
from selat.core.digest_lists import encode_sums, parse_sums
from selat.errors import MalformedError

DIGESTS = {"b/1": sha256(b"b").digest(), "a": sha256(b"a").digest()}


def test_list_comes_back() -> None:
    assert parse_sums(encode_sums(DIGESTS)) == DIGESTS
    assert encode_sums({}) == b""
    assert parse_sums(b"") == {}


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="no sha256sum")
def test_sha256sum_checks_the_list(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b/1").write_bytes(b"b")
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "SHA256SUMS").write_bytes(encode_sums(DIGESTS))
    command = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    done = subprocess.run(  # noqa: S603 - its name is above
        command, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert done.stdout == "a: OK\nb/1: OK\n"


@pytest.mark.parametrize(
    ("name", "digest"),
    [("with space", bytes(32)), ("back\\slash", bytes(32)), ("a", bytes(31))],
)
def test_name_or_digest_of_another_form_is_not_written(
    name: str, digest: bytes
) -> None:
    with pytest.raises(MalformedError, match="another form"):
        encode_sums({name: digest})


HEX = "ab" * 32


@pytest.mark.parametrize(
    "text",
    [
        f"{HEX} a\n",
        f"{HEX} *a\n",
        f"{HEX}  a",
        f"{HEX.upper()}  a\n",
        f"{HEX}  b\n{HEX}  a\n",
        f"{HEX}  a\n{HEX}  a\n",
        f"{HEX}  a\n\n{HEX}  b\n",
        f"{HEX}  a\n# remark\n",
        f"{HEX}  \u00e9\n",
        f"\\{HEX}  a\n",
    ],
)
def test_list_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(MalformedError, match="list of digests"):
        parse_sums(text.encode())


def test_longer_list_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest_lists, "SUMS_BYTES_MAX", 10)
    with pytest.raises(MalformedError, match="more than 10 bytes"):
        parse_sums(encode_sums(DIGESTS))
