# SPDX-License-Identifier: Apache-2.0
"""A node's log over several half-years, in memory: honest parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from itertools import pairwise

from tests.fakes.exchanges import FakeLog

from selat.core.hand_overs import HandOver
from selat.core.log_states import LogState
from selat.core.notes import NoteVerifier
from selat.core.origins import end_ms
from selat.core.shard_leaves import CloseLeaf, OpenLeaf
from selat.core.tiles import inclusion_proof

#: Half-years that a log may go through.
DAYS = tuple(date(year, month, 1) for year in range(2030, 2034) for month in (1, 7))


def closing(log: FakeLog, following: str) -> CloseLeaf:
    """Return the last leaf of a shard."""
    return CloseLeaf(
        node=log.node,
        origin=log.origin,
        next=following,
        time_ms=end_ms(log.origin),
        blind=b"c" * 32,
    )


def opening(log: FakeLog, *, previous: bytes, at_ms: int) -> OpenLeaf:
    """Return the first leaf of a shard."""
    return OpenLeaf(
        node=log.node,
        origin=log.origin,
        previous=previous.decode(),
        time_ms=at_ms,
        blind=b"o" * 32,
    )


class FakeShards:
    """The shards of one node's log, each full of leaves of other exchanges.

    Args:
        node: The node's name.
        fills: How many leaves each shard has besides those of the hand-over.
        seed: From which its keys are made.
    """

    def __init__(self, node: str, *fills: int, seed: int = 1) -> None:
        self.node = node
        self.shards = [
            FakeLog(node, seed=seed, day=day)
            for day, _ in zip(DAYS, fills, strict=False)
        ]
        self.final_notes: list[bytes] = []
        for number, (shard, fill) in enumerate(zip(self.shards, fills, strict=True)):
            if self.final_notes:
                at_ms = end_ms(self.shards[number - 1].origin)
                shard.append(opening(shard, previous=self.final_notes[-1], at_ms=at_ms))
            shard.fill(fill)
            if number + 1 < len(fills):
                shard.append(closing(shard, self.shards[number + 1].origin))
                self.final_notes.append(shard.sign(shard.checkpoint()))

    def verifiers(
        self, origin: str, _at_ms: int | None = None, /
    ) -> Sequence[NoteVerifier]:
        """Return the log's keys, as its node's card would."""
        (shard,) = [each for each in self.shards if each.origin == origin]
        return shard.verifiers(origin)

    def hand_overs(
        self, first: int, last: int, *, size: int | None = None
    ) -> tuple[HandOver, ...]:
        """Return the hand-overs from one shard to another that has a size."""
        return tuple(
            HandOver(
                close_leaf=older.leaves[-1],
                close_proof=inclusion_proof(older.size - 1, older.size, older.tree),
                open_leaf=newer.leaves[0],
                open_proof=inclusion_proof(
                    0,
                    (size or newer.size) if newer is self.shards[last] else newer.size,
                    newer.tree,
                ),
            )
            for older, newer in pairwise(self.shards[first : last + 1])
        )

    def state(
        self,
        number: int,
        *,
        size: int | None = None,
        known: tuple[int, int] | None = None,
        back_to: int | None = None,
    ) -> LogState:
        """Return the signed state of a shard with its proof from an older one.

        Args:
            number: Number of the shard.
            size: Its size; all it has when None.
            known: Number of the shard, and its size, that is known already.
            back_to: Number of an older shard to go back to.
        """
        shard = self.shards[number]
        known_number, known_size = known or (number, 0)
        within = size if known_number == number else None
        proof = self.shards[known_number].state(known_size=known_size, size=within)
        first = min(known_number, number if back_to is None else back_to)
        return replace(
            proof,
            checkpoint=shard.sign(shard.checkpoint(size)),
            hand_overs=self.hand_overs(first, number, size=size),
        )
