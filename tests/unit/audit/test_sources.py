# SPDX-License-Identifier: Apache-2.0
"""Bundles that somebody hostile wrote, before anything in them is believed."""

from __future__ import annotations

import os
import zipfile
from io import BytesIO
from pathlib import Path
from typing import IO

import pytest
from tests.fakes.bundles import Files, listed, write_folder, write_zip

from selat.audit import sources
from selat.audit.bundle_reader import BundleReader
from selat.audit.findings import Code, Findings
from selat.audit.sources import open_bundle, read_blocks, read_bounded, read_lines
from selat.errors import InvalidInputError, TooLargeError

FILES: Files = {"bundle.json": b"{}\n", "cards/police.xa.example/1.card": b"card"}


def found(path: Path, *, read: str = "") -> set[tuple[Code, str]]:
    """Read a bundle; return codes and subjects of what is wrong."""
    findings = Findings()
    with open_bundle(path) as files:
        reader = BundleReader(files, findings)
        if read:
            reader.read(read, bytes_max=100)
        reader.finish()
    return {(each.code, each.subject) for each in findings}


def test_whole_bundle_is_as_its_list_says(tmp_path: Path) -> None:
    folder = write_folder(listed(FILES), tmp_path / "bundle")
    archive = write_zip(listed(FILES), tmp_path / "bundle.zip")
    assert found(folder) == found(archive) == set()


@pytest.mark.parametrize("name", ["missing", "file"])
def test_what_is_no_bundle_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"something else")
    with (
        pytest.raises(InvalidInputError, match="neither"),
        open_bundle(tmp_path / name),
    ):
        pass


def test_folder_without_manifest_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    with pytest.raises(InvalidInputError, match=r"it has no bundle\.json"):
        found(tmp_path / "bundle")


def test_file_outside_the_list_is_found(tmp_path: Path) -> None:
    files = listed(FILES) | {"cards/police.xa.example/2.card": b"card"}
    folder = write_folder(files, tmp_path / "bundle")
    assert found(folder) == {
        (Code.FILE_UNLISTED, "bundle/cards/police.xa.example/2.card")
    }


def test_file_that_is_listed_and_missing_is_found(tmp_path: Path) -> None:
    files = listed(FILES)
    del files["cards/police.xa.example/1.card"]
    folder = write_folder(files, tmp_path / "bundle")
    subject = "bundle/cards/police.xa.example/1.card"
    assert found(folder) == {(Code.FILE_MISSING, subject)}
    assert found(folder, read="cards/police.xa.example/1.card") == {
        (Code.FILE_MISSING, subject)
    }


@pytest.mark.parametrize("data", [None, b"no digests"])
def test_list_of_digests_must_be_there(data: bytes | None, tmp_path: Path) -> None:
    files = dict(FILES) if data is None else FILES | {"SHA256SUMS": data}
    folder = write_folder(files, tmp_path / "bundle")
    codes = {code for code, _ in found(folder)}
    assert (Code.FILE_MISSING if data is None else Code.FILE_MALFORMED) in codes


def test_larger_file_than_any_of_its_kind_is_found(tmp_path: Path) -> None:
    files = listed(FILES | {"cards/police.xa.example/1.card": bytes(101)})
    folder = write_folder(files, tmp_path / "bundle")
    name = "cards/police.xa.example/1.card"
    assert found(folder, read=name) == {(Code.FILE_MALFORMED, f"bundle/{name}")}


def test_links_and_pipes_are_no_files(tmp_path: Path) -> None:
    folder = write_folder(listed(FILES), tmp_path / "bundle")
    secret = tmp_path / "secret"
    secret.write_bytes(b"card")
    card = folder / "cards/police.xa.example/1.card"
    card.unlink()
    card.symlink_to(secret)
    (folder / "logs").symlink_to(tmp_path)
    os.mkfifo(folder / "cards/police.xa.example/2.card")
    findings = found(folder, read="cards/police.xa.example/2.card")
    assert findings == {
        (Code.FILE_MISSING, "bundle/cards/police.xa.example/1.card"),
        (Code.FILE_MISSING, "bundle/cards/police.xa.example/2.card"),
        (Code.FILE_UNLISTED, "bundle/cards/police.xa.example/2.card"),
        (Code.FILE_UNEXPECTED, "bundle/logs"),
    }


def test_zip_with_a_name_twice_is_found(tmp_path: Path) -> None:
    path = write_zip(listed(FILES), tmp_path / "bundle.zip")
    with (
        pytest.warns(UserWarning, match="Duplicate name"),
        zipfile.ZipFile(path, "a") as archive,
    ):
        archive.writestr("bundle.json", b"{}")
    assert (Code.FILE_UNEXPECTED, "bundle.zip/bundle.json") in found(path)


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "a\x1b[2Jb"])
def test_zip_with_a_hostile_name_is_found(name: str, tmp_path: Path) -> None:
    path = write_zip(listed(FILES) | {name: b""}, tmp_path / "bundle.zip")
    ((code, subject),) = found(path)
    assert code is Code.FILE_UNEXPECTED
    assert subject == f"bundle.zip/{ascii(name)[1:-1]}"


def test_folders_in_a_zip_are_passed_over(tmp_path: Path) -> None:
    path = write_zip(listed(FILES) | {"cards/": b""}, tmp_path / "bundle.zip")
    assert found(path) == set()


def test_damaged_zip_is_found(tmp_path: Path) -> None:
    card = bytes(range(200)) * 3
    files = listed(FILES | {"cards/police.xa.example/1.card": card})
    path = tmp_path / "bundle.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    changed = bytearray(path.read_bytes())
    changed[changed.index(card) + 300] ^= 1
    path.write_bytes(changed)
    assert found(path) == {
        (Code.FILE_MISSING, "bundle.zip/cards/police.xa.example/1.card")
    }


@pytest.mark.parametrize("as_zip", [False, True])
def test_number_of_files_is_bounded(
    *, as_zip: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "FILES_MAX", 2)
    write = write_zip if as_zip else write_folder
    path = write(listed(FILES), tmp_path / "bundle")
    with pytest.raises(TooLargeError, match="at most 2 files"):
        found(path)


class Failing(BytesIO):
    """A file on a disk that fails."""

    def read(self, _size: int | None = -1) -> bytes:
        raise zipfile.BadZipFile("broken")

    def readline(self, _size: int | None = -1) -> bytes:
        raise zipfile.BadZipFile("broken")


def test_failure_of_reading_is_one_kind_of_error() -> None:
    opened: IO[bytes] = Failing()
    with pytest.raises(OSError, match="broken"):
        read_bounded(opened, bytes_max=10)
    with pytest.raises(OSError, match="broken"):
        list(read_blocks(opened))
    with pytest.raises(OSError, match="broken"):
        list(read_lines(opened, bytes_max=10))


@pytest.mark.parametrize("size", [0, 9, 262_143, 262_144, 262_145, 1_000_000])
def test_file_is_read_whole_up_to_its_bound(size: int) -> None:
    data = bytes(range(250)) * (size // 250 + 1)
    assert read_bounded(BytesIO(data[:size]), bytes_max=size) == data[:size]
    with pytest.raises(TooLargeError, match=f"more than {size} bytes"):
        read_bounded(BytesIO(data[: size + 1]), bytes_max=size)


def test_line_is_bounded() -> None:
    assert list(read_lines(BytesIO(b"abc\nde"), bytes_max=4)) == [b"abc\n", b"de"]
    with pytest.raises(TooLargeError, match="more than 3 bytes"):
        list(read_lines(BytesIO(b"abc\n"), bytes_max=3))


def test_lines_that_are_too_long_or_not_there_are_found(tmp_path: Path) -> None:
    name = "peers/police.xb.example/2030h1/leaves.jsonl"
    folder = write_folder(listed(FILES | {name: b"abcdef\n"}), tmp_path / "bundle")
    findings = Findings()
    with open_bundle(folder) as files:
        reader = BundleReader(files, findings)
        assert list(reader.lines(name, bytes_max=7)) == [b"abcdef\n"]
        assert list(reader.lines(name, bytes_max=6)) == []
        assert list(reader.lines(name.replace("xb", "xc"), bytes_max=6)) == []
    assert {each.code for each in findings} == {Code.FILE_MALFORMED, Code.FILE_MISSING}
