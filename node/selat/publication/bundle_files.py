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
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Final, Protocol, TypeVar

from selat.core.bundle_paths import SUMS
from selat.core.digest_lists import encode_sums
from selat.errors import AlreadyExistsError
from selat.identity.private_files import sync_folder
from selat.publication.durable_files import disk_errors
from selat.publication.new_files import NewFiles, Write

_T = TypeVar("_T")
#: Leaves shrink to a half, and more costs more time than it saves room.
_COMPRESSION_LEVEL: Final = 1
_OWNER_ONLY: Final = 0o700
#: What waits to be written has so many bytes at most, or is one thing.
_WAITING_BYTES_MAX: Final = 16 * 1024 * 1024


class Sink(Protocol):
    """Makes the files of a bundle, one at a time; an `OSError` says what failed."""

    def put(self, name: str, data: bytes) -> None:
        """Make a file with its contents; there is none of that name."""

    def open(self, name: str) -> AbstractContextManager[Write]:
        """Make a file, and give what writes its next part."""


class BundleFiles:
    """Takes the files of a bundle, one after the other, and their digests.

    They are written by a thread of their own, in their order: to make a file costs
    about what it costs to read its leaves.

    Args:
        sink: Makes the files.
        writer: Runs one thing after the other.
        on_step: Told of each file that was written.
    """

    def __init__(
        self, sink: Sink, writer: Executor, *, on_step: Callable[[str], None]
    ) -> None:
        """Start with no file."""
        self._sink = sink
        self._writer = writer
        self._on_step = on_step
        self._waiting: deque[tuple[int, Future[None]]] = deque()
        self._waiting_bytes = 0
        self._digests: dict[str, bytes] = {}

    def put(self, name: str, data: bytes) -> None:
        """Write a file at once; its name was not used before.

        What goes wrong is raised here, or by one of the calls that follow.
        """
        self.put_all([(name, data)])

    def put_all(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Write files, each a name and contents, as `put` does: quicker for many."""
        self._queue(sum(len(data) for _, data in files), self._put_all, files)

    @contextmanager
    def open(self, name: str) -> Iterator[Write]:
        """Write a file in parts; its name was not used before.

        What goes wrong with one part is raised with one that follows, or in the
        end.
        """
        self._finish()
        digest = hashlib.sha256()
        with self._sink.open(name) as write_part:

            def write(part: bytes) -> None:
                digest.update(part)
                write_part(part)

            try:
                yield lambda part: self._queue(len(part), write, part)
                self._finish()
            finally:
                # After a failure as well, no part is written once it is closed.
                wait(written for _, written in self._waiting)
        self._digests[name] = digest.digest()
        self._on_step("bundle.file")

    @property
    def count(self) -> int:
        """How many files there are, the list of digests included."""
        self._finish()
        return len(self._digests) + 1

    def end(self) -> None:
        """Write the list of all digests, the last file."""
        self._finish()
        self._sink.put(SUMS, encode_sums(self._digests))
        self._on_step("bundle.sums")

    def _put_all(self, files: Sequence[tuple[str, bytes]]) -> None:
        for name, data in files:
            self._digests[name] = hashlib.sha256(data).digest()
            self._sink.put(name, data)
            self._on_step("bundle.file")

    def _queue(self, size: int, work: Callable[[_T], None], item: _T) -> None:
        """Have so many bytes written as soon as the thread comes to it."""
        self._finish(room_for=size)
        self._waiting.append((size, self._writer.submit(work, item)))
        self._waiting_bytes += size

    def _finish(self, *, room_for: int | None = None) -> None:
        """Wait for what is being written: until there is room, or for all of it."""
        while self._waiting and (
            room_for is None or self._waiting_bytes + room_for > _WAITING_BYTES_MAX
        ):
            size, written = self._waiting.popleft()
            self._waiting_bytes -= size
            written.result()


@contextmanager
def new_bundle(
    path: Path, *, as_zip: bool, on_step: Callable[[str], None] = lambda _step: None
) -> Iterator[BundleFiles]:
    """Make a bundle; it is there when the context ends without an error.

    Args:
        path: Where it goes; nothing is there, and its folder exists.
        as_zip: A zip file rather than a folder.
        on_step: Told of each file that was written, maybe in the thread that writes,
            and of each step.

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
                (_zip_at if as_zip else _folder_at)(partial) as sink,
                ThreadPoolExecutor(1, "selat-bundle") as writer,
            ):
                files = BundleFiles(sink, writer, on_step=on_step)
                yield files
                files.end()
            on_step("bundle.written")
            _make_durable(partial)
            on_step("bundle.durable")
            partial.rename(path)
            on_step("bundle.renamed")
            sync_folder(path.parent)
        except BaseException:
            _remove(partial)
            raise


class _Folder:
    """A `Sink` that is a folder."""

    def __init__(self, path: Path, files: NewFiles) -> None:
        self._path = path
        self._files = files
        self._folders = {""}

    def put(self, name: str, data: bytes) -> None:
        self._files.put(self._file(name), data)

    def open(self, name: str) -> AbstractContextManager[Write]:
        return self._files.open(self._file(name))

    def _file(self, name: str) -> str:
        """Return where a file goes, and make its folder."""
        folder = name.rpartition("/")[0]
        if folder not in self._folders:
            (self._path / folder).mkdir(parents=True, exist_ok=True)
            self._folders.add(folder)
        return f"{self._path}/{name}"


class _Zip:
    """A `Sink` that is a zip file."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def put(self, name: str, data: bytes) -> None:
        with self.open(name) as write:
            write(data)

    @contextmanager
    def open(self, name: str) -> Iterator[Write]:
        # How long a file becomes is not known when it begins.
        with self._archive.open(name, "w", force_zip64=True) as stream:
            yield stream.write


@contextmanager
def _folder_at(path: Path) -> Iterator[Sink]:
    path.mkdir(mode=_OWNER_ONLY)
    with closing(NewFiles()) as files:
        yield _Folder(path, files)


@contextmanager
def _zip_at(path: Path) -> Iterator[Sink]:
    def private(name: str, flags: int) -> int:
        return os.open(name, flags, 0o600)

    with (
        open(path, "xb", opener=private) as file,
        zipfile.ZipFile(
            file, "w", zipfile.ZIP_DEFLATED, compresslevel=_COMPRESSION_LEVEL
        ) as archive,
    ):
        yield _Zip(archive)


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
