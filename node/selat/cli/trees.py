# SPDX-License-Identifier: Apache-2.0
"""The body of a message as a tree that a person can read."""

from __future__ import annotations

from datetime import UTC

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from rich.text import Text
from rich.tree import Tree

from selat.cli.display import moment, printable
from selat.cli.plain import enum_name
from selat.v1 import message_pb2


def body_tree(body: message_pb2.Body) -> Tree:
    """Return the fields that are set, nested as the schema nests them."""
    kind = body.WhichOneof("record")
    if kind is None:
        return Tree(Text("a kind of record that this version does not know"))
    tree = Tree(Text(kind.replace("_", " "), style="bold"))
    _grow(tree, getattr(body, kind))
    return tree


def _grow(tree: Tree, message: Message) -> None:
    for field, value in message.ListFields():
        items = list(value) if field.is_repeated else [value]
        name = field.name.replace("_", " ")
        for item in items:
            _hang(tree, name, field, item)


def _hang(tree: Tree, name: str, field: FieldDescriptor, value: object) -> None:
    if isinstance(value, Message) and not isinstance(value, Timestamp):
        _grow(tree.add(Text(name, style="dim")), value)
        return
    leaf = Text.assemble((name, "dim"), "  ", _shown(field, value))
    tree.add(leaf)


def _shown(field: FieldDescriptor, value: object) -> str:
    match value:
        case Timestamp():
            return moment(value.ToDatetime(tzinfo=UTC))
        case bytes():
            return value.hex()
        case bool():
            return "yes" if value else "no"
        case int() if field.enum_type is not None:
            return enum_name(field.enum_type, value).replace("_", " ")
        case _:
            return printable(str(value))
