# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from tests.fakes.trees import MemoryTree, numbered, tree_hash

from selat.core.merkle import EMPTY_ROOT, TREE_SIZE_MAX
from selat.core.proofs import (
    inclusion_from_range,
    verify_consistency,
    verify_inclusion,
    verify_range,
)
from selat.core.tiles import consistency_proof, inclusion_proof, range_proof
from selat.errors import ProofError

HASHES = numbered(11)
TREE = MemoryTree(HASHES)
ROOT = tree_hash(HASHES)
PROOF = inclusion_proof(5, 11, TREE)


def test_every_leaf_is_proven() -> None:
    for index, leaf in enumerate(HASHES):
        proof = inclusion_proof(index, 11, TREE)
        verify_inclusion(leaf_hash=leaf, index=index, size=11, proof=proof, root=ROOT)


def test_the_only_leaf_is_its_own_root() -> None:
    leaf = HASHES[0]
    verify_inclusion(leaf_hash=leaf, index=0, size=1, proof=(), root=leaf)


@pytest.mark.parametrize(
    ("index", "size"), [(-1, 11), (11, 11), (0, 0), (0, TREE_SIZE_MAX + 1)]
)
def test_no_leaf_stands_outside_its_tree(index: int, size: int) -> None:
    with pytest.raises(ProofError, match="outside a tree"):
        verify_inclusion(
            leaf_hash=HASHES[5], index=index, size=size, proof=PROOF, root=ROOT
        )


@pytest.mark.parametrize(
    "proof", [(), PROOF[:-1], PROOF[1:], (*PROOF, bytes(32)), (*PROOF, *PROOF)]
)
def test_a_proof_of_another_length_proves_nothing(proof: tuple[bytes, ...]) -> None:
    with pytest.raises(ProofError):
        verify_inclusion(leaf_hash=HASHES[5], index=5, size=11, proof=proof, root=ROOT)


@pytest.mark.parametrize("wrong", [b"", bytes(31), bytes(33)])
def test_a_hash_of_another_length_proves_nothing(wrong: bytes) -> None:
    for leaf, proof, root in (
        (wrong, PROOF, ROOT),
        (HASHES[5], (wrong, *PROOF[1:]), ROOT),
        (HASHES[5], PROOF, wrong),
    ):
        with pytest.raises(ProofError, match="32 bytes"):
            verify_inclusion(leaf_hash=leaf, index=5, size=11, proof=proof, root=root)


def test_every_older_tree_is_extended() -> None:
    for old_size in range(1, 12):
        verify_consistency(
            old_size=old_size,
            old_root=tree_hash(HASHES[:old_size]),
            new_size=11,
            new_root=ROOT,
            proof=consistency_proof(old_size, 11, TREE),
        )


@pytest.mark.parametrize(("size", "root"), [(0, EMPTY_ROOT), (11, ROOT)])
def test_every_tree_extends_the_empty_one(size: int, root: bytes) -> None:
    verify_consistency(
        old_size=0, old_root=EMPTY_ROOT, new_size=size, new_root=root, proof=()
    )


@pytest.mark.parametrize(
    ("old_size", "old_root", "new_size", "new_root", "proof"),
    [
        pytest.param(0, ROOT, 11, ROOT, (), id="no empty tree has that root"),
        pytest.param(0, EMPTY_ROOT, 0, ROOT, (), id="the empty tree has two roots"),
        pytest.param(0, EMPTY_ROOT, 11, b"short", (), id="a root is short"),
        pytest.param(0, EMPTY_ROOT, 11, ROOT, PROOF, id="the empty tree with proof"),
        pytest.param(11, ROOT, 11, ROOT, PROOF, id="equal sizes with proof"),
        pytest.param(11, HASHES[0], 11, ROOT, (), id="equal sizes, other roots"),
        pytest.param(12, ROOT, 11, ROOT, (), id="the newer is smaller"),
        pytest.param(-1, ROOT, 11, ROOT, (), id="a size is negative"),
        pytest.param(1, ROOT, TREE_SIZE_MAX + 1, ROOT, (), id="a size is too large"),
        pytest.param(3, tree_hash(HASHES[:3]), 11, ROOT, (), id="no proof"),
        pytest.param(4, tree_hash(HASHES[:4]), 11, ROOT, (), id="no proof, whole"),
        pytest.param(3, bytes(31), 11, ROOT, PROOF, id="the old root is short"),
    ],
)
def test_nothing_else_extends_a_tree(
    *,
    old_size: int,
    old_root: bytes,
    new_size: int,
    new_root: bytes,
    proof: tuple[bytes, ...],
) -> None:
    with pytest.raises(ProofError):
        verify_consistency(
            old_size=old_size,
            old_root=old_root,
            new_size=new_size,
            new_root=new_root,
            proof=proof,
        )


@pytest.mark.parametrize("old_size", [3, 4])
def test_a_consistency_proof_of_another_length_proves_nothing(old_size: int) -> None:
    proof = consistency_proof(old_size, 11, TREE)
    for wrong in (proof[:-1], proof[1:], (*proof, bytes(32))):
        with pytest.raises(ProofError):
            verify_consistency(
                old_size=old_size,
                old_root=tree_hash(HASHES[:old_size]),
                new_size=11,
                new_root=ROOT,
                proof=wrong,
            )


def test_every_range_is_proven() -> None:
    for first in range(11):
        for end in range(first + 1, 12):
            verify_range(
                leaf_hashes=HASHES[first:end],
                first=first,
                size=11,
                proof=range_proof(first, end - first, 11, TREE),
                root=ROOT,
            )


@pytest.mark.parametrize(
    ("first", "count", "size"),
    [(0, 0, 11), (-1, 2, 11), (10, 2, 11), (0, 1, TREE_SIZE_MAX + 1), (0, 1, 0)],
)
def test_no_range_stands_outside_its_tree(first: int, count: int, size: int) -> None:
    with pytest.raises(ProofError, match="outside the tree"):
        verify_range(
            leaf_hashes=HASHES[:count], first=first, size=size, proof=(), root=ROOT
        )


def test_a_range_proof_of_another_length_proves_nothing() -> None:
    proof = range_proof(3, 3, 11, TREE)
    for wrong in ((), proof[:-1], proof[1:], (*proof, bytes(32))):
        with pytest.raises(ProofError):
            verify_range(
                leaf_hashes=HASHES[3:6], first=3, size=11, proof=wrong, root=ROOT
            )


def test_a_claim_of_the_greatest_tree_ends_with_its_proof() -> None:
    with pytest.raises(ProofError, match="too few"):
        verify_range(
            leaf_hashes=HASHES[:1],
            first=TREE_SIZE_MAX // 2,
            size=TREE_SIZE_MAX,
            proof=PROOF,
            root=ROOT,
        )


@pytest.mark.parametrize("index", [-1, 1, 5, 7])
def test_no_inclusion_follows_for_a_leaf_outside_the_range(index: int) -> None:
    tree = MemoryTree(numbered(7))
    with pytest.raises(ProofError, match="not in the range"):
        inclusion_from_range(
            leaf_hashes=tree.leaf_hashes[2:5],
            first=2,
            size=7,
            proof=range_proof(2, 3, 7, tree),
            index=index,
        )


def test_no_inclusion_follows_from_a_proof_of_another_length() -> None:
    tree = MemoryTree(numbered(7))
    with pytest.raises(ProofError, match="too few or too many"):
        inclusion_from_range(
            leaf_hashes=tree.leaf_hashes[2:5],
            first=2,
            size=7,
            proof=range_proof(2, 3, 7, tree)[1:],
            index=3,
        )
