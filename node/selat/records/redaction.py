# SPDX-License-Identifier: Apache-2.0
"""Withhold what tells about persons, and say what was withheld."""

from __future__ import annotations

from typing import TypeVar

from google.protobuf.message import Message

from selat.records.schema import MessagePlan, Schema

MessageT = TypeVar("MessageT", bound=Message)


def redact_personal(
    schema: Schema, message: MessageT
) -> tuple[MessageT, tuple[str, ...]]:
    """Copy a message without the fields that the schema calls personal.

    Args:
        schema: The plans, shared by all calls.
        message: A header, a body or a part of one; it is left as it is.

    Returns:
        The copy, and the distinct paths of the fields withheld, without
        indices and relative to the message, as ``Header.redacted`` lists them.
    """
    copy = type(message)()
    copy.CopyFrom(message)
    withheld: dict[str, None] = {}
    _clear(schema.plan(message), copy, "", withheld)
    return copy, tuple(withheld)


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
