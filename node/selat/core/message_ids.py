# SPDX-License-Identifier: Apache-2.0
"""Message identifiers: UUIDv7 (RFC 9562 §5.7)."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from selat.errors import InvalidInputError

RANDOM_BYTES: Final = 10
_TIME_BITS: Final = 48


def new_message_id(now_ms: int, random: bytes) -> UUID:
    """Return a new identifier.

    Args:
        now_ms: The present time in ms since the epoch.
        random: 10 fresh random bytes, of which 74 bits are used.

    Raises:
        InvalidInputError: There are more or fewer bytes, or the time does not
            fit in 48 bits.
    """
    if len(random) != RANDOM_BYTES or now_ms >> _TIME_BITS:
        raise InvalidInputError(
            f"An identifier needs {RANDOM_BYTES} random bytes and a time after 1970.",
            remedy="Set the clock and draw fresh bytes.",
        )
    bits = int.from_bytes(random, "big")
    value = now_ms << 80
    value |= 0x7 << 76  # version
    value |= (bits >> 68) << 64  # rand_a, 12 bits
    value |= 0b10 << 62  # variant
    value |= bits & ((1 << 62) - 1)  # rand_b, 62 bits
    return UUID(int=value)
