# SPDX-License-Identifier: Apache-2.0
"""Where the passphrase of a node's key store comes from.

From a file, from a file descriptor or from a person at a terminal: never from
an argument or an environment variable, which other processes can read, and
never from a default.
"""

from __future__ import annotations

import os
import stat
import sys
from getpass import getpass
from pathlib import Path
from typing import Final

from selat.errors import ConfigurationError, InvalidInputError

#: No passphrase is longer, bytes; a file that is longer is another file.
PASSPHRASE_BYTES_MAX: Final = 1024

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def read_passphrase(
    *, file: Path | None, descriptor: int | None, confirm: bool = False
) -> bytes:
    """Return the passphrase from the one source that is there.

    Args:
        file: A file that only its owner can read.
        descriptor: An open file descriptor; it goes before the file.
        confirm: Ask a person twice, because the passphrase is new.

    Raises:
        ConfigurationError: The file is missing, or others can read it.
        InvalidInputError: There is no source, or nothing useful in it.
    """
    if descriptor is not None:
        return _one_line(_from_descriptor(descriptor))
    if file is not None:
        return _one_line(_from_file(file))
    if sys.stdin.isatty():
        return _one_line(_from_person(confirm=confirm))
    raise InvalidInputError(
        "The key store needs its passphrase, and there is no terminal to ask at.",
        remedy="Name a file with --passphrase-file or SELAT_PASSPHRASE_FILE.",
    )


def _from_file(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            # The open file is judged, so that it cannot be exchanged meanwhile.
            _check_mode(file, opened.fileno())
            return opened.read(PASSPHRASE_BYTES_MAX + 2)
    except OSError as failure:
        raise _unreadable(file, failure) from failure


def _check_mode(file: Path, descriptor: int) -> None:
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and status.st_mode & _OTHERS:
        raise ConfigurationError(
            f"Others than its owner may use the passphrase file {file}.",
            remedy=f"Run: chmod 600 {file}",
        )


def _unreadable(file: Path, failure: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"The passphrase file {file} cannot be read: {failure.strerror}.",
        remedy="Name another with --passphrase-file, or mend its permissions.",
    )


def _from_descriptor(descriptor: int) -> bytes:
    try:
        with open(descriptor, "rb", closefd=False) as opened:
            return opened.read(PASSPHRASE_BYTES_MAX + 2)
    except OSError as failure:
        raise InvalidInputError(
            f"The passphrase cannot be read from file descriptor {descriptor}.",
            remedy="Open it for reading, as in: selat --passphrase-fd 3 … 3<file",
        ) from failure


def _from_person(*, confirm: bool) -> bytes:
    passphrase = getpass("Passphrase of the key store: ")
    if confirm and getpass("The same passphrase again: ") != passphrase:
        raise InvalidInputError(
            "The two passphrases are not the same.", remedy="Try again."
        )
    return passphrase.encode()


def _one_line(text: bytes) -> bytes:
    passphrase = text.removesuffix(b"\n").removesuffix(b"\r")
    if not passphrase:
        raise InvalidInputError(
            "The passphrase is empty.", remedy="Choose one that nobody can guess."
        )
    if len(passphrase) > PASSPHRASE_BYTES_MAX or b"\n" in passphrase:
        raise InvalidInputError(
            f"A passphrase is one line of at most {PASSPHRASE_BYTES_MAX} bytes.",
            remedy="Check that the right file was named.",
        )
    return passphrase
