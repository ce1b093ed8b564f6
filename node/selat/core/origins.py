# SPDX-License-Identifier: Apache-2.0
"""Origins of the shards of a node's exchange log: ``NODE/exchange/YYYYhN``.

A shard is named by the half-year in which it was opened. The origins of one node
are ordered by time, and a log only ever goes on in a later one.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final

from selat.core.times import to_ms
from selat.errors import MalformedError

#: Characters of the longest origin that a type 0x06 signature can name.
ORIGIN_BYTES_MAX: Final = 255
_FIRST_MONTH_OF_SECOND_HALF: Final = 7
_ORIGIN: Final = re.compile(r"([^/\s]+)/exchange/([1-9][0-9]{3})h([12])")
_LAST_DAYS: Final = {"1": (6, 30), "2": (12, 31)}
_DAY_MS: Final = timedelta(days=1) // timedelta(milliseconds=1)


def origin_for(node: str, day: date) -> str:
    """Return the origin of a node's log on a day: ``NODE/exchange/YYYYhN``."""
    half = 1 if day.month < _FIRST_MONTH_OF_SECOND_HALF else 2
    return f"{node}/exchange/{day.year:04d}h{half}"


def node_of(origin: str) -> str:
    """Return the name of the node that a shard's log is of.

    Raises:
        MalformedError: It is no origin of a shard.
    """
    return _parse(origin)[1]


def end_ms(origin: str) -> int:
    """Return when the half-year of a shard is over, in ms since the epoch.

    Raises:
        MalformedError: It is no origin of a shard.
    """
    match = _parse(origin)
    month, day = _LAST_DAYS[match[3]]
    return to_ms(datetime(int(match[2]), month, day, tzinfo=UTC)) + _DAY_MS


def is_later(origin: str, other: str) -> bool:
    """Tell whether an origin is of a later half-year of the same node's log.

    Raises:
        MalformedError: One of them is no origin of a shard.
    """
    return node_of(origin) == node_of(other) and end_ms(origin) > end_ms(other)


def _parse(origin: str) -> re.Match[str]:
    match = _ORIGIN.fullmatch(origin) if len(origin) <= ORIGIN_BYTES_MAX else None
    if match is None:
        raise MalformedError(
            "That is no origin of an exchange log.",
            remedy="An origin has the form NODE/exchange/YYYYhN.",
        )
    return match
