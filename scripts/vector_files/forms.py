# SPDX-License-Identifier: Apache-2.0
"""How vectors are written: bytes as hexadecimal digits, texts as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, TypeAlias

from selat.core.merkle import EMPTY_ROOT, leaf_hash
from selat.core.tiles import root_at, updated_tiles
from selat.errors import SelatError

#: A value of JSON.
Json: TypeAlias = dict[str, Any]


def hexes(items: Iterable[bytes]) -> list[str]:
    """Return each item as hexadecimal digits."""
    return [item.hex() for item in items]


def kept(
    before: object, holds: Callable[[str], object], make: Callable[[], str]
) -> str:
    """Return a random value of before if it still holds, or a new one.

    Args:
        before: What the file has, if anything.
        holds: Raises a `SelatError` unless the value holds.
        make: Makes one.
    """
    if isinstance(before, str):
        with suppress(SelatError):
            holds(before)
            return before
    return make()


class Tree:
    """The tree of the leaves ``leaf 0``, ``leaf 1`` …, as tiles."""

    def __init__(self, size: int) -> None:
        """Build it."""
        self.leaves = [f"leaf {number}".encode() for number in range(size)]
        hashes = [leaf_hash(leaf) for leaf in self.leaves]
        self._tiles = updated_tiles(0, hashes, self)

    def tile(self, level: int, index: int) -> bytes:
        """Return a tile; it is the source of its own proofs."""
        return self._tiles.get((level, index), b"")

    def root(self, size: int) -> bytes:
        """Return the root at a size."""
        return root_at(size, self) if size else EMPTY_ROOT
