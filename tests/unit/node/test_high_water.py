# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.fakes.trees import MemoryTree, numbered

from selat.core.tiles import root_at
from selat.errors import (
    LogRolledBackError,
    StoreCorruptError,
    StoreError,
    StoreFullError,
)
from selat.node.high_water import HighWaterFile, Mark, check_against_mark

ORIGIN = "police.xa.example/exchange/2030h1"
SLOT_BYTES = 512


def head(size: int) -> Mark:
    return Mark(origin=ORIGIN, size=size, root=bytes([size]) * 32)


@contextmanager
def opened(path: Path) -> Iterator[HighWaterFile]:
    file = HighWaterFile(path, create=True)
    try:
        yield file
    finally:
        file.close()


def raise_to(file: HighWaterFile, mark: Mark) -> None:
    file.raise_to(origin=mark.origin, size=mark.size, root=mark.root)


def kept(path: Path) -> Mark | None:
    with opened(path) as file:
        return file.mark


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "high-water"


@pytest.fixture
def marked(path: Path) -> Path:
    """Give a file that was raised to 1, then to 2, then to 3."""
    with opened(path) as file:
        for size in (1, 2, 3):
            raise_to(file, head(size))
    return path


def damage(path: Path, slot: int, *, at: int = 20) -> None:
    data = bytearray(path.read_bytes())
    data[slot * SLOT_BYTES + at] ^= 0x01
    path.write_bytes(data)


# --- keeping -----------------------------------------------------------------
def test_new_file_holds_no_mark_and_is_for_its_owner(path: Path) -> None:
    assert kept(path) is None
    assert kept(path) is None  # nor when it is opened again
    assert path.stat().st_mode & 0o077 == 0


def test_greatest_mark_outlives_the_process(marked: Path) -> None:
    assert kept(marked) == head(3)


@pytest.mark.parametrize("opens", [1, 2])
def test_marks_are_written_in_turn(path: Path, opens: int) -> None:
    # Whatever is torn, the other slot holds the mark before.
    for size in range(1, 5, opens):
        with opened(path) as file:
            for step in range(opens):
                raise_to(file, head(size + step))
    newest = path.read_bytes()
    damage(path, slot=1)
    damaged = kept(path)
    path.write_bytes(newest)
    damage(path, slot=0)
    assert {damaged, kept(path)} == {head(3), head(4)}


def test_same_head_may_be_signed_again(marked: Path) -> None:
    before = marked.read_bytes()
    with opened(marked) as file:
        raise_to(file, head(3))
    assert marked.read_bytes() == before


@pytest.mark.parametrize(
    "new",
    [
        head(2),
        Mark(origin=ORIGIN, size=3, root=bytes(32)),
        Mark(origin="police.xb.example/exchange/2030h1", size=9, root=bytes(32)),
    ],
    ids=["smaller", "forked", "of another log"],
)
def test_mark_never_goes_back(new: Mark, marked: Path) -> None:
    with opened(marked) as file:
        with pytest.raises(LogRolledBackError) as caught:
            raise_to(file, new)
        assert file.mark == head(3)
    assert caught.value.context["signed_size"] == 3
    assert kept(marked) == head(3)


# --- damage ------------------------------------------------------------------
@pytest.mark.parametrize("at", [0, 4, 5, 6, 40])
def test_torn_write_leaves_the_mark_before(at: int, marked: Path) -> None:
    damage(marked, slot=0, at=at)  # 3 was written over 1
    assert kept(marked) == head(2)
    with opened(marked) as file:
        raise_to(file, head(4))
    assert kept(marked) == head(4)


def test_file_with_two_damaged_slots_is_refused(marked: Path) -> None:
    damage(marked, slot=0)
    damage(marked, slot=1)
    with pytest.raises(StoreCorruptError) as caught:
        HighWaterFile(marked)
    assert "seen as a fork" in caught.value.remedy


def test_file_that_is_refused_is_closed(
    marked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    descriptors: list[int] = []

    def close(descriptor: int) -> None:
        descriptors.append(descriptor)
        os.fstat(descriptor)  # it is open

    damage(marked, slot=0)
    damage(marked, slot=1)
    with monkeypatch.context() as patch:
        patch.setattr(os, "close", close)
        with pytest.raises(StoreCorruptError):
            HighWaterFile(marked)
    (descriptor,) = descriptors
    os.close(descriptor)


# --- disks -------------------------------------------------------------------
@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, StoreFullError),
        (errno.EDQUOT, StoreFullError),
        (errno.EIO, StoreError),
    ],
)
@pytest.mark.parametrize("call", ["pwrite", "fdatasync"])
def test_mark_that_cannot_be_written_is_the_one_before(
    call: str,
    number: int,
    kind: type[StoreError],
    marked: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_arguments: object) -> None:
        raise OSError(number, os.strerror(number))

    with opened(marked) as file:
        with monkeypatch.context() as patch:
            patch.setattr(os, call, fail)
            with pytest.raises(StoreError) as caught:
                raise_to(file, head(4))
        assert type(caught.value) is kind
        assert caught.value.remedy
        assert file.mark == head(3)
        raise_to(file, head(4))  # when the disk is mended
    assert kept(marked) == head(4)


def test_mark_is_durable_before_it_counts(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []

    def watch(name: str) -> Callable[..., object]:
        call = getattr(os, name)

        def watched(*arguments: object) -> object:
            happened.append(name)
            return call(*arguments)

        return watched

    with opened(path) as file:
        monkeypatch.setattr(os, "pwrite", watch("pwrite"))
        monkeypatch.setattr(os, "fdatasync", watch("fdatasync"))
        raise_to(file, head(1))
    assert happened == ["pwrite", "fdatasync"]


# --- shards ------------------------------------------------------------------
LATER = "police.xa.example/exchange/2030h2"


def test_mark_goes_on_in_the_next_shard_however_small(path: Path) -> None:
    with opened(path) as file:
        raise_to(file, head(5))
        file.raise_to(origin=LATER, size=1, root=bytes(32))
    with opened(path) as file:
        assert file.mark == Mark(origin=LATER, size=1, root=bytes(32))
        with pytest.raises(LogRolledBackError):
            raise_to(file, head(6))
        file.raise_to(origin=LATER, size=2, root=bytes(32))
    assert kept(path) == Mark(origin=LATER, size=2, root=bytes(32))


# --- databases ---------------------------------------------------------------
class MarkedLog:
    """A database whose shards are full of numbered leaves."""

    def __init__(self, *sizes: int, origins: tuple[str, ...] = (ORIGIN, LATER)) -> None:
        self.trees = {
            origin: MemoryTree(numbered(size))
            for origin, size in zip(origins, sizes, strict=False)
        }

    def shard(self, origin: str) -> SimpleNamespace | None:
        if origin not in self.trees:
            return None
        return SimpleNamespace(origin=origin, size=self.trees[origin].frontier.size)

    def shard_tiles(self, origin: str) -> MemoryTree:
        return self.trees[origin]

    def tree_head(self) -> SimpleNamespace:
        origin, tree = list(self.trees.items())[-1]
        return SimpleNamespace(origin=origin, frontier=tree.frontier)

    def mark(self, origin: str, size: int) -> Mark:
        root = root_at(size, self.trees[origin])
        return Mark(origin=origin, size=size, root=root)


def check(log: MarkedLog, mark: Mark | None) -> None:
    database: Any = log
    check_against_mark(mark, database)


def test_database_that_holds_what_was_signed_is_taken() -> None:
    log = MarkedLog(4)
    check(log, log.mark(ORIGIN, 3))
    check(log, log.mark(ORIGIN, 4))
    check(log, None)


def test_shard_that_nothing_was_signed_of_yet_may_follow() -> None:
    log = MarkedLog(4, 1)
    check(log, log.mark(ORIGIN, 4))
    check(log, log.mark(LATER, 1))


@pytest.mark.parametrize(
    ("log", "size"),
    [
        (MarkedLog(2), 2),
        (MarkedLog(4, origins=("police.xb.example/exchange/2030h1",)), 4),
        (MarkedLog(5, origins=("police.xa.example/exchange/2029h2",)), 5),
    ],
    ids=["shorter", "of another log", "before the shard"],
)
def test_database_without_what_was_signed_is_refused(log: MarkedLog, size: int) -> None:
    with pytest.raises(LogRolledBackError) as caught:
        check(log, MarkedLog(3).mark(ORIGIN, 3))
    assert caught.value.context == {"size": size, "signed_size": 3}


def test_database_of_another_history_is_refused() -> None:
    with pytest.raises(LogRolledBackError):
        check(MarkedLog(4), Mark(origin=ORIGIN, size=3, root=bytes(32)))
