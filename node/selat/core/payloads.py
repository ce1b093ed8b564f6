# SPDX-License-Identifier: Apache-2.0
"""A message at rest: salt, header and body as one payload, byte for byte.

The salt of a received message is the one that came inside its seal. A
published message keeps a secret seed in its place, from which the salt of the
commitment to each recipient is derived, so that a batch can be sealed again
after a crash and erasing the payload erases every salt with it.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Final

from selat.core.sealing import SALT_BYTES
from selat.errors import MalformedError

_LENGTH_BYTES: Final = 4
_SALT_LABEL: Final = b"selat/v1/offer-salt\x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage:
    """What a payload holds.

    Attributes:
        salt: 32 bytes: the salt as received, or the seed of the salts.
        header: Exact bytes of the header.
        body: Exact bytes of the body.
    """

    salt: bytes
    header: bytes
    body: bytes

    def __post_init__(self) -> None:
        """Refuse a salt of another length: nothing in a payload tells it."""
        if len(self.salt) != SALT_BYTES:
            raise MalformedError(
                f"A salt has {SALT_BYTES} bytes, this one {len(self.salt)}.",
                remedy="Draw a fresh salt for every message.",
            )

    def __repr__(self) -> str:
        """Show sizes only."""
        return f"StoredMessage(header: {len(self.header)} B, body: {len(self.body)} B)"


def pack(message: StoredMessage) -> bytes:
    """Return ``salt ‖ len(header) ‖ header ‖ body``, the length 4 bytes big-endian."""
    length = len(message.header).to_bytes(_LENGTH_BYTES, "big")
    return b"".join((message.salt, length, message.header, message.body))


def unpack(payload: bytes) -> StoredMessage:
    """Return what `pack` packed.

    Raises:
        MalformedError: The payload is shorter than it says.
    """
    start = SALT_BYTES + _LENGTH_BYTES
    end = start + int.from_bytes(payload[SALT_BYTES:start], "big")
    if len(payload) < end:
        raise MalformedError(
            "A stored payload is shorter than its length field says.",
            remedy="Restore the database from a backup.",
        )
    return StoredMessage(
        salt=payload[:SALT_BYTES], header=payload[start:end], body=payload[end:]
    )


def offer_salt(seed: bytes, *, recipient: str, blind: bytes) -> bytes:
    """Derive the salt of one commitment.

    HMAC-SHA256 (RFC 2104) under the message's secret seed: no recipient can
    tell another's salt, and none outlives the seed.

    Args:
        seed: The published message's 32-byte seed.
        recipient: Node name of the recipient.
        blind: 32 random bytes of the offer leaf.

    Returns:
        32 bytes.
    """
    return hmac.digest(seed, _SALT_LABEL + blind + recipient.encode(), "sha256")
