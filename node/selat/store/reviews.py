# SPDX-License-Identifier: Apache-2.0
"""The store's values of what waits for a person, and of what persons decided."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

#: A message that has waited for a person longer than this is overdue, in ms. It
#: goes on waiting: nobody's silence decides.
OVERDUE_MS: Final = 24 * 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An outbox entry that has to wait for a person.

    Attributes:
        entry: The entry's number.
        leaf_index: Index of its hold leaf in our log.
        reason: Stable reason code.
        obligations: What a person has to do.
    """

    entry: int
    leaf_index: int
    reason: str
    obligations: tuple[str, ...]


class Act(StrEnum):
    """What a person did about a message that waited for a decision."""

    APPROVE = "approve"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A person's decision on an outbox entry or on a quarantined message.

    Attributes:
        act: What was decided.
        officer: Who decided.
        reason: Stable reason code of a refusal; empty for an approval.
        note: Why, in the officer's words.
        decided_ms: When.
        leaf_index: Index of its review leaf in our log.
    """

    act: Act
    officer: str
    reason: str
    note: str
    decided_ms: int
    leaf_index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerReview:
    """What a peer's reviewer decided about a message of ours, kept as evidence.

    Attributes:
        entry: Number of our outbox entry.
        origin: Origin of the shard of the peer's log that the leaf is in.
        leaf: The review leaf of the peer's log, exact bytes.
        leaf_index: Its index in that shard.
        proof: The range proof of that one leaf, hashes concatenated.
        checkpoint_size: Size of the peer's checkpoint that the proof leads to.
    """

    entry: int
    origin: str
    leaf: bytes
    leaf_index: int
    proof: bytes
    checkpoint_size: int
