# SPDX-License-Identifier: Apache-2.0
"""The files of a bundle on their way to the disk: a folder, or a zip file.

A bundle is made beside its place under another name, synchronised, and renamed:
it appears whole or not at all. What a crash leaves under the other name goes
with the next run.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Final

from selat.core.bundle_paths import SUMS
from selat.core.digest_lists import encode_sums
from selat.errors import AlreadyExistsError
from selat.identity.private_files import sync_folder
from selat.publication.durable_files import disk_errors

#: Leaves shrink to a half, and more costs more time than it saves room.
_COMPRESSION_LEVEL: Final = 1
_OWNER_ONLY: Final = 0o700
#: Files that wait to be written: some 12 MB of entries.
_WAITING_MAX: Final = 64

Write = Callable[[bytes], object]
_Begin = Callable[[str], AbstractContextManager[IO[bytes]]]


class BundleFiles:
    """Takes the files of a bundle, one after the other, and their digests.

    Whole files are written by a thread of their own, in their order: to make a
    file costs about what it costs to read its leaves.

    Args:
        begin: Opens a new file of the bundle for writing.
        writer: Runs one thing after the other.
    """

    def __init__(self, begin: _Begin, writer: Executor) -> None:
        """Start with no file."""
        self._begin = begin
        self._writer = writer
        self._waiting: deque[Future[None]] = deque()
        self._digests: dict[str, bytes] = {}

    def put(self, name: str, data: bytes) -> None:
        """Write a file at once; its name was not used before.

        What goes wrong is raised here, or by one of the calls that follow.
        """
        self._finish(all_but=_WAITING_MAX)
        self._waiting.append(self._writer.submit(self._write, name, data))

    @contextmanager
    def open(self, name: str) -> Iterator[Write]:
        """Write a file in parts; its name was not used before."""
        self._finish()
        with self._writing(name) as write:
            yield write

    def _write(self, name: str, data: bytes) -> None:
        with self._writing(name) as write:
            write(data)

    def _finish(self, *, all_but: int = 0) -> None:
        """Wait for files that are being written."""
        while len(self._waiting) > all_but:
            self._waiting.popleft().result()

    @contextmanager
    def _writing(self, name: str) -> Iterator[Write]:
        digest = hashlib.sha256()
        with self._begin(name) as stream:

            def write(part: bytes) -> None:
                digest.update(part)
                stream.write(part)

            yield write
        self._digests[name] = digest.digest()

    @property
    def count(self) -> int:
        """How many files there are, the list of digests included."""
        self._finish()
        return len(self._digests) + 1

    def end(self) -> None:
        """Write the list of all digests, the last file."""
        self._finish()
        with self._begin(SUMS) as stream:
            stream.write(encode_sums(self._digests))


@contextmanager
def new_bundle(path: Path, *, as_zip: bool) -> Iterator[BundleFiles]:
    """Make a bundle; it is there when the context ends without an error.

    Args:
        path: Where it goes; nothing is there, and its folder exists.
        as_zip: A zip file rather than a folder.

    Raises:
        AlreadyExistsError: Something is there.
        ConfigurationError: The path cannot be written.
        StoreFullError: The disk is full.
    """
    if path.exists() or path.is_symlink():
        raise AlreadyExistsError(
            f"{path} is there already.",
            remedy="Name another place; a bundle is never overwritten.",
        )
    partial = path.with_name(f".{path.name}.partial")
    with disk_errors(path):
        _remove(partial)
        try:
            with (
                (_zip_at if as_zip else _folder_at)(partial) as begin,
                ThreadPoolExecutor(1, "selat-bundle") as writer,
            ):
                files = BundleFiles(begin, writer)
                yield files
                files.end()
            _make_durable(partial)
            partial.rename(path)
            sync_folder(path.parent)
        except BaseException:
            _remove(partial)
            raise


@contextmanager
def _folder_at(path: Path) -> Iterator[_Begin]:
    path.mkdir(mode=_OWNER_ONLY)
    folders = {path}

    def begin(name: str) -> IO[bytes]:
        file = path / name
        if file.parent not in folders:
            file.parent.mkdir(parents=True, exist_ok=True)
            folders.add(file.parent)
        return file.open("xb")

    yield begin


@contextmanager
def _zip_at(path: Path) -> Iterator[_Begin]:
    def private(name: str, flags: int) -> int:
        return os.open(name, flags, 0o600)

    with (
        open(path, "xb", opener=private) as file,
        zipfile.ZipFile(
            file, "w", zipfile.ZIP_DEFLATED, compresslevel=_COMPRESSION_LEVEL
        ) as archive,
    ):
        # How long a file becomes is not known when it begins.
        yield lambda name: archive.open(name, "w", force_zip64=True)


def _make_durable(path: Path) -> None:
    """Synchronise what was written before it gets its name."""
    if path.is_dir():
        os.sync()  # once, for some ten thousand files
        return
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
