# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import Never

import pytest

from selat.publication.new_files import NewFiles

#: More than the system is left to write when it likes.
LARGE = bytes(range(256)) * 512


def descriptors() -> set[str]:
    """Return what is open in this process."""
    return {file.name for file in Path("/proc/self/fd").iterdir()}


@pytest.mark.parametrize("data", [b"", b"a few bytes", LARGE])
def test_file_has_its_contents(data: bytes, tmp_path: Path) -> None:
    with closing(NewFiles()) as files:
        files.put(f"{tmp_path}/a", data)
    assert (tmp_path / "a").read_bytes() == data


def test_file_in_parts_has_all_of_them(tmp_path: Path) -> None:
    parts = [b"%d" % number + LARGE for number in range(100)]
    with closing(NewFiles()) as files, files.open(f"{tmp_path}/a") as write:
        for part in parts:
            write(part)
    assert (tmp_path / "a").read_bytes() == b"".join(parts)


def test_what_the_system_takes_in_parts_is_written_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = os.write
    monkeypatch.setattr(os, "write", lambda file, data: whole(file, data[:1000]))
    with closing(NewFiles()) as files:
        files.put(f"{tmp_path}/a", LARGE)
    assert (tmp_path / "a").read_bytes() == LARGE


def test_many_large_files_keep_few_open_and_none_in_the_end(tmp_path: Path) -> None:
    before = descriptors()
    with closing(NewFiles()) as files:
        for number in range(100):
            files.put(f"{tmp_path}/{number}", LARGE)
        assert len(descriptors() - before) < 100
    assert descriptors() == before
    assert {file.read_bytes() for file in tmp_path.iterdir()} == {LARGE}


def test_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"mine")
    with closing(NewFiles()) as files:
        with pytest.raises(FileExistsError):
            files.put(f"{tmp_path}/a", b"other")
        with pytest.raises(FileExistsError), files.open(f"{tmp_path}/a"):
            raise AssertionError("it was opened")
    assert (tmp_path / "a").read_bytes() == b"mine"


@pytest.mark.parametrize("call", ["write", "posix_fadvise"])
def test_failure_is_raised_and_leaves_nothing_open(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> Never:
        raise OSError(28, os.strerror(28))

    before, files = descriptors(), NewFiles()
    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match="No space left"):
        files.put(f"{tmp_path}/a", LARGE)
    with (
        pytest.raises(OSError, match="No space left"),
        files.open(f"{tmp_path}/b") as write,
    ):
        write(LARGE)
    monkeypatch.undo()
    files.close()
    assert descriptors() == before
