# SPDX-License-Identifier: Apache-2.0
"""Files that are there whole or not at all, and stay when the power fails."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from selat.errors import ConfigurationError, StoreFullError, WrongStateError
from selat.identity.private_files import sync_folder

_NEW: Final = ".new"


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Raise what the disk says as errors of ours.

    Raises:
        ConfigurationError: The path cannot be written.
        StoreFullError: The disk is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno in {28, 122}:  # ENOSPC, EDQUOT
            raise StoreFullError(
                f"The disk of {path} is full.",
                remedy="Make room and run it again; what was there before is whole.",
            ) from error
        raise ConfigurationError(
            f"{path} cannot be written: {error.strerror}.",
            remedy="Check the folder and its permissions, then run it again.",
        ) from error


def replace_durably(path: Path, data: bytes) -> None:
    """Write a file: temporary beside it, synchronise, rename.

    The rename is durable after `sync_tree` of a folder above it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}{_NEW}")
    with new.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def sync_tree(folder: Path) -> None:
    """Make durable which files there are in a folder and all below it."""
    for each, _, _ in os.walk(folder, topdown=False):
        sync_folder(Path(each))
    sync_folder(folder.parent)


def drop_unfinished(folder: Path) -> None:
    """Remove what a crash left of files that `replace_durably` was writing."""
    for file in folder.rglob(f".*{_NEW}"):
        file.unlink()


@contextmanager
def folder_for_one(folder: Path) -> Iterator[None]:
    """Make a folder and hold it for one writer.

    Raises:
        WrongStateError: Another process writes there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise WrongStateError(
                f"Another process writes to {folder}.",
                remedy="Wait until it is done, or name another folder.",
            ) from error
        yield
    finally:
        os.close(descriptor)
