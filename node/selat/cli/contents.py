# SPDX-License-Identifier: Apache-2.0
"""Header and body of a message as JSON, in and out.

The form is protobuf's own (ProtoJSON) with the names of the schema, with one
difference for people's sake: identifiers in the header are UUID text.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from typing import Any, Final
from uuid import UUID

from google.protobuf import json_format

from selat.cli.plain import uuid_text
from selat.errors import InvalidInputError, MalformedError
from selat.v1 import message_pb2 as pb

#: A file of messages is read whole, bytes; larger ones are to be split.
FILE_BYTES_MAX: Final = 64 * 1024 * 1024
# Messages nest a few levels; ProtoJSON's own limit is 100.
_DEPTH_MAX: Final = 32

_UUID_BYTES: Final = 16
_REFERENCES: Final = ("supersedes", "answers", "recalls")

# The sentences of google.protobuf.json_format.
_FAILED_FIELD: Final = re.compile(r"Failed to parse (\w+) field: ")
_UNKNOWN_FIELD: Final = re.compile(r'no field named "(\w{1,64})"')
_UNKNOWN_NAME: Final = re.compile(r"Invalid enum value ([A-Z0-9_]{1,64}) ")
_SEVERAL_KINDS: Final = re.compile(r"multiple \"\w+\" oneof")


def message_document(message: pb.Message) -> dict[str, Any]:
    """Return a message in the form in which it can be published."""
    document = json_format.MessageToDict(message, preserving_proto_field_name=True)
    _on_identifiers(document, _text_of_base64)
    return document


def messages_of(text: bytes, *, source: str) -> Iterator[pb.Message]:
    """Read messages: JSON objects one after another, or one a line.

    Args:
        text: UTF-8 with one object for each message.
        source: What to call it in errors.

    Raises:
        InvalidInputError: It is no JSON, or an object is no message.
    """
    decoder = json.JSONDecoder(object_pairs_hook=_unique)
    try:
        rest = text.decode("utf-8-sig")
    except UnicodeDecodeError as failure:
        raise _unusable(source, 0, "it is not UTF-8") from failure
    position, count = _skip_blank(rest, 0), 0
    while position < len(rest):
        count += 1
        try:
            document, position = decoder.raw_decode(rest, position)
            message = _message_of(document)
        except (ValueError, RecursionError, json_format.ParseError) as failure:
            raise _unusable(source, count, _why(failure)) from failure
        yield message
        position = _skip_blank(rest, position)


def _message_of(document: object) -> pb.Message:
    if not isinstance(document, dict):
        raise json_format.ParseError("it is not an object")
    _on_identifiers(document, _base64_of_text)
    message = pb.Message()
    json_format.ParseDict(document, message, max_recursion_depth=_DEPTH_MAX)
    if not (message.HasField("header") and message.HasField("body")):
        raise json_format.ParseError('it needs a "header" and a "body"')
    return message


def _on_identifiers(document: dict[str, Any], change: Callable[[str], str]) -> None:
    header = document.get("header")
    if not isinstance(header, dict):
        return
    for holder in (header, *(header.get(name) for name in _REFERENCES)):
        if isinstance(holder, dict) and isinstance(holder.get("id"), str):
            holder["id"] = change(holder["id"])


def _text_of_base64(value: str) -> str:
    return uuid_text(b64decode(value))


def _base64_of_text(value: str) -> str:
    try:
        identifier = UUID(value).bytes
    except ValueError:
        identifier = b64decode(value, validate=True)  # as ProtoJSON has it
    if len(identifier) != _UUID_BYTES:
        raise json_format.ParseError("an identifier in its header is no UUID")
    return b64encode(identifier).decode()


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise json_format.ParseError("a key stands twice in one object")
    return document


def _skip_blank(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    return position


def _why(failure: Exception) -> str:
    match failure:
        case json.JSONDecodeError():
            return f"{failure.msg} at line {failure.lineno}, column {failure.colno}"
        case json_format.ParseError():
            return _without_values(str(failure))
        case RecursionError():
            return "it nests too deeply"
        case _:
            return "an identifier in its header is no UUID"


def _without_values(text: str) -> str:
    """Say what ProtoJSON's error says, without the value that it quotes."""
    path = ".".join(_FAILED_FIELD.findall(text))
    cause = _FAILED_FIELD.sub("", text)
    if unknown := _UNKNOWN_FIELD.search(cause):
        why = f'there is no field "{unknown[1]}"'
    elif enumeration := _UNKNOWN_NAME.search(cause):
        why = f'"{enumeration[1]}" is none of its values'
    elif _SEVERAL_KINDS.search(cause):
        why = "it has more than one kind of record"
    elif path:
        why = "its value does not have the right form"
    else:
        why = cause
    return f"{path}: {why}" if path else why


def _unusable(source: str, count: int, why: str) -> InvalidInputError:
    which = f"Message {count} of {source}" if count else source
    error = MalformedError if count else InvalidInputError
    return error(
        f"{which} cannot be used: {why}.",
        remedy='Hand in JSON objects with a "header" and a "body".',
    )
