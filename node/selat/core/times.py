# SPDX-License-Identifier: Apache-2.0
"""Moments as milliseconds since the Unix epoch, UTC, and as aware datetimes."""

from __future__ import annotations

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
