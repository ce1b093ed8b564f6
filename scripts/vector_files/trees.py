# SPDX-License-Identifier: Apache-2.0
"""Roots and proofs of a tree (RFC 6962 §2.1, and docs/protocol.md §4.5)."""

from __future__ import annotations

from typing import Final

from scripts.vector_files.forms import Json, Tree, hexes

from selat.core.tiles import consistency_proof, inclusion_proof, range_proof

_SIZES: Final = (*range(18), 255, 256, 257, 1_000, 65_536, 70_000)
_INCLUSIONS: Final = (
    (0, 1),
    (0, 2),
    (1, 2),
    (2, 3),
    (4, 7),
    (6, 7),
    (255, 256),
    (255, 257),
    (256, 257),
    (12_345, 70_000),
    (69_999, 70_000),
)
_CONSISTENCIES: Final = (
    (0, 7),
    (7, 7),
    (1, 2),
    (3, 7),
    (4, 7),
    (6, 8),
    (256, 257),
    (255, 1_000),
    (65_536, 70_000),
    (69_000, 70_000),
)
_RANGES: Final = (
    (0, 1, 1),
    (0, 7, 7),
    (2, 3, 7),
    (3, 1, 7),
    (5, 2, 7),
    (250, 10, 1_000),
    (30_000, 256, 70_000),
)


def vectors(_: Json) -> Json:
    """Return the file."""
    tree = Tree(max(_SIZES))
    return {
        "about": "Leaf n of every tree is the text 'leaf n', n in decimal.",
        "leaf_hashes": hexes(tree.tile(0, 0)[n * 32 : n * 32 + 32] for n in range(4)),
        "roots": [{"size": size, "root": tree.root(size).hex()} for size in _SIZES],
        "inclusion": [
            {
                "index": index,
                "size": size,
                "proof": hexes(inclusion_proof(index, size, tree)),
            }
            for index, size in _INCLUSIONS
        ],
        "consistency": [
            {
                "old_size": old_size,
                "size": size,
                "proof": hexes(consistency_proof(old_size, size, tree)),
            }
            for old_size, size in _CONSISTENCIES
        ],
        "range": [
            {
                "first": first,
                "count": count,
                "size": size,
                "proof": hexes(range_proof(first, count, size, tree)),
            }
            for first, count, size in _RANGES
        ],
    }
