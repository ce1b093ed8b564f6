# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Never

import pytest
from tests.fakes.bundle_checks import contents

from selat.core.bundle_paths import SUMS
from selat.core.digest_lists import parse_sums
from selat.errors import AlreadyExistsError, ConfigurationError, StoreFullError
from selat.publication.bundle_files import BundleFiles, new_bundle

FORMS = pytest.mark.parametrize("form", ["folder", "zip"])


class CrashError(Exception):
    """The process ends here."""


def write(path: Path, form: str, *, crash: bool = False) -> int:
    """Write a bundle; return how many files it has."""
    with new_bundle(path, as_zip=form == "zip") as files:
        fill(files)
        if crash:
            raise CrashError
        return files.count


def fill(files: BundleFiles) -> None:
    files.put("bundle.json", b"{}\n")
    with files.open("peers/a/2030h1/leaves.jsonl") as write:
        write(b"one\n")
        write(b"two\n")
    for number in range(200):
        files.put(f"cards/a/{number}.card", b"%d" % number)


@FORMS
def test_bundle_has_its_files_and_their_digests(form: str, tmp_path: Path) -> None:
    assert write(tmp_path / "b", form) == 203
    found = contents(tmp_path / "b")
    assert found["peers/a/2030h1/leaves.jsonl"] == b"one\ntwo\n"
    assert len(found) == 203
    digests = parse_sums(found.pop(SUMS))
    assert digests == {
        name: hashlib.sha256(data).digest() for name, data in found.items()
    }
    assert list(tmp_path.iterdir()) == [tmp_path / "b"]


@FORMS
def test_crash_leaves_no_bundle(form: str, tmp_path: Path) -> None:
    with pytest.raises(CrashError):
        write(tmp_path / "b", form, crash=True)
    assert not list(tmp_path.iterdir())


@FORMS
def test_what_a_crash_left_behind_goes(form: str, tmp_path: Path) -> None:
    (tmp_path / ".b.partial").mkdir()
    (tmp_path / ".b.partial/old").touch()
    write(tmp_path / "b", form)
    assert "old" not in contents(tmp_path / "b")
    assert list(tmp_path.iterdir()) == [tmp_path / "b"]


@FORMS
@pytest.mark.parametrize("call", ["sync", "rename"])
def test_failure_at_the_end_leaves_no_bundle(
    form: str, call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> Never:
        raise OSError(5, os.strerror(5))

    if call == "rename":
        monkeypatch.setattr(Path, "rename", fail)
    else:
        monkeypatch.setattr(os, "sync", fail)
        monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write(tmp_path / "b", form)
    assert not list(tmp_path.iterdir())


@FORMS
def test_files_that_are_put_together_are_all_there(form: str, tmp_path: Path) -> None:
    large = {f"cards/a/{number}.card": bytes(3_000_000) for number in range(8)}
    with new_bundle(tmp_path / "b", as_zip=form == "zip") as files:
        for _ in range(2):  # more than what may wait
            files.put_all([*large.items()])
            large = {f"b/{name}": data for name, data in large.items()}
    found = contents(tmp_path / "b")
    digests = parse_sums(found.pop(SUMS))
    assert len(found) == len(digests) == 16
    assert set(digests.values()) == {hashlib.sha256(bytes(3_000_000)).digest()}


def in_parts(path: Path) -> None:
    with (
        new_bundle(path, as_zip=False) as files,
        files.open("peers/a/2030h1/leaves.jsonl") as write_part,
    ):
        for _ in range(100):
            write_part(bytes(100))


def test_no_part_is_written_after_a_failure_closed_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, closed = os.open, os.close
    open_now: set[int] = set()

    def remember(path: str, flags: int, mode: int = 0o777, **more: int) -> int:
        descriptor = opened(path, flags, mode, **more)
        open_now.add(descriptor)
        return descriptor

    def forget(descriptor: int) -> None:
        closed(descriptor)
        open_now.discard(descriptor)

    def fail(descriptor: int, _data: bytes) -> Never:
        assert descriptor in open_now
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "open", remember)
    monkeypatch.setattr(os, "close", forget)
    monkeypatch.setattr(os, "write", fail)

    with pytest.raises(StoreFullError, match="is full"):
        in_parts(tmp_path / "b")
    monkeypatch.undo()
    assert not list(tmp_path.iterdir())


def twice(path: Path) -> None:
    with new_bundle(path, as_zip=False) as files:
        files.put("bundle.json", b"")
        files.put("bundle.json", b"")


def test_failure_of_the_writing_thread_is_raised(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="File exists"):
        twice(tmp_path / "b")
    assert not list(tmp_path.iterdir())


def test_what_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"mine")
    with pytest.raises(AlreadyExistsError):
        write(tmp_path / "b", "folder")
    assert (tmp_path / "b").read_bytes() == b"mine"


def test_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        write(tmp_path / "a/b", "folder")
