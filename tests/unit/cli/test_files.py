# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import io
from pathlib import Path

import pytest

from selat.cli.files import read_file, refuse_existing, write_file
from selat.errors import InvalidInputError, TooLargeError


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"12345")

    assert read_file(file, bytes_max=5) == b"12345"
    with pytest.raises(TooLargeError, match="more than 4 bytes"):
        read_file(file, bytes_max=4)


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(b"\xff\x00"))
    monkeypatch.setattr("sys.stdin", stream)

    assert read_file(Path("-"), bytes_max=5) == b"\xff\x00"


def test_what_cannot_be_read_is_told_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="No such file"):
        read_file(tmp_path / "missing", bytes_max=5)


def test_a_file_is_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "file"
    write_file(file, b"first", mode=0o600)

    with pytest.raises(InvalidInputError, match="File exists"):
        write_file(file, b"second")

    assert file.read_bytes() == b"first"
    assert file.stat().st_mode & 0o777 == 0o600


def test_files_are_refused_before_anything_is_done(tmp_path: Path) -> None:
    refuse_existing([tmp_path / "new"])
    (tmp_path / "old").touch()

    with pytest.raises(InvalidInputError, match="exists already"):
        refuse_existing([tmp_path / "new", tmp_path / "old"])
    with pytest.raises(InvalidInputError, match="There is no folder"):
        refuse_existing([tmp_path / "nowhere" / "new"])
