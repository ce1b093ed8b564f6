# SPDX-License-Identifier: Apache-2.0
"""What nodes vouch for to each other: the part of the store's port for it.

Three things are kept: the newest state of each peer's log that this node has
cosigned, the checkpoints of our own log with what peers have cosigned of it,
and proofs that a log has shown two histories. `selat.store.port` says what
every part of the port promises.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

#: Checkpoints of one log of ours that wait for more cosignatures, at most.
WAITING_CHECKPOINTS_MAX: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnessed:
    """The newest state of a log that this node has cosigned, or is about to.

    Attributes:
        origin: Origin of the log.
        peer: The node whose log it is; empty for a log that is configured.
        size: Number of leaves.
        root: 32-byte root.
        note: The signed note of the log, exact bytes.
        witnessed_ms: When it was found to extend the state before.
    """

    origin: str
    peer: str
    size: int
    root: bytes
    note: bytes
    witnessed_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCheckpoint:
    """A checkpoint of our own log that peers have cosigned.

    Attributes:
        origin: Origin of the log.
        size: Number of leaves.
        note: The signed note with every cosignature that was gathered.
        cosigners: How many accepted peers have cosigned it.
        signed_ms: When the first of them was kept.
        anchored_ms: When enough of them had last cosigned it; None before.
    """

    origin: str
    size: int
    note: bytes
    cosigners: int
    signed_ms: int
    anchored_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosigned:
    """How far a peer has cosigned a log of ours.

    Attributes:
        peer: The peer.
        origin: Origin of our log.
        size: Size that it cosigned last.
        cosigned_ms: When, by our clock.
    """

    peer: str
    origin: str
    size: int
    cosigned_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EquivocationRow:
    """A proof that a log has signed two roots for one size.

    Attributes:
        peer: The node whose log it is.
        origin: Origin of the log.
        size: The size.
        proof: The two signed notes, as `selat.core.equivocation` encodes them.
        reporter: The peer that reported it; empty when this node found it.
        found_ms: When it came here.
        leaf_index: Index of its equivocation leaf in our log.
    """

    peer: str
    origin: str
    size: int
    proof: bytes
    reporter: str
    found_ms: int
    leaf_index: int


class WitnessingSnapshot(Protocol):
    """Read what was cosigned, here and by peers."""

    def witnessed(self, origin: str) -> Witnessed | None:
        """Return what this node has cosigned of a log, or None."""

    def witnessed_logs(self) -> list[Witnessed]:
        """Return what this node has cosigned of every log, by origin."""

    def own_checkpoint(self, origin: str, size: int) -> OwnCheckpoint | None:
        """Return a cosigned checkpoint of our log by its size, or None."""

    def own_checkpoints(self, origin: str) -> list[OwnCheckpoint]:
        """Return every cosigned checkpoint of a log of ours, by size."""

    def newest_anchored(self) -> OwnCheckpoint | None:
        """Return the anchored checkpoint of our newest log with the most leaves."""

    def newest_cosigned_checkpoint(self, origin: str) -> bytes | None:
        """Return the newest anchored note of a log of ours with its cosignatures.

        Without an anchored one, the newest that anybody has cosigned; None
        when there is none.
        """

    def cosigned(self, peer: str, origin: str) -> Cosigned | None:
        """Return how far a peer has cosigned a log of ours, or None."""

    def equivocations(self, peer: str = "") -> list[EquivocationRow]:
        """Return proofs of equivocation, of one peer or of all, oldest first."""


class WitnessingTransaction(WitnessingSnapshot, Protocol):
    """Keep what was cosigned, here and by peers."""

    def put_witnessed(self, new: Witnessed, *, known_size: int) -> bool:
        """Replace the state of a log, if it still has the size that was known.

        Args:
            new: The new state.
            known_size: Size of the state that the new one extends; 0 for none.

        Returns:
            False, and nothing changes, when another size is kept.
        """

    def keep_own_checkpoint(self, checkpoint: OwnCheckpoint) -> None:
        """Insert or replace a checkpoint of ours, and drop what it supersedes.

        Of each log there stay: of the anchored ones the last of each day (UTC,
        by ``signed_ms``), and above the newest anchored one those that wait
        for more cosignatures, at most `WAITING_CHECKPOINTS_MAX`.
        """

    def put_cosigned(self, cosigned: Cosigned) -> None:
        """Insert or replace how far a peer has cosigned a log of ours."""

    def keep_equivocation(self, row: EquivocationRow) -> bool:
        """Keep a proof; False, and nothing changes, when that size has one."""
