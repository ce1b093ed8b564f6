# SPDX-License-Identifier: Apache-2.0
"""Sign checkpoints of our own log, and only of what is committed.

The order is: commit, raise the high-water mark durably, sign. A signature can
therefore never be seen for a state that a crash could take back, and a
database older than a signature that is out there is noticed at the start.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

from selat.core.checkpoints import Checkpoint
from selat.core.log_states import LogPoint
from selat.core.notes import NoteSigner, sign_note
from selat.errors import LogRolledBackError
from selat.store.port import Snapshot, Store
from selat.store.values import TreeHead


class HighWaterMark(Protocol):
    """Remembers the greatest tree head that may have been signed.

    It is kept apart from the database, so that restoring an old database does
    not restore an old mark. `raise_to` returns only when the mark is durable.
    """

    def raise_to(self, *, origin: str, size: int, root: bytes) -> None:
        """Remember a head; a smaller one, or of an older shard, is an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedHead:
    """A checkpoint of a shard of our log and its signed note.

    Attributes:
        checkpoint: The checkpoint.
        note: The signed note.
        first_position: How many leaves the shards before have.
    """

    checkpoint: Checkpoint
    note: bytes
    first_position: int

    @property
    def end(self) -> int:
        """Return how many leaves of our log it stands for, over all shards."""
        return self.first_position + self.checkpoint.size

    @property
    def point(self) -> LogPoint:
        """Return its name."""
        return LogPoint(origin=self.checkpoint.origin, size=self.checkpoint.size)


class CheckpointSigner:
    """Give signed checkpoints; one signature serves all who need that state.

    Args:
        store: Where committed heads come from.
        mark: The high-water mark.
        signers: Gives the log's signers for an origin: Ed25519, ML-DSA-44.
        on_step: Observer of write steps.
    """

    def __init__(
        self,
        *,
        store: Store,
        mark: HighWaterMark,
        signers: SignerSource,
        on_step: StepObserver,
    ) -> None:
        """Start with nothing signed."""
        self._store = store
        self._mark = mark
        self._signers = signers
        self._on_step = on_step
        self._lock = Lock()
        self._latest: SignedHead | None = None
        self._halted: LogRolledBackError | None = None

    def halt(self, error: LogRolledBackError) -> None:
        """Sign nothing from now on: our log is not the one that was signed."""
        self._halted = self._halted or error

    def forget(self) -> None:
        """Sign the newest head anew for the next who needs it: keys have changed."""
        with self._lock:
            self._latest = None

    async def at_least(self, end: int) -> SignedHead:
        """Return a signed checkpoint of a log that has at least ``end`` leaves.

        It is of the shard that was newest when it was signed.

        Args:
            end: A number of leaves, over all shards, that the caller knows to be
                committed.

        Raises:
            LogRolledBackError: A peer has shown that our log was rolled back.
        """
        latest = self._signed(end)
        if latest is not None:
            return latest
        return await self._store.read(lambda snapshot: self.on(snapshot, end))

    def on(self, snapshot: Snapshot, end: int) -> SignedHead:
        """Return a signed checkpoint as `at_least`, to a work that goes on from it.

        Args:
            snapshot: The work's snapshot. Nothing was read of it yet: its moment is
                then after that of the signature, and it has all that was signed.
            end: A number of leaves, over all shards, that the caller knows to be
                committed.

        Raises:
            LogRolledBackError: A peer has shown that our log was rolled back.
        """
        with self._lock:
            latest = self._signed(end)
            if latest is None:
                latest = self._latest = self._sign(snapshot.tree_head())
        return latest

    def _signed(self, end: int) -> SignedHead | None:
        """Return the newest head if it serves; None when one is to be signed."""
        if self._halted is not None:
            raise self._halted
        latest = self._latest
        return latest if latest is not None and latest.end >= end else None

    def _sign(self, head: TreeHead) -> SignedHead:
        checkpoint = Checkpoint(
            origin=head.origin, size=head.frontier.size, root=head.frontier.root()
        )
        self._on_step("sign.before-mark")
        self._mark.raise_to(
            origin=checkpoint.origin, size=checkpoint.size, root=checkpoint.root
        )
        self._on_step("sign.marked")
        note = sign_note(checkpoint.text(), self._signers(checkpoint.origin))
        self._on_step("sign.signed")
        return SignedHead(
            checkpoint=checkpoint, note=note, first_position=head.first_position
        )


class SignerSource(Protocol):
    """Where the signers of our log come from: the key store."""

    def __call__(self, origin: str) -> Sequence[NoteSigner]:
        """Return the Ed25519 and the ML-DSA-44 signer for a log origin."""


class StepObserver(Protocol):
    """Told of each named step of a write path, just after it was reached."""

    def __call__(self, step: str) -> None:
        """Observe a step."""
