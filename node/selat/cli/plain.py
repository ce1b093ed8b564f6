# SPDX-License-Identifier: Apache-2.0
"""Protobuf as plain values with stable keys, for JSON output.

Every key of a message is there, whether it is set or not. Identifiers are
UUID text, other bytes hexadecimal, times RFC 3339 in UTC, enumerations the
lower-case name without its prefix; what is absent is null.

The contents of messages (header and body) keep protobuf's own JSON form, so
that what was shown can be published; see `selat.cli.contents`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, cast
from uuid import UUID

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from selat.errors import MalformedError

_UUID_BYTES: Final = 16
_WORD: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def plain(message: Message) -> dict[str, object]:
    """Return a message as plain values."""
    # The C and the Python implementation have descriptor types of their own.
    fields = cast("Sequence[FieldDescriptor]", message.DESCRIPTOR.fields)
    return {field.name: _field(message, field) for field in fields}


def time_of(message: Message, field: str) -> datetime | None:
    """Return a timestamp field, or None when it is absent."""
    if not message.HasField(field):
        return None
    stamp: Timestamp = getattr(message, field)
    return stamp.ToDatetime(tzinfo=UTC)


def rfc3339(at: datetime) -> str:
    """Return a time in UTC to the millisecond (RFC 3339)."""
    text = at.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def enum_name(descriptor: EnumDescriptor, value: int) -> str:
    """Return the lower-case name of an enumeration value without its prefix.

    A value that this version does not know becomes its number.
    """
    known = descriptor.values_by_number.get(value)
    if known is None:
        return str(value)
    prefix = _WORD.sub("_", descriptor.name).upper() + "_"
    return known.name.removeprefix(prefix).lower()


def uuid_text(identifier: bytes) -> str:
    """Return a 16-byte identifier as UUID text, anything else in hexadecimal."""
    if len(identifier) != _UUID_BYTES:
        return identifier.hex()
    return str(UUID(bytes=identifier))


def uuid_bytes(text: str) -> bytes:
    """Return the 16 bytes of a UUID in its text form (RFC 9562 §4).

    Raises:
        MalformedError: The text is no UUID.
    """
    try:
        parsed = UUID(text)
    except ValueError:
        parsed = None
    if parsed is None or str(parsed) != text.lower():
        raise MalformedError(
            "That is no message identifier.",
            remedy="Copy it from 'selat inbox' or 'selat search': 36 characters.",
        )
    return parsed.bytes


def _field(message: Message, field: FieldDescriptor) -> object:
    value = getattr(message, field.name)
    if field.is_repeated:
        return [_value(field, item) for item in value]
    if field.message_type is not None and not message.HasField(field.name):
        return None
    return _value(field, value)


def _value(field: FieldDescriptor, value: object) -> object:
    match value:
        case Timestamp():
            return rfc3339(value.ToDatetime(tzinfo=UTC))
        case Message():
            return plain(value)
        case bytes():
            return uuid_text(value) if field.name == "id" else value.hex()
        case int() if field.enum_type is not None:
            name = enum_name(field.enum_type, value)
            return None if name == "unspecified" else name
        case _:
            return value
