# SPDX-License-Identifier: Apache-2.0
"""What fits a field of a message, and what goes to the remarks instead.

The limits are those of the schema. A text that is too long for its field, or
an item too many, is not cut: it stands whole among the remarks of the listing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from google.protobuf.message import Message

from selat.importers.un_list.report import ReadingReport, Rule
from selat.records.schema import DEFAULT_MAX_ITEMS, DEFAULT_MAX_LENGTH
from selat.v1 import options_pb2

NARRATIVE_LENGTH: Final = 16_384
"""Characters of Listing.narrative (entities.proto)."""


class Room:
    """Puts values into messages as far as the schema lets them.

    Attributes:
        reference: Reference number of the entry.
        report: Takes what does not fit.
        remarks: What found no field, one line each.
    """

    def __init__(self, reference: str, report: ReadingReport) -> None:
        """Start an entry without remarks."""
        self.reference = reference
        self.report = report
        self.remarks: list[str] = []

    def put(self, message: Message, field: str, text: str) -> None:
        """Set a text field, or add to the remarks what is too long for it."""
        if not text:
            return
        limits = _limits(message, field)
        if len(text) <= limits.length:
            setattr(message, field, text)
        else:
            self._overflow(limits, text)

    def add(self, message: Message, field: str, texts: Iterable[str]) -> None:
        """Add texts to a repeated field, each different one once."""
        limits = _limits(message, field)
        values = getattr(message, field)
        for text in dict.fromkeys(texts):
            if len(text) > limits.length or len(values) >= limits.items:
                self._overflow(limits, text)
            else:
                values.append(text)

    def append(self, message: Message, field: str, item: Message, text: str) -> None:
        """Add a message to a repeated field.

        Args:
            message: The message with the field.
            field: Its name.
            item: What to add.
            text: The same in words, for the remarks when there is no room.
        """
        limits = _limits(message, field)
        values = getattr(message, field)
        if len(values) < limits.items:
            values.append(item)
        else:
            self._overflow(limits, text)

    def note(self, rule: Rule, path: str, value: str) -> None:
        """Report something about the entry."""
        self.report.note(rule, path, reference=self.reference, value=value)

    def narrative(self, comments: str) -> str:
        """Return comments and remarks, as far as a listing can hold them."""
        text = "\n".join(filter(None, [comments, *self.remarks]))
        if len(text) > NARRATIVE_LENGTH:
            cut = text[NARRATIVE_LENGTH - 1 :]
            self.note(Rule.DOES_NOT_FIT, "Listing.narrative", cut)
            return text[: NARRATIVE_LENGTH - 1] + "…"
        return text

    def _overflow(self, limits: _Limits, text: str) -> None:
        self.note(Rule.DOES_NOT_FIT, f"{limits.message}.{limits.field}", text)
        self.remarks.append(f"{limits.field.replace('_', ' ')}: {text}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limits:
    """What the schema says of the size of a field."""

    message: str
    field: str
    length: int
    items: int


def _limits(message: Message, field: str) -> _Limits:
    descriptor = message.DESCRIPTOR.fields_by_name[field]
    rules = descriptor.GetOptions().Extensions[options_pb2.field]
    return _Limits(
        message=message.DESCRIPTOR.name,
        field=field,
        length=rules.max_length or DEFAULT_MAX_LENGTH,
        items=rules.max_items or DEFAULT_MAX_ITEMS,
    )
