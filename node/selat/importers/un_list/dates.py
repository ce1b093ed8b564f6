# SPDX-License-Identifier: Apache-2.0
"""Dates as the list writes them, in fields and in remarks.

A date is never more precise than what was written, and never converted from
another calendar: what is not a Gregorian year, month or day is left as text.
"""

from __future__ import annotations

import calendar
import re
from datetime import date
from typing import Final, NewType

PartialDate = NewType("PartialDate", str)
"""``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``, Gregorian (ISO 8601)."""

# A year before is one of another calendar (1402 of the Hijra is 1981), a year
# after is a slip of the pen.
_FIRST_YEAR: Final = 1850
_LAST_YEAR: Final = 2150

_ISO: Final = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", re.ASCII)
# xs:date and xs:dateTime may carry a time and a zone.
_ZONE: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:T[\d:.]+)?(?:Z|[+-]\d{2}:\d{2})?", re.ASCII
)
_MONTHS: Final = {
    name.lower()[:3]: number
    for number, name in enumerate(calendar.month_name)
    if number
}
_MONTH: Final = r"(?P<month>[A-Z][a-z]{2,8})\.?"
_YEAR: Final = r"(?P<year>\d{4})"
_DAY: Final = r"(?P<day>\d{1,2})"
_WRITTEN: Final = "|".join(
    pattern.replace("P<", f"P<{prefix}")
    for prefix, pattern in (
        ("a", rf"{_DAY}\s?{_MONTH}\s?{_YEAR}"),
        ("b", rf"{_MONTH}\s{_DAY},\s?{_YEAR}"),
        ("c", rf"{_MONTH}\s?{_YEAR}"),
        ("d", r"(?P<iso>\d{4}-\d{2}-\d{2})"),
    )
)
_WRITTEN_DATE: Final = re.compile(_WRITTEN, re.ASCII)
_EXPIRY: Final = re.compile(
    r"(?i:\bexp(?:ir\w*|\.)|\bvalid until)(?i:\sdate)?(?i:\s?of)?:?(?:\son)?\s"
    rf"(?P<date>{_WRITTEN})",
    re.ASCII,
)
_MONTH_RANGE: Final = re.compile(
    r"Between ([A-Z][a-z]{2,8})\.? and ([A-Z][a-z]{2,8})\.? (\d{4})", re.ASCII
)


def partial_date(text: str) -> PartialDate | None:
    """Return a date written as ISO 8601 has it, or None.

    Args:
        text: For example ``1971``, ``1971-05`` or ``2012-12-31-05:00``; a time
            and a zone are left out.
    """
    zoned = _ZONE.fullmatch(text)
    match = _ISO.fullmatch(zoned[1] if zoned else text)
    return _checked(*match.groups()) if match else None


def written_date(text: str) -> PartialDate | None:
    """Return a date written in English or as ISO 8601, or None.

    Args:
        text: For example ``Nov. 1973``, ``28 October 2021`` or ``1971``.
    """
    match = _WRITTEN_DATE.fullmatch(text)
    return _from_words(match) if match else partial_date(text)


def month_of_year(year: PartialDate, text: str) -> PartialDate | None:
    """Return the month that a remark names, in a year that is known.

    Args:
        year: The year, ``YYYY``.
        text: Nothing but a month, for example ``Sep.``.
    """
    return written_date(f"{text} {year}")


def month_range(text: str) -> tuple[PartialDate, PartialDate] | None:
    """Return both ends of ``Between Aug. and Sep. 1977``, or None."""
    match = _MONTH_RANGE.fullmatch(text)
    if match is None:
        return None
    first = written_date(f"{match[1]} {match[3]}")
    last = written_date(f"{match[2]} {match[3]}")
    return (first, last) if first and last and first <= last else None


def expiry_date(text: str) -> PartialDate | None:
    """Return the date on which a remark says that a document expires.

    Args:
        text: A remark, for example ``issued in Orsk, expires on 9 June 2023``.

    Returns:
        The date; None when the remark names none, or more than one.
    """
    found = {
        written_date(match["date"].strip()): None for match in _EXPIRY.finditer(text)
    }
    dates = [each for each in found if each is not None]
    return dates[0] if len(dates) == 1 else None


def _from_words(match: re.Match[str]) -> PartialDate | None:
    groups = {name[1:]: value for name, value in match.groupdict().items() if value}
    if "iso" in groups:
        return partial_date(groups["iso"])
    word = groups["month"].lower()
    number = _MONTHS.get(word[:3])
    if number is None or not (
        calendar.month_name[number].lower().startswith(word) or word == "sept"
    ):
        return None
    return _checked(groups["year"], str(number), groups.get("day"))


def _checked(year: str, month: str | None, day: str | None) -> PartialDate | None:
    """Put the parts together when the calendar has such a date."""
    if not _FIRST_YEAR <= int(year) <= _LAST_YEAR:
        return None
    try:
        date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return None
    parts = [year, *(f"{int(part):02d}" for part in (month, day) if part)]
    return PartialDate("-".join(parts))
