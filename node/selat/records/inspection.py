# SPDX-License-Identifier: Apache-2.0
"""One look at messages: are they valid, what warns, what do they identify.

A single walk answers all three, because every record passes here on its way in
and on its way out. Messages that come together are looked at together, all headers
and then all bodies: a processor that does the same thing again and again has it at
hand, which takes a fifth off the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from google.protobuf.message import Message

from selat.core.selectors import Selector
from selat.errors import InvalidRecordError
from selat.records.header import check_kind, common_part
from selat.records.schema import Schema
from selat.records.walk import RecordWarning, Walk
from selat.v1 import message_pb2


class ParsedMessage(NamedTuple):
    """A message to be looked at, from `parsed`.

    Attributes:
        header: Its header.
        body: Its body.
        common: The header's common part; see ``records.header``.
        data: The octets that the body was parsed from; empty for one that was not.
    """

    header: message_pb2.Header
    body: message_pb2.Body
    common: bytes
    data: bytes


class Inspection(NamedTuple):
    """What is to be said of a valid message.

    Attributes:
        warnings: Checks that fail; a person should see them.
        selectors: Distinct selectors of header and body, in their order.
    """

    warnings: tuple[RecordWarning, ...]
    selectors: tuple[Selector, ...]


#: What a look comes to: an error names every rule that is broken.
Finding: TypeAlias = Inspection | InvalidRecordError


def parse(header: bytes, body: bytes) -> ParsedMessage:
    """Parse a message to be looked at.

    Raises:
        DecodeError: The octets are no header or no body.
    """
    found = message_pb2.Header.FromString(header)
    parts = message_pb2.Body.FromString(body)
    return ParsedMessage(found, parts, common_part(found), body)


def parsed(header: message_pb2.Header, body: message_pb2.Body) -> ParsedMessage:
    """Return a message to be looked at."""
    return ParsedMessage(header, body, common_part(header), b"")


def inspect(
    schema: Schema,
    header: message_pb2.Header,
    body: message_pb2.Body,
    *,
    strict: bool,
) -> Inspection:
    """Validate a message and derive its selectors, as `inspect_all` does.

    Raises:
        InvalidRecordError: If a rule of the schema or of the header is broken;
            it names every one.
    """
    (found,) = inspect_all(schema, [parsed(header, body)], strict=strict)
    if isinstance(found, InvalidRecordError):
        raise found
    return found


def inspect_all(
    schema: Schema, messages: Sequence[ParsedMessage], *, strict: bool
) -> list[Finding]:
    """Validate messages and derive their selectors.

    Args:
        schema: The plans, shared by all calls.
        messages: The messages.
        strict: True for what our own desk hands in: unknown fields are refused
            and nothing may be marked as withheld. False for what a peer sent:
            it may speak a newer minor version and withhold required fields.

    Returns:
        For each message warnings and selectors, or what is wrong with it.
    """
    walks = [
        Walk(strict=strict, redacted=_NOTHING if strict else _redacted(message.header))
        for message in messages
    ]
    headers = schema.headers
    for message, walk in zip(messages, walks, strict=True):
        walk.path.append("header")
        headers.walk(message.header, walk, common=message.common)
    for message, walk in zip(messages, walks, strict=True):
        walk.path[0] = "body"
        if strict or not message.data:
            _walk_body(schema, message, walk)
        else:
            _look_at_body(schema, message, walk)
    return [_finding(walk) for walk in walks]


def _walk_body(schema: Schema, message: ParsedMessage, walk: Walk) -> None:
    check_kind(message.header, message.body, walk)
    schema.bodies.walk(message.body, walk)


def _look_at_body(schema: Schema, message: ParsedMessage, walk: Walk) -> None:
    """Note what a walk would note; take the shorter way where there is one."""
    # What policy withheld may be absent: it is part of how a body is built.
    kind = (message.header.type, walk.redacted)
    selectors = schema.shapes.read(message.data, kind)
    if selectors is not None:
        walk.selectors += selectors
        return
    before = len(walk.violations), len(walk.warnings), len(walk.selectors)
    _walk_body(schema, message, walk)
    if before[:2] == (len(walk.violations), len(walk.warnings)):
        found = walk.selectors[before[2] :]
        schema.shapes.learn(message.body, message.data, kind, found)


_NOTHING: frozenset[str] = frozenset()


def _redacted(header: message_pb2.Header) -> frozenset[str]:
    """Return the paths from the root of what policy withheld."""
    paths = header.redacted
    return frozenset([f"body.{path}" for path in paths]) if paths else _NOTHING


def _finding(walk: Walk) -> Finding:
    if walk.violations:
        return InvalidRecordError(tuple(walk.violations))
    return Inspection(tuple(walk.warnings), tuple(dict.fromkeys(walk.selectors)))


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
