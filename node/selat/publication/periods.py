# SPDX-License-Identifier: Apache-2.0
"""Which part of each shard a period covers, and the checkpoint that ends it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from selat.core.leaves import parse_leaf
from selat.errors import InvalidInputError, NotFoundError
from selat.store.port import Snapshot
from selat.store.values import Shard


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """From one moment to another, both in it; ms since the epoch."""

    from_ms: int
    to_ms: int

    def __post_init__(self) -> None:
        """Refuse a period that ends before it begins."""
        if not 0 <= self.from_ms <= self.to_ms:
            raise InvalidInputError(
                "The period ends before it begins.",
                remedy="Give --from before --to.",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardPart:
    """The part of a shard that a period covers.

    Attributes:
        shard: The shard.
        start_size: Leaves before the period.
        covered_size: Leaves up to the end of the period.
        notes: Checkpoints of the shard that are kept with cosignatures, exact
            notes by size.
    """

    shard: Shard
    start_size: int
    covered_size: int
    notes: dict[int, bytes]

    def end_note(self) -> bytes | None:
        """Return the kept checkpoint that ends the period; None when none can.

        It is the smallest with a leaf from after the period, which shows by itself
        that nothing of the period is missing, or else one that just covers it.
        """
        beyond = [size for size in self.notes if size > self.covered_size]
        return self.notes.get(min(beyond, default=self.covered_size))


def parts_of(snapshot: Snapshot, period: Period) -> list[ShardPart]:
    """Return the part of each shard that a period touches, oldest first.

    After a shard that is in it to its end comes the next one, with nothing but its
    beginning if need be: the hand-over belongs to the period.

    Where a clock went back the boundary is one of those that there are: the
    leaf before it is outside the period, the leaf after it inside.

    Raises:
        NotFoundError: The period touches no shard.
    """
    parts = list(_parts(snapshot, period))
    if not parts:
        raise NotFoundError(
            "Our log has no leaves of that period.",
            remedy="`selat status` says since when the log is kept.",
        )
    return parts


def _parts(snapshot: Snapshot, period: Period) -> Iterator[ShardPart]:
    goes_on = False
    for shard in snapshot.shards():
        start = _boundary(snapshot, shard, before_ms=period.from_ms)
        covered = _boundary(snapshot, shard, before_ms=period.to_ms + 1)
        if start < shard.size and (covered or goes_on):
            goes_on = shard.closed and covered == shard.size
            notes = {
                kept.size: kept.note for kept in snapshot.own_checkpoints(shard.origin)
            }
            if shard.final_note:
                notes.setdefault(shard.size, shard.final_note)
            yield ShardPart(
                shard=shard,
                start_size=start,
                covered_size=max(start, covered),
                notes=notes,
            )


def _boundary(snapshot: Snapshot, shard: Shard, *, before_ms: int) -> int:
    """Return how many leaves of a shard stand before a moment."""
    low, high = 0, shard.size
    while low < high:
        middle = (low + high) // 2
        (leaf,) = snapshot.leaves(shard.first_position + middle, 1)
        if parse_leaf(leaf).time_ms < before_ms:
            low = middle + 1
        else:
            high = middle
    return low
