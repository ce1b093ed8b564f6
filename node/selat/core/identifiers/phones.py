# SPDX-License-Identifier: Apache-2.0
"""Telephone numbers in the form of ITU-T E.164.

A number that is already international is formed here, without a numbering
plan, so that two nodes with different editions of the plans agree on it. Only
a national number, or one with its trunk prefix left in, needs the plans of
``phonenumbers``, which are loaded by the first such number. Whether a number
is assigned to anybody is not asked.
"""

from __future__ import annotations

import re
from typing import Final

# E.164, 6: at most 15 digits; the shortest international numbers have 7.
_INTERNATIONAL: Final = re.compile(r"\+[1-9][0-9]{6,14}")

# ITU-T E.164, list of country codes: 1 and 7 have one digit, these two, all
# others three.
_TWO_DIGITS: Final = re.compile(
    r"2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]"
)

_SEPARATORS: Final = str.maketrans("", "", " -.()/\u00a0\u2010\u2011\u2012\u2013")


def to_e164(value: str, country: str = "") -> str:
    """Return a telephone number in E.164 where its country can be known.

    Args:
        value: The number as written, in ASCII digits and separators.
        country: ISO 3166-1 alpha-2 of the state in which it was written;
            without it a national number stays as it is.

    Returns:
        ``+`` and digits; else the digits alone, which may be none.
    """
    number = value
    if _INTERNATIONAL.fullmatch(value) is None:
        number = value.translate(_SEPARATORS)
    # A zero behind the country code may be a trunk prefix, or not (Italy).
    if _INTERNATIONAL.fullmatch(number) and number[_code_length(number) + 1] != "0":
        return number
    if number.startswith("+") or country:
        international = _by_plan(value, country)
        if international:
            return international
    return "".join(character for character in number if character in "0123456789")


def _code_length(number: str) -> int:
    """Return how many digits behind the plus sign are the country code."""
    if number[1] in "17":
        return 1
    return 2 if _TWO_DIGITS.match(number, 1) else 3


def _by_plan(value: str, country: str) -> str:
    """Return the number as the numbering plans read it, or nothing."""
    # 4 MiB that most nodes never need.
    import phonenumbers  # noqa: PLC0415 - loaded by the first number that needs it

    try:
        parsed = phonenumbers.parse(value, country or None)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(parsed):
        return ""
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
