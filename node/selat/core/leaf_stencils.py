# SPDX-License-Identifier: Apache-2.0
"""Leaves of one batch, which differ from each other in little.

A stencil is made of one leaf. It writes and reads the leaves that differ from it
in their own attributes alone: identifiers, digests and times, whose texts are all
of one length. What they share is written, read and checked once. The bytes are
those that `Leaf.encode` writes, and no others are read.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any, Final

from selat.core.leaf_base import LAYOUTS, Leaf, malformed
from selat.core.leaf_json import pattern_of
from selat.core.leaves import parse_leaf

#: Leaves longer than this are read one by one: to compile an expression takes
#: time, and a peer chooses the length.
STENCIL_BYTES_MAX: Final = 2_048


class Stencil:
    """Writes and reads leaves that are like one leaf.

    Args:
        leaf: The first of them.
    """

    def __init__(self, leaf: Leaf) -> None:
        """Divide the leaf into what is shared and what is its own."""
        layout = LAYOUTS[type(leaf)]
        first, *literals = layout.literals
        texts = [first]
        self._kind: Final = type(leaf)
        self._shared: Final[dict[str, Any]] = {}
        for (name, form), literal in zip(layout.members, literals, strict=True):
            if form.is_own:
                texts.append(literal)
            else:
                value = self._shared[name] = getattr(leaf, name)
                texts[-1] += form.write(value) + literal
        self._texts: Final = texts
        self._own: Final = {n: form for n, form in layout.members if form.is_own}
        self._template: Final = "%s".join(text.replace("%", "%%") for text in texts)
        leaf.encode()  # refuses what is too long, or no Unicode

    def encode(self, **own: object) -> bytes:
        """Return the exact bytes of a leaf.

        Args:
            **own: All of its own attributes, and no others.

        Raises:
            MalformedError: One of them has a value that no leaf may have.
        """
        if own.keys() != self._own.keys():
            raise TypeError(f"a leaf's own attributes are {', '.join(self._own)}")
        texts = []
        for name, form in self._own.items():
            value = own[name]
            if form.holds is not None and not form.holds(value):
                raise malformed(f"has a wrong {name}")
            texts.append(form.write(value))
        return (self._template % tuple(texts)).encode()

    def read(self, data: bytes) -> Leaf | None:
        """Return a leaf; None if it is not like the first one, or no leaf.

        Raises:
            MalformedError: An attribute of its own is out of its bounds.
        """
        values = dict(self._shared)
        try:
            match = self._pattern.fullmatch(data.decode())
            if match is None:
                return None
            for (name, form), text in zip(
                self._own.items(), match.groups(), strict=True
            ):
                values[name] = form.read(text)
        except ValueError:
            return None
        return self._kind(**values)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        # Batches of one link share it: the re module keeps it compiled.
        return pattern_of(self._texts, list(self._own.values()))


class LeafReader:
    """Reads the leaves of one batch."""

    def __init__(self) -> None:
        """Start without a leaf to compare with."""
        self._stencil: Stencil | None = None

    def read(self, data: bytes) -> Leaf:
        """Read a leaf.

        Raises:
            UnsupportedVersionError: It is of a version that this node does not
                know.
            MalformedError: It is not the canonical form of a known kind.
        """
        leaf = None if self._stencil is None else self._stencil.read(data)
        if leaf is None:
            leaf = parse_leaf(data)
            # A stencil is made once, of the first leaf: others may all differ.
            if self._stencil is None and len(data) <= STENCIL_BYTES_MAX:
                self._stencil = Stencil(leaf)
        return leaf
