# SPDX-License-Identifier: Apache-2.0
"""Verify Merkle proofs: inclusion, consistency (RFC 6962 §2.1) and range."""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from selat.core.merkle import EMPTY_ROOT, HASH_BYTES, node_hash
from selat.errors import ProofError


def verify_inclusion(
    *, leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Verify that a leaf stands in a tree (RFC 9162 §2.1.3.2).

    Raises:
        ProofError: It is not proven.
    """
    _check_hashes(leaf_hash, root, *proof)
    if not 0 <= index < size:
        raise ProofError(
            f"Leaf {index} is outside a tree of {size} leaves.",
            remedy="Compare index and checkpoint.",
        )
    position, last = index, size - 1
    digest = leaf_hash
    for sibling in proof:
        if last == 0:
            raise _wrong_length()
        if position & 1 or position == last:
            digest = node_hash(sibling, digest)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            digest = node_hash(digest, sibling)
        position, last = position >> 1, last >> 1
    if last:
        raise _wrong_length()
    _compare(digest, root)


def verify_consistency(
    *,
    old_size: int,
    old_root: bytes,
    new_size: int,
    new_root: bytes,
    proof: Sequence[bytes],
) -> None:
    """Verify that a tree extends an older one (RFC 9162 §2.1.4.2).

    Every tree extends the empty one, whose proof is empty.

    Raises:
        ProofError: It is not proven.
    """
    if not 0 <= old_size <= new_size:
        raise ProofError(
            f"A tree of {new_size} leaves cannot extend one of {old_size}.",
            remedy="Compare both checkpoints.",
        )
    if old_size in (0, new_size) and proof:
        raise _wrong_length()
    if 0 < old_size == new_size:
        _compare(old_root, new_root)
        return
    _check_hashes(old_root, new_root, *proof)
    if old_size == 0:
        _compare(old_root, EMPTY_ROOT)
        if new_size == 0:
            _compare(new_root, EMPTY_ROOT)
        return
    path = list(proof)
    position, last = old_size - 1, new_size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    if position:
        if not path:
            raise _wrong_length()
        start = path.pop(0)
    else:
        start = old_root
    old, new = start, start
    for sibling in path:
        if last == 0:
            raise _wrong_length()
        if position & 1 or position == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        position, last = position >> 1, last >> 1
    if last:
        raise _wrong_length()
    _compare(old, old_root)
    _compare(new, new_root)


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
    _check_hashes(root, *proof, *leaf_hashes)
    end = first + len(leaf_hashes)
    if not (leaf_hashes and first >= 0 and end <= size):
        raise ProofError(
            "The range is empty or outside the tree.",
            remedy="Compare the range with the checkpoint.",
        )
    outside = iter(proof)

    def subtree(start: int, stop: int) -> bytes:
        if stop <= first or end <= start:
            try:
                return next(outside)
            except StopIteration:
                raise _wrong_length() from None
        if stop - start == 1:
            return leaf_hashes[start - first]
        middle = start + (1 << (stop - start - 1).bit_length() - 1)
        left = subtree(start, middle)
        return node_hash(left, subtree(middle, stop))

    digest = subtree(0, size)
    if next(outside, None) is not None:
        raise _wrong_length()
    _compare(digest, root)


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
