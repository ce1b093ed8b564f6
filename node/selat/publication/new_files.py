# SPDX-License-Identifier: Apache-2.0
"""New files that go to the disk while the next ones are made.

Left to itself, the system keeps a large export in memory before it writes any of
it: memory that it takes from the database of a node that runs, and a long wait for
the disk in the end. Here it is asked to write a file as soon as it is made, and to
forget it once it is written. Nothing but speed follows from it: what must not get
lost is synchronised by whoever made it.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

Write = Callable[[bytes], object]

#: Smaller files are left to the system, in bytes: to ask costs more than to wait.
_SMALL_BYTES: Final = 64 * 1024
#: Bytes of one file after which the system is asked to write them.
_PART_BYTES: Final = 8 * 1024 * 1024
#: Files that the disk is given time for before they are forgotten.
_BEHIND: Final = 64
_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL
_MODE: Final = 0o666


class NewFiles:
    """Makes new files; for one thread at a time. Close it in the end."""

    def __init__(self) -> None:
        """Start with no file."""
        self._behind: deque[int] = deque()

    def put(self, path: str, data: bytes) -> None:
        """Make a file with its contents.

        Raises:
            OSError: It is there already, or cannot be written.
        """
        descriptor = os.open(path, _FLAGS, _MODE)
        try:
            _write(descriptor, data)
        except BaseException:
            os.close(descriptor)
            raise
        self._leave(descriptor, len(data))

    @contextmanager
    def open(self, path: str) -> Iterator[Write]:
        """Make a file, and give what writes its next part.

        Raises:
            OSError: It is there already, or cannot be written.
        """
        descriptor = os.open(path, _FLAGS, _MODE)
        size = asked = 0

        def write(part: bytes) -> None:
            nonlocal size, asked
            _write(descriptor, part)
            size += len(part)
            if size - asked >= _PART_BYTES:
                _ask_to_write(descriptor)
                asked = size

        try:
            yield write
        except BaseException:
            os.close(descriptor)
            raise
        self._leave(descriptor, size)

    def close(self) -> None:
        """Close what is still open."""
        while self._behind:
            self._forget(self._behind.popleft())

    def _leave(self, descriptor: int, size: int) -> None:
        """Leave a whole file to the disk; forget one that was left a while ago."""
        if size < _SMALL_BYTES:
            os.close(descriptor)
            return
        self._behind.append(descriptor)
        _ask_to_write(descriptor)
        if len(self._behind) > _BEHIND:
            self._forget(self._behind.popleft())

    def _forget(self, descriptor: int) -> None:
        try:
            _ask_to_write(descriptor)
        finally:
            os.close(descriptor)


def _write(descriptor: int, data: bytes) -> None:
    """Write all of it, in however many parts the system takes it."""
    written = os.write(descriptor, data)
    while written < len(data):
        written += os.write(descriptor, memoryview(data)[written:])


def _ask_to_write(descriptor: int) -> None:
    """Have changed pages written, without waiting; forget those that are written."""
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
