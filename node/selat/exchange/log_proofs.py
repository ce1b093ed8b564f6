# SPDX-License-Identifier: Apache-2.0
"""Prove to a peer that our log goes on from what it knows of it.

Batches and receipts name leaves by their position over all shards; a peer gets
their index in their shard, and proofs within that shard's tree. What stands in
an older shard than the checkpoint is tied to it by hand-overs.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from selat.core.log_states import (
    NOTHING_KNOWN,
    HandOver,
    LeafRange,
    LogPoint,
    LogState,
)
from selat.core.tiles import consistency_proof, inclusion_proof, range_proof
from selat.errors import InvalidInputError
from selat.exchange.signing import SignedHead
from selat.store.port import Snapshot
from selat.store.values import Shard


def holds(snapshot: Snapshot, point: LogPoint) -> bool:
    """Tell whether our log has, or had, the state that a point names."""
    if point == NOTHING_KNOWN:
        return True
    shard = snapshot.shard(point.origin)
    return shard is not None and point.size <= shard.size


def log_state(
    snapshot: Snapshot, *, head: SignedHead, known: LogPoint, also: str = ""
) -> LogState:
    """Return our signed head with the proof from a state that the peer knows.

    Args:
        snapshot: A snapshot at least as new as the head.
        head: The signed head.
        known: The state that the peer has verified.
        also: Origin of an older shard that leaves are shown of, or empty.

    Raises:
        InvalidInputError: Our log never had the known state.
    """
    proof = history(snapshot, old=known, new=head.point, also=also)
    return replace(proof, checkpoint=head.note)


def history(
    snapshot: Snapshot, *, old: LogPoint, new: LogPoint, also: str = ""
) -> LogState:
    """Return the proof from one state of our log to another, without a checkpoint.

    Args:
        snapshot: A snapshot of a log that had both states.
        old: The older state.
        new: The newer state.
        also: Origin of an older shard to go back to as well, or empty.

    Raises:
        InvalidInputError: It did not have them, or not in this order.
    """
    older = {old.origin, also} - {"", new.origin}
    line = _line(snapshot, older, new) if older else []
    tiles = snapshot.shard_tiles(old.origin or new.origin)
    size = new.size
    for shard in line[:-1]:
        if shard.origin == old.origin:
            size = shard.size
    return LogState(
        checkpoint=b"",
        consistency_size=old.size,
        consistency_proof=consistency_proof(old.size, size, tiles) if old.size else (),
        hand_overs=tuple(
            _hand_over(
                snapshot,
                older,
                newer,
                size=new.size if newer.origin == new.origin else newer.size,
            )
            for older, newer in pairwise(line)
        ),
    )


def leaf_range(
    snapshot: Snapshot, first: int, count: int, *, head: SignedHead
) -> LeafRange:
    """Return leaves of our log, of one shard, with their range proof.

    The proof leads to the head, or to the final checkpoint of an older shard.

    Args:
        snapshot: A snapshot at least as new as the head.
        first: Position of the first leaf.
        count: How many.
        head: A signed head that contains them, or follows a shard that does.
    """
    origin, start, size = "", head.first_position, head.checkpoint.size
    if first < start:
        shard = snapshot.shard_at(first)
        origin, start, size = shard.origin, shard.first_position, shard.size
    tiles = snapshot.shard_tiles(origin or head.checkpoint.origin)
    return LeafRange(
        first_index=first - start,
        leaves=tuple(snapshot.leaves(first, count)),
        proof=range_proof(first - start, count, size, tiles),
        origin=origin,
    )


def _line(snapshot: Snapshot, older: set[str], new: LogPoint) -> list[Shard]:
    """Return the shards from the oldest of some up to that of the newer state."""
    shards = snapshot.shards()
    origins = [shard.origin for shard in shards]
    if not older <= {*origins} or new.origin not in origins:
        raise not_ours()
    first, last = min(map(origins.index, older)), origins.index(new.origin)
    if max(map(origins.index, older)) > last:
        raise not_ours()
    return shards[first : last + 1]


def _hand_over(
    snapshot: Snapshot, older: Shard, newer: Shard, *, size: int
) -> HandOver:
    close_leaf, open_leaf = snapshot.leaves(older.end - 1, 2)
    return HandOver(
        close_leaf=close_leaf,
        close_proof=inclusion_proof(
            older.size - 1, older.size, snapshot.shard_tiles(older.origin)
        ),
        open_leaf=open_leaf,
        open_proof=inclusion_proof(0, size, snapshot.shard_tiles(newer.origin)),
    )


def not_ours() -> InvalidInputError:
    """Return the refusal of states that our log never had."""
    return InvalidInputError(
        "Our log never had these states in this order.",
        remedy="Ask for two states of the log, the older one first.",
    )
