# SPDX-License-Identifier: Apache-2.0
"""A log's tree in memory, and RFC 6962 §2.1 written down as it stands there."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from selat.core.merkle import EMPTY_FRONTIER, leaf_hash
from selat.core.tiles import updated_tiles


def numbered(count: int, *, first: int = 0) -> list[bytes]:
    """Return the hashes of leaves that differ."""
    return [leaf_hash(f"leaf {first + i}".encode()) for i in range(count)]


class MemoryTree:
    """A tree that keeps leaf hashes, tiles and frontier, as a store does."""

    def __init__(self, leaf_hashes: Sequence[bytes] = ()) -> None:
        self.leaf_hashes: list[bytes] = []
        self.tiles: dict[tuple[int, int], bytes] = {}
        self.frontier = EMPTY_FRONTIER
        self.append(leaf_hashes)

    def append(self, leaf_hashes: Sequence[bytes]) -> None:
        self.tiles.update(updated_tiles(self.frontier.size, leaf_hashes, self))
        self.frontier = self.frontier.extend(leaf_hashes)
        self.leaf_hashes.extend(leaf_hashes)

    def tile(self, level: int, index: int) -> bytes:
        return self.tiles.get((level, index), b"")


def tree_hash(hashes: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962 §2.1, over leaf hashes."""
    if not hashes:
        return sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = split_at(len(hashes))
    left, right = tree_hash(hashes[:split]), tree_hash(hashes[split:])
    return sha256(b"\x01" + left + right).digest()


def audit_path(index: int, hashes: Sequence[bytes]) -> tuple[bytes, ...]:
    """PATH of RFC 6962 §2.1.1."""
    if len(hashes) == 1:
        return ()
    split = split_at(len(hashes))
    if index < split:
        return (*audit_path(index, hashes[:split]), tree_hash(hashes[split:]))
    return (*audit_path(index - split, hashes[split:]), tree_hash(hashes[:split]))


def consistency(old_size: int, hashes: Sequence[bytes]) -> tuple[bytes, ...]:
    """PROOF of RFC 6962 §2.1.2."""
    return _subproof(old_size, hashes, whole=True)


def _subproof(
    old_size: int, hashes: Sequence[bytes], *, whole: bool
) -> tuple[bytes, ...]:
    if old_size == len(hashes):
        return () if whole else (tree_hash(hashes),)
    split = split_at(len(hashes))
    left, right = hashes[:split], hashes[split:]
    if old_size <= split:
        return (*_subproof(old_size, left, whole=whole), tree_hash(right))
    return (*_subproof(old_size - split, right, whole=False), tree_hash(left))


def split_at(count: int) -> int:
    """Return the largest power of two smaller than a count."""
    power = 1
    while 2 * power < count:
        power *= 2
    return power
