# SPDX-License-Identifier: Apache-2.0
"""Read a great many leaves quickly: what stands in them, as texts.

A scanner takes the leaves that `parse_leaf` takes and no others, but leaves the
values as they stand in the JSON. Leaves of one log repeat much of each other:
what many of them share is read once, and of the others only what is their own
(identifier, digests and time, whose texts are all of one length).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from struct import Struct
from types import MappingProxyType
from typing import Any, Final, Generic, TypeAlias, TypeVar, get_args

from selat.core.leaf_base import LAYOUTS, Leaf
from selat.core.leaf_json import (
    DigestOrNone,
    Form,
    Identifier,
    Layout,
    Moment,
    Number,
)
from selat.core.leaves import KINDS, parse_leaf
from selat.errors import InternalError, SelatError

#: Kinds of leaves that share the rest, remembered at a time.
SHARED_MAX: Final = 4_096
#: Castings of one length that are tried before a leaf is read as a whole.
CASTINGS_MAX: Final = 16
#: Numbers with fewer digits are exact in every JSON reader.
_SAFE_DIGITS: Final = 15
_KIND: Final = '"kind":"'
#: What stands around the group in an expression, by its first character.
_AROUND: Final = {'"': ('"', '"'), "\\": ("[", "]")}

#: Leaves of one batch share a few moments.
_MOMENTS: Final = 1_024
_HEX: Final = b"0123456789abcdef"
_HYPHENS: Final = b"----"

T = TypeVar("T")


def _form(annotated: object) -> Form:
    form: Form = get_args(annotated)[1]
    return form


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Where the values of one kind of leaf stand.

    Attributes:
        kind: Name of the kind.
        names: Names of the attributes, in the order of the JSON.
        own: Which of them are not shared, the time last; empty if leaves of the
            kind share nothing worth while.
        layout: How the leaves are written.
        time: Position of the time among all attributes.
        numbers: Positions of the numbers.
    """

    kind: str
    names: tuple[str, ...]
    own: tuple[str, ...]
    layout: Layout
    time: int
    numbers: tuple[int, ...]

    def member(self, name: str, text: str) -> str:
        """Return the JSON value of an attribute, of the text inside of it."""
        pattern = self.layout.members[self.names.index(name)][1].pattern
        before, after = _AROUND.get(pattern[0], ("", ""))
        return before + text + after


#: What the caller made of the part that leaves share; when the leaf was written,
#: ms since the epoch; the texts of the shape's own attributes.
Scan: TypeAlias = tuple[T, int, tuple[bytes, ...]]


def _shape(cls: type[Leaf]) -> Shape:
    layout = LAYOUTS[cls]
    names = tuple(name for name, _ in layout.members)
    forms = [form for _, form in layout.members]
    own = tuple(name for name, form in layout.members if form.is_own)
    is_cast = (
        forms.count(_form(Identifier)) == 1
        and _form(DigestOrNone) not in forms
        and own[-1] == "time_ms"
    )
    return Shape(
        kind=cls.kind,
        names=names,
        own=own if is_cast else (),
        layout=layout,
        time=names.index("time_ms"),
        numbers=tuple(
            place for place, form in enumerate(forms) if form is _form(Number)
        ),
    )


#: Where the values of each kind stand, by its name.
SHAPES: Final[Mapping[str, Shape]] = MappingProxyType(
    {kind: _shape(cls) for kind, cls in KINDS.items()}
)


class _Casting(Generic[T]):
    """The shared part of leaves as bytes, with gaps where their own stands."""

    __slots__ = ("_identifier", "_shared", "_split", "_texts")

    def __init__(self, shape: Shape, match: re.Match[str], shared: T) -> None:
        groups = [shape.names.index(name) + 1 for name in shape.own]
        edges = [0, *(edge for group in groups for edge in match.span(group))]
        parts = [
            match.string[start:end].encode()
            for start, end in pairwise((*edges, len(match.string)))
        ]
        self._split = Struct("".join(f"{len(part)}s" for part in parts)).unpack
        self._texts = tuple(parts[::2])
        self._identifier = shape.own.index("id")
        self._shared = shared

    def read(self, data: bytes) -> Scan[T] | None:
        """Return the leaf, if it differs in nothing but what is its own."""
        parts = self._split(data)
        if parts[::2] != self._texts:
            return None
        own = parts[1::2]
        # Of all but the time nothing may be left but the hyphens of the
        # identifier, where they belong; the lengths are right.
        if (
            b"".join(own[:-1]).translate(None, _HEX) != _HYPHENS
            or own[self._identifier][8:24:5] != _HYPHENS
        ):
            return None
        try:
            return self._shared, _moment(own[-1]), own
        except ValueError:
            return None


@lru_cache(_MOMENTS)
def _moment(text: bytes) -> int:
    """Return ms since the epoch for the text of a time.

    Raises:
        ValueError: It is none.
    """
    form = _form(Moment)
    match = re.fullmatch(form.pattern, f'"{text.decode()}"')
    if match is None:
        raise ValueError
    time_ms: Any = form.read(match[1])
    return int(time_ms)


class LeafScanner(Generic[T]):
    """Reads the leaves of one log.

    Args:
        describe: Makes of a shape and the texts of all its attributes what the
            caller wants to know of the part that leaves share. Of the own ones
            it is given those of some leaf.
    """

    def __init__(self, describe: Callable[[Shape, tuple[str, ...]], T]) -> None:
        """Start without a leaf to compare with."""
        self._describe: Final = describe
        self._shared: Final[dict[tuple[str, ...], T]] = {}
        self._castings: Final[dict[int, list[_Casting[T]]]] = {}

    def scan(self, data: bytes) -> Scan[T]:
        """Read a leaf.

        Raises:
            UnsupportedVersionError: It is of a version that is not known.
            MalformedError: It is not the canonical form of a known kind.
        """
        for casting in self._castings.get(len(data), ()):
            found = casting.read(data)
            if found is not None:
                return found
        shape, time_ms, match = _read(data)
        texts = match.groups()
        if not shape.own:
            return self._describe(shape, texts), time_ms, ()
        pairs = list(zip(shape.layout.members, texts, strict=True))
        key = (shape.kind, *(text for (_, form), text in pairs if not form.is_own))
        shared = self._shared.get(key)
        if shared is None:
            if len(self._shared) >= SHARED_MAX:
                self._shared.clear()
                self._castings.clear()
            shared = self._shared[key] = self._describe(shape, texts)
            castings = self._castings.setdefault(len(data), [])
            castings.insert(0, _Casting(shape, match, shared))
            del castings[CASTINGS_MAX:]
        own = tuple(text.encode() for (_, form), text in pairs if form.is_own)
        return shared, time_ms, own


def _read(data: bytes) -> tuple[Shape, int, re.Match[str]]:
    """Read a leaf that was compared with none."""
    with suppress(ValueError, KeyError):
        text = data.decode()
        start = text.index(_KIND) + len(_KIND)
        shape = SHAPES[text[start : text.index('"', start)]]
        match = shape.layout.match(text)
        if match is not None:
            read_time = shape.layout.members[shape.time][1].read
            time_ms: Any = read_time(match[shape.time + 1])
            if "\\" in text or any(
                len(match[place + 1]) > _SAFE_DIGITS for place in shape.numbers
            ):
                parse_leaf(data)
            return shape, time_ms, match
    raise _refusal(data)


def _refusal(data: bytes) -> SelatError:
    """Return what is wrong with a leaf that has the layout of no kind."""
    try:
        parsed = parse_leaf(data)
    except SelatError as error:
        return error
    return InternalError(f"A leaf of kind {parsed.kind} was parsed and not scanned.")
