# SPDX-License-Identifier: Apache-2.0
"""Our log as a tree of files that any web server or disk can carry.

The files are those of C2SP tlog-tiles, a folder for each shard. A tree is
brought up to date in this order: (1) tiles and entry bundles that are missing,
each whole or not at all; full ones are never written again; (2) the checkpoint,
which names nothing that is not there; (3) partial tiles go whose full tile is
there. After a crash at any step the checkpoint that is there, old or new,
stands on whole files, and the next run goes on.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TypeVar

from selat.core.bundle_paths import shard_of
from selat.core.checkpoints import Checkpoint
from selat.core.notes import parse_note
from selat.core.tile_paths import TILE_WIDTH, TilePath, tile_paths
from selat.core.tiles import root_at
from selat.core.tree_heads import parse_tree_head
from selat.errors import LogRolledBackError, MalformedError, WrongStateError
from selat.identity.private_files import sync_folder
from selat.publication.durable_files import (
    disk_errors,
    drop_unfinished,
    replace_durably,
    sync_tree,
)
from selat.publication.resources import CHECKPOINT, tile_bytes
from selat.store.port import Snapshot
from selat.store.values import Shard

_T = TypeVar("_T")
#: Files that are read in one moment of the database: some 25 MB of entries.
_FILES_AT_ONCE: Final = 64


class Reads(Protocol):
    """Run work on one moment of the database after the other."""

    def __call__(self, work: Callable[[Snapshot], _T]) -> _T:
        """Run ``work`` on a moment of its own; return its value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenTree:
    """What was done to the files of a shard.

    Attributes:
        origin: The shard.
        size: Leaves that the checkpoint covers.
        written: Files that were written.
        kept: Files that were there.
        dropped: Partial tiles that went.
    """

    origin: str
    size: int
    written: int
    kept: int
    dropped: int


class TileTree:
    """The files of one shard.

    Args:
        folder: The folder of all shards.
        shard: The shard.
        reads: Gives moments of the database.
        on_step: Told of each file that was written, and of each step.
    """

    def __init__(
        self,
        folder: Path,
        shard: Shard,
        *,
        reads: Reads,
        on_step: Callable[[str], None] = lambda _step: None,
    ) -> None:
        """Name the files; `bring_up_to` writes them."""
        self._folder = folder / shard_of(shard.origin)
        self._shard = shard
        self._reads = reads
        self._on_step = on_step

    def bring_up_to(
        self, note: bytes, *, progress: Callable[[int], None]
    ) -> WrittenTree:
        """Write what is missing for a checkpoint.

        Args:
            note: A signed checkpoint of the shard that our own node made.
            progress: Told how many files are done.

        Raises:
            LogRolledBackError: The files are of a longer log, or another history.
            WrongStateError: The files are of another log.
            ConfigurationError: A file cannot be written.
            StoreError: The database cannot be read, or the disk is full.
        """
        checkpoint = parse_tree_head(parse_note(note).text)
        with disk_errors(self._folder):
            self._check_before(checkpoint)
            drop_unfinished(self._folder)
            paths = list(tile_paths(checkpoint.size))
            missing = [path for path in paths if not self._file(path).is_file()]
            progress(len(paths) - len(missing))
            for start in range(0, len(missing), _FILES_AT_ONCE):
                self._write(missing[start : start + _FILES_AT_ONCE], checkpoint.size)
                progress(len(missing[start : start + _FILES_AT_ONCE]))
            sync_tree(self._folder)
            self._on_step("tiles.written")
            replace_durably(self._folder / CHECKPOINT, note)
            sync_folder(self._folder)
            self._on_step("tiles.checkpoint")
            dropped = sum(map(self._drop_partial, paths))
        return WrittenTree(
            origin=checkpoint.origin,
            size=checkpoint.size,
            written=len(missing),
            kept=len(paths) - len(missing),
            dropped=dropped,
        )

    def _check_before(self, new: Checkpoint) -> None:
        """Check that what is there is an earlier state of the same log."""
        file = self._folder / CHECKPOINT
        if not file.exists():
            return
        try:
            old = parse_tree_head(parse_note(file.read_bytes()).text)
        except MalformedError as error:
            raise self._strange("holds a checkpoint that is none") from error
        if old.origin != self._shard.origin:
            raise self._strange(f"holds {old.origin}")

        def root(snapshot: Snapshot) -> bytes:
            return root_at(old.size, snapshot.shard_tiles(old.origin))

        if old.size > new.size or (old.size and self._reads(root) != old.root):
            raise LogRolledBackError(
                f"{self._folder} holds {old.size} leaves of {old.origin}, which the "
                "database does not contain.",
                remedy="Was an old database restored? Compare with a peer's "
                "`selat status` before anything is signed.",
                size=new.size,
                published_size=old.size,
            )

    def _write(self, paths: list[TilePath], size: int) -> None:
        shard = self._shard

        def work(snapshot: Snapshot) -> list[bytes]:
            return [tile_bytes(snapshot, shard, path, size=size) for path in paths]

        for path, data in zip(paths, self._reads(work), strict=True):
            replace_durably(self._file(path), data)
            self._on_step(f"tiles.{path}")

    def _drop_partial(self, path: TilePath) -> int:
        """Remove the partial tiles of a full one; return how many."""
        folder = self._file(path).with_name(f"{self._file(path).name}.p")
        if path.width < TILE_WIDTH or not folder.is_dir():
            return 0
        count = sum(1 for _ in folder.iterdir())
        shutil.rmtree(folder)
        return count

    def _file(self, path: TilePath) -> Path:
        return self._folder / str(path)

    def _strange(self, what: str) -> WrongStateError:
        return WrongStateError(
            f"{self._folder} {what}.",
            remedy=f"Name a folder for the tiles of {self._shard.origin} alone.",
        )
