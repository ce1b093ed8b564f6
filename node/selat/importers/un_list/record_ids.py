# SPDX-License-Identifier: Apache-2.0
"""Identifiers of records that are the same at every import.

An entry must keep its record's identifier from list to list, also when the
state of former imports was lost; so it is derived and not drawn.

It is a UUIDv7 (RFC 9562 §5.7). Its 48 bits of time are those of the adoption of
resolution 1267 for every entry: a date of listing can be corrected, and then
the identifier would change. Its other 74 bits are the first of
SHA-256(domain ‖ node ‖ 0x00 ‖ reference number). The node's name keeps the
records of two states that publish the same list apart.
"""

from __future__ import annotations

import hashlib
from typing import Final

_DOMAIN: Final = b"selat/v1/import/un-sc\x00"
_EPOCH_MS: Final = 939_945_600_000
"""1999-10-15T00:00:00Z in milliseconds since the Unix epoch."""


def record_id(node: str, reference: str) -> bytes:
    """Return the identifier of an entry's record, 16 octets.

    Args:
        node: Name of the node that publishes it.
        reference: Permanent reference number of the entry.
    """
    digest = hashlib.sha256(_DOMAIN + f"{node}\x00{reference}".encode()).digest()
    octets = bytearray(_EPOCH_MS.to_bytes(6, "big") + digest[:10])
    octets[6] = octets[6] & 0x0F | 0x70
    octets[8] = octets[8] & 0x3F | 0x80
    return bytes(octets)
