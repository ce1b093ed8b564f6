# SPDX-License-Identifier: Apache-2.0
"""The tree of one shard, from its files to the signed root (check 5).

1. Every tile that C2SP tlog-tiles has for a tree of that size is there, with
   the hashes that belong into it: no fewer, no more.
2. Each tile above the lowest level follows from those below it.
3. The entries of the period have the hashes of the lowest tiles, one for one.
4. The tiles lead to the root of the signed checkpoint.

Entries that do not have the hash that the tree has at their place are not
looked at any further.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from selat.audit.bundle_reader import BundleReader
from selat.audit.findings import Code, Findings
from selat.core.bundle_paths import log_path
from selat.core.bundles import ShardPeriod
from selat.core.entry_bundles import BUNDLE_BYTES_MAX, entries_tile
from selat.core.merkle import EMPTY_ROOT, HASH_BYTES, complete_root
from selat.core.tile_paths import (
    TILE_HEIGHT,
    TILE_WIDTH,
    entries_path,
    tile_path,
    tile_paths,
)
from selat.core.tiles import root_at

_TILE_BYTES: Final = TILE_WIDTH * HASH_BYTES
_LENGTH_BYTES: Final = 2
#: Indices that a message shows of those that are wrong.
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafBlock:
    """Leaves that stand in the tree, one after the other.

    Attributes:
        first: Index of the first.
        leaves: Their exact bytes.
        hashes: Their RFC 6962 hashes, joined.
    """

    first: int
    leaves: tuple[bytes, ...]
    hashes: bytes


class TreeFiles:
    """The tiles of one shard; a `selat.core.tiles.TileSource`."""

    def __init__(self, reader: BundleReader, shard: str, size: int) -> None:
        """Take the bundle, the shard ``YYYYhN`` and its size at the end."""
        self._reader: Final = reader
        self._shard: Final = shard
        self.size: Final = size

    def tile(self, level: int, index: int) -> bytes:
        """Return a tile's hashes; empty if it is not there."""
        return self.read(level, index) or b""

    def read(self, level: int, index: int) -> bytes | None:
        """Return a tile's hashes; None if it is not there, which is a finding."""
        count = self.size >> (TILE_HEIGHT * level)
        width = min(count - index * TILE_WIDTH, TILE_WIDTH)
        if width < 1:
            return b""
        path = tile_path(level, index, width)
        return self._reader.read(log_path(self._shard, path), bytes_max=_TILE_BYTES)

    def read_entries(self, index: int) -> bytes | None:
        """Return an entry bundle; None if it is not there, which is a finding."""
        width = min(self.size - index * TILE_WIDTH, TILE_WIDTH)
        name = log_path(self._shard, entries_path(index, width))
        return self._reader.read(name, bytes_max=BUNDLE_BYTES_MAX)


class TreeWalk:
    """Verifies one shard's tree and yields its leaves.

    Args:
        reader: The bundle.
        period: The shard, and which part of it.
        findings: Where to say what is wrong.

    Attributes:
        files: The tiles.
        is_whole: After the walk: whether all tiles were there and followed from
            each other.
        root: After the walk: the root that the tiles lead to.
    """

    def __init__(
        self, reader: BundleReader, period: ShardPeriod, findings: Findings
    ) -> None:
        """Start before the first leaf."""
        self.files: Final = TreeFiles(reader, period.shard, period.end_size)
        self.is_whole = True
        self.root = EMPTY_ROOT
        self._period: Final = period
        self._findings: Final = findings
        # Before a size that was made up costs any work.
        self._is_short = period.end_size > TILE_WIDTH * len(reader.paths)
        if self._is_short:
            self._wrong(
                Code.TILE_MISSING,
                f"The bundle has too few files for {period.end_size} leaves.",
            )
        else:
            self._check_names(reader)

    @property
    def first_bundle(self) -> int:
        """The entry bundle with the leaf before the period."""
        return max(self._period.start_size - 1, 0) // TILE_WIDTH

    def __iter__(self) -> Iterator[LeafBlock]:
        """Yield the leaves from the one before the period on."""
        level, count = 0, 0 if self._is_short else self._period.end_size
        below: bytes | None = None
        while count:
            above = bytearray()
            for index in range(-(-count // TILE_WIDTH)):
                tile = self._tile(level, index, count, below)
                above += self._root_of(tile)
                if level == 0 and index >= self.first_bundle:
                    yield from self._entries(index, tile)
            below, level, count = bytes(above), level + 1, count >> TILE_HEIGHT
        if self.is_whole and self._period.end_size:
            self.root = root_at(self._period.end_size, self.files)

    def _tile(
        self, level: int, index: int, count: int, below: bytes | None
    ) -> bytes | None:
        """Return a tile that has its length and follows from those below it."""
        tile = self.files.read(level, index)
        width = min(count - index * TILE_WIDTH, TILE_WIDTH)
        name = tile_path(level, index, width)
        if tile is None:
            self._wrong(Code.TILE_MISSING, f"The tile {name} is missing.")
        elif len(tile) != width * HASH_BYTES:
            self._wrong(
                Code.TILE_TRUNCATED,
                f"The tile {name} has {len(tile)} bytes instead of "
                f"{width * HASH_BYTES}.",
            )
        elif below is not None and self.is_whole:
            start = index * _TILE_BYTES
            if tile != below[start : start + len(tile)]:
                self._wrong(
                    Code.TILE_DIFFERS,
                    f"The tile {name} does not follow from the tiles below it.",
                )
            return tile
        else:
            return tile
        return None

    def _root_of(self, tile: bytes | None) -> bytes:
        if tile is None:
            return bytes(HASH_BYTES)
        return complete_root(tile) if len(tile) == _TILE_BYTES else b""

    def _entries(self, index: int, tile: bytes | None) -> Iterator[LeafBlock]:
        data = self.files.read_entries(index)
        if data is None:
            self._add(Code.ENTRIES_MISSING, f"The entry bundle {index} is missing.")
            return
        leaves = _split(data)
        if leaves is None:
            self._add(
                Code.ENTRIES_MALFORMED,
                f"The entry bundle {index} is cut off, or not of its form.",
            )
            return
        if tile is None:
            return
        hashes, first = entries_tile(leaves), index * TILE_WIDTH
        if hashes == tile:
            yield LeafBlock(first=first, leaves=leaves, hashes=hashes)
            return
        self._compare(first, hashes, tile)
        for place, leaf in enumerate(leaves):
            start = place * HASH_BYTES
            found = hashes[start : start + HASH_BYTES]
            if found == tile[start : start + HASH_BYTES]:
                yield LeafBlock(first=first + place, leaves=(leaf,), hashes=found)

    def _compare(self, first: int, hashes: bytes, tile: bytes) -> None:
        """Say how the entries of one bundle differ from their tile."""
        entries, expected = _hashes(hashes), _hashes(tile)
        wrong = [
            first + place
            for place, found in enumerate(expected)
            if place >= len(entries) or entries[place] != found
        ]
        where = wrong[0] if wrong else first + len(expected)
        if len(entries) < len(expected):
            code, what = Code.ENTRY_REMOVED, "was removed"
        elif len(entries) > len(expected):
            code, what = Code.ENTRY_ADDED, "was added that the tree does not have"
        elif sorted(entries) == sorted(expected):
            shown = ", ".join(map(str, wrong[:_SHOWN]))
            self._add(
                Code.ENTRIES_SWAPPED,
                f"The leaves {shown} stand in another order than in the tree.",
                index=where,
            )
            return
        else:
            code, what = Code.ENTRY_CHANGED, "is not the one that the tree has"
        self._add(code, f"A leaf at {where} {what}.", index=where)

    def _check_names(self, reader: BundleReader) -> None:
        """Refuse tiles that a tree of that size does not have."""
        expected = {
            log_path(self._period.shard, str(path))
            for path in tile_paths(self._period.end_size)
        }
        prefix = log_path(self._period.shard, "tile/")
        for name in sorted(reader.paths):
            if name.startswith(prefix) and name not in expected:
                tile = reader.paths[name].tile
                self._findings.add(
                    Code.FILE_UNEXPECTED,
                    f"{reader.label}/{name}",
                    f"A tree of {self._period.end_size} leaves has no {tile}.",
                )

    def _wrong(self, code: Code, message: str) -> None:
        self.is_whole = False
        self._add(code, message)

    def _add(self, code: Code, message: str, *, index: int | None = None) -> None:
        self._findings.add(code, self._period.origin, message, index=index)


def _split(data: bytes) -> tuple[bytes, ...] | None:
    """Return the leaves of an entry bundle, however many there are."""
    leaves = []
    end, size = 0, len(data)
    while end + 1 < size:
        start = end + _LENGTH_BYTES
        end = start + (data[end] << 8 | data[end + 1])
        leaves.append(data[start:end])
    return tuple(leaves) if end == size else None


def _hashes(joined: bytes) -> list[bytes]:
    return [
        joined[start : start + HASH_BYTES]
        for start in range(0, len(joined), HASH_BYTES)
    ]
