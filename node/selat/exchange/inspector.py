# SPDX-License-Identifier: Apache-2.0
"""Read a message by the schema and by the state's catalogue of categories."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from selat.errors import InvalidRecordError, Violation
from selat.exchange.facts import PURPOSES, RECORD_TYPES
from selat.policy.catalogue import Catalogue
from selat.records.header import COMMON_BYTES_MAX, COMMON_PARTS_MAX
from selat.records.inspection import (
    Finding,
    Inspection,
    ParsedMessage,
    inspect_all,
    parsed,
)
from selat.records.schema import Schema
from selat.v1 import message_pb2


class Inspector:
    """Inspect messages.

    Args:
        schema: The compiled rules of the protocol's fields.
        catalogue: The categories and what each allows.
    """

    def __init__(self, *, schema: Schema, catalogue: Catalogue) -> None:
        """Take schema and catalogue."""
        self._schema = schema
        self._catalogue = catalogue
        self._remembered = lru_cache(COMMON_PARTS_MAX)(self._against_catalogue)

    def inspect(
        self, header: message_pb2.Header, body: message_pb2.Body, *, strict: bool
    ) -> Inspection:
        """Validate a message and derive its selectors.

        Args:
            header: Header of the message.
            body: Body of the message.
            strict: True for what our own desk hands in.

        Raises:
            InvalidRecordError: A rule is broken; it names every one.
        """
        (found,) = self.inspect_all([parsed(header, body)], strict=strict)
        if isinstance(found, InvalidRecordError):
            raise found
        return found

    def inspect_all(
        self, messages: Sequence[ParsedMessage], *, strict: bool
    ) -> list[Finding]:
        """Validate messages and derive their selectors.

        Args:
            messages: The messages.
            strict: True for what our own desk hands in.

        Returns:
            For each message what was found, or what is wrong with it.
        """
        findings = inspect_all(self._schema, messages, strict=strict)
        return [
            self._compared(message.heading.common, found)
            for message, found in zip(messages, findings, strict=True)
        ]

    def _compared(self, common: bytes, found: Finding) -> Finding:
        """Return what was found, or how it breaks the rules of the catalogue."""
        short = len(common) <= COMMON_BYTES_MAX
        violations = (self._remembered if short else self._against_catalogue)(common)
        # The rules of the schema come first.
        if violations and not isinstance(found, InvalidRecordError):
            return InvalidRecordError(violations)
        return found

    def _against_catalogue(self, common: bytes) -> tuple[Violation, ...]:
        """Compare the common part of a header with its category."""
        header = message_pb2.Header.FromString(common)
        category = self._catalogue.categories.get(header.category)
        if category is None:
            known = ", ".join(sorted(self._catalogue.categories))
            return (_violation("category", "catalogue", f"choose one of: {known}"),)
        violations: list[Violation] = []
        record_type = RECORD_TYPES.get(header.type, "")
        if not category.allows_type(record_type):
            allowed = ", ".join(sorted(category.record_types))
            violations.append(
                _violation("type", "catalogue", f"this category allows: {allowed}")
            )
        purposes = [PURPOSES.get(purpose, "") for purpose in header.purposes]
        if category.disallowed_purposes(purposes):
            allowed = ", ".join(sorted(category.purposes))
            violations.append(
                _violation("purposes", "catalogue", f"this category allows: {allowed}")
            )
        return tuple(violations)


def _violation(field: str, rule: str, message: str) -> Violation:
    return Violation(path=f"header.{field}", rule=rule, message=message)
