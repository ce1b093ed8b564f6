# SPDX-License-Identifier: Apache-2.0
"""A message packed: salt, header and body as one string, byte for byte.

A message is committed to, sealed and kept at rest in this one form, so that it is
packed once and never again on its way. The salt of a received message is the one
that came inside its seal. A published message keeps a secret seed in its place,
from which the salt of the commitment to each recipient is derived, so that a batch
can be sealed again after a crash and erasing the payload erases every salt with it.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final, NamedTuple

from selat.errors import MalformedError

#: Salt of a commitment, in bytes.
SALT_BYTES: Final = 32
_LENGTH_BYTES: Final = 4
#: Where the header stands in a packed message, in bytes: behind salt and length.
HEADER_START: Final = SALT_BYTES + _LENGTH_BYTES

_SALT_LABEL: Final = b"selat/v1/offer-salt\x00"
# A key of HMAC-SHA256 is filled up to a block of the hash, then added to each of
# two octets bit by bit (RFC 2104 §2).
_KEY_PADDING: Final = bytes(64 - SALT_BYTES)
_INNER_PAD: Final = bytes(octet ^ 0x36 for octet in range(256))
_OUTER_PAD: Final = bytes(octet ^ 0x5C for octet in range(256))


class Packed(NamedTuple):
    """A packed message, from `pack` or `unpack`.

    A tuple, because a node handles thousands in a second.

    Attributes:
        data: ``salt ‖ len(header) ‖ header ‖ body``, the length 4 bytes big-endian.
        header: Exact bytes of the header.
        body: Exact bytes of the body.
    """

    data: bytes
    header: bytes
    body: bytes

    @property
    def salt(self) -> bytes:
        """Return the 32 bytes of salt, or of the seed of the salts."""
        return self.data[:SALT_BYTES]

    def salted(self, salt: bytes) -> Packed:
        """Return the message with another salt.

        Raises:
            MalformedError: The salt has another length.
        """
        _check_salt(salt)
        return _new(Packed, (salt + self.data[SALT_BYTES:], self.header, self.body))

    def __repr__(self) -> str:
        """Show sizes only."""
        return f"Packed(header: {len(self.header)} B, body: {len(self.body)} B)"


# What Packed() calls, in a third of the time.
_new: Final = tuple.__new__


def pack(*, salt: bytes, header: bytes, body: bytes) -> Packed:
    """Pack a message.

    Args:
        salt: 32 random bytes.
        header: Exact bytes of the header.
        body: Exact bytes of the body.

    Raises:
        MalformedError: The salt has another length: nothing in the data tells it.
    """
    _check_salt(salt)
    length = len(header).to_bytes(_LENGTH_BYTES, "big")
    return Packed(b"".join((salt, length, header, body)), header, body)


def unpack(data: bytes) -> Packed:
    """Read what `pack` packed.

    Raises:
        MalformedError: The data are shorter than they say.
    """
    end = HEADER_START + int.from_bytes(data[SALT_BYTES:HEADER_START], "big")
    if len(data) < end:
        raise MalformedError(
            "A packed message is shorter than its length field says.",
            remedy="Restore the database from a backup.",
        )
    return _new(Packed, (data, data[HEADER_START:end], data[end:]))


def offer_salt(seed: bytes, *, recipient: str, blind: bytes) -> bytes:
    """Derive the salt of one commitment.

    HMAC-SHA256 (RFC 2104) under the message's secret seed: no recipient can
    tell another's salt, and none outlives the seed. It is written as two hashes,
    because OpenSSL takes longer to set an HMAC up than to compute it.

    Args:
        seed: The published message's 32-byte seed.
        recipient: Node name of the recipient.
        blind: 32 random bytes of the offer leaf.

    Returns:
        32 bytes.

    Raises:
        MalformedError: The seed has another length.
    """
    _check_salt(seed)
    key = seed + _KEY_PADDING
    message = _SALT_LABEL + blind + recipient.encode()
    inner = sha256(key.translate(_INNER_PAD) + message).digest()
    return sha256(key.translate(_OUTER_PAD) + inner).digest()


def _check_salt(salt: bytes) -> None:
    if len(salt) != SALT_BYTES:
        raise MalformedError(
            f"A salt has {SALT_BYTES} bytes, this one {len(salt)}.",
            remedy="Draw a fresh salt for every message.",
        )
