# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.trees import MemoryTree, numbered

from selat.core.proofs import verify_inclusion
from selat.core.range_inclusion import inclusion_in_range
from selat.core.tiles import inclusion_proof, range_proof
from selat.errors import ProofError


@given(data=st.data(), size=st.integers(min_value=1, max_value=600))
def test_every_leaf_of_a_range_gets_the_proof_that_the_tree_gives(
    data: st.DataObject, size: int
) -> None:
    hashes = numbered(size)
    tree = MemoryTree(hashes)
    first = data.draw(st.integers(0, size - 1))
    count = data.draw(st.integers(1, min(size - first, 256)))
    index = data.draw(st.integers(first, first + count - 1))
    derived = inclusion_in_range(
        index,
        leaf_hashes=hashes[first : first + count],
        first=first,
        size=size,
        proof=range_proof(first, count, size, tree),
    )
    assert derived == inclusion_proof(index, size, tree)
    verify_inclusion(
        leaf_hash=hashes[index],
        index=index,
        size=size,
        proof=derived,
        root=tree.frontier.root(),
    )


@pytest.mark.parametrize("index", [-1, 1, 4, 9])
def test_leaf_outside_the_range_has_no_proof(index: int) -> None:
    hashes = numbered(8)
    proof = range_proof(2, 2, 8, MemoryTree(hashes))
    with pytest.raises(ProofError, match="not in the range"):
        inclusion_in_range(index, leaf_hashes=hashes[2:4], first=2, size=8, proof=proof)


def test_range_outside_the_tree_has_no_proof() -> None:
    with pytest.raises(ProofError, match="not in the tree"):
        inclusion_in_range(2, leaf_hashes=numbered(2), first=2, size=3, proof=())


@pytest.mark.parametrize("change", [-1, 1])
def test_range_proof_of_another_length_is_refused(change: int) -> None:
    hashes = numbered(8)
    proof = range_proof(2, 2, 8, MemoryTree(hashes))
    wrong = proof[:change] if change < 0 else (*proof, bytes(32))
    with pytest.raises(ProofError, match="too few or too many"):
        inclusion_in_range(2, leaf_hashes=hashes[2:4], first=2, size=8, proof=wrong)
