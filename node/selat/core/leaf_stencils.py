# SPDX-License-Identifier: Apache-2.0
"""Leaves of one batch, which differ from each other in little.

A stencil is made of one leaf. It writes and reads the leaves that differ from it
in their own attributes alone: identifiers, digests and times, whose texts are all
of one length. What they share is written, read and checked once. The bytes are
those that `Leaf.encode` writes, and no others are read.

Own attributes stay the texts that stand in the leaf: a batch has hundreds, most of
them are only compared or copied into another leaf, and values would cost more than
all the rest of reading.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, Final, NamedTuple

from selat.core.leaf_base import LAYOUTS, Leaf, malformed
from selat.core.leaf_json import Form, pattern_of
from selat.core.leaves import parse_leaf

#: Leaves longer than this are read one by one: to compile an expression takes
#: time, and a peer chooses the length.
STENCIL_BYTES_MAX: Final = 2_048


class ReadLeaf(NamedTuple):
    """A leaf that was read.

    Attributes:
        data: Its exact bytes.
        like: A leaf that says the same but for its own attributes.
        own: The texts of its own attributes by name, as they stand in the leaf.
    """

    data: bytes
    like: Leaf
    own: Mapping[str, str]

    @property
    def leaf(self) -> Leaf:
        """Return the leaf itself."""
        forms = LAYOUTS[type(self.like)].own
        values: dict[str, Any] = {n: forms[n].read(t) for n, t in self.own.items()}
        return replace(self.like, **values)


class Stencil:
    """Writes and reads leaves that are like one leaf.

    Args:
        leaf: The first of them.

    Attributes:
        leaf: The first of them.
        data: Its exact bytes.
    """

    def __init__(self, leaf: Leaf) -> None:
        """Encode the first leaf; it is divided when there is a second.

        Raises:
            MalformedError: It is too long, or no Unicode.
        """
        self.leaf: Final = leaf
        self.data: Final = leaf.encode()
        self._own: Final = LAYOUTS[type(leaf)].own

    def encode(self, **own: str) -> bytes:
        """Return the exact bytes of a leaf.

        Args:
            **own: The texts of all of its own attributes, and no others.

        Raises:
            MalformedError: One of them is longer or shorter than those of a leaf.
        """
        try:
            values = tuple([own[name] for name in self._own])
        except KeyError:
            values = ()
        if len(values) != len(own):
            raise TypeError(f"a leaf's own attributes are {', '.join(self._own)}")
        data = (self._template % values).encode()
        if len(data) != len(self.data):
            raise malformed("has an identifier, digest or time of another length")
        return data

    def read(self, data: bytes) -> ReadLeaf | None:
        """Return a leaf; None if it is not like the first one, or no leaf."""
        try:
            match = self._pattern.fullmatch(data.decode())
            if match is None:
                return None
            own = dict(zip(self._own, match.groups(), strict=True))
            for name in self._unsure:
                form = self._own[name]
                if form.holds is not None and not form.holds(form.read(own[name])):
                    return None
        except ValueError:
            return None
        return ReadLeaf(data, self.leaf, own)

    @cached_property
    def _texts(self) -> list[str]:
        """What is shared, before, between and after what is a leaf's own."""
        layout = LAYOUTS[type(self.leaf)]
        first, *literals = layout.literals
        texts = [first]
        for (name, form), literal in zip(layout.members, literals, strict=True):
            if form.is_own:
                texts.append(literal)
            else:
                texts[-1] += form.write(getattr(self.leaf, name)) + literal
        return texts

    @cached_property
    def _template(self) -> str:
        return '"%s"'.join(text.replace("%", "%%") for text in self._texts)

    @cached_property
    def _unsure(self) -> list[str]:
        return [name for name, form in self._own.items() if not form.is_exact]

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        # Batches of one link share it: the re module keeps it compiled.
        return pattern_of(self._texts, list(self._own.values()))


class LeafReader:
    """Reads the leaves of one batch."""

    def __init__(self) -> None:
        """Start without a leaf to compare with."""
        self._first: Leaf | None = None
        self._stencil: Stencil | None = None

    def read(self, data: bytes) -> ReadLeaf:
        """Read a leaf.

        Raises:
            UnsupportedVersionError: It is of a version that this node does not
                know.
            MalformedError: It is not the canonical form of a known kind.
        """
        # A stencil is made once, of the first leaf when there is a second: others
        # may all differ.
        if self._first is not None and self._stencil is None:
            self._stencil = Stencil(self._first)
        if self._stencil is not None:
            found = self._stencil.read(data)
            if found is not None:
                return found
        leaf = parse_leaf(data)
        if self._first is None and len(data) <= STENCIL_BYTES_MAX:
            self._first = leaf
        forms = LAYOUTS[type(leaf)].own
        own = {name: _text(form, getattr(leaf, name)) for name, form in forms.items()}
        return ReadLeaf(data, leaf, own)


def _text(form: Form, value: object) -> str:
    """Return the text of an own attribute, without its quotation marks."""
    return form.write(value)[1:-1]
