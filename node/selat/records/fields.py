# SPDX-License-Identifier: Apache-2.0
"""Rules of single fields, compiled from the schema, applied on the hot path.

Each rule looks at one value and notes what it finds in the walk. Lengths come
first: no other check sees a value that is over its bound. A rule stops at its
first violation. Messages inside messages are walked by ``records.schema``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.timestamp_pb2 import Timestamp

from selat.core.selectors import SelectorKind, normalise
from selat.errors import MalformedError
from selat.records.checks import STRUCTURED, Check
from selat.records.forms import Form
from selat.records.walk import Walk

Visit = Callable[[Any, Walk], None]
"""Note in the walk what is to be said of a value; its type is the field's."""

# A terminal or a log obeys these; line feed, carriage return and tab are text.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")

# Timestamps of google.protobuf: 0001-01-01 to 9999-12-31, in seconds.
_FIRST_SECOND: Final = -62_135_596_800
_LAST_SECOND: Final = 253_402_300_799
_NANOSECONDS: Final = 1_000_000_000

_SHA256_SUFFIX: Final = "_sha256"
_SHA256_SIZE: Final = 32
"""Octets of a field whose name ends with ``_SHA256_SUFFIX``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRule:
    """A text: bounded, without control characters, perhaps with check digits."""

    name: str
    max_length: int
    check: Check | None = None

    def visit(self, value: str, walk: Walk) -> None:
        """Check the text; warn of check digits that fail."""
        if len(value) > self.max_length:
            _too_long(self.name, self.max_length, walk)
        elif not value.isprintable() and _CONTROL.search(value):
            _not_plain(self.name, walk)
        elif self.check is not None and value:
            _apply(self.check, self.name, value, walk)


@dataclass(frozen=True, slots=True, kw_only=True)
class FormRule:
    """A text of one form; every form leaves out control characters."""

    name: str
    max_length: int
    form: Form

    def visit(self, value: str, walk: Walk) -> None:
        """Check the form of a text that is not empty."""
        if len(value) > self.max_length:
            _too_long(self.name, self.max_length, walk)
        elif value and not self.form.fits(value):
            walk.violate(self.name, self.form.rule, f"must be {self.form.expected}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectorRule:
    """A text that identifies something: its selectors are derived as well."""

    name: str
    max_length: int
    kind: SelectorKind
    check: Check | None = None

    def visit(self, value: str, walk: Walk) -> None:
        """Check the text and note its selectors."""
        if len(value) > self.max_length:
            _too_long(self.name, self.max_length, walk)
            return
        if not value.isprintable() and _CONTROL.search(value):
            _not_plain(self.name, walk)
            return
        found = normalise(self.kind, value)
        if found:
            walk.selectors += found
        elif value and self.kind in STRUCTURED:
            walk.violate(self.name, "structure", f"must be {STRUCTURED[self.kind]}")
        if self.check is not None and value:
            _apply(self.check, self.name, value, walk)


@dataclass(frozen=True, slots=True, kw_only=True)
class BytesRule:
    """Octets of bounded number; a SHA-256 has all of its own."""

    name: str
    max_length: int

    def visit(self, value: bytes, walk: Walk) -> None:
        """Check the number of octets."""
        if len(value) > self.max_length:
            walk.violate(
                self.name, "max-length", f"has more than {self.max_length} octets"
            )
        elif self.name.endswith(_SHA256_SUFFIX) and len(value) != _SHA256_SIZE:
            walk.violate(self.name, "sha256", f"must have {_SHA256_SIZE} octets")


@dataclass(frozen=True, slots=True, kw_only=True)
class EnumRule:
    """A value of an enumeration that this node knows."""

    name: str
    numbers: frozenset[int]

    def visit(self, value: int, walk: Walk) -> None:
        """Refuse unknown numbers, and zero, which is never written down."""
        if value not in self.numbers:
            walk.violate(
                self.name, "enum", "is no value that this version of Selat knows"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberRule:
    """A floating-point number between two bounds."""

    name: str
    least: float
    greatest: float

    def visit(self, value: float, walk: Walk) -> None:
        """Refuse what is not finite or out of bounds."""
        if not math.isfinite(value) or not self.least <= value <= self.greatest:
            walk.violate(
                self.name, "range", f"must lie from {self.least} to {self.greatest}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class TimestampRule:
    """A point in time that ``google.protobuf.Timestamp`` may hold."""

    name: str

    def visit(self, value: Timestamp, walk: Walk) -> None:
        """Check the ranges of seconds and nanoseconds."""
        if not is_point_in_time(value):
            walk.violate(
                self.name, "timestamp", "must lie in the years 1 to 9999 (UTC)"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedRule:
    """A list of bounded length, each item under the rule of one."""

    name: str
    max_items: int
    item: Visit | None
    check: Check | None = None

    def visit(self, values: Sequence[Any], walk: Walk) -> None:
        """Check the number of items, then each of them, then all together."""
        if not is_bounded(self.name, values, self.max_items, walk):
            return
        before = len(walk.violations)
        if self.item is not None:
            for index, value in enumerate(values):
                walk.index = index
                self.item(value, walk)
            walk.index = -1
        if self.check is not None and len(walk.violations) == before:
            _apply(self.check, self.name, "\n".join(values), walk)


def is_point_in_time(stamp: Timestamp) -> bool:
    """Tell whether seconds and nanoseconds are in their ranges."""
    return (
        _FIRST_SECOND <= stamp.seconds <= _LAST_SECOND
        and 0 <= stamp.nanos < _NANOSECONDS
    )


def is_bounded(name: str, values: Sequence[Any], max_items: int, walk: Walk) -> bool:
    """Tell whether a list is within its bound, noting a violation if not."""
    if len(values) <= max_items:
        return True
    walk.violate(name, "max-items", f"has more than {max_items} items")
    return False


def _too_long(name: str, max_length: int, walk: Walk) -> None:
    walk.violate(name, "max-length", f"has more than {max_length} characters")


def _not_plain(name: str, walk: Walk) -> None:
    walk.violate(name, "control-character", "holds control characters")


def _apply(check: Check, name: str, value: str, walk: Walk) -> None:
    """Run a check of ``core.identifiers`` on a value."""
    try:
        findings = check(value)
    except MalformedError as error:
        walk.violate(name, "structure", error.message)
        return
    if findings:
        walk.warn(name, findings)
