# SPDX-License-Identifier: Apache-2.0
"""Files that people name: bounded on the way in, never overwritten unasked."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from selat.errors import InvalidInputError, TooLargeError

STANDARD_INPUT: Final = Path("-")


def read_file(file: Path, *, bytes_max: int) -> bytes:
    """Return the contents of a file, or of standard input for ``-``.

    Raises:
        InvalidInputError: It cannot be read.
        TooLargeError: It has more than ``bytes_max`` bytes.
    """
    try:
        if file == STANDARD_INPUT:
            data = sys.stdin.buffer.read(bytes_max + 1)
        else:
            with file.open("rb") as opened:
                data = opened.read(bytes_max + 1)
    except OSError as failure:
        raise InvalidInputError(
            f"{file} cannot be read: {failure.strerror}.",
            remedy="Check the name and the permissions of the file.",
        ) from failure
    if len(data) > bytes_max:
        raise TooLargeError(
            f"{file} has more than {bytes_max} bytes.",
            remedy="Check that it is the right file, or split it.",
        )
    return data


def write_file(file: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write a new file with the given permissions.

    Raises:
        InvalidInputError: It exists already, or cannot be written.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        with open(os.open(file, flags, mode), "wb") as opened:  # noqa: PTH123 - a mode
            opened.write(data)
    except OSError as failure:
        raise InvalidInputError(
            f"{file} cannot be written: {failure.strerror}.",
            remedy="Name another file, or move the old one away.",
        ) from failure


def refuse_existing(files: Iterable[Path]) -> None:
    """Check that none of several files is there yet, and their folder is.

    Raises:
        InvalidInputError: A file exists, or its folder does not.
    """
    for file in files:
        if file.exists():
            raise InvalidInputError(
                f"{file} exists already.",
                remedy="Name another place, or move the old file away.",
            )
        if not file.parent.is_dir():
            raise InvalidInputError(
                f"There is no folder {file.parent}.", remedy="Make it first."
            )
