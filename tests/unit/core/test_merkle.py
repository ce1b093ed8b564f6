# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from tests.fakes.trees import numbered, tree_hash

from selat.core.merkle import (
    EMPTY_FRONTIER,
    EMPTY_ROOT,
    TREE_SIZE_MAX,
    Frontier,
    complete_root,
    leaf_hash,
    node_hash,
    split_at,
)
from selat.errors import MalformedError


def test_a_leaf_cannot_be_taken_for_a_node() -> None:
    left, right = numbered(2)
    assert leaf_hash(left + right) != node_hash(left, right)


def test_the_root_of_the_empty_tree_is_the_hash_of_nothing() -> None:
    assert EMPTY_FRONTIER.root() == EMPTY_ROOT == tree_hash(())


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 255, 256, 257, 600])
def test_the_root_is_that_of_rfc_6962(size: int) -> None:
    hashes = numbered(size)
    assert EMPTY_FRONTIER.extend(hashes).root() == tree_hash(hashes)


@pytest.mark.parametrize("size", [1, 2, 4, 256])
def test_the_root_of_a_complete_subtree_is_that_of_rfc_6962(size: int) -> None:
    hashes = numbered(size)
    assert complete_root(b"".join(hashes)) == tree_hash(hashes)


def test_trees_are_split_at_the_greatest_power_of_two_below_their_size() -> None:
    expected = {2: 1, 3: 2, 4: 2, 5: 4, 8: 4, 9: 8, 2**63: 2**62}
    assert {size: split_at(size) for size in expected} == expected


@pytest.mark.parametrize("first", [0, 1, 5, 8, 13])
def test_it_does_not_matter_how_leaves_are_grouped(first: int) -> None:
    hashes = numbered(20)
    grouped = EMPTY_FRONTIER.extend(hashes[:first]).extend(hashes[first:])
    assert grouped == EMPTY_FRONTIER.extend(hashes)


def test_extending_leaves_the_older_frontier_as_it_is() -> None:
    older = EMPTY_FRONTIER.extend(numbered(3))
    older.extend(numbered(1, first=3))
    assert older.size == 3
    assert older.root() == tree_hash(numbered(3))


@pytest.mark.parametrize("size", [0, 1, 6, 255])
def test_a_frontier_is_read_as_it_was_written(size: int) -> None:
    frontier = EMPTY_FRONTIER.extend(numbered(size))
    encoded = frontier.encode()
    assert len(encoded) == 8 + 32 * size.bit_count()
    assert Frontier.decode(encoded) == frontier


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(7),
        bytes(9),
        (1).to_bytes(8, "big"),
        (1).to_bytes(8, "big") + bytes(31),
        (1).to_bytes(8, "big") + bytes(33),
        (1).to_bytes(8, "big") + bytes(64),
        (2**63).to_bytes(8, "big") + bytes(32),
    ],
)
def test_bytes_of_another_length_or_size_are_no_frontier(data: bytes) -> None:
    with pytest.raises(MalformedError):
        Frontier.decode(data)


@pytest.mark.parametrize(
    ("size", "hashes"),
    [
        (-1, (bytes(32),)),
        (1, ()),
        (2, (bytes(32), bytes(32))),
        (3, (bytes(32), bytes(31))),
        (TREE_SIZE_MAX + 1, (bytes(32),)),
    ],
)
def test_hashes_that_are_not_those_of_the_size_are_no_frontier(
    size: int, hashes: tuple[bytes, ...]
) -> None:
    with pytest.raises(MalformedError, match="complete subtrees"):
        Frontier(size=size, hashes=hashes)


def test_a_leaf_hash_of_another_length_is_refused() -> None:
    with pytest.raises(MalformedError):
        EMPTY_FRONTIER.extend([b"short"])
