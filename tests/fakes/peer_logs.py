# SPDX-License-Identifier: Apache-2.0
"""A peer's log under the keys of its card, and connections that a test scripts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from tests.fakes.exchanges import FakeLog
from tests.fakes.identities import Identity

from selat.core.cosignatures import CosignatureSigner
from selat.core.cosigned_states import CosignedState
from selat.core.equivocation import Equivocation
from selat.core.log_states import KnownState, LogState
from selat.core.tiles import consistency_proof
from selat.core.witnessing import AddCheckpoint
from selat.errors import PeerUnreachableError
from selat.identity.card_contents import witness_name


class PeerLog(FakeLog):
    """The log of a node whose card was accepted."""

    def __init__(self, identity: Identity, *, leaves: int = 0) -> None:
        super().__init__(identity.card.card.name, day=date(2030, 7, 1))
        self.signers = identity.key_store.log_signers(self.origin)
        self.fill(leaves)

    def note(self, size: int | None = None) -> bytes:
        return self.sign(self.checkpoint(size))

    def request(self, *, old_size: int, size: int | None = None) -> AddCheckpoint:
        """Return an honest request for a cosignature."""
        checkpoint = self.checkpoint(size)
        return AddCheckpoint(
            old_size=old_size,
            proof=consistency_proof(old_size, checkpoint.size, self.tree),
            checkpoint=self.sign(checkpoint),
        )


def other_history(identity: Identity, size: int) -> PeerLog:
    """Return a log under the same keys that says something else."""
    log = PeerLog(identity)
    log.append(*(f"other {index}".encode() for index in range(size)))
    return log


def cosigner_of(identity: Identity) -> CosignatureSigner:
    """Return what cosigns in the name of a peer."""
    return CosignatureSigner(
        witness_name(identity.card.card.name), *identity.key_store.witness()
    )


class ScriptedPeer:
    """A connection to a peer that answers as a test says; also its witness."""

    def __init__(
        self,
        *,
        notes: Sequence[bytes] = (),
        cosign: Callable[[AddCheckpoint], CosignedState] | None = None,
        log: FakeLog | None = None,
        failure: Exception | None = None,
    ) -> None:
        self.notes = list(notes)
        self.asked: list[tuple[str, ...]] = []
        self.requests: list[AddCheckpoint] = []
        self.handed_back: list[CosignedState] = []
        self.reports: list[Equivocation] = []
        self._cosign = cosign
        self._log = log
        self.failure = failure

    @property
    def witness(self) -> ScriptedPeer:
        return self

    async def witnessed(self, origins: Sequence[str]) -> tuple[bytes, ...]:
        self.asked.append(tuple(origins))
        if self.failure is not None:
            raise self.failure
        return tuple(self.notes)

    async def add_checkpoint(
        self, request: AddCheckpoint, *, cosigned: CosignedState | None
    ) -> CosignedState:
        self.requests.append(request)
        if cosigned is not None:
            self.handed_back.append(cosigned)
        if self._cosign is None:
            raise PeerUnreachableError("It does not answer.")
        return self._cosign(request)

    async def report_equivocation(self, proof: Equivocation) -> None:
        if self.failure is not None:
            raise self.failure
        self.reports.append(proof)

    async def prove(self, old: KnownState, new: KnownState) -> LogState:
        if self._log is None:
            raise PeerUnreachableError("It does not answer.")
        return LogState(
            checkpoint=b"",
            consistency_size=old.size,
            consistency_proof=consistency_proof(old.size, new.size, self._log.tree),
        )
