# SPDX-License-Identifier: Apache-2.0
"""From the proof of a range to the proof of one of its leaves.

The hashes of a range and the subtrees outside it determine the whole tree's
upper part, and so the inclusion proof of each leaf (RFC 6962 §2.1.1). Whoever
holds a batch with its range proof can therefore hand on one leaf alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from selat.core.merkle import node_hash, split_at
from selat.errors import ProofError


def inclusion_in_range(
    index: int,
    *,
    leaf_hashes: Sequence[bytes],
    first: int,
    size: int,
    proof: Sequence[bytes],
) -> tuple[bytes, ...]:
    """Return the inclusion proof of one leaf of a proven range.

    It holds if and only if the range proof does; nothing is verified here.

    Args:
        index: Index of the leaf in the log.
        leaf_hashes: Hashes of the range's leaves, 32 bytes each.
        first: Index of the first of them.
        size: Number of leaves of the tree.
        proof: The range proof.

    Raises:
        ProofError: The leaf is not in the range, or the range proof has another
            length.
    """
    end = first + len(leaf_hashes)
    if not 0 <= first <= index < end <= size:
        raise ProofError(
            "The leaf is not in the range, or the range not in the tree.",
            remedy="Ask for the proof again.",
        )
    outside = list(reversed(proof))
    path: list[bytes] = []

    def subtree(start: int, stop: int) -> bytes:
        """Return the root over ``[start, stop)``; note siblings of the leaf."""
        if stop <= first or end <= start:
            if not outside:
                raise _wrong_length()
            return outside.pop()
        if stop - start == 1:
            return leaf_hashes[start - first]
        middle = start + split_at(stop - start)
        left, right = subtree(start, middle), subtree(middle, stop)
        if start <= index < stop:
            path.append(right if index < middle else left)
        return node_hash(left, right)

    subtree(0, size)
    if outside:
        raise _wrong_length()
    return tuple(path)


def _wrong_length() -> ProofError:
    return ProofError(
        "The range proof has too few or too many hashes.",
        remedy="Ask for the proof again.",
    )
