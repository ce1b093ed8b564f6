# SPDX-License-Identifier: Apache-2.0
"""What can be asked for of a tiled log, and what answers it.

The paths are those of C2SP tlog-tiles below one prefix for each shard:
``/2026h2/checkpoint``, ``/2026h2/tile/0/000`` and so on. Nothing else exists;
there are no lists.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from selat.core.entry_bundles import encode_entries
from selat.core.merkle import HASH_BYTES
from selat.core.tile_paths import TilePath, parse_tile_path
from selat.core.tiles import TILE_HEIGHT, TILE_WIDTH
from selat.errors import MalformedError, NotFoundError
from selat.store.port import Snapshot
from selat.store.values import Shard

#: A path has at most so many characters; the longest of a tile has 50.
PATH_CHARACTERS_MAX: Final = 128
CHECKPOINT: Final = "checkpoint"

_SHARD: Final = re.compile(r"/([0-9]{4}h[12])/([a-z0-9/.]+)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One thing of one shard that can be fetched.

    Attributes:
        shard: Name of the shard, for example ``2026h2``.
        tile: The tile or entry bundle; None for the checkpoint.
    """

    shard: str
    tile: TilePath | None


def parse_resource(path: str) -> Resource:
    """Read the path of a request, exactly as it came.

    Raises:
        MalformedError: It is below a shard's ``tile/`` and names no tile.
        NotFoundError: Nothing of that name exists in any log.
    """
    match = None
    if len(path) <= PATH_CHARACTERS_MAX:
        match = _SHARD.fullmatch(path)
    if match is None:
        raise _nothing()
    shard, rest = match.groups()
    if rest == CHECKPOINT:
        return Resource(shard=shard, tile=None)
    if not rest.startswith("tile/"):
        raise _nothing()
    try:
        return Resource(shard=shard, tile=parse_tile_path(rest))
    except MalformedError as error:
        raise MalformedError(
            "The path names no tile.",
            remedy="Ask for tile/L/N, tile/entries/N, or with .p/W, as C2SP "
            "tlog-tiles writes them.",
        ) from error


def tile_size(tile: TilePath, size: int) -> int:
    """Return how many hashes or entries of a tile a tree of a size has."""
    height = TILE_HEIGHT * (tile.level or 0)
    return max(0, min((size >> height) - tile.index * TILE_WIDTH, TILE_WIDTH))


def tile_bytes(snapshot: Snapshot, shard: Shard, tile: TilePath, *, size: int) -> bytes:
    """Return the contents of a tile or entry bundle of one of our shards.

    Args:
        snapshot: A moment of the database.
        shard: The shard.
        tile: What is wanted.
        size: Number of the shard's leaves that may be shown.

    Raises:
        NotFoundError: A tree of that size has no such tile.
        StoreCorruptError: The database lacks what it must hold.
    """
    if tile_size(tile, size) < tile.width:
        raise _nothing()
    if tile.level is None:
        first = shard.first_position + tile.index * TILE_WIDTH
        return encode_entries(snapshot.leaves(first, tile.width))
    hashes = snapshot.shard_tiles(shard.origin).tile(tile.level, tile.index)
    return hashes[: tile.width * HASH_BYTES]


def _nothing() -> NotFoundError:
    return NotFoundError(
        "Nothing is published under that name.",
        remedy="Begin with /YYYYhN/checkpoint; its size says which tiles there are.",
    )
