# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from selat.errors import KeyStoreError
from selat.identity.private_files import read_private, write_private


def test_file_is_written_for_its_owner_only(tmp_path: Path) -> None:
    old_mask = os.umask(0)
    try:
        write_private(tmp_path / "key", b"data")
    finally:
        os.umask(old_mask)
    assert (tmp_path / "key").read_bytes() == b"data"
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_file_is_replaced(tmp_path: Path) -> None:
    write_private(tmp_path / "key", b"old")
    write_private(tmp_path / "key", b"new")
    assert read_private(tmp_path / "key", bytes_max=3) == b"new"


def test_what_a_crash_left_behind_is_replaced(tmp_path: Path) -> None:
    (tmp_path / ".key.new").write_bytes(b"half")
    write_private(tmp_path / "key", b"data")
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(KeyStoreError, match="could not be written: No such file"):
        write_private(tmp_path / "missing" / "key", b"data")


def test_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(KeyStoreError, match="key could not be read: No such file"):
        read_private(tmp_path / "key", bytes_max=10)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_file_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    write_private(tmp_path / "key", b"data")
    (tmp_path / "key").chmod(mode)
    with pytest.raises(KeyStoreError, match="open to other users") as caught:
        read_private(tmp_path / "key", bytes_max=10)
    assert "chmod 600" in caught.value.remedy


def test_larger_file_is_refused(tmp_path: Path) -> None:
    write_private(tmp_path / "key", b"12345")
    assert read_private(tmp_path / "key", bytes_max=5) == b"12345"
    with pytest.raises(KeyStoreError, match="larger"):
        read_private(tmp_path / "key", bytes_max=4)
