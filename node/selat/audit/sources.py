# SPDX-License-Identifier: Apache-2.0
"""Bundles on disk: a folder, or the same as a zip file.

Whoever wrote a bundle may be hostile. Nothing is unpacked, no link is followed,
and no more is read of a file than its kind may have.
"""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, Protocol

from selat.errors import InvalidInputError, TooLargeError

#: Files in one bundle: those of a log of two hundred million leaves.
FILES_MAX: Final = 2_000_000
_DIRECTORY: Final = "/"
_BLOCK_BYTES: Final = 1024 * 1024
#: Most files are smaller: room for the largest is not made for each.
_USUAL_BYTES: Final = 256 * 1024
#: What reading a damaged zip file can raise.
_DAMAGE: Final = (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError)


class BundleFiles(Protocol):
    """The files of a bundle. Names are relative, with slashes."""

    @property
    def label(self) -> str:
        """What the bundle is called in reports."""

    def names(self) -> list[str]:
        """Return the names of all files, and of what is no plain file.

        Raises:
            TooLargeError: There are more than any bundle has.
        """

    def open(self, name: str) -> IO[bytes]:
        """Open a file.

        Raises:
            OSError: It cannot be read, or is no plain file.
        """


@contextmanager
def open_bundle(path: Path) -> Iterator[BundleFiles]:
    """Open a bundle.

    Raises:
        InvalidInputError: There is none.
    """
    if path.is_dir():
        yield _Folder(path)
        return
    try:
        archive = zipfile.ZipFile(path)
    except _DAMAGE as error:
        raise InvalidInputError(
            f"{path} is neither a bundle nor an evidence file.",
            remedy="Name a folder, a .zip, or a file that begins with "
            "'selat/v1/evidence'.",
        ) from error
    with archive:
        yield _Archive(path, archive)


class _Folder:
    def __init__(self, path: Path) -> None:
        self.label: Final = path.name or str(path)
        self._path: Final = path

    def names(self) -> list[str]:
        found: list[str] = []
        for folder, folders, files in os.walk(self._path):
            inside = Path(folder)
            # Links to folders are not followed; they are files of no kind.
            links = [name for name in folders if (inside / name).is_symlink()]
            found += [
                (inside / name).relative_to(self._path).as_posix()
                for name in (*files, *links)
            ]
            _check_count(len(found))
        return found

    def open(self, name: str) -> IO[bytes]:
        # Not to wait for ever where a pipe was put in the place of a file.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        opened = os.fdopen(os.open(self._path / name, flags), "rb")
        if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
            opened.close()
            raise OSError("no plain file")
        return opened


class _Archive:
    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self.label: Final = path.name
        self._archive: Final = archive

    def names(self) -> list[str]:
        entries = self._archive.infolist()
        _check_count(len(entries))
        return [
            each.filename
            for each in entries
            if not each.filename.endswith(_DIRECTORY) or each.file_size
        ]

    def open(self, name: str) -> IO[bytes]:
        try:
            return self._archive.open(name)
        except (KeyError, *_DAMAGE) as error:
            raise OSError(str(error)) from error


def read_bounded(opened: IO[bytes], *, bytes_max: int) -> bytes:
    """Return a file's contents.

    Raises:
        OSError: It cannot be read.
        TooLargeError: It has more than ``bytes_max`` bytes.
    """
    try:
        data = opened.read(min(_USUAL_BYTES, bytes_max + 1))
        if len(data) == _USUAL_BYTES:
            data += opened.read(bytes_max + 1 - _USUAL_BYTES)
    except _DAMAGE as error:
        raise OSError(str(error)) from error
    if len(data) > bytes_max:
        raise TooLargeError(
            f"A file has more than {bytes_max} bytes.",
            remedy="Ask for the bundle again.",
        )
    return data


def read_blocks(opened: IO[bytes]) -> Iterator[bytes]:
    """Yield a file's contents block by block.

    Raises:
        OSError: It cannot be read.
    """
    try:
        while block := opened.read(_BLOCK_BYTES):
            yield block
    except _DAMAGE as error:
        raise OSError(str(error)) from error


def read_lines(opened: IO[bytes], *, bytes_max: int) -> Iterator[bytes]:
    """Yield a file's lines with their line breaks.

    Raises:
        OSError: It cannot be read.
        TooLargeError: A line has more than ``bytes_max`` bytes.
    """
    while True:
        try:
            line = opened.readline(bytes_max + 1)
        except _DAMAGE as error:
            raise OSError(str(error)) from error
        if not line:
            return
        if len(line) > bytes_max:
            raise TooLargeError(
                f"A line has more than {bytes_max} bytes.",
                remedy="Ask for the bundle again.",
            )
        yield line


def _check_count(count: int) -> None:
    if count > FILES_MAX:
        raise TooLargeError(
            f"A bundle has at most {FILES_MAX} files.",
            remedy="Ask for a bundle of a shorter period.",
        )
