# SPDX-License-Identifier: Apache-2.0
"""Withhold fields of a message, and say which were withheld.

Nothing is decided here. What was withheld once can be withheld again from the
same message, with the same bytes as its result, from the paths alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, TypeVar, cast

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from selat.errors import InvalidInputError
from selat.records.schema import MessagePlan, Schema
from selat.v1 import message_pb2

MessageT = TypeVar("MessageT", bound=Message)

#: Before the path of a field of the header; other paths start at the body.
_HEADER: Final = "header."


def redact(
    schema: Schema,
    message: message_pb2.Message,
    *,
    personal: bool,
    paths: Iterable[str],
) -> tuple[message_pb2.Message, tuple[str, ...]]:
    """Copy a message without some of its fields.

    Args:
        schema: The plans, shared by all calls.
        message: Header and body; they are left as they are.
        personal: Withhold every field that the schema calls personal.
        paths: Fields of the body to withhold besides, for example
            ``person.person.names``; one that is not set is not missed.

    Returns:
        The copy, with what was withheld added to ``Header.redacted``, and that:
        distinct paths without indices, those of the header after ``header.``.

    Raises:
        InvalidInputError: A path names no field, or nothing would be left.
    """
    copy, withheld = (
        redact_personal(schema, message) if personal else (_copy(message), ())
    )
    found = dict.fromkeys(path.removeprefix("body.") for path in withheld)
    for path in paths:
        if _clear_path(copy.body, path):
            found[path] = None
    return _finish(copy, tuple(found))


def redact_again(
    message: message_pb2.Message, paths: Sequence[str]
) -> message_pb2.Message:
    """Copy a message without the fields that were withheld from it before.

    Args:
        message: Header and body as they were; they are left as they are.
        paths: What `redact` returned.

    Raises:
        InvalidInputError: A path names no field, or nothing would be left.
    """
    copy = _copy(message)
    for path in paths:
        part: Message = copy.header if path.startswith(_HEADER) else copy.body
        _clear_path(part, path.removeprefix(_HEADER))
    return _finish(copy, tuple(paths))[0]


def redact_personal(
    schema: Schema, message: MessageT
) -> tuple[MessageT, tuple[str, ...]]:
    """Copy a message without the fields that the schema calls personal.

    Args:
        schema: The plans, shared by all calls.
        message: A header, a body or a part of one; it is left as it is.

    Returns:
        The copy, and the distinct paths of the fields withheld, without
        indices and relative to the message.
    """
    copy = _copy(message)
    withheld: dict[str, None] = {}
    _clear(schema.plan(message), copy, "", withheld)
    return copy, tuple(withheld)


def _copy(message: MessageT) -> MessageT:
    copy = type(message)()
    copy.CopyFrom(message)
    return copy


def _finish(
    copy: message_pb2.Message, withheld: tuple[str, ...]
) -> tuple[message_pb2.Message, tuple[str, ...]]:
    # Nobody can say whether a field that this version does not know is personal.
    copy.DiscardUnknownFields()
    if copy.body.WhichOneof("record") is None:
        raise InvalidInputError(
            "Nothing would be left of the message.",
            remedy="Withhold the message, or fewer of its fields.",
        )
    copy.header.redacted.extend(withheld)
    return copy, withheld


def _clear(
    plan: MessagePlan, message: Message, prefix: str, withheld: dict[str, None]
) -> None:
    """Clear the personal fields of a message and of the messages in it."""
    for field, value in message.ListFields():
        path = f"{prefix}{field.name}"
        child = plan.children.get(field.name)
        if field.name in plan.personal:
            message.ClearField(field.name)
            withheld[path] = None
        elif child is not None:
            for inner in value if field.is_repeated else (value,):
                _clear(child, inner, f"{path}.", withheld)


def _clear_path(message: Message, path: str) -> bool:
    """Clear the field that a path leads to; tell whether there was one."""
    names = path.split(".")
    if not _leads_to_field(message, names):
        raise InvalidInputError(
            f"No field of a message is called {path}.",
            remedy="Correct the policy that withholds it.",
        )
    return _clear_names(message, names)


def _leads_to_field(message: Message, names: Sequence[str]) -> bool:
    descriptor = cast("Descriptor | None", message.DESCRIPTOR)
    for name in names:
        field = descriptor.fields_by_name.get(name) if descriptor else None
        if field is None:
            return False
        descriptor = field.message_type
    return True


def _clear_names(message: Message, names: Sequence[str]) -> bool:
    name, *rest = names
    field = next((f for f, _ in message.ListFields() if f.name == name), None)
    if field is None:
        return False
    if not rest:
        message.ClearField(name)
        return True
    value = getattr(message, name)
    inner = value if field.is_repeated else (value,)
    cleared = [_clear_names(each, rest) for each in inner]  # all of them
    return any(cleared)
