# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.trees import (
    MemoryTree,
    audit_path,
    consistency,
    numbered,
    tree_hash,
)

from selat.core.merkle import Frontier
from selat.core.proofs import (
    inclusion_from_range,
    verify_consistency,
    verify_inclusion,
    verify_range,
)
from selat.core.tiles import consistency_proof, inclusion_proof, range_proof, root_at
from selat.errors import ProofError

LARGEST = 1_200
TREE = MemoryTree(numbered(LARGEST))

sizes = st.integers(min_value=1, max_value=LARGEST)
hashes = st.binary(min_size=32, max_size=32)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[int, int]:
    """A size and a number from 1 to it."""
    size = draw(sizes)
    return draw(st.integers(min_value=1, max_value=size)), size


@st.composite
def ranges(draw: st.DrawFn) -> tuple[int, int, int]:
    """First, count and size of a range inside a tree."""
    end, size = draw(pairs())
    first = draw(st.integers(min_value=0, max_value=end - 1))
    return first, end - first, size


@st.composite
def changed(draw: st.DrawFn, proof: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """A proof with one hash flipped, left out, put in or moved."""
    position = draw(st.integers(min_value=0, max_value=len(proof)))
    before, rest = proof[:position], proof[position:]
    ways = ["put in"] + ["flipped", "left out"] * bool(rest)
    way = draw(st.sampled_from(ways))
    if way == "put in":
        return (*before, draw(hashes), *rest)
    if way == "left out":
        return before + rest[1:]
    bit = draw(st.integers(min_value=0, max_value=255))
    flipped = int.from_bytes(rest[0], "big") ^ 1 << bit
    return (*before, flipped.to_bytes(32, "big"), *rest[1:])


@given(size=sizes, parts=st.lists(st.integers(min_value=0, max_value=400), max_size=5))
def test_tiles_and_frontier_tell_the_same_tree(size: int, parts: list[int]) -> None:
    tree, done = MemoryTree(), 0
    for count in [*parts, LARGEST]:
        end = min(size, done + count)
        tree.append(TREE.leaf_hashes[done:end])
        done = end
    assert tree.frontier.root() == root_at(size, tree) == root_at(size, TREE)
    assert Frontier.decode(tree.frontier.encode()) == tree.frontier


@given(size=sizes, step=st.integers(min_value=1, max_value=600))
def test_every_tile_holds_the_hashes_that_c2sp_defines(size: int, step: int) -> None:
    tree = MemoryTree()
    for start in range(0, size, step):
        tree.append(TREE.leaf_hashes[start : min(size, start + step)])
    expected: dict[tuple[int, int], bytes] = {}
    span = 1  # leaves under one hash of the level
    for level in range(3):
        for number in range(size // span):
            leaves = TREE.leaf_hashes[number * span : (number + 1) * span]
            key = (level, number // 256)
            expected[key] = expected.get(key, b"") + tree_hash(leaves)
        span *= 256
    assert tree.tiles == expected


@given(pair=pairs())
def test_inclusion_proofs_are_those_of_rfc_6962_and_hold(pair: tuple[int, int]) -> None:
    index, size = pair[0] - 1, pair[1]
    proof = inclusion_proof(index, size, TREE)
    leaves = TREE.leaf_hashes[:size]
    assert proof == audit_path(index, leaves)
    verify_inclusion(
        leaf_hash=leaves[index],
        index=index,
        size=size,
        proof=proof,
        root=tree_hash(leaves),
    )


@given(pair=pairs(), data=st.data())
def test_no_changed_inclusion_proof_holds(
    pair: tuple[int, int], data: st.DataObject
) -> None:
    index, size = pair[0] - 1, pair[1]
    proof = inclusion_proof(index, size, TREE)
    leaf, root = TREE.leaf_hashes[index], root_at(size, TREE)
    other = data.draw(st.integers(min_value=0, max_value=LARGEST - 1))
    with pytest.raises(ProofError):
        verify_inclusion(
            leaf_hash=leaf,
            index=index,
            size=size,
            proof=data.draw(changed(proof)),
            root=root,
        )
    if other != index:
        with pytest.raises(ProofError):
            verify_inclusion(
                leaf_hash=leaf, index=other, size=size, proof=proof, root=root
            )
        with pytest.raises(ProofError):
            verify_inclusion(
                leaf_hash=TREE.leaf_hashes[other],
                index=index,
                size=size,
                proof=proof,
                root=root,
            )


@given(pair=pairs())
def test_consistency_proofs_are_those_of_rfc_6962_and_hold(
    pair: tuple[int, int],
) -> None:
    old_size, new_size = pair
    proof = consistency_proof(old_size, new_size, TREE)
    assert proof == consistency(old_size, TREE.leaf_hashes[:new_size])
    verify_consistency(
        old_size=old_size,
        old_root=root_at(old_size, TREE),
        new_size=new_size,
        new_root=root_at(new_size, TREE),
        proof=proof,
    )


@given(pair=pairs(), data=st.data())
def test_no_changed_consistency_proof_holds(
    pair: tuple[int, int], data: st.DataObject
) -> None:
    old_size, new_size = pair
    proof = consistency_proof(old_size, new_size, TREE)
    old_root, new_root = root_at(old_size, TREE), root_at(new_size, TREE)
    other = data.draw(sizes)
    attempts = [(old_size, old_root, new_root, data.draw(changed(proof)))]
    if other != old_size:
        attempts.append((other, old_root, new_root, proof))
        attempts.append((old_size, root_at(other, TREE), new_root, proof))
    if other != new_size:
        attempts.append((old_size, old_root, root_at(other, TREE), proof))
    for size, first_root, second_root, wrong in attempts:
        with pytest.raises(ProofError):
            verify_consistency(
                old_size=size,
                old_root=first_root,
                new_size=new_size,
                new_root=second_root,
                proof=wrong,
            )


@given(span=ranges())
def test_range_proofs_hold(span: tuple[int, int, int]) -> None:
    first, count, size = span
    verify_range(
        leaf_hashes=TREE.leaf_hashes[first : first + count],
        first=first,
        size=size,
        proof=range_proof(first, count, size, TREE),
        root=root_at(size, TREE),
    )


@given(span=ranges(), data=st.data())
def test_the_inclusion_of_each_leaf_follows_from_its_range(
    span: tuple[int, int, int], data: st.DataObject
) -> None:
    first, count, size = span
    index = data.draw(st.integers(min_value=first, max_value=first + count - 1))
    assert inclusion_from_range(
        leaf_hashes=TREE.leaf_hashes[first : first + count],
        first=first,
        size=size,
        proof=range_proof(first, count, size, TREE),
        index=index,
    ) == inclusion_proof(index, size, TREE)


@given(span=ranges(), data=st.data())
def test_no_changed_range_proof_holds(
    span: tuple[int, int, int], data: st.DataObject
) -> None:
    first, count, size = span
    proof, root = range_proof(first, count, size, TREE), root_at(size, TREE)
    leaves = TREE.leaf_hashes[first : first + count]
    position = data.draw(st.integers(min_value=0, max_value=count - 1))
    replaced = [*leaves[:position], data.draw(hashes), *leaves[position + 1 :]]
    other = data.draw(st.integers(min_value=-1, max_value=size))
    attempts = [
        (leaves, first, data.draw(changed(proof))),
        (replaced, first, proof),
        (leaves[:position] + leaves[position + 1 :], first, proof),
        ([*leaves, data.draw(hashes)], first, proof),
    ]
    if other != first:
        attempts.append((leaves, other, proof))
    for wrong_leaves, wrong_first, wrong_proof in attempts:
        with pytest.raises(ProofError):
            verify_range(
                leaf_hashes=wrong_leaves,
                first=wrong_first,
                size=size,
                proof=wrong_proof,
                root=root,
            )
