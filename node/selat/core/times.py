# SPDX-License-Identifier: Apache-2.0
"""Moments as milliseconds since the Unix epoch, UTC, datetimes and RFC 3339."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)

# Whole numbers only: a float of seconds is off by a millisecond now and then.


def utc(ms: int) -> datetime:
    """Return a moment in ms since the epoch as an aware datetime.

    Raises:
        OverflowError: It is outside the years 1 to 9999.
    """
    return _EPOCH + timedelta(milliseconds=ms)


def to_ms(moment: datetime) -> int:
    """Return an aware datetime in ms since the epoch, rounded down."""
    return (moment - _EPOCH) // _MILLISECOND


def rfc3339(ms: int) -> str:
    """Return a moment in ms since the epoch as in a leaf: RFC 3339, UTC, ms.

    Raises:
        OverflowError: It is outside the years 1 to 9999.
    """
    moment = utc(ms).replace(tzinfo=None)
    return moment.isoformat(timespec="milliseconds") + "Z"


def from_rfc3339(text: str) -> int:
    """Return the ms since the epoch of what `rfc3339` wrote.

    Raises:
        ValueError: It is not in that form.
    """
    with suppress(ValueError):
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None and rfc3339(to_ms(moment)) == text:
            return to_ms(moment)
    raise ValueError("That is no moment in UTC with milliseconds.")
