# SPDX-License-Identifier: Apache-2.0
"""RFC 6962 hashing, and a tree as the few hashes that its root follows from.

A frontier grows and knows its root; proofs need the tiles of
`selat.core.tiles`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from selat.errors import MalformedError

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()
#: Leaves of the greatest tree: what RFC 6962's 64-bit sizes and signed
#: integers of databases both hold.
TREE_SIZE_MAX: Final = 2**63 - 1
_SIZE_BYTES: Final = 8
_PAIR_BYTES: Final = 2 * HASH_BYTES


def leaf_hash(data: bytes) -> bytes:
    """Return the 32-byte hash of a leaf (RFC 6962 §2.1)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the 32-byte hash of an interior node (RFC 6962 §2.1)."""
    return sha256(b"\x01" + left + right).digest()


def complete_root(hashes: bytes) -> bytes:
    """Return the root of a complete subtree.

    Args:
        hashes: The hashes of one of its levels, 32 bytes each, from left to
            right; their number is a power of two.
    """
    while len(hashes) > HASH_BYTES:
        # Two neighbours stand together already: left ‖ right.
        hashes = b"".join(
            [
                sha256(b"\x01" + hashes[start : start + _PAIR_BYTES]).digest()
                for start in range(0, len(hashes), _PAIR_BYTES)
            ]
        )
    return hashes


def split_at(count: int) -> int:
    """Return the greatest power of two smaller than a count (RFC 6962 §2.1)."""
    return 1 << (count - 1).bit_length() - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontier:
    """The complete subtrees of a tree, greatest and leftmost first.

    Attributes:
        size: Number of leaves.
        hashes: One 32-byte root for each bit that is set in ``size``.
    """

    size: int
    hashes: tuple[bytes, ...]

    def __post_init__(self) -> None:
        """Refuse a number of hashes that does not belong to the size."""
        if (
            not 0 <= self.size <= TREE_SIZE_MAX
            or len(self.hashes) != self.size.bit_count()
            or any(len(item) != HASH_BYTES for item in self.hashes)
        ):
            raise MalformedError(
                f"{len(self.hashes)} hashes are not the complete subtrees of a tree "
                f"of {self.size} leaves.",
                remedy="Restore the database from a backup.",
            )

    def extend(self, leaf_hashes: Iterable[bytes]) -> Frontier:
        """Return the frontier after more leaves.

        Raises:
            MalformedError: The tree would be too large, or a hash that stays in
                the frontier does not have 32 bytes.
        """
        stack, size = list(self.hashes), self.size
        for item in leaf_hashes:
            size += 1
            root, merges = item, size
            # As many merges as there are trailing zero bits in the new size.
            while not merges & 1:
                root = sha256(b"\x01" + stack.pop() + root).digest()
                merges >>= 1
            stack.append(root)
        return Frontier(size=size, hashes=tuple(stack))

    def root(self) -> bytes:
        """Return the tree's 32-byte root."""
        if not self.hashes:
            return EMPTY_ROOT
        root = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            root = node_hash(left, root)
        return root

    def encode(self) -> bytes:
        """Return the size, 8 bytes big-endian, and the hashes."""
        return self.size.to_bytes(_SIZE_BYTES, "big") + b"".join(self.hashes)

    @classmethod
    def decode(cls, data: bytes) -> Frontier:
        """Read what `encode` wrote.

        Raises:
            MalformedError: It is not that.
        """
        size = int.from_bytes(data[:_SIZE_BYTES], "big")
        rest = data[_SIZE_BYTES:]
        if len(data) < _SIZE_BYTES or len(rest) != size.bit_count() * HASH_BYTES:
            raise MalformedError(
                "A stored tree head has the wrong length.",
                remedy="Restore the database from a backup.",
            )
        hashes = tuple(
            rest[start : start + HASH_BYTES]
            for start in range(0, len(rest), HASH_BYTES)
        )
        return cls(size=size, hashes=hashes)


EMPTY_FRONTIER: Final = Frontier(size=0, hashes=())
