# SPDX-License-Identifier: Apache-2.0
"""The forms that texts of a message can have, by their numbers in the proto."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final

from selat.core.identifiers.countries import COUNTRIES
from selat.core.identifiers.currencies import CURRENCIES
from selat.core.node_names import is_node_name
from selat.v1 import options_pb2

_PARTIAL_DATE: Final = re.compile(
    r"(?!0000)[0-9]{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12][0-9]|3[01]))?)?"
)
_FULL_DATE_LENGTH: Final = 10
# No month has fewer days.
_SURE_DAY: Final = "28"

# RFC 5646, 2.1: language, extended language, script, region, variants,
# extensions and private use, by the lengths of their subtags.
_LANGUAGE: Final = re.compile(
    r"[a-z]{2,3}(?:-[a-z]{3}){0,3}(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|[0-9]{3}))?"
    r"(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*"
    r"(?:-[a-wyz0-9](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?"
)

_DECIMAL: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_SCRIPT: Final = re.compile(r"[A-Z][a-z]{3}")
_CATEGORY: Final = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One form of texts.

    Attributes:
        rule: Stable name of the form, for violations.
        fits: Tells whether a text, already bounded in length, has the form.
        expected: What the text must be, to finish "must be …".
    """

    rule: str
    fits: Callable[[str], object]
    expected: str


def is_partial_date(text: str) -> bool:
    """Tell whether a text is YYYY, YYYY-MM or YYYY-MM-DD and a date there is."""
    if _PARTIAL_DATE.fullmatch(text) is None:
        return False
    if len(text) < _FULL_DATE_LENGTH or text[8:] <= _SURE_DAY:
        return True
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


FORMS: Final[dict[int, Form]] = {
    options_pb2.TEXT_FORM_COUNTRY: Form(
        rule="country",
        fits=COUNTRIES.__contains__,
        expected="a country of ISO 3166-1 alpha-2 in upper case, or XA to XZ",
    ),
    options_pb2.TEXT_FORM_CURRENCY: Form(
        rule="currency",
        fits=CURRENCIES.__contains__,
        expected="a currency of ISO 4217, three upper-case letters",
    ),
    options_pb2.TEXT_FORM_PARTIAL_DATE: Form(
        rule="partial-date",
        fits=is_partial_date,
        expected="a date YYYY, YYYY-MM or YYYY-MM-DD",
    ),
    options_pb2.TEXT_FORM_LANGUAGE: Form(
        rule="language",
        fits=_LANGUAGE.fullmatch,
        expected="a BCP 47 language tag, for example ms or zh-Hant",
    ),
    options_pb2.TEXT_FORM_NODE_NAME: Form(
        rule="node-name",
        fits=is_node_name,
        expected="a lower-case DNS name, for example police.xa.example",
    ),
    options_pb2.TEXT_FORM_DECIMAL: Form(
        rule="decimal",
        fits=_DECIMAL.fullmatch,
        expected="a decimal number without exponent, with a point",
    ),
    options_pb2.TEXT_FORM_SCRIPT: Form(
        rule="script",
        fits=_SCRIPT.fullmatch,
        expected="a script of ISO 15924, for example Latn",
    ),
    options_pb2.TEXT_FORM_CATEGORY: Form(
        rule="category",
        fits=_CATEGORY.fullmatch,
        expected="a category of the catalogue, lower-case words with hyphens",
    ),
}
"""Each form, by its number in ``selat.v1.TextForm``."""
