# SPDX-License-Identifier: Apache-2.0
"""The states of a peer's log that this node has verified, as one path.

A peer's checkpoints are ordered by shard first and by size within it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from selat.core.hand_overs import VerifierSource
from selat.core.log_states import KnownState, SignedState, VerifiedLog
from selat.core.notes import NoteVerifier
from selat.core.origins import end_ms
from selat.core.times import utc
from selat.exchange.peer_book import KnownPeer
from selat.store.port import Transaction
from selat.store.values import Link, PeerCheckpoint


def known_state(checkpoint: PeerCheckpoint | None) -> KnownState | None:
    """Return a kept checkpoint as the state that the next one must extend."""
    if checkpoint is None:
        return None
    return KnownState(
        origin=checkpoint.origin, size=checkpoint.size, root=checkpoint.root
    )


def newer(kept: PeerCheckpoint | None, seen: PeerCheckpoint) -> PeerCheckpoint:
    """Return the one of the later shard, or of the larger tree in one."""
    return seen if kept is None or place(seen) > place(kept) else kept


def place(state: PeerCheckpoint | KnownState) -> tuple[int, int]:
    """Return what orders the states of one node's log."""
    return end_ms(state.origin), state.size


def verifiers_of(peer: KnownPeer, *, now_ms: int) -> VerifierSource:
    """Return the verifiers of a peer's log: those of its card."""

    def verifiers(origin: str, at_ms: int | None = None) -> Sequence[NoteVerifier]:
        at = utc(now_ms if at_ms is None else at_ms)
        return peer.card.card.log_verifiers_between(origin, since=at, until=at)

    return verifiers


def keep_states(
    transaction: Transaction, peer: str, log: VerifiedLog
) -> PeerCheckpoint:
    """Keep every checkpoint that a peer's log state proved; return the newest."""
    kept = [_kept(state) for state in log.states]
    for checkpoint in kept:
        transaction.keep_peer_checkpoint(peer, checkpoint)
    return kept[-1]


def _kept(state: SignedState) -> PeerCheckpoint:
    checkpoint = state.checkpoint
    return PeerCheckpoint(
        origin=checkpoint.origin,
        size=checkpoint.size,
        root=checkpoint.root,
        note=state.note,
    )


def answered(link: Link) -> Link:
    """Return the link of a peer that answers: nothing failed since."""
    return replace(link, attempts=0, next_attempt_ms=0, last_error="")
