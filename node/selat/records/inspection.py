# SPDX-License-Identifier: Apache-2.0
"""One look at a message: is it valid, what warns, what does it identify.

A single walk answers all three, because every record passes here on its way in
and on its way out.
"""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.message import Message

from selat.core.selectors import Selector
from selat.errors import InvalidRecordError
from selat.records.header import check_kind
from selat.records.schema import Schema
from selat.records.walk import RecordWarning, Walk
from selat.v1 import message_pb2


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What is to be said of a valid message.

    Attributes:
        warnings: Checks that fail; a person should see them.
        selectors: Distinct selectors of header and body, in their order.
    """

    warnings: tuple[RecordWarning, ...]
    selectors: tuple[Selector, ...]


def inspect(
    schema: Schema,
    header: message_pb2.Header,
    body: message_pb2.Body,
    *,
    strict: bool,
    common: bytes = b"",
) -> Inspection:
    """Validate a message and derive its selectors.

    Args:
        schema: The plans, shared by all calls.
        header: Header of the message.
        body: Body of the message.
        strict: True for what our own desk hands in: unknown fields are refused
            and nothing may be marked as withheld. False for what a peer sent:
            it may speak a newer minor version and withhold required fields.
        common: The header's common part, for a caller that has it already.

    Returns:
        The warnings and selectors.

    Raises:
        InvalidRecordError: If a rule of the schema or of the header is broken;
            it names every one.
    """
    withheld = () if strict else header.redacted
    walk = Walk(strict=strict, redacted=frozenset([f"body.{p}" for p in withheld]))
    walk.path.append("header")
    schema.headers.walk(header, walk, common=common)
    walk.path[0] = "body"
    check_kind(header, body, walk)
    schema.plan(body).walk(body, walk)
    _refuse_violations(walk)
    return Inspection(
        warnings=tuple(walk.warnings), selectors=tuple(dict.fromkeys(walk.selectors))
    )


def validate(
    schema: Schema, message: Message, *, strict: bool
) -> tuple[RecordWarning, ...]:
    """Validate any message by the options of its fields alone.

    Args:
        schema: The plans, shared by all calls.
        message: A message of ``selat.v1``, for example a filter or a card.
        strict: Whether fields that the schema does not know are refused.

    Returns:
        The checks that fail.

    Raises:
        InvalidRecordError: If a rule is broken; it names every one.
    """
    walk = Walk(strict=strict, redacted=frozenset())
    schema.plan(message).walk(message, walk)
    _refuse_violations(walk)
    return tuple(walk.warnings)


def selectors_of(schema: Schema, message: Message) -> tuple[Selector, ...]:
    """Return the distinct selectors of a message that was validated before."""
    walk = Walk(strict=False, redacted=frozenset())
    schema.plan(message).walk(message, walk)
    return tuple(dict.fromkeys(walk.selectors))


def _refuse_violations(walk: Walk) -> None:
    if walk.violations:
        raise InvalidRecordError(tuple(walk.violations))
