# SPDX-License-Identifier: Apache-2.0
"""What an import did not understand: counted, with examples, never fatal.

The Consolidated List does not keep to its own schema. Whatever has no place in
our model is kept as text where it can be, and is told here in any case, so that
a person can see it before officers at a frontier do not. The examples are taken
from a public list; they name persons and belong on the operator's screen and
not into a log.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MAX_FINDINGS: Final = 500
"""Kinds of finding that are told apart; a hostile file could invent more."""

MAX_REFERENCES: Final = 50
"""Entries that one finding names."""

MAX_EXAMPLES: Final = 3
"""Values that one finding shows."""

MAX_EXAMPLE_LENGTH: Final = 120
"""Characters of a value that are shown."""


class Rule(StrEnum):
    """What is wrong or not understood."""

    UNKNOWN_ELEMENT = "unknown-element"
    UNKNOWN_ATTRIBUTE = "unknown-attribute"
    REPEATED_ELEMENT = "repeated-element"
    STRAY_TEXT = "stray-text"
    UNKNOWN_VALUE = "unknown-value"
    DATE_NOT_UNDERSTOOD = "date-not-understood"
    NO_REFERENCE = "no-reference"
    NO_NAME = "no-name"
    DUPLICATE_REFERENCE = "duplicate-reference"
    COUNTRY_WITHOUT_CODE = "country-without-code"
    NUMBER_NOT_UNDERSTOOD = "number-not-understood"
    DOCUMENT_WITHOUT_NUMBER = "document-without-number"
    DOES_NOT_FIT = "does-not-fit"


LEAVES_OUT: Final = frozenset(
    {Rule.NO_REFERENCE, Rule.NO_NAME, Rule.DUPLICATE_REFERENCE}
)
"""Rules for which a whole entry is not read. All others keep the text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One kind of thing that was not understood.

    Attributes:
        rule: What it is.
        path: Element path, for example ``INDIVIDUAL/INDIVIDUAL_ALIAS/QUALITY``.
        count: How often it was met.
        references: Reference numbers of the first entries that have it.
        examples: The first different values, cut to a line.
    """

    rule: Rule
    path: str
    count: int
    references: tuple[str, ...]
    examples: tuple[str, ...]


class ReadingReport:
    """Collects findings while a list is read and mapped; bounded in size."""

    def __init__(self) -> None:
        """Start empty."""
        self._counts: Counter[tuple[Rule, str]] = Counter()
        self._references: dict[tuple[Rule, str], list[str]] = {}
        self._examples: dict[tuple[Rule, str], list[str]] = {}
        self.empty: Counter[str] = Counter()
        """Elements without content by path: placeholders, not findings."""
        self.read: Counter[str] = Counter()
        """Elements with content that became part of an entry, by path."""

    def note(
        self, rule: Rule, path: str, *, reference: str = "", value: str = ""
    ) -> None:
        """Count a finding.

        Args:
            rule: What was met.
            path: Where.
            reference: Reference number of the entry, where it is known.
            value: The value that was not understood.
        """
        key = (rule, path)
        if key not in self._counts and len(self._counts) >= MAX_FINDINGS:
            key = (rule, "…")
        self._counts[key] += 1
        _keep(self._references.setdefault(key, []), reference, MAX_REFERENCES)
        example = value[:MAX_EXAMPLE_LENGTH]
        _keep(self._examples.setdefault(key, []), example, MAX_EXAMPLES)

    def count(self, rule: Rule) -> int:
        """Return how often a rule was broken, wherever that was."""
        return sum(n for (known, _), n in self._counts.items() if known is rule)

    @property
    def entries_left_out(self) -> int:
        """Entries of the file that could not be told as entries."""
        return sum(self.count(rule) for rule in LEAVES_OUT)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, those that leave out entries first, then by number."""
        ordered = sorted(
            self._counts.items(),
            key=lambda item: (item[0][0] not in LEAVES_OUT, -item[1], item[0]),
        )
        return tuple(
            Finding(
                rule=key[0],
                path=key[1],
                count=count,
                references=tuple(self._references[key]),
                examples=tuple(self._examples[key]),
            )
            for key, count in ordered
        )


def _keep(kept: list[str], value: str, limit: int) -> None:
    if value and len(kept) < limit and value not in kept:
        kept.append(value)
