# SPDX-License-Identifier: Apache-2.0
"""Message identifiers: UUIDv7 (RFC 9562 §5.7)."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from selat.errors import MalformedError

RANDOM_BYTES: Final = 10
_TIME_BITS: Final = 48


def new_message_id(now_ms: int, random: bytes) -> UUID:
    """Return a new identifier.

    Args:
        now_ms: The present time in ms since the epoch.
        random: 10 fresh random bytes, of which 74 bits are used.
    """
    bits = int.from_bytes(random[:RANDOM_BYTES], "big")
    value = (now_ms & ((1 << _TIME_BITS) - 1)) << 80
    value |= 0x7 << 76
    value |= (bits >> 68 & 0xFFF) << 64
    value |= 0b10 << 62
    value |= bits & ((1 << 62) - 1)
    return UUID(int=value)


def parse_message_id(text: str) -> UUID:
    """Return the identifier that a person typed.

    Raises:
        MalformedError: It is no UUID.
    """
    try:
        return UUID(text)
    except ValueError as error:
        raise MalformedError(
            "That is not a message identifier.",
            remedy="Give the UUID as `selat inbox` shows it, 36 characters.",
        ) from error
