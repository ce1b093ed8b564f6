# SPDX-License-Identifier: Apache-2.0
"""Messages that are built like one before, read off their octets.

Most bodies of one desk are built alike: the same fields are set, and only what they
say differs. A shape is learnt of a body about which nothing was to be said. It reads
the octets of others from the front: every tag, number and nesting must stand where it
stood, and every text is held against the rule of its field. What it reads is
therefore a body about which a walk would say nothing either; it gives the selectors
that the walk would find. Of every other body it says nothing at all, and the walk of
``records.schema`` decides. A test holds the two against each other.

Only the deterministic encoding of protobuf is read: fields in ascending order,
numbers in their shortest form. Headers are read alike, by ``records.headings``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from operator import gt
from typing import Final, Generic, NamedTuple, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.timestamp_pb2 import Timestamp

from selat.core.selectors import Selector, SelectorKind, normalise
from selat.errors import MalformedError
from selat.records.checks import STRUCTURED, Check
from selat.records.fields import is_point_in_time

#: Shapes that are remembered under one key; each is tried in turn.
SHAPES_MAX: Final = 8
#: Keys under which shapes are remembered; there are some twenty kinds of record.
KEYS_MAX: Final = 64
#: Of the messages of one key that no shape reads, every one of so many is learnt.
LEARN_EVERY: Final = 32

#: Points in time that are remembered.
_STAMPS_MAX: Final = 256
#: Octets of a point in time: two tags with numbers of ten octets.
_STAMP_OCTETS_MAX: Final = 22

# What follows the literal octets of a step.
_TEXT: Final = 0
_STAMP: Final = 1
_OPEN: Final = 2
_CLOSE: Final = 3
_NOTHING: Final = 4

_CONTINUES: Final = 0x80
_TWO_OCTETS_MAX: Final = 0x3FFF
#: More than a body has octets.
_BEYOND: Final = 1 << 32
_LENGTH_DELIMITED: Final = 2
_TYPE_BITS: Final = 3
# No text may hold it, so that it can stand between texts.
_BETWEEN: Final = "\x00"
_BETWEEN_OCTET: Final = _BETWEEN.encode()
# What is printable in ASCII: such texts are the most, and so looked at quickly.
_PLAIN: Final = bytes(range(0x20, 0x7F)) + _BETWEEN_OCTET


class _Step(NamedTuple):
    """One step over the octets of a body.

    Attributes:
        closes: How many messages end where it begins.
        literal: Octets that stand there.
        size: How many they are.
        kind: What follows them.
    """

    closes: int
    literal: bytes
    size: int
    kind: int


class TextLook(NamedTuple):
    """What is asked of one text, from the rule of its field.

    Attributes:
        max_length: Code points that it may have.
        fits: Tells whether it has its form; None when it need not have one.
        kind: What it identifies, or None.
        check: Check digits and the like, or None.
    """

    max_length: int
    fits: Callable[[str], object] | None = None
    kind: SelectorKind | None = None
    check: Check | None = None


Look = Callable[[FieldDescriptor], TextLook]
#: What a header says of its body: the number of its kind, and what was withheld.
Kind = tuple[int, frozenset[str]]


#: Octets that stand there, what follows them, and what is asked of a text.
Part = tuple[bytes, int | None, TextLook | None]


class Shape:
    """How one message is built.

    Args:
        built: Its parts, in their order.
    """

    def __init__(self, built: Iterable[Part]) -> None:
        """Learn it; `read` shows whether it can be learnt."""
        looks: list[TextLook] = []
        parts: list[tuple[bytes, int]] = []
        literal = b""
        for octets, kind, asked in built:
            literal += octets
            if kind is None:
                continue
            parts.append((literal, kind))
            literal = b""
            if asked is not None:
                looks.append(asked)
        self._steps: Final = tuple(_steps([*parts, (literal, _NOTHING)]))
        self._limits: Final = [asked.max_length for asked in looks]
        self._forms: Final = [
            (index, asked.fits) for index, asked in enumerate(looks) if asked.fits
        ]
        self._checks: Final = [
            (index, asked)
            for index, asked in enumerate(looks)
            if asked.kind or asked.check
        ]

    def read(self, data: bytes, moments: list[int | None]) -> list[Selector] | None:
        """Return the selectors of a message; None if it is another one, or not clean.

        Args:
            data: Any octets.
            moments: Takes its points in time, in ns since the epoch.
        """
        try:
            found = self._texts(data, moments)
            # What is empty is not written down.
            if found is None or not all(found):
                return None
            octets = _BETWEEN_OCTET.join(found)
            texts = octets.decode().split(_BETWEEN)
        except (IndexError, UnicodeDecodeError):
            return None
        # Line feeds are text too, but that is for a walk to know.
        is_plain = not octets.translate(None, _PLAIN)
        if (
            len(texts) != len(found)
            or any(map(gt, map(len, texts), self._limits))
            or not (is_plain or "".join(texts).isprintable())
        ):
            return None
        for index, fits in self._forms:
            if not fits(texts[index]):
                return None
        selectors: list[Selector] = []
        for index, asked in self._checks:
            if not _passes(texts[index], asked, selectors):
                return None
        return selectors

    def _texts(self, data: bytes, moments: list[int | None]) -> list[bytes] | None:
        """Return the texts of a message built like this one; None of any other.

        Raises:
            IndexError: It ends before a length.
        """
        texts: list[bytes] = []
        ends: list[int] = []
        at = 0
        for closes, literal, size, kind in self._steps:
            while closes:
                if ends.pop() != at:
                    return None
                closes -= 1  # noqa: PLW2901 - no range, which takes as long as a step
            start, at = at, at + size
            if data[start:at] != literal:
                return None
            if kind == _NOTHING:
                continue
            length = data[at]
            at += 1
            if length >= _CONTINUES:
                length = _of_two_octets(length, data[at])
                at += 1
            if kind == _OPEN:
                ends.append(at + length)
                continue
            start, at = at, at + length
            if kind == _TEXT:
                texts.append(data[start:at])
                continue
            moment = _moment(data[start:at]) if length <= _STAMP_OCTETS_MAX else None
            if moment is None:
                return None
            moments.append(moment)
        return texts if at == len(data) else None


Key = TypeVar("Key")
Built = TypeVar("Built")


class Recent(Generic[Key, Built]):
    """The shapes that came last, a few under each key.

    Threads may share it: each change puts another tuple in place.
    """

    def __init__(self) -> None:
        """Know no shape yet."""
        self._shapes: dict[Key, tuple[Built, ...]] = {}
        self._missed: dict[Key, int] = {}

    def of(self, key: Key) -> tuple[Built, ...]:
        """Return the shapes under a key, the newest first."""
        return self._shapes.get(key, ())

    def is_due(self, key: Key) -> bool:
        """Count a message that no shape reads; tell whether it shall be learnt."""
        missed = self._missed.get(key, 0)
        if not missed and len(self._missed) >= KEYS_MAX:
            self._missed, self._shapes = {}, {}
        self._missed[key] = missed + 1
        return missed % LEARN_EVERY == 0

    def add(self, key: Key, shape: Built) -> None:
        """Remember a shape; the oldest one under its key gives way."""
        self._shapes[key] = (shape, *self.of(key))[:SHAPES_MAX]


class Shapes:
    """The shapes of the bodies that came last; threads may share it.

    Args:
        look: Gives what is asked of the texts of a field.
    """

    def __init__(self, look: Look) -> None:
        """Know no shape yet."""
        self._look = look
        self._recent = Recent[Kind, Shape]()

    def read(self, data: bytes, kind: Kind) -> list[Selector] | None:
        """Return the selectors of a clean body of a known shape, or None.

        Args:
            data: Any octets.
            kind: What its header says of it.
        """
        for shape in self._recent.of(kind):
            selectors = shape.read(data, [])
            if selectors is not None:
                return selectors
        return None

    def learn(
        self, body: Message, data: bytes, kind: Kind, selectors: list[Selector]
    ) -> None:
        """Learn the shape of a body of which a walk said nothing, now and then.

        Args:
            body: The body.
            data: Its octets.
            kind: What its header says of it.
            selectors: What the walk found.
        """
        if self._recent.is_due(kind):
            shape = Shape(_parts(body, self._look))
            if shape.read(data, []) == selectors:
                self._recent.add(kind, shape)


def _passes(text: str, asked: TextLook, selectors: list[Selector]) -> bool:
    """Tell whether nothing is to be said of a text; add its selectors."""
    if asked.kind is not None:
        found = normalise(asked.kind, text)
        if not found and asked.kind in STRUCTURED:
            return False
        selectors += found
    if asked.check is None:
        return True
    try:
        return not asked.check(text)
    except MalformedError:
        return False


@lru_cache(_STAMPS_MAX)
def _moment(data: bytes) -> int | None:
    """Return a point in time in ns since the epoch; None if octets are none.

    In its shortest form: a walk reads any other.
    """
    try:
        time = Timestamp.FromString(data)
    except DecodeError:
        return None
    if not is_point_in_time(time) or time.SerializeToString() != data:
        return None
    return time.ToNanoseconds()


def _of_two_octets(first: int, second: int) -> int:
    """Return a length; one that leads out of every body if it has another form."""
    length = first + (second - 1) * _CONTINUES
    return length if _CONTINUES <= length <= _TWO_OCTETS_MAX else _BEYOND


def _steps(parts: Sequence[tuple[bytes, int]]) -> Iterator[_Step]:
    """Yield the steps over literal octets and what follows them."""
    closes = 0
    for literal, kind in parts:
        if literal or kind != _CLOSE:
            yield _Step(
                closes, literal, len(literal), _NOTHING if kind == _CLOSE else kind
            )
            closes = 0
        closes += kind == _CLOSE


def fixed(message: Message, field: FieldDescriptor) -> Part:
    """Return a field that must hold the same octets."""
    return _alone(message, field), None, None


def text(field: FieldDescriptor, look: Look) -> Part:
    """Return a field that holds a text."""
    return _tag(field), _TEXT, look(field)


def stamp(field: FieldDescriptor) -> Part:
    """Return a field that holds a point in time."""
    return _tag(field), _STAMP, None


def _parts(message: Message, look: Look) -> Iterator[Part]:
    """Yield how a message is built: literal octets, and what follows them."""
    for field, value in message.ListFields():
        is_text = field.type == FieldDescriptor.TYPE_STRING
        is_message = field.type == FieldDescriptor.TYPE_MESSAGE
        if not (is_text or is_message):
            yield fixed(message, field)
            continue
        for item in value if field.is_repeated else (value,):
            if is_text:
                yield text(field, look)
            elif isinstance(item, Timestamp):
                yield stamp(field)
            else:
                yield _tag(field), _OPEN, None
                yield from _parts(item, look)
                yield b"", _CLOSE, None


def _tag(field: FieldDescriptor) -> bytes:
    number = field.number << _TYPE_BITS | _LENGTH_DELIMITED
    if number < _CONTINUES:
        return bytes([number])
    return bytes([number % _CONTINUES + _CONTINUES, number // _CONTINUES])


def _alone(message: Message, field: FieldDescriptor) -> bytes:
    """Return the octets of one field of a message, deterministic."""
    copy = type(message)()
    copy.CopyFrom(message)
    copy.DiscardUnknownFields()
    for other, _ in message.ListFields():
        if other != field:
            copy.ClearField(other.name)
    return copy.SerializeToString(deterministic=True)
