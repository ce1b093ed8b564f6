# SPDX-License-Identifier: Apache-2.0
"""The leaves of a peer's log that a bundle holds, range by range."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import partial
from typing import Final

from selat.core.bundles import Direction, PeerRange
from selat.core.log_states import LeafRange
from selat.core.merkle import HASH_BYTES
from selat.publication.tile_tree import Reads
from selat.store.port import Snapshot
from selat.store.publication import PeerLog, ProvenRange

#: Batches that are read in one moment of the database, of 256 leaves at most.
_READ_AT_ONCE: Final = 32


def peer_ranges(
    reads: Reads,
    log: PeerLog,
    *,
    spans: Sequence[tuple[int, int]],
    answered: Collection[int],
) -> Iterator[PeerRange]:
    """Yield what belongs to a period, each range once.

    That is what pairs with leaves of ours in the period, and the receipts for
    batches of ours that were offered before it and answered in it.

    Args:
        reads: Gives moments of the database.
        log: A shard of a peer's log.
        spans: Positions of our leaves of the period, first and end, shard by shard.
        answered: Sequences of our batches whose answers we logged in the period.
    """
    unseen = set(answered)
    for first, end in spans:
        for direction in Direction:
            for row in _pages(reads, log, direction, first, end):
                if direction is Direction.OUT:
                    unseen.discard(row.sequence)
                yield _peer_range(row, direction)
    for sequence in sorted(unseen):
        answer = reads(partial(_answer_to, log=log, sequence=sequence))
        if answer is not None:
            yield _peer_range(answer, Direction.OUT)


def _pages(
    reads: Reads, log: PeerLog, direction: Direction, first: int, end: int
) -> Iterator[ProvenRange]:
    after = 0
    while rows := reads(
        partial(_page, log=log, direction=direction, first=first, end=end, after=after)
    ):
        yield from rows
        after = rows[-1].sequence


def _page(
    snapshot: Snapshot,
    *,
    log: PeerLog,
    direction: Direction,
    first: int,
    end: int,
    after: int,
) -> list[ProvenRange]:
    query = (
        snapshot.receipt_ranges if direction is Direction.OUT else snapshot.offer_ranges
    )
    return query(log, first=first, end=end, after=after, limit=_READ_AT_ONCE)


def _answer_to(
    snapshot: Snapshot, *, log: PeerLog, sequence: int
) -> ProvenRange | None:
    """Return the answer to one of our batches, if it stands in this log."""
    kept = snapshot.batch_receipt(log.peer, sequence)
    if kept is None or kept.origin != log.origin:
        return None
    return ProvenRange(
        sequence=sequence,
        first_index=kept.first_receipt,
        leaves=kept.receipts,
        proof=kept.proof,
        checkpoint_size=kept.checkpoint_size,
    )


def _peer_range(row: ProvenRange, direction: Direction) -> PeerRange:
    return PeerRange(
        size=row.checkpoint_size,
        sequence=row.sequence,
        direction=direction,
        range=LeafRange(
            first_index=row.first_index,
            leaves=row.leaves,
            proof=tuple(
                row.proof[at : at + HASH_BYTES]
                for at in range(0, len(row.proof), HASH_BYTES)
            ),
        ),
    )
