# SPDX-License-Identifier: Apache-2.0
"""Names of tiles and entry bundles below a log's prefix (C2SP tlog-tiles)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from selat.core.merkle import TREE_SIZE_MAX
from selat.errors import InvalidInputError, MalformedError

TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 1 << TILE_HEIGHT
#: What a tile's path can say (C2SP tlog-tiles, "Merkle Tree").
TILE_LEVEL_MAX: Final = 63
#: Room for the greatest index, seven path elements, and all around it.
TILE_PATH_CHARACTERS_MAX: Final = 64
_PATH_BASE: Final = 1000
_PATH: Final = re.compile(
    r"tile/(?P<level>entries|[0-9]|[1-5][0-9]|6[0-3])"
    r"/(?P<index>(?:x[0-9]{3}/)*[0-9]{3})"
    r"(?:\.p/(?P<width>[1-9][0-9]{0,2}))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TilePath:
    """Which tile or entry bundle a path names.

    Attributes:
        level: Tile level, 0 to 63; None for an entry bundle.
        index: Its index within the level.
        width: Number of its hashes or entries, 1 to 256; below 256 it is
            partial.
    """

    level: int | None
    index: int
    width: int = TILE_WIDTH

    def __post_init__(self) -> None:
        """Refuse numbers that no tile has."""
        if (
            not 0 <= (self.level or 0) <= TILE_LEVEL_MAX
            or not 0 <= self.index <= TREE_SIZE_MAX
            or not 1 <= self.width <= TILE_WIDTH
        ):
            raise InvalidInputError(
                f"No tile has level {self.level}, index {self.index} and width "
                f"{self.width}.",
                remedy=f"Give a level from 0 to {TILE_LEVEL_MAX} and a width from 1 "
                f"to {TILE_WIDTH}.",
            )

    def __str__(self) -> str:
        """Return the path below the log's prefix, without a slash before it."""
        index, name = divmod(self.index, _PATH_BASE)
        path = f"{name:03d}"
        while index:
            index, name = divmod(index, _PATH_BASE)
            path = f"x{name:03d}/{path}"
        kind = "entries" if self.level is None else self.level
        partial = f".p/{self.width}" if self.width < TILE_WIDTH else ""
        return f"tile/{kind}/{path}{partial}"


def tile_path(level: int, index: int, width: int = TILE_WIDTH) -> str:
    """Return where C2SP tlog-tiles serves a tile, below the log's prefix.

    Args:
        level: Tile level, 0 to 63.
        index: Index of the tile within its level.
        width: Number of its hashes, 1 to 256; below 256 it is a partial tile.

    Raises:
        InvalidInputError: No tile has these numbers.
    """
    return str(TilePath(level=level, index=index, width=width))


def entries_path(index: int, width: int = TILE_WIDTH) -> str:
    """Return where C2SP tlog-tiles serves an entry bundle.

    Args:
        index: Index of the bundle.
        width: Number of its entries, 1 to 256; below 256 it is partial.

    Raises:
        InvalidInputError: No bundle has these numbers.
    """
    return str(TilePath(level=None, index=index, width=width))


def parse_tile_path(path: str) -> TilePath:
    """Read the path of a tile or an entry bundle.

    Raises:
        MalformedError: It is none, or has another form than the only one.
    """
    found = None
    if len(path) <= TILE_PATH_CHARACTERS_MAX:
        found = _PATH.fullmatch(path)
    if found is not None:
        level = found["level"]
        index = int(found["index"].replace("/", "").replace("x", ""))
        width = int(found["width"] or TILE_WIDTH)
        if index <= TREE_SIZE_MAX and width <= TILE_WIDTH:
            parsed = TilePath(
                level=None if level == "entries" else int(level),
                index=index,
                width=width,
            )
            # Leading zeros, and a full tile that is called partial.
            if str(parsed) == path:
                return parsed
    raise MalformedError(
        "That is no path of a tile or an entry bundle.",
        remedy="Ask for the paths of C2SP tlog-tiles, such as tile/0/x001/067.",
    )


def tile_paths(size: int) -> Iterator[TilePath]:
    """Yield every tile and entry bundle of a tree, level by level.

    Entry bundles come first; the last of each level is partial unless it is
    full by chance.

    Args:
        size: Number of leaves; an empty tree has no tiles.
    """
    yield from _level(None, size)
    level = 0
    while size:
        yield from _level(level, size)
        level, size = level + 1, size >> TILE_HEIGHT


def _level(level: int | None, count: int) -> Iterator[TilePath]:
    """Yield the tiles over a number of hashes or entries."""
    full, width = divmod(count, TILE_WIDTH)
    for index in range(full):
        yield TilePath(level=level, index=index)
    if width:
        yield TilePath(level=level, index=full, width=width)
