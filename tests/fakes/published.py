# SPDX-License-Identifier: Apache-2.0
"""A whole log in a folder, as C2SP tlog-tiles publishes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.logs import signed_head
from tests.fakes.trees import MemoryTree

from selat.core.entry_bundles import encode_entries
from selat.core.merkle import HASH_BYTES, leaf_hash
from selat.core.tile_paths import TILE_WIDTH, TilePath, tile_paths


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A log in a folder, and the tree that it was written from."""

    folder: Path
    leaves: Sequence[bytes]
    tree: MemoryTree
    note: bytes


def publish(folder: Path, leaves: Sequence[bytes]) -> Published:
    """Write checkpoint, tiles and entry bundles of a log."""
    tree = MemoryTree([leaf_hash(leaf) for leaf in leaves])
    for path in tile_paths(len(leaves)):
        file = folder / str(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_contents(path, leaves, tree))
    note = signed_head(len(leaves), tree.frontier.root())
    (folder / "checkpoint").write_bytes(note)
    return Published(folder=folder, leaves=leaves, tree=tree, note=note)


def _contents(path: TilePath, leaves: Sequence[bytes], tree: MemoryTree) -> bytes:
    if path.level is None:
        first = path.index * TILE_WIDTH
        return encode_entries(leaves[first : first + path.width])
    return tree.tile(path.level, path.index)[: path.width * HASH_BYTES]
