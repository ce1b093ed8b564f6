# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Never

import pytest
from tests.fakes.logs import ed25519_signer
from tests.unit.publication.conftest import GrowingLog

from selat.core.entry_bundles import entries_tile, parse_entries
from selat.core.merkle import EMPTY_FRONTIER
from selat.core.notes import parse_note, sign_note
from selat.core.tile_paths import TILE_WIDTH, TilePath, tile_path, tile_paths
from selat.core.tiles import root_at
from selat.core.tree_heads import Checkpoint, parse_tree_head
from selat.errors import (
    LogRolledBackError,
    StoreFullError,
    WrongStateError,
)
from selat.publication.durable_files import folder_for_one
from selat.publication.tile_tree import TileTree, WrittenTree
from selat.store.sqlite.inspection import inspection


class CrashError(Exception):
    """The process ends here."""


class FolderTiles:
    """The files of a tree as a source of proofs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def tile(self, level: int, index: int) -> bytes:
        full = self.folder / tile_path(level, index)
        if full.is_file():
            return full.read_bytes()
        partial = full.with_name(f"{full.name}.p")
        widths = sorted(int(each.name) for each in partial.glob("[0-9]*"))
        return (partial / str(widths[-1])).read_bytes() if widths else b""


def write(log: GrowingLog, out: Path, note: bytes, *, stop_at: str = "") -> WrittenTree:
    def on_step(step: str) -> None:
        if step == stop_at:
            raise CrashError(step)

    with inspection(log.path) as reads:
        tree = TileTree(out, log.shard(), reads=reads, on_step=on_step)
        return tree.bring_up_to(note, progress=lambda _count: None)


def check(folder: Path) -> Checkpoint:
    """Check that a folder holds all that its checkpoint names, and it holds."""
    note = (folder / "checkpoint").read_bytes()
    checkpoint = parse_tree_head(parse_note(note).text)
    assert root_at(checkpoint.size, FolderTiles(folder)) == checkpoint.root
    frontier = EMPTY_FRONTIER
    for path in tile_paths(checkpoint.size):
        file = folder / str(path)
        if not file.is_file():  # clients take the full one
            path = TilePath(level=path.level, index=path.index)  # noqa: PLW2901
            file = folder / str(path)
        data = file.read_bytes()
        if path.level is None:
            hashes = entries_tile(parse_entries(data, count=path.width))
            width = checkpoint.size - path.index * TILE_WIDTH
            kept = [hashes[at : at + 32] for at in range(0, len(hashes), 32)][:width]
            frontier = frontier.extend(kept)
    assert frontier.root() == checkpoint.root
    return checkpoint


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("size", [1, 255, 256, 257, 600])
async def test_tree_holds_what_its_checkpoint_says(
    size: int, growing: GrowingLog, tmp_path: Path
) -> None:
    note = await growing.grow_to(size)
    written = write(growing, tmp_path / "out", note)
    folder = tmp_path / "out" / growing.name
    assert check(folder).size == size
    expected = {str(path) for path in tile_paths(size)} | {"checkpoint"}
    assert set(files(folder)) == expected
    assert (written.written, written.kept) == (len(expected) - 1, 0)
    assert (folder / "checkpoint").read_bytes() == note


async def test_second_run_writes_only_what_is_new(
    growing: GrowingLog, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    write(growing, out, await growing.grow_to(300))
    folder = out / growing.name
    before = {path: path.stat().st_ino for path in folder.rglob("*") if path.is_file()}
    written = write(growing, out, await growing.grow_to(520))
    assert check(folder).size == 520
    full = folder / "tile/entries/000"
    assert full.stat().st_ino == before[full]
    assert written.kept == 2  # entries and hashes 0 … 255
    assert written.dropped == 2
    assert not (folder / "tile/0/001.p").exists()
    # The partial tile of another checkpoint stays while no full one stands for it.
    assert (folder / "tile/1/000.p/1").is_file()


async def test_run_that_finds_nothing_new_writes_the_checkpoint_alone(
    growing: GrowingLog, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    note = await growing.grow_to(300)
    write(growing, out, note)
    assert write(growing, out, note).written == 0


async def test_tree_that_was_lost_is_written_again_the_same(
    growing: GrowingLog, tmp_path: Path
) -> None:
    note = await growing.grow_to(300)
    write(growing, tmp_path / "one", note)
    write(growing, tmp_path / "two", note)
    assert files(tmp_path / "one") == files(tmp_path / "two")


async def test_crash_at_any_step_leaves_a_tree_that_holds(
    growing: GrowingLog, tmp_path: Path
) -> None:
    old = await growing.grow_to(300)
    write(growing, tmp_path / "whole", old)
    new = await growing.grow_to(600)
    write(growing, tmp_path / "whole", new)
    name = growing.name
    there = {str(path) for path in tile_paths(300)}
    new_paths = [str(path) for path in tile_paths(600) if str(path) not in there]
    assert len(new_paths) == 5
    for step in [*new_paths, "written", "checkpoint"]:
        out = tmp_path / step.replace("/", "-")
        write(growing, out, old)
        with pytest.raises(CrashError):
            write(growing, out, new, stop_at=f"tiles.{step}")
        assert check(out / name).size == (600 if step == "checkpoint" else 300)
        write(growing, out, new)
        assert files(out) == files(tmp_path / "whole")


async def test_file_that_a_crash_left_unfinished_goes(
    growing: GrowingLog, tmp_path: Path
) -> None:
    note = await growing.grow_to(3)
    write(growing, tmp_path / "out", note)
    folder = tmp_path / "out" / growing.name
    (folder / "tile/0/000.p/.2.new").write_bytes(b"half")
    write(growing, tmp_path / "out", note)
    assert not (folder / "tile/0/000.p/.2.new").exists()


async def test_full_disk_leaves_what_was_there(
    growing: GrowingLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(growing, tmp_path / "out", await growing.grow_to(3))

    def full(_descriptor: int) -> Never:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    note = await growing.grow_to(600)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreFullError, match="Make room"):
        write(growing, tmp_path / "out", note)
    assert check(tmp_path / "out" / growing.name).size == 3


async def test_folder_of_another_log_is_left_alone(
    growing: GrowingLog, tmp_path: Path
) -> None:
    folder = tmp_path / "out" / growing.name
    folder.mkdir(parents=True)
    other = Checkpoint(
        origin="police.xa.example/exchange/2030h2", size=0, root=bytes(32)
    )
    (folder / "checkpoint").write_bytes(sign_note(other.text(), [ed25519_signer()]))
    note = await growing.grow_to(3)
    with pytest.raises(WrongStateError, match="holds police"):
        write(growing, tmp_path / "out", note)
    (folder / "checkpoint").write_bytes(b"none")
    with pytest.raises(WrongStateError, match="checkpoint that is none"):
        write(growing, tmp_path / "out", note)


@pytest.mark.parametrize("size", [2, 9])
async def test_files_of_another_history_are_an_alarm(
    size: int, growing: GrowingLog, tmp_path: Path
) -> None:
    note = await growing.grow_to(3)
    folder = tmp_path / "out" / growing.name
    folder.mkdir(parents=True)
    origin = growing.shard().origin
    other = Checkpoint(origin=origin, size=size, root=b"r" * 32)
    (folder / "checkpoint").write_bytes(sign_note(other.text(), [ed25519_signer()]))
    with pytest.raises(LogRolledBackError, match="does not contain"):
        write(growing, tmp_path / "out", note)


def test_two_do_not_write_to_one_folder(tmp_path: Path) -> None:
    with folder_for_one(tmp_path / "out"):  # noqa: SIM117 - the second is refused
        with pytest.raises(WrongStateError, match="Another process"):
            with folder_for_one(tmp_path / "out"):
                pass
    with folder_for_one(tmp_path / "out"):
        pass
