# SPDX-License-Identifier: Apache-2.0
"""Moments as milliseconds since the Unix epoch, UTC, and as aware datetimes."""

from __future__ import annotations

from datetime import UTC, datetime


def utc(ms: int) -> datetime:
    """Return a moment in ms since the epoch as an aware datetime."""
    return datetime.fromtimestamp(ms / 1000, tz=UTC)


def to_ms(moment: datetime) -> int:
    """Return an aware datetime in ms since the epoch, rounded down."""
    return int(moment.timestamp() * 1000)
