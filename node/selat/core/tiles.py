# SPDX-License-Identifier: Apache-2.0
"""The tree as hash tiles (C2SP tlog-tiles), and the proofs built from them.

A tile of level L holds up to 256 hashes of the tree's level 8·L; everything
between two tile levels is computed from the lower tile. Proofs follow RFC 6962
§2.1; the range proof is described in docs/protocol.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache, partial
from typing import Final, Protocol

from selat.core.merkle import HASH_BYTES, complete_root, node_hash, split_at
from selat.core.tile_paths import TILE_HEIGHT, TILE_WIDTH
from selat.errors import InvalidInputError, StoreCorruptError

__all__ = [
    "TILE_HEIGHT",
    "TILE_WIDTH",
    "RememberingTiles",
    "SubtreeRoots",
    "TileSource",
    "consistency_proof",
    "inclusion_proof",
    "range_proof",
    "root_at",
    "updated_tiles",
]

_TILE_BYTES: Final = TILE_WIDTH * HASH_BYTES
#: Tiles and roots of subtrees that are remembered: a proof needs fewer.
_TILES_KEPT: Final = 256
_NODES_KEPT: Final = 4_096

#: Root of the complete or last subtree over the leaves ``[start, end)``.
Subtree = Callable[[int, int], bytes]


class TileSource(Protocol):
    """Where tiles are kept."""

    def tile(self, level: int, index: int) -> bytes:
        """Return a tile's hashes, 32 bytes each, as many as there are.

        A tile that does not exist is empty. A tile may hold more hashes than
        the tree had at the size that is asked about.
        """


class SubtreeRoots:
    """Roots of complete subtrees of one tree, which no later leaf changes.

    They are remembered over many proofs of a tree that is committed; threads may
    share them. The newest are near the tree's end, where most proofs are of.
    """

    __slots__ = ("_roots",)

    def __init__(self) -> None:
        """Start with none."""
        self._roots: dict[tuple[int, int], bytes] = {}

    def of(
        self, compute: Callable[[int, int], bytes], height: int, index: int
    ) -> bytes:
        """Return the root of a complete subtree; compute it the first time.

        Args:
            compute: Returns it from the tiles.
            height: The subtree has ``2^height`` leaves.
            index: How many such subtrees stand to its left.
        """
        root = self._roots.get((height, index))
        if root is None:
            root = compute(height, index)
            if len(self._roots) >= _NODES_KEPT:
                self._roots.clear()
            self._roots[height, index] = root
        return root


class RememberingTiles:
    """Tiles of a committed tree, with the roots that were computed from them.

    Attributes:
        roots: The roots.
    """

    __slots__ = ("_source", "roots")

    def __init__(self, source: TileSource, roots: SubtreeRoots) -> None:
        """Take the tiles, and the roots of the same tree."""
        self._source = source
        self.roots = roots

    def tile(self, level: int, index: int) -> bytes:
        """Return the hashes of one tile, as the source does."""
        return self._source.tile(level, index)


def updated_tiles(
    size_before: int, leaf_hashes: Sequence[bytes], source: TileSource
) -> dict[tuple[int, int], bytes]:
    """Return every tile that appending leaves changes, with its new contents.

    Args:
        size_before: Number of leaves before.
        leaf_hashes: The new leaves' hashes.
        source: The tiles before.

    Returns:
        Hashes by tile level and index.

    Raises:
        StoreCorruptError: A tile of before is missing or short.
        InvalidInputError: A hash does not have 32 bytes.
    """
    if any(len(item) != HASH_BYTES for item in leaf_hashes):
        raise InvalidInputError(
            f"A leaf hash does not have {HASH_BYTES} bytes.",
            remedy="Append what leaf_hash() returns.",
        )
    changed: dict[tuple[int, int], bytes] = {}
    level, first, hashes = 0, size_before, b"".join(leaf_hashes)
    while hashes:
        index, offset = divmod(first, TILE_WIDTH)
        hashes = _beginning(source, level, index, offset) + hashes
        full: list[bytes] = []
        for start in range(0, len(hashes), _TILE_BYTES):
            tile = hashes[start : start + _TILE_BYTES]
            changed[level, index + start // _TILE_BYTES] = tile
            if len(tile) == _TILE_BYTES:
                full.append(complete_root(tile))
        level, first, hashes = level + 1, index, b"".join(full)
    return changed


def _beginning(source: TileSource, level: int, index: int, width: int) -> bytes:
    """Return the first hashes of a tile."""
    hashes = source.tile(level, index)[: width * HASH_BYTES] if width else b""
    if len(hashes) != width * HASH_BYTES:
        raise _missing(level, index)
    return hashes


def inclusion_proof(index: int, size: int, source: TileSource) -> tuple[bytes, ...]:
    """Return the proof that a leaf stands in a tree (RFC 6962 §2.1.1).

    Raises:
        InvalidInputError: The index is outside the tree.
    """
    if not 0 <= index < size:
        raise _outside(size)
    subtree = _subtrees(source)
    proof: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + split_at(end - start)
        if index < middle:
            proof.append(subtree(middle, end))
            end = middle
        else:
            proof.append(subtree(start, middle))
            start = middle
    return tuple(reversed(proof))


def consistency_proof(
    old_size: int, new_size: int, source: TileSource
) -> tuple[bytes, ...]:
    """Return the proof that a tree extends an older one (RFC 6962 §2.1.2).

    Empty when the sizes are equal or the older tree is empty.

    Raises:
        InvalidInputError: The older tree is the larger one.
    """
    if not 0 <= old_size <= new_size:
        raise _outside(new_size)
    if old_size in (0, new_size):
        return ()
    subtree = _subtrees(source)
    proof: list[bytes] = []
    start, end, whole = 0, new_size, True
    while old_size != end:
        middle = start + split_at(end - start)
        if old_size <= middle:
            proof.append(subtree(middle, end))
            end = middle
        else:
            proof.append(subtree(start, middle))
            start, whole = middle, False
    if not whole:
        proof.append(subtree(start, end))
    return tuple(reversed(proof))


def range_proof(
    first: int, count: int, size: int, source: TileSource
) -> tuple[bytes, ...]:
    """Return the proof that leaves stand contiguously in a tree.

    Raises:
        InvalidInputError: The range is empty or outside the tree.
    """
    last = first + count
    if not (count > 0 and first >= 0 and last <= size):
        raise _outside(size)
    subtree = _subtrees(source)
    proof: list[bytes] = []

    def walk(start: int, end: int) -> None:
        if first <= start and end <= last:
            return
        if end <= first or last <= start:
            proof.append(subtree(start, end))
            return
        middle = start + split_at(end - start)
        walk(start, middle)
        walk(middle, end)

    walk(0, size)
    return tuple(proof)


def root_at(size: int, source: TileSource) -> bytes:
    """Return the root that the tree had at a size of at least 1."""
    (root,) = roots_at([size], source)
    return root


def roots_at(sizes: Iterable[int], source: TileSource) -> Iterator[bytes]:
    """Yield the roots that the tree had at sizes of at least 1.

    Sizes that are close to each other and in order share most of the work.
    """
    subtree = _subtrees(source)
    for size in sizes:
        if size < 1:
            raise _outside(size)
        yield subtree(0, size)


def _subtrees(source: TileSource) -> Subtree:
    """Return a function that gives subtree roots, remembering the newest ones."""
    read = lru_cache(_TILES_KEPT)(source.tile)

    def compute(level: int, index: int) -> bytes:
        """Return the root of the complete subtree of height ``level``."""
        tile_level, height = divmod(level, TILE_HEIGHT)
        first = index << height
        tile_index, offset = divmod(first, TILE_WIDTH)
        end = (offset + (1 << height)) * HASH_BYTES
        hashes = read(tile_level, tile_index)[offset * HASH_BYTES : end]
        if len(hashes) != HASH_BYTES << height:
            raise _missing(tile_level, tile_index)
        return complete_root(hashes)

    node: Callable[[int, int], bytes]
    if isinstance(source, RememberingTiles):
        node = partial(source.roots.of, compute)
    else:
        node = lru_cache(_NODES_KEPT)(compute)

    def subtree(start: int, end: int) -> bytes:
        """Return the root over ``[start, end)``, complete or at the right edge."""
        count = end - start
        if count & (count - 1) == 0:
            level = count.bit_length() - 1
            return node(level, start >> level)
        middle = start + split_at(count)
        return node_hash(subtree(start, middle), subtree(middle, end))

    return subtree


def _outside(size: int) -> InvalidInputError:
    return InvalidInputError(
        f"A tree of {size} leaves has no such proof.",
        remedy="Ask for leaves and sizes inside the tree.",
        size=size,
    )


def _missing(level: int, index: int) -> StoreCorruptError:
    return StoreCorruptError(
        f"Tile {index} of level {level} is missing or short.",
        remedy="Restore the database from a backup.",
        level=level,
        index=index,
    )
