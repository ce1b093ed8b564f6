# SPDX-License-Identifier: Apache-2.0
"""Tiles and entry bundles of whole trees (C2SP tlog-tiles), as digests."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from scripts.vector_files.forms import Json, Tree

from selat.core.entry_bundles import encode_entries
from selat.core.merkle import HASH_BYTES
from selat.core.tile_paths import TILE_WIDTH, TilePath, tile_paths

_SIZES: Final = (1, 3, 255, 256, 257, 70_000)
#: Trees with more files than this name only the partial ones.
_NAMED_MAX: Final = 10


def vectors(_: Json) -> Json:
    """Return the file."""
    tree = Tree(max(_SIZES))
    return {
        "about": "The files that publish a tree of the leaves 'leaf 0', 'leaf 1' …: "
        "path and SHA-256. 'sums' is the SHA-256 of the lines "
        "'<SHA-256>  <path>\\n' of all of them, sorted by path.",
        "bundle_of_3": encode_entries(tree.leaves[:3]).hex(),
        "trees": [_of(size, tree) for size in _SIZES],
    }


def _of(size: int, tree: Tree) -> Json:
    digests = {
        str(path): sha256(_contents(path, tree)).hexdigest()
        for path in tile_paths(size)
    }
    lines = "".join(f"{digest}  {path}\n" for path, digest in sorted(digests.items()))
    return {
        "size": size,
        "count": len(digests),
        "sums": sha256(lines.encode()).hexdigest(),
        "files": {
            path: digest
            for path, digest in digests.items()
            if len(digests) <= _NAMED_MAX or ".p/" in path
        },
    }


def _contents(path: TilePath, tree: Tree) -> bytes:
    if path.level is None:
        first = path.index * TILE_WIDTH
        return encode_entries(tree.leaves[first : first + path.width])
    return tree.tile(path.level, path.index)[: path.width * HASH_BYTES]
