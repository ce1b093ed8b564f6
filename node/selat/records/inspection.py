# SPDX-License-Identifier: Apache-2.0
"""One look at messages: are they valid, what warns, what do they identify.

A single walk answers all three, because every record passes here on its way in
and on its way out. Messages that come together are looked at together, all headers
and then all bodies: a processor that does the same thing again and again has it at
hand, which takes a fifth off the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

from google.protobuf.message import DecodeError, Message

from selat.core.selectors import Selector
from selat.errors import InvalidRecordError
from selat.records.header import check_kind
from selat.records.headings import Heading, ReadHeading, heading_of
from selat.records.schema import Schema
from selat.records.walk import RecordWarning, Walk
from selat.v1 import message_pb2

_NOTHING: Final[frozenset[str]] = frozenset()


class ParsedMessage(NamedTuple):
    """A message to be looked at, from `parse` or `parsed`.

    Attributes:
        heading: What its header says that a node itself needs.
        selectors: The selectors of a header that was read by its shape, and is
            therefore clean; None of one that is to be walked.
        header: The header; None of one that was read by its shape.
        body: The body; None of one that was not parsed yet.
        octets: The octets of header and body; empty where they were not at hand.
    """

    heading: Heading
    selectors: list[Selector] | None
    header: message_pb2.Header | None
    body: message_pb2.Body | None
    octets: tuple[bytes, bytes]


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


def parse(schema: Schema, header: bytes, body: bytes) -> ParsedMessage:
    """Parse a message to be looked at; its body not before it is.

    Args:
        schema: The plans, shared by all calls.
        header: Octets of the header.
        body: Octets of the body.

    Raises:
        DecodeError: The octets are no header.
    """
    read = schema.headings.read(header)
    if read is not None:
        return ParsedMessage(read.heading, read.selectors, None, None, (header, body))
    found = message_pb2.Header.FromString(header)
    return ParsedMessage(heading_of(found), None, found, None, (header, body))


def parsed(header: message_pb2.Header, body: message_pb2.Body) -> ParsedMessage:
    """Return a message to be looked at."""
    return ParsedMessage(heading_of(header), None, header, body, (b"", b""))


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
    if strict:
        return [_walked(schema, message, None, strict=True) for message in messages]
    return [_looked_at(schema, message) for message in messages]


def _looked_at(schema: Schema, message: ParsedMessage) -> Finding:
    """Look at what a peer sent; most of it is built like something before."""
    of_body = schema.shapes.read(message.octets[1], message.heading.kind)
    of_header = message.selectors
    if of_header is None or of_body is None:
        return _walked(schema, message, of_body, strict=False)
    return Inspection((), tuple(dict.fromkeys(of_header + of_body)))


def _walked(
    schema: Schema,
    message: ParsedMessage,
    of_body: list[Selector] | None,
    *,
    strict: bool,
) -> Finding:
    """Look at a message that is not known to be clean.

    Args:
        schema: The plans.
        message: The message.
        of_body: The selectors of a body that is known to be clean.
        strict: As in `inspect_all`.
    """
    withheld = message.heading.kind[1]
    walk = Walk(strict=strict, redacted=_NOTHING if strict else withheld)
    walk.path.append("header")
    _look_at_header(schema, message, walk)
    walk.path[0] = "body"
    if of_body is not None:
        walk.selectors += of_body
    else:
        _look_at_body(schema, message, walk)
    if walk.violations:
        return InvalidRecordError(tuple(walk.violations))
    return Inspection(tuple(walk.warnings), tuple(dict.fromkeys(walk.selectors)))


def _look_at_header(schema: Schema, message: ParsedMessage, walk: Walk) -> None:
    """Note what is to be said of a header; learn how a clean one is built."""
    header, data = message.header, message.octets[0]
    # Its shape may have been learnt since it was parsed.
    read = schema.headings.read(data) if header is not None and data else None
    if header is None or read is not None:
        walk.selectors += read.selectors if read else message.selectors or ()
        return
    schema.headers.walk(header, walk, common=message.heading.common)
    if data and not (walk.violations or walk.warnings):
        found = ReadHeading(message.heading, list(walk.selectors))
        schema.headings.learn(header, data, found)


def _look_at_body(schema: Schema, message: ParsedMessage, walk: Walk) -> None:
    """Note what is to be said of a body; learn how a clean one is built."""
    body, data = message.body, message.octets[1]
    kind = message.heading.kind
    if body is None:
        try:
            body = message_pb2.Body.FromString(data)
        except DecodeError:
            walk.violate("", "decode", "is no body that can be read")
            return
    before = len(walk.violations), len(walk.warnings), len(walk.selectors)
    check_kind(kind[0], body, walk)
    schema.bodies.walk(body, walk)
    if data and before[:2] == (len(walk.violations), len(walk.warnings)):
        schema.shapes.learn(body, data, kind, walk.selectors[before[2] :])


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
