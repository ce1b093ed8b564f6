# SPDX-License-Identifier: Apache-2.0
"""Pages of long lists (AIP-158): sizes and tokens.

A token holds the number below which the next page starts and a digest of the
request that it belongs to, so that a token cannot be used with another.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Final, Protocol

from google.protobuf.message import Message

from selat.errors import BadCursorError

PAGE_SIZE_DEFAULT: Final = 50
PAGE_SIZE_MAX: Final = 500
_NUMBER_BYTES: Final = 8
#: The largest number that a row can have (SQLite: a signed 64-bit integer).
_NUMBER_MAX: Final = 2**63 - 1
_DIGEST_BYTES: Final = 8


class Paged(Protocol):
    """A request for a page."""

    page_size: int
    page_token: str


def page_size(request: Paged) -> int:
    """Return how many rows to give: the default for 0, never over the most."""
    return min(request.page_size or PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX)


def token_for(request: Message, number: int) -> str:
    """Return the token of the page below a number."""
    token = number.to_bytes(_NUMBER_BYTES, "big") + _digest(request)
    return base64.urlsafe_b64encode(token).decode()


def number_from(request: Message, token: str) -> int | None:
    """Return the number below which the page starts; None for the first page.

    Raises:
        BadCursorError: The token is not one of ours, or of another request.
    """
    if not token:
        return None
    try:
        raw = base64.b64decode(token, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    number = int.from_bytes(raw[:_NUMBER_BYTES], "big")
    if raw[_NUMBER_BYTES:] != _digest(request) or number > _NUMBER_MAX:
        raise BadCursorError(
            "The page token does not belong to this request.",
            remedy="Repeat the request as it was, or start without a token.",
        )
    return number


def _digest(request: Message) -> bytes:
    bare = type(request)()
    bare.CopyFrom(request)
    for field in ("page_token", "page_size"):
        bare.ClearField(field)
    data = bare.SerializeToString(deterministic=True)
    return hashlib.sha256(data).digest()[:_DIGEST_BYTES]
