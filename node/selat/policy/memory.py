# SPDX-License-Identifier: Apache-2.0
"""What a policy set remembers, within bounds.

What is full begins anew, which costs little and stays simple.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, TypeVar

_K = TypeVar("_K")
_V = TypeVar("_V")

#: Satisfied rules of a part, by what its rules read.
PartAnswers: TypeAlias = dict[object, tuple[str, ...]]


def keep(memory: dict[_K, _V], key: _K, value: _V, *, limit: int) -> None:
    """Keep a value."""
    if len(memory) >= limit:
        memory.clear()
    memory[key] = value


class AnswerMemory:
    """Answers of parts, for each principal.

    Args:
        limit: How many answers are kept, of all principals together; each part
            that could have some counts as one.
    """

    def __init__(self, *, limit: int) -> None:
        """Begin with nothing."""
        self._limit = limit
        self._kept = 0
        self._principals: dict[int, Sequence[PartAnswers]] = {}

    def of(self, principal: int, parts: int) -> Sequence[PartAnswers]:
        """Return what is remembered for a principal, part by part.

        Args:
            principal: Its number.
            parts: How many parts there are for it.
        """
        answers = self._principals.get(principal)
        if answers is None:
            self._make_room(parts)
            answers = self._principals[principal] = tuple({} for _ in range(parts))
        return answers

    def keep(
        self, answers: PartAnswers, what_is_read: object, answer: tuple[str, ...]
    ) -> None:
        """Keep an answer.

        Args:
            answers: Those of its principal and part.
            what_is_read: What the part's rules read.
            answer: The satisfied rules.
        """
        self._make_room(1)
        answers[what_is_read] = answer

    def _make_room(self, count: int) -> None:
        if self._kept + count > self._limit:
            self._principals.clear()
            self._kept = 0
        self._kept += count
