# SPDX-License-Identifier: Apache-2.0
"""Moments and lengths of time as people type them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from selat.errors import InvalidInputError

_LENGTH: Final = re.compile(r"([1-9][0-9]{0,4})([mhdw])")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_duration(text: str) -> timedelta:
    """Read ``90m``, ``12h``, ``7d`` or ``2w``.

    Raises:
        InvalidInputError: It is none of these.
    """
    match = _LENGTH.fullmatch(text)
    if match is None:
        raise InvalidInputError(
            f"'{text[:40]}' is no length of time.", remedy="Say 90m, 12h, 7d or 2w."
        )
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def parse_moment(text: str, *, now: datetime) -> datetime:
    """Read ``90m``, ``12h``, ``7d``, ``2w`` ago, a date, or a date with time.

    Args:
        text: What the person typed; without an offset it is UTC.
        now: The present moment.

    Raises:
        InvalidInputError: It is none of these.
    """
    if _LENGTH.fullmatch(text):
        return now - parse_duration(text)
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as failure:
        raise InvalidInputError(
            f"'{text[:40]}' is no time.",
            remedy="Say 12h or 7d for so long ago, 2026-01-31, or 2026-01-31T08:00Z.",
        ) from failure
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed
