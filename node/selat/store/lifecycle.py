# SPDX-License-Identifier: Apache-2.0
"""How messages end: the part of the store's port for erasures and legal holds.

`selat.store.port` says what every part of the port promises.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from selat.store.values import MessageRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """That a message's key, salt and ciphertext were destroyed.

    Attributes:
        reason: Stable reason code.
        erased_ms: When.
        leaf_index: Index of its erase leaf in our log.
        officer: Who had it erased; empty when the node did so by itself.
    """

    reason: str
    erased_ms: int
    leaf_index: int
    officer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedMessage:
    """An erasure as it stands in the report of erasures.

    Attributes:
        number: Its own ascending number.
        message: Number of the message.
        erasure: What was done.
    """

    number: int
    message: int
    erasure: Erasure


class LegalHoldAct(StrEnum):
    """What an administrator did about the legal hold of a message."""

    SET = "set"
    RELEASE = "release"


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalHold:
    """A message was put under legal hold, or released from it.

    Attributes:
        act: Which of both.
        code: Why, as a short code.
        officer: Who did it.
        at_ms: When.
        leaf_index: Index of its legal-hold leaf in our log.
    """

    act: LegalHoldAct
    code: str
    officer: str
    at_ms: int
    leaf_index: int


class LifecycleSnapshot(Protocol):
    """Read what is due and what has ended."""

    def due(
        self, *, expired_ms: int, aged_ms: Mapping[str, int], after: int, limit: int
    ) -> list[MessageRow]:
        """Return messages to erase, by ascending number.

        What is erased or under legal hold is not among them.

        Args:
            expired_ms: Those that expire at or before this time …
            aged_ms: … and, for each category, those that were created at or
                before this time. One dated later than we kept it was created
                when we kept it.
            after: Only above this number.
            limit: At most so many.
        """

    def due_for_review(
        self, *, now_ms: int, before: int | None, limit: int
    ) -> list[MessageRow]:
        """Return current messages whose review date has come.

        Highest number first, below number ``before``.
        """

    def erasure(self, number: int) -> Erasure | None:
        """Return how a message was erased, or None."""

    def erasures(self, *, before: int | None, limit: int) -> list[ErasedMessage]:
        """Return what was erased, latest first, below erasure ``before``."""

    def legal_hold(self, number: int) -> LegalHold | None:
        """Return the legal hold that a message is under, or None."""

    def under_legal_hold(self, *, before: int | None, limit: int) -> list[MessageRow]:
        """Return messages under legal hold.

        Highest number first, below number ``before``.
        """


class LifecycleTransaction(LifecycleSnapshot, Protocol):
    """Put messages under legal hold; erase those that are not."""

    def put_legal_hold(self, number: int, hold: LegalHold) -> None:
        """Put a message under legal hold, or release it.

        Raises:
            NotFoundError: There is no such message.
            WrongStateError: It is erased, or it is so already.
        """

    def erase(self, number: int, erasure: Erasure) -> None:
        """Destroy data key, ciphertext and selectors of a message.

        What nobody was shown becomes ``DISCARDED``, everything else
        ``ERASED``. To erase again changes nothing.

        Raises:
            NotFoundError: There is no such message.
            WrongStateError: It is under legal hold, or in a batch that waits
                for its receipt and may have to be sealed again.
        """
