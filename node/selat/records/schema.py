# SPDX-License-Identifier: Apache-2.0
"""Plans: what the options of the proto ask of each message, compiled once.

A plan is built when its message is first met, together with the plans of all
messages inside it. Walking a plan touches only the fields that are set. Rules
between fields of a header are not here but in ``records.header``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from selat.core.selectors import SelectorKind
from selat.records import checks
from selat.records.fields import (
    BytesRule,
    EnumRule,
    FormRule,
    NumberRule,
    RepeatedRule,
    SelectorRule,
    TextRule,
    TimestampRule,
    Visit,
    is_bounded,
)
from selat.records.forms import FORMS
from selat.records.header import HeaderRules
from selat.records.headings import HeadingShapes
from selat.records.shapes import Shapes, TextLook
from selat.records.walk import Walk
from selat.v1 import message_pb2, options_pb2

DEFAULT_MAX_LENGTH: Final = 1024
"""Code points of a text, octets of bytes (options.proto, ``max_length``)."""

DEFAULT_MAX_ITEMS: Final = 64
"""Items of a repeated field (options.proto, ``max_items``)."""

_TIMESTAMP: Final = "google.protobuf.Timestamp"

# Bounds of numbers, which the options cannot state (WGS 84, degrees).
_RANGES: Final = {
    "selat.v1.Coordinates.latitude": (-90.0, 90.0),
    "selat.v1.Coordinates.longitude": (-180.0, 180.0),
}


class MessagePlan:
    """The rules of one message type.

    Attributes:
        personal: Fields that tell about a person.
        children: Plans of the fields that hold messages, by the field's name.
    """

    __slots__ = ("_required", "_visits", "children", "personal")

    def __init__(self) -> None:
        """Make a plan without rules; ``Schema`` adds them."""
        self.personal: set[str] = set()
        self.children: dict[str, MessagePlan] = {}
        self._visits: dict[FieldDescriptor, Visit | None] = {}
        # Whether each holds a message: only then absence is not emptiness.
        self._required: dict[str, bool] = {}

    def add(
        self, field: FieldDescriptor, visit: Visit | None, *, required: bool
    ) -> None:
        """Add the rule of one field."""
        if required:
            is_message = field.message_type is not None and not field.is_repeated
            self._required[field.name] = is_message
        self._visits[field] = visit

    def without(self, names: frozenset[str]) -> MessagePlan:
        """Return the rules of all fields but some, which may hold anything."""
        plan = MessagePlan()
        for field, visit in self._visits.items():
            if field.name in names:
                plan.add(field, None, required=False)
            else:
                plan.add(field, visit, required=field.name in self._required)
        return plan

    def only(self, names: frozenset[str]) -> FieldsPlan:
        """Return the rules of a few fields that are not repeated."""
        return FieldsPlan(
            [
                (field, field.name in self._required, visit)
                for field, visit in self._visits.items()
                if field.name in names
            ]
        )

    def walk(self, message: Message, walk: Walk) -> None:
        """Note what is to be said of a message and of all messages in it."""
        visits = self._visits
        for field, value in message.ListFields():
            visit = visits[field]
            if visit is not None:
                visit(value, walk)
        for name, is_message in self._required.items():
            if not (message.HasField(name) if is_message else getattr(message, name)):
                walk.miss(name)
        if walk.strict and len(UnknownFieldSet(message)):
            walk.violate(
                "", "unknown-field", "has fields that this version of Selat knows not"
            )


class FieldsPlan:
    """The rules of a few fields of a message, none of them repeated.

    It asks for each of them by its name and for no other, which is quicker where a
    message has many fields and few of them are of interest.

    Args:
        fields: Each field, whether it is required, and its rule.
    """

    __slots__ = ("_fields",)

    def __init__(
        self, fields: Sequence[tuple[FieldDescriptor, bool, Visit | None]]
    ) -> None:
        """Look at what is known of the fields."""
        self._fields = tuple(
            (field.name, field.has_presence, required, visit)
            for field, required, visit in fields
        )

    def walk(self, message: Message, walk: Walk) -> None:
        """Note what is to be said of the fields and of the messages in them."""
        missing: list[str] = []
        for name, has_presence, required, visit in self._fields:
            is_there = message.HasField(name) if has_presence else True
            value = getattr(message, name) if is_there else None
            if value:
                if visit is not None:
                    visit(value, walk)
            elif required:
                missing.append(name)
        for name in missing:
            walk.miss(name)


class _Child:
    """A field that holds a message, or several."""

    __slots__ = ("_max_items", "_name", "_plan")

    def __init__(self, name: str, plan: MessagePlan, max_items: int) -> None:
        self._name = name
        self._plan = plan
        self._max_items = max_items

    def visit(self, value: Message, walk: Walk) -> None:
        """Walk the message."""
        walk.path.append(self._name)
        self._plan.walk(value, walk)
        walk.path.pop()

    def visit_all(self, values: Sequence[Message], walk: Walk) -> None:
        """Walk every message, if they are not too many."""
        if not is_bounded(self._name, values, self._max_items, walk):
            return
        walk.path.append(self._name)
        for index, value in enumerate(values):
            walk.path.append(index)
            self._plan.walk(value, walk)
            walk.path.pop()
        walk.path.pop()


class Schema:
    """The plans of all messages met so far.

    One instance serves a whole process. Threads may share it: a plan becomes
    visible only when it is complete.

    Attributes:
        headers: The rules of headers.
        bodies: The rules of bodies.
        headings: How the headers that came last were built.
        shapes: How the bodies that came last were built.
    """

    def __init__(self) -> None:
        """Know no message yet but header and body."""
        self._plans: dict[Descriptor, MessagePlan] = {}
        self.headers = HeaderRules(self.plan(message_pb2.Header()))
        self.bodies = self.plan(message_pb2.Body())
        self.headings = HeadingShapes(_look)
        self.shapes = Shapes(_look)

    def plan(self, message: Message) -> MessagePlan:
        """Return the plan of a message's type, building it when it is new."""
        descriptor = cast("Descriptor", message.DESCRIPTOR)
        plan = self._plans.get(descriptor)
        if plan is None:
            fresh: dict[Descriptor, MessagePlan] = {}
            plan = self._build(descriptor, fresh)
            self._plans.update(fresh)
        return plan

    def _build(
        self, descriptor: Descriptor, fresh: dict[Descriptor, MessagePlan]
    ) -> MessagePlan:
        known = self._plans.get(descriptor) or fresh.get(descriptor)
        if known is not None:
            return known
        plan = fresh[descriptor] = MessagePlan()
        for field in descriptor.fields:
            rules = field.GetOptions().Extensions[options_pb2.field]
            if rules.personal:
                plan.personal.add(field.name)
            child = field.message_type
            if child is not None and child.full_name != _TIMESTAMP:
                inner = plan.children[field.name] = self._build(child, fresh)
                holder = _Child(field.name, inner, rules.max_items or DEFAULT_MAX_ITEMS)
                visit: Visit | None = (
                    holder.visit_all if field.is_repeated else holder.visit
                )
            else:
                visit = _compile(field, rules)
            plan.add(field, visit, required=rules.required)
        return plan


def _compile(field: FieldDescriptor, rules: options_pb2.FieldRules) -> Visit | None:
    """Return the rule of a field that holds no message, or a timestamp."""
    item = _compile_item(field, rules)
    if not field.is_repeated:
        return item
    return RepeatedRule(
        name=field.name,
        max_items=rules.max_items or DEFAULT_MAX_ITEMS,
        item=item,
        check=checks.OF_ALL_ITEMS.get(field.full_name),
    ).visit


def _compile_item(
    field: FieldDescriptor, rules: options_pb2.FieldRules
) -> Visit | None:
    """Return the rule of one value; None when nothing can be wrong with it."""
    max_length = rules.max_length or DEFAULT_MAX_LENGTH
    if field.type == FieldDescriptor.TYPE_STRING:
        return _compile_text(field, rules, max_length)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return BytesRule(name=field.name, max_length=max_length).visit
    if field.enum_type is not None:
        numbers = frozenset(field.enum_type.values_by_number) - {0}
        return EnumRule(name=field.name, numbers=numbers).visit
    if field.type in {FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT}:
        least, greatest = _RANGES.get(field.full_name, (-math.inf, math.inf))
        return NumberRule(name=field.name, least=least, greatest=greatest).visit
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        return TimestampRule(name=field.name).visit
    return None


def _look(field: FieldDescriptor) -> TextLook:
    """Return what is asked of the texts of a field, as `_compile_text` asks it."""
    rules = field.GetOptions().Extensions[options_pb2.field]
    max_length = rules.max_length or DEFAULT_MAX_LENGTH
    of_all_items = checks.OF_ALL_ITEMS.get(field.full_name)
    if of_all_items is not None:
        return TextLook(max_length, fits=_never)
    if rules.selector:
        kind = SelectorKind(rules.selector)
        return TextLook(max_length, kind=kind, check=checks.BY_SELECTOR.get(kind))
    if rules.form:
        return TextLook(max_length, fits=FORMS[rules.form].fits)
    return TextLook(max_length, check=checks.BY_FIELD.get(field.full_name))


def _never(_text: str) -> bool:
    """Leave to the walk what is checked as a whole."""
    return False


def _compile_text(
    field: FieldDescriptor, rules: options_pb2.FieldRules, max_length: int
) -> Visit:
    """Return the rule of a text."""
    if rules.selector:
        kind = SelectorKind(rules.selector)
        return SelectorRule(
            name=field.name,
            max_length=max_length,
            kind=kind,
            check=checks.BY_SELECTOR.get(kind),
        ).visit
    if rules.form:
        return FormRule(
            name=field.name, max_length=max_length, form=FORMS[rules.form]
        ).visit
    return TextRule(
        name=field.name,
        max_length=max_length,
        check=checks.BY_FIELD.get(field.full_name),
    ).visit
