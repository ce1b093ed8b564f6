# SPDX-License-Identifier: Apache-2.0
"""Verify Merkle proofs: inclusion, consistency (RFC 6962 §2.1) and range.

Each function returns nothing and raises `ProofError` unless the proof, no hash
shorter and none longer, leads to the root. Nothing here reads tiles.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from selat.core.merkle import (
    EMPTY_ROOT,
    HASH_BYTES,
    TREE_SIZE_MAX,
    complete_root,
    node_hash,
    split_at,
)
from selat.errors import ProofError


def verify_inclusion(
    *, leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Verify that a leaf stands in a tree (RFC 9162 §2.1.3.2).

    Args:
        leaf_hash: 32-byte hash of the leaf.
        index: Its index.
        size: Number of leaves of the tree.
        proof: The inclusion proof, 32 bytes each.
        root: 32-byte root of the tree.

    Raises:
        ProofError: It is not proven.
    """
    _check_hashes(leaf_hash, root, *proof)
    if not 0 <= index < size <= TREE_SIZE_MAX:
        raise ProofError(
            f"Leaf {index} is outside a tree of {size} leaves.",
            remedy="Compare index and checkpoint.",
        )
    computed, _ = _climb(leaf_hash, proof, position=index, last=size - 1)
    _compare(computed, root)


def verify_consistency(
    *,
    old_size: int,
    old_root: bytes,
    new_size: int,
    new_root: bytes,
    proof: Sequence[bytes],
) -> None:
    """Verify that a tree extends an older one (RFC 9162 §2.1.4.2).

    Every tree extends the empty one, by the empty proof (C2SP tlog-witness).

    Args:
        old_size: Number of leaves of the older tree.
        old_root: 32-byte root of the older tree.
        new_size: Number of leaves of the newer tree.
        new_root: 32-byte root of the newer tree.
        proof: The consistency proof, 32 bytes each.

    Raises:
        ProofError: It is not proven.
    """
    if not 0 <= old_size <= new_size <= TREE_SIZE_MAX:
        raise ProofError(
            f"A tree of {new_size} leaves cannot extend one of {old_size}.",
            remedy="Compare both checkpoints.",
        )
    if old_size in (0, new_size):
        _verify_trivial_consistency(old_size, old_root, new_size, new_root, proof)
        return
    _check_hashes(old_root, new_root, *proof)
    # Steps 2 to 4: start from the greatest complete subtree at the old edge.
    height = (old_size & -old_size).bit_length() - 1
    position, last = (old_size - 1) >> height, (new_size - 1) >> height
    path = [old_root, *proof] if position == 0 else list(proof)
    if not path:
        raise _wrong_length()
    new, old = _climb(path[0], path[1:], position=position, last=last)
    _compare(old, old_root)
    _compare(new, new_root)


def _verify_trivial_consistency(
    old_size: int,
    old_root: bytes,
    new_size: int,
    new_root: bytes,
    proof: Sequence[bytes],
) -> None:
    """Verify what has the empty proof: the empty tree grew, or nothing grew."""
    if proof:
        raise _wrong_length()
    if old_size == new_size:
        _compare(old_root, new_root)
    if old_size == 0:
        _compare(old_root, EMPTY_ROOT)
        _check_hashes(new_root)


def _climb(
    start: bytes, path: Sequence[bytes], *, position: int, last: int
) -> tuple[bytes, bytes]:
    """Hash from a subtree up to the root (RFC 9162 §2.1.3.2 and §2.1.4.2).

    Args:
        start: Hash of the subtree.
        path: Its siblings, lowest first.
        position: Its index among those of its height.
        last: Index of the last of them.

    Returns:
        The root of the whole tree, and the root of the tree that ends with the
        subtree.
    """
    whole, ending = start, start
    for sibling in path:
        if last == 0:
            raise _wrong_length()
        if position & 1 or position == last:
            whole, ending = node_hash(sibling, whole), node_hash(sibling, ending)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            whole = node_hash(whole, sibling)
        position, last = position >> 1, last >> 1
    if last:
        raise _wrong_length()
    return whole, ending


def verify_range(
    *,
    leaf_hashes: Sequence[bytes],
    first: int,
    size: int,
    proof: Sequence[bytes],
    root: bytes,
) -> None:
    """Verify that leaves stand contiguously in a tree.

    The proof holds the roots of the greatest subtrees outside the range, as
    RFC 6962 splits the tree, from left to right.

    Args:
        leaf_hashes: The leaves' hashes in order, at least one.
        first: Index of the first.
        size: Number of leaves of the tree.
        proof: The range proof.
        root: Root of the tree.

    Raises:
        ProofError: It is not proven.
    """
    _check_hashes(root)
    computed, _ = _root_around(leaf_hashes, first, size, proof)
    _compare(computed, root)


def inclusion_from_range(
    *,
    leaf_hashes: Sequence[bytes],
    first: int,
    size: int,
    proof: Sequence[bytes],
    index: int,
) -> tuple[bytes, ...]:
    """Return the inclusion proof of one leaf of a range (RFC 6962 §2.1.1).

    It leads to the root that the range proof leads to, which is not looked at:
    `verify_range` is.

    Args:
        leaf_hashes: The hashes of the range's leaves in order, at least one.
        first: Index of the first.
        size: Number of leaves of the tree.
        proof: The range proof.
        index: Index of the leaf in the tree.

    Raises:
        ProofError: The leaf is not in the range, or the proof has another length.
    """
    if not first <= index < first + len(leaf_hashes):
        raise ProofError(
            f"Leaf {index} is not in the range.",
            remedy="Take the range that the leaf came in.",
        )
    _, path = _root_around(leaf_hashes, first, size, proof, index=index)
    return tuple(path)


def _root_around(
    leaf_hashes: Sequence[bytes],
    first: int,
    size: int,
    proof: Sequence[bytes],
    *,
    index: int = -1,
) -> tuple[bytes, list[bytes]]:
    """Return the root over a range of leaves and the subtrees outside.

    Args:
        leaf_hashes: The hashes of the leaves.
        first: Index of the first.
        size: Number of leaves of the tree.
        proof: The roots of the subtrees outside, from left to right.
        index: A leaf whose siblings are asked for, lowest first; -1 for none.
    """
    _check_hashes(*proof, *leaf_hashes)
    end = first + len(leaf_hashes)
    if not (leaf_hashes and first >= 0 and end <= size <= TREE_SIZE_MAX):
        raise ProofError(
            "The range is empty or outside the tree.",
            remedy="Compare the range with the checkpoint.",
        )
    inside, outside = b"".join(leaf_hashes), iter(proof)
    path: list[bytes] = []

    def subtree(start: int, stop: int) -> bytes:
        # RFC 6962's split is never deeper than the bits of the size.
        if stop <= first or end <= start:
            try:
                return next(outside)
            except StopIteration:
                raise _wrong_length() from None
        count, holds = stop - start, start <= index < stop
        whole = first <= start and stop <= end and count & (count - 1) == 0
        if whole and (count == 1 or not holds):
            return complete_root(
                inside[(start - first) * HASH_BYTES : (stop - first) * HASH_BYTES]
            )
        middle = start + split_at(count)
        left, right = subtree(start, middle), subtree(middle, stop)
        if holds:
            path.append(right if index < middle else left)
        return node_hash(left, right)

    root = subtree(0, size)
    if next(outside, None) is not None:
        raise _wrong_length()
    return root, path


def _check_hashes(*hashes: bytes) -> None:
    if any(len(item) != HASH_BYTES for item in hashes):
        raise ProofError(
            f"A hash of the proof has not {HASH_BYTES} bytes.",
            remedy="Ask for the proof again.",
        )


def _compare(computed: bytes, expected: bytes) -> None:
    if not hmac.compare_digest(computed, expected):
        raise _no_match()


def _no_match() -> ProofError:
    return ProofError(
        "The proof does not lead to the root.",
        remedy="Do not rely on what it should prove.",
    )


def _wrong_length() -> ProofError:
    return ProofError(
        "The proof has too few or too many hashes.",
        remedy="Ask for the proof again.",
    )
