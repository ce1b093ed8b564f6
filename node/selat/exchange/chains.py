# SPDX-License-Identifier: Apache-2.0
"""The states of a peer's log that this node has verified, as one path."""

from __future__ import annotations

from dataclasses import replace

from selat.core.log_states import KnownState
from selat.store.values import Link, PeerCheckpoint


def known_state(checkpoint: PeerCheckpoint | None) -> KnownState | None:
    """Return a kept checkpoint as the state that the next one must extend."""
    if checkpoint is None:
        return None
    origin, _, _ = checkpoint.note.partition(b"\n")
    return KnownState(
        origin=origin.decode("ascii"), size=checkpoint.size, root=checkpoint.root
    )


def newer(kept: PeerCheckpoint | None, seen: PeerCheckpoint) -> PeerCheckpoint:
    """Return the one of the larger log."""
    return seen if kept is None or seen.size > kept.size else kept


def answered(link: Link) -> Link:
    """Return the link of a peer that answers: nothing failed since."""
    return replace(link, attempts=0, next_attempt_ms=0, last_error="")
