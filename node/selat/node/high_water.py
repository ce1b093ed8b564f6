# SPDX-License-Identifier: Apache-2.0
"""The high-water mark: the newest head of our log that may have been signed.

Heads are ordered by shard first and by size within it; the shards before that of
the mark are final, and what was signed of them stands in the leaf that the next
one begins with.

A small file of two slots, written in turn and synchronised before the
signature is made. A torn write damages one slot at most; the other still holds
the mark before. It is trusted to be as new as the newest signature: never copy
an old one back, and keep it when a database is restored.
"""

from __future__ import annotations

import errno
import json
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from selat.core.origins import end_ms, is_later
from selat.core.tiles import root_at
from selat.errors import (
    HighWaterMissingError,
    LogRolledBackError,
    StoreCorruptError,
    StoreError,
    StoreFullError,
)
from selat.identity.private_files import sync_folder
from selat.store.port import Snapshot

_SLOT_BYTES: Final = 512
_SLOTS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A remembered head: origin, number of leaves, 32-byte root."""

    origin: str
    size: int
    root: bytes

    @property
    def place(self) -> tuple[int, int]:
        """Return what orders the marks of one log."""
        return end_ms(self.origin), self.size

    def follows(self, other: Mark) -> bool:
        """Tell whether it is of a larger tree of one shard, or of a later shard."""
        if self.origin == other.origin:
            return self.size > other.size
        return is_later(self.origin, other.origin)


class HighWaterFile:
    """The high-water mark in a file. Used by one thread at a time.

    Attributes:
        mark: The mark; None when nothing was signed, as far as the file knows.
        is_new: The file was empty: it was just made, or somebody put it there to
            begin anew.
    """

    def __init__(self, path: Path, *, create: bool = False) -> None:
        """Open the file.

        Args:
            path: The file.
            create: Create it, for a new node.

        Raises:
            HighWaterMissingError: It is not there.
            StoreCorruptError: Neither slot can be read.
        """
        flags = os.O_RDWR | (os.O_CREAT if create else 0)
        try:
            self._descriptor = os.open(path, flags, 0o600)
        except FileNotFoundError as error:
            raise mark_missing(f"There is no high-water mark {path}.") from error
        self.is_new = os.fstat(self._descriptor).st_size == 0
        try:
            self.mark, self._next_slot = self._begin(path)
        except BaseException:
            self.close()
            raise

    def _begin(self, path: Path) -> tuple[Mark | None, int]:
        """Return the mark that the file holds, and the slot to write next."""
        if self.is_new:
            os.pwrite(self._descriptor, bytes(_SLOT_BYTES * _SLOTS), 0)
            os.fsync(self._descriptor)
            sync_folder(path.parent)
        slots = [_read(self._descriptor, slot) for slot in range(_SLOTS)]
        marks = [mark for mark in slots if mark is not None]
        if not marks and any(os.pread(self._descriptor, _SLOT_BYTES * _SLOTS, 0)):
            raise StoreCorruptError(
                f"The high-water mark {path} is damaged.",
                remedy="Restore it. If it is lost, compare the log's size with peers' "
                "`selat status` before you put an empty file in its place; signing a "
                "shorter log is seen as a fork.",
            )
        mark = max(marks, key=lambda mark: mark.place, default=None)
        return mark, 0 if mark is None else (slots.index(mark) + 1) % _SLOTS

    def raise_to(self, *, origin: str, size: int, root: bytes) -> None:
        """Remember a head durably.

        Raises:
            LogRolledBackError: A later head, or another of the same size, was
                remembered before.
            StoreError: It could not be written; the mark is the one before.
            StoreFullError: There is no room for it.
        """
        new, mark = Mark(origin=origin, size=size, root=root), self.mark
        if new == mark:
            return
        if mark is not None and not new.follows(mark):
            raise _rolled_back(mark, origin=origin, size=size)
        try:
            os.pwrite(self._descriptor, _encode(new), self._next_slot * _SLOT_BYTES)
            os.fdatasync(self._descriptor)
        except OSError as error:
            raise _not_written(error) from error
        self._next_slot = (self._next_slot + 1) % _SLOTS
        self.mark = new

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def mark_missing(what: str) -> HighWaterMissingError:
    """Return the error for a node that cannot tell what it signed."""
    return HighWaterMissingError(
        f"{what} Whether this database holds all that was signed cannot be told.",
        remedy="Restore the newest high-water from the folder's mirror. If it is lost, "
        "ask your peers for `our log there` in `selat status`; only if this database "
        "is no shorter, put an empty file in its place: the mark begins anew.",
    )


def check_log(file: HighWaterFile, snapshot: Snapshot) -> None:
    """Hold that a database has all that was signed; begin an empty file's mark.

    Raises:
        HighWaterMissingError: A peer holds a signature that the file knows nothing of.
        LogRolledBackError: The database is older than the mark, or holds
            another history.
    """
    if file.mark is None and any(
        snapshot.link(peer.name).acknowledged_size for peer in snapshot.peers()
    ):
        if not file.is_new:
            raise mark_missing("The high-water mark is blank.")
        head = snapshot.tree_head()
        frontier = head.frontier
        file.raise_to(origin=head.origin, size=frontier.size, root=frontier.root())
    check_against_mark(file.mark, snapshot)


def check_against_mark(mark: Mark | None, snapshot: Snapshot) -> None:
    """Refuse a database that is behind what was signed.

    Args:
        mark: The remembered head.
        snapshot: The database.

    Raises:
        LogRolledBackError: The database is older than the mark, or holds
            another history.
    """
    if mark is None:
        return
    shard = snapshot.shard(mark.origin)
    if shard is not None and shard.size >= mark.size:
        root = root_at(mark.size, snapshot.shard_tiles(mark.origin))
        if root == mark.root:
            return
    newest = snapshot.tree_head()
    raise _rolled_back(
        mark,
        origin=newest.origin if shard is None else shard.origin,
        size=newest.frontier.size if shard is None else shard.size,
    )


def _rolled_back(mark: Mark, *, origin: str, size: int) -> LogRolledBackError:
    return LogRolledBackError(
        f"The database holds {size} leaves of {origin}, but a checkpoint of "
        f"{mark.size} leaves of {mark.origin} was signed, and the database does not "
        "contain it.",
        remedy="An old database was restored, or two nodes share these keys. Restore "
        "the newest database; if it is lost, start a new log and tell every peer.",
        size=size,
        signed_size=mark.size,
    )


def _not_written(error: OSError) -> StoreError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return StoreFullError(
            "The disk of the high-water mark is full; nothing was signed.",
            remedy="Free space on it and try again.",
        )
    return StoreError(
        f"The high-water mark cannot be written: {error.strerror}.",
        remedy="Check the disk and the system's log, then start the node again.",
    )


def _encode(mark: Mark) -> bytes:
    text = json.dumps(
        {"origin": mark.origin, "root": mark.root.hex(), "size": mark.size}
    ).encode()
    record = zlib.crc32(text).to_bytes(4, "big") + len(text).to_bytes(2, "big") + text
    return record.ljust(_SLOT_BYTES, b"\0")


def _read(descriptor: int, slot: int) -> Mark | None:
    record = os.pread(descriptor, _SLOT_BYTES, slot * _SLOT_BYTES)
    length = int.from_bytes(record[4:6], "big")
    text = record[6 : 6 + length]
    if not length or zlib.crc32(text).to_bytes(4, "big") != record[:4]:
        return None
    fields = json.loads(text)
    return Mark(
        origin=fields["origin"],
        size=fields["size"],
        root=bytes.fromhex(fields["root"]),
    )
