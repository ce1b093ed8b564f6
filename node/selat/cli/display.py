# SPDX-License-Identifier: Apache-2.0
"""Values as people read them.

What peers and officers wrote reaches a terminal only through `printable`: it
cannot move the cursor, change colours or reverse the reading direction.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

ABSENT: Final = "—"

# Unicode categories that a terminal acts upon instead of showing: controls
# (C0, C1), formats (bidirectional overrides, zero-width marks), surrogates,
# line and paragraph separators.
_ACTIVE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})

# Joiners that Arabic, Persian and Indic spelling needs; they hide nothing.
_JOINERS: Final = "\u200c\u200d"


def printable(text: str) -> str:
    """Return text in one line, with what would act on a terminal replaced."""
    return "".join(
        char
        if char in _JOINERS or unicodedata.category(char) not in _ACTIVE
        else (" " if char in "\n\t" else "\N{REPLACEMENT CHARACTER}")
        for char in text
    )


def moment(at: datetime | None) -> str:
    """Return a time in UTC to the minute, or a dash."""
    if at is None:
        return ABSENT
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}Z"


def age(now: datetime, since: datetime | None) -> str:
    """Return how long ago something was, in its two greatest units."""
    if since is None:
        return ABSENT
    minutes = max(int((now - since).total_seconds()) // 60, 0)
    days, hours = divmod(minutes // 60, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"


def number(count: int) -> str:
    """Return a number with groups of three digits."""
    return f"{count:,}"


def counted(count: int, one: str, many: str = "") -> str:
    """Return a number with its noun, for example ``1 peer`` or ``2 peers``."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def listed(values: Sequence[str]) -> str:
    """Return values separated by commas, or a dash."""
    return printable(", ".join(values)) or ABSENT
