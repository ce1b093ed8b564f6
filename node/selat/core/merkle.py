# SPDX-License-Identifier: Apache-2.0
"""RFC 6962 hashing, and a tree as the few hashes that its root follows from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from selat.errors import MalformedError

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()
_SIZE_BYTES: Final = 8


def leaf_hash(data: bytes) -> bytes:
    """Return the 32-byte hash of a leaf (RFC 6962 §2.1)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the 32-byte hash of an interior node (RFC 6962 §2.1)."""
    return sha256(b"\x01" + left + right).digest()


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
        if self.size < 0 or len(self.hashes) != self.size.bit_count():
            raise MalformedError(
                f"A tree of {self.size} leaves does not have {len(self.hashes)} "
                "complete subtrees.",
                remedy="Restore the database from a backup.",
            )

    def extend(self, leaf_hashes: Iterable[bytes]) -> Frontier:
        """Return the frontier after more leaves."""
        stack, size = list(self.hashes), self.size
        for item in leaf_hashes:
            stack.append(item)
            size += 1
            # As many merges as there are trailing zero bits in the new size.
            for _ in range((size & -size).bit_length() - 1):
                right = stack.pop()
                stack[-1] = sha256(b"\x01" + stack[-1] + right).digest()
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
