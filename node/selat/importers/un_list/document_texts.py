# SPDX-License-Identifier: Apache-2.0
"""Numbers, kinds and dates out of the texts in which the list names documents.

States submit "Examplian passport no. Q00000123" where a number belongs, or
put the number into the remark. A number is only taken from a text whose form is
known; every other text stays whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

MAX_TEXT_LENGTH: Final = 512
"""Letters in which a number is looked for; the longest text has 182."""

# Letters, then digits in groups: "Q 000123", "11 22 333444", "QQ-P 123 456",
# "AB12.3456/7"; or letters and digits without a gap.
_PLAIN: Final = re.compile(
    r"(?:[A-Z]{1,4}[ ./-]{0,2}){0,2}\d[\dA-Z]*(?:[ ./-]{1,2}\d[\dA-Z]*)*"
    r"|[\dA-Z]*\d[\dA-Z]*",
    re.ASCII,
)
_LABELLED: Final = re.compile(
    r"(?P<label>\D*?\b(?:n[o°º]|no|numbers?|code|passport|card(?: \(tazkira\))?|SSN)"
    r"\b\)?[.:]?|[^\d:]+:|[^\W\d_]+(?: [^\W\d_]+)* \([^)]*\)|(?-i:[A-Z][a-z]+))"
    rf"\s*(?P<number>(?-i:{_PLAIN.pattern}))(?P<rest>[\s,(].*)?",
    re.IGNORECASE | re.DOTALL,
)
_FOLLOWED: Final = re.compile(
    rf"(?P<number>{_PLAIN.pattern})(?P<rest>,? ?\(?[A-Za-z].*)", re.ASCII | re.DOTALL
)
# "series 12 No. 345": which part is the number is not ours to say.
_SECOND_NUMBER: Final = re.compile(r"[,;]?\s*n[o°º]?\.?\s*\d.*", re.IGNORECASE)
_KEYWORD: Final = re.compile(
    r"\b(?:n[o°º]|numbers?|code|passport|card|SSN)\b", re.IGNORECASE
)
_PASSPORT_NUMBER: Final = re.compile(
    r"[Pp]assport (?:[Nn]umber|[Nn]o\.?):?\s?([A-Z]{0,3} ?\d{4,}[A-Z]?)\b", re.ASCII
)
_MIN_DIGITS: Final = 2
_MIN_UNCALLED: Final = 6
"""Characters of a number that nothing calls a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberText:
    """A text that holds a number.

    Attributes:
        label: What stands before the number: what it is, or whose.
        number: The number as written; empty when none was recognised.
        rest: What stands behind it, or the whole text without a number.
    """

    label: str = ""
    number: str = ""
    rest: str = ""


def read_number(text: str) -> NumberText:
    """Find the number in a text of the list.

    Args:
        text: A number, or a number with words around it.
    """
    if len(text) > MAX_TEXT_LENGTH:
        return NumberText(rest=text)
    if _PLAIN.fullmatch(text) and _has_digits(text):
        return NumberText(number=text)
    labelled = _LABELLED.fullmatch(text)
    if labelled and _has_digits(labelled["number"]):
        rest = labelled["rest"] or ""
        if _SECOND_NUMBER.fullmatch(rest.strip()):
            return NumberText(rest=text)
        label = labelled["label"].strip(" .:")
        return NumberText(label=label, number=labelled["number"], rest=_bare(rest))
    followed = _FOLLOWED.fullmatch(text)
    if followed and _has_digits(followed["number"]):
        return NumberText(number=followed["number"], rest=_bare(followed["rest"]))
    return NumberText(rest=text)


def find_number(text: str) -> NumberText:
    """Find a number in a text that need not hold one, such as a remark.

    Args:
        text: A remark. Years and dates in it are no numbers: only what is
            called a number, or is long and without gaps, is taken for one.
    """
    found = read_number(text)
    called = _KEYWORD.search(found.label)
    if called or (found.number.isalnum() and len(found.number) >= _MIN_UNCALLED):
        return found
    return NumberText(rest=text)


def passports_in(text: str) -> tuple[str, ...]:
    """Return the passport numbers that a remark on a name calls so.

    Args:
        text: For example ``son of N. N., passport number AB 123456 issued …``.
    """
    return tuple(dict.fromkeys(_PASSPORT_NUMBER.findall(text)))


def _has_digits(text: str) -> bool:
    return sum(character.isdigit() for character in text) >= _MIN_DIGITS


def _bare(text: str) -> str:
    text = text.strip(" ,;")
    if text.startswith("(") and text.endswith(")"):
        return text[1:-1]
    return text
