# SPDX-License-Identifier: Apache-2.0
"""Entry bundles: up to 256 leaves as they are published (C2SP tlog-tiles).

Each leaf follows its length, two bytes big-endian. What the leaves say is read
elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

from selat.core.tile_paths import TILE_WIDTH
from selat.errors import InvalidInputError, MalformedError, TooLargeError

#: The longest leaf, in bytes: what its length can say.
ENTRY_BYTES_MAX: Final = 2**16 - 1
_LENGTH_BYTES: Final = 2
#: The largest bundle, in bytes.
BUNDLE_BYTES_MAX: Final = TILE_WIDTH * (_LENGTH_BYTES + ENTRY_BYTES_MAX)


def encode_entries(leaves: Sequence[bytes]) -> bytes:
    """Return the bundle of 1 to 256 leaves.

    Raises:
        InvalidInputError: There are no leaves, or more.
        TooLargeError: A leaf has more than 65,535 bytes.
    """
    if not 1 <= len(leaves) <= TILE_WIDTH:
        raise InvalidInputError(
            f"An entry bundle does not hold {len(leaves)} leaves.",
            remedy=f"Give from 1 to {TILE_WIDTH}.",
        )
    if any(len(leaf) > ENTRY_BYTES_MAX for leaf in leaves):
        raise TooLargeError(
            f"A leaf has more than {ENTRY_BYTES_MAX} bytes.",
            remedy="Log less in one leaf.",
        )
    parts: list[bytes] = []
    for leaf in leaves:
        parts += (len(leaf).to_bytes(_LENGTH_BYTES, "big"), leaf)
    return b"".join(parts)


def parse_entries(data: bytes, *, count: int) -> tuple[bytes, ...]:
    """Return the leaves of a bundle.

    Args:
        data: The bundle.
        count: How many leaves it holds, 1 to 256: the width in its path.

    Raises:
        MalformedError: It does not hold exactly that many.
    """
    leaves = []
    end, whole = 0, count if 1 <= count <= TILE_WIDTH else 0
    for _ in range(whole):
        start = end + _LENGTH_BYTES
        # A length that is cut off still moves the end beyond the data.
        end = start + int.from_bytes(data[end:start], "big")
        leaves.append(data[start:end])
    # Ends only grow: the last one fits if and only if all of them do.
    if not leaves or end != len(data):
        raise MalformedError(
            f"The entry bundle does not hold exactly {count} leaves.",
            remedy="Get the bundle again, byte for byte, with its width.",
        )
    return tuple(leaves)


def entries_tile(leaves: Iterable[bytes]) -> bytes:
    """Return the level-0 tile over leaves: their RFC 6962 hashes, joined."""
    return b"".join([sha256(b"\x00" + leaf).digest() for leaf in leaves])
