# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.fakes.trees import MemoryTree, audit_path, consistency, numbered, tree_hash

from selat.core.tiles import (
    RememberingTiles,
    SubtreeRoots,
    consistency_proof,
    inclusion_proof,
    range_proof,
    root_at,
    roots_at,
    updated_tiles,
)
from selat.errors import InvalidInputError, StoreCorruptError

SIZES = (1, 2, 3, 5, 8, 13)


@pytest.fixture(scope="module")
def tree() -> MemoryTree:
    return MemoryTree(numbered(70_000))


def test_a_tree_of_70000_leaves_has_the_tiles_of_the_specification(
    tree: MemoryTree,
) -> None:
    widths: dict[int, list[int]] = {}
    for (level, _), hashes in sorted(tree.tiles.items()):
        widths.setdefault(level, []).append(len(hashes) // 32)
    assert widths == {0: [256] * 273 + [112], 1: [256, 17], 2: [1]}


def test_a_full_tile_is_one_hash_of_the_level_above() -> None:
    hashes = numbered(256)
    tiles = updated_tiles(0, hashes, MemoryTree())
    assert tiles == {(0, 0): b"".join(hashes), (1, 0): tree_hash(hashes)}


def test_only_tiles_that_change_are_given(tree: MemoryTree) -> None:
    tiles = updated_tiles(70_000, numbered(1, first=70_000), tree)
    assert list(tiles) == [(0, 273)]
    assert tiles[0, 273][: 112 * 32] == tree.tile(0, 273)


def test_nothing_changes_when_nothing_is_appended(tree: MemoryTree) -> None:
    assert updated_tiles(70_000, (), tree) == {}


@pytest.mark.parametrize("step", [1, 7, 256, 300])
def test_tiles_do_not_depend_on_how_leaves_are_grouped(step: int) -> None:
    hashes = numbered(600)
    grouped = MemoryTree()
    for start in range(0, len(hashes), step):
        grouped.append(hashes[start : start + step])
    assert grouped.tiles == MemoryTree(hashes).tiles


def test_a_lost_tile_is_not_continued() -> None:
    with pytest.raises(StoreCorruptError, match="Tile 0 of level 0"):
        updated_tiles(5, numbered(1), MemoryTree(numbered(4)))


def test_a_leaf_hash_of_another_length_makes_no_tile() -> None:
    with pytest.raises(InvalidInputError):
        updated_tiles(0, [b"short"], MemoryTree())


@pytest.mark.parametrize("size", SIZES)
def test_inclusion_proofs_are_those_of_rfc_6962(size: int) -> None:
    hashes = numbered(size)
    source = MemoryTree(hashes)
    for index in range(size):
        assert inclusion_proof(index, size, source) == audit_path(index, hashes)


@pytest.mark.parametrize("size", SIZES)
def test_consistency_proofs_are_those_of_rfc_6962(size: int) -> None:
    hashes = numbered(size)
    source = MemoryTree(hashes)
    for old in range(1, size + 1):
        assert consistency_proof(old, size, source) == consistency(old, hashes)


def test_nothing_needs_to_be_proven_of_the_empty_tree(tree: MemoryTree) -> None:
    assert consistency_proof(0, 70_000, tree) == ()
    assert consistency_proof(0, 0, tree) == ()


def test_a_range_proof_has_the_greatest_subtrees_outside_from_left_to_right() -> None:
    hashes = numbered(11)
    source = MemoryTree(hashes)
    assert range_proof(3, 3, 11, source) == (
        tree_hash(hashes[0:2]),
        hashes[2],
        tree_hash(hashes[6:8]),
        tree_hash(hashes[8:11]),
    )
    assert range_proof(0, 11, 11, source) == ()


def test_proofs_across_tiles_are_those_of_rfc_6962(tree: MemoryTree) -> None:
    hashes = tree.leaf_hashes
    assert inclusion_proof(65_535, 70_000, tree) == audit_path(65_535, hashes)
    assert inclusion_proof(69_999, 70_000, tree) == audit_path(69_999, hashes)
    assert consistency_proof(300, 70_000, tree) == consistency(300, hashes)


def test_proofs_in_an_older_tree_are_made_from_newer_tiles(tree: MemoryTree) -> None:
    older = tree.leaf_hashes[:1_000]
    assert root_at(1_000, tree) == tree_hash(older)
    assert inclusion_proof(999, 1_000, tree) == audit_path(999, older)


def test_each_tile_is_read_once(tree: MemoryTree) -> None:
    read: list[tuple[int, int]] = []

    class Counting:
        def tile(self, level: int, index: int) -> bytes:
            read.append((level, index))
            return tree.tile(level, index)

    range_proof(30_000, 256, 70_000, Counting())
    assert len(read) == len(set(read)) <= 6


@pytest.mark.parametrize(
    ("proof", "numbers"),
    [
        (inclusion_proof, (-1, 4)),
        (inclusion_proof, (4, 4)),
        (inclusion_proof, (0, 0)),
        (consistency_proof, (-1, 4)),
        (consistency_proof, (5, 4)),
        (range_proof, (0, 0, 4)),
        (range_proof, (-1, 2, 4)),
        (range_proof, (3, 2, 4)),
        (root_at, (0,)),
    ],
    ids=str,
)
def test_nothing_outside_the_tree_is_proven(
    proof: Callable[..., object], numbers: tuple[int, ...]
) -> None:
    with pytest.raises(InvalidInputError):
        proof(*numbers, MemoryTree(numbered(4)))


def test_no_proof_is_made_from_a_short_tile() -> None:
    with pytest.raises(StoreCorruptError, match="missing or short"):
        inclusion_proof(0, 8, MemoryTree(numbered(7)))


def test_roots_at_many_sizes_are_those_at_each() -> None:
    tree = MemoryTree(numbered(700))
    sizes = [1, 2, 255, 256, 257, 300, 300, 512, 699, 700, 3]
    expected = [tree_hash(tree.leaf_hashes[:size]) for size in sizes]
    assert list(roots_at(sizes, tree)) == expected
    with pytest.raises(InvalidInputError):
        list(roots_at([1, 0], tree))


def test_remembered_roots_serve_a_tree_that_has_grown() -> None:
    hashes, roots = numbered(600), SubtreeRoots()
    for size in (3, 300, 599, 600):
        tree = MemoryTree(hashes[:size])
        tiles = RememberingTiles(tree, roots)
        for first in range(0, size, 7):
            proof = range_proof(first, 1, size, tiles)
            assert proof == range_proof(first, 1, size, tree)
        assert root_at(size, tiles) == tree_hash(hashes[:size])


def test_remembered_root_needs_no_tile() -> None:
    tree, roots = MemoryTree(numbered(256)), SubtreeRoots()
    expected = root_at(256, RememberingTiles(tree, roots))
    assert root_at(256, RememberingTiles(MemoryTree(), roots)) == expected


def test_only_so_many_roots_are_remembered() -> None:
    roots = SubtreeRoots()
    computed: list[int] = []

    def compute(_height: int, index: int) -> bytes:
        computed.append(index)
        return b""

    for index in (*range(5_000), 4_999, 0):
        roots.of(compute, 1, index)
    assert computed == [*range(5_000), 0]
