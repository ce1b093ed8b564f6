# SPDX-License-Identifier: Apache-2.0
"""Small files that only their owner may read, written whole or not at all."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from selat.errors import KeyStoreError

_OWNER_ONLY: Final = 0o600
_OTHERS: Final = 0o077


def write_private(path: Path, data: bytes) -> None:
    """Write a file atomically and durably, mode 0600.

    The steps are: write a temporary file beside it, synchronise it, rename it,
    synchronise the folder. After a crash at any step the file is the old one
    or the new one, whole.

    Raises:
        KeyStoreError: It could not be written; the file is the old one, or the
            new one that a power cut may still take back.
    """
    temporary = path.with_name(f".{path.name}.new")
    try:
        # Left behind by a crash; nobody else writes here.
        temporary.unlink(missing_ok=True)
        try:
            _write_new(temporary, data)
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise KeyStoreError(
            f"{path} could not be written: {error.strerror}.",
            remedy="Check the disk's free space and the folder's owner, then repeat.",
        ) from error


def read_private(path: Path, *, bytes_max: int) -> bytes:
    """Read a small file that nobody but its owner may touch.

    Raises:
        KeyStoreError: It is not there, not private, or larger.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(bytes_max + 1)
    except OSError as error:
        raise KeyStoreError(
            f"{path} could not be read: {error.strerror}.",
            remedy="Check the path and its owner, or restore the key store from its "
            "backup.",
        ) from error
    if stat.S_IMODE(mode) & _OTHERS:
        raise KeyStoreError(
            f"{path} is open to other users of this machine.",
            remedy=f"Find out who may have read it, then run: chmod 600 {path}",
        )
    if len(data) > bytes_max:
        raise KeyStoreError(
            f"{path} is larger than any file of a key store.",
            remedy="Restore it from the backup of the key store.",
        )
    return data


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_new(path: Path, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(path, flags, _OWNER_ONLY), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
