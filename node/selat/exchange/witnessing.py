# SPDX-License-Identifier: Apache-2.0
"""Cosign the checkpoints of others, once each is proven to extend the last.

One path of states is kept for each log, whatever way a checkpoint comes: with a
batch, with a receipt, by `AddCheckpoint` or over HTTP. The new state is durable
before a cosignature of it exists (C2SP tlog-witness, add-checkpoint).

Steps, for tests that stop the process at each: ``witness.verified``,
``witness.persisted``, ``witness.cosigned``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from selat.core.checkpoints import Checkpoint
from selat.core.cosignatures import CosignatureSigner, with_cosignatures
from selat.core.cosigned_states import CosignedState, Extension
from selat.core.log_states import KnownState, SignedState, VerifiedLog
from selat.core.notes import NoteVerifier, parse_note
from selat.core.origins import end_ms, node_of
from selat.core.proof_lines import read_head
from selat.core.proofs import verify_consistency
from selat.core.times import utc
from selat.core.witnessing import AddCheckpoint, verify_extension
from selat.errors import (
    CheckpointForkedError,
    EquivocationError,
    MalformedError,
    PeerError,
    ProofError,
    WitnessConflictError,
)
from selat.exchange.peer_book import PeerBook
from selat.exchange.signing import StepObserver
from selat.store.port import Snapshot, Store, Transaction
from selat.store.witnessing import Witnessed

#: While others of the same log follow at once, a checkpoint is cosigned so often, in
#: ms: a signature of each kind under every batch would vouch for no more.
COSIGN_INTERVAL_MS: Final = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """Where a log stands here after one of its checkpoints was looked at.

    Attributes:
        checkpoint: The checkpoint.
        known_size: Size that this node has cosigned, or may cosign now.
        is_proven: Whether the checkpoint is that state: it may be cosigned.
        time_s: When that was found, POSIX s.
    """

    checkpoint: Checkpoint
    known_size: int
    is_proven: bool
    time_s: int


@dataclass(slots=True)
class Witness:
    """Cosign other nodes' logs.

    Args:
        store: Where the states are kept.
        peers: Whose logs are cosigned.
        cosigner: Gives our cosigning keys.
        foreign: The keys of logs that are configured, by origin.
        clock: The present time.
        on_step: Observer of write steps.
    """

    store: Store
    peers: PeerBook
    cosigner: Callable[[], CosignatureSigner]
    foreign: Mapping[str, Sequence[NoteVerifier]]
    clock: Callable[[], int]
    on_step: StepObserver
    _to_hand_back: dict[str, CosignedState] = field(default_factory=dict, init=False)
    _cosigned_ms: dict[str, int] = field(default_factory=dict, init=False)

    # --- on the way ----------------------------------------------------------
    def advance(
        self,
        transaction: Transaction,
        peer: str,
        log: VerifiedLog,
        *,
        base: KnownState | None,
        extension: Extension | None,
        now_ms: int,
    ) -> Advance:
        """Take a peer's checkpoint in if it extends what was cosigned before.

        Runs in the transaction that keeps what the checkpoint came with. One
        that is not proven from here is no fault: deliveries in both directions
        overtake each other, and the next one will be.

        Args:
            transaction: The transaction.
            peer: The owner of the log.
            log: What the peer showed, verified.
            base: The state that it was proven to extend on its own path.
            extension: The peer's proof from what we are believed to know.
            now_ms: The present time.

        Returns:
            Where the newest shard of the log stands.

        Raises:
            EquivocationError: The log has signed two roots for one size.
            CheckpointForkedError: The proof for the cosignature does not hold.
        """
        return [
            _advance(
                transaction, peer, state, base=base, extension=extension, now_ms=now_ms
            )
            for state in log.states
        ][-1]

    async def cosigned(
        self, advance: Advance, *, follows: bool = False
    ) -> CosignedState:
        """Cosign what is kept, or tell the size that is known instead.

        Args:
            advance: Where the log stands.
            follows: Whether another checkpoint of the log is here already.
        """
        checkpoint = advance.checkpoint
        lines = b""
        now_ms = self.clock()
        since_ms = now_ms - self._cosigned_ms.get(checkpoint.origin, 0)
        may_wait = follows and 0 <= since_ms < COSIGN_INTERVAL_MS
        if advance.is_proven and not may_wait:
            self._cosigned_ms[checkpoint.origin] = now_ms
            self.on_step("witness.persisted")
            lines = await self._cosign(checkpoint.text(), time_s=advance.time_s)
        return CosignedState(
            origin=checkpoint.origin, size=advance.known_size, lines=lines
        )

    def hand_back(self, peer: str, cosigned: CosignedState) -> None:
        """Keep a cosignature until something is sent to that peer.

        One that tells of a size alone does not take the place of another.
        """
        if cosigned.lines or peer not in self._to_hand_back:
            self._to_hand_back[peer] = cosigned

    def take_to_hand_back(self, peer: str) -> CosignedState | None:
        """Return what is to be handed back to a peer, once."""
        return self._to_hand_back.pop(peer, None)

    # --- on request ----------------------------------------------------------
    async def add_checkpoint(self, request: AddCheckpoint) -> bytes:
        """Cosign a checkpoint; return the signature lines.

        Raises:
            LogUnknownError: The log is not one of an accepted peer.
            SignatureError: A signature of the log is missing or wrong.
            EquivocationError: The log has signed two roots for one size.
            WitnessConflictError: The proof starts from another size than the
                one known, which is ``size`` of its context.
            ProofError: The proof does not hold.
        """
        origin, now_ms = request.origin, self.clock()
        known, other = await self.store.read(lambda s: _known(s, request))
        checkpoint = await asyncio.to_thread(
            verify_extension,
            request,
            known=None if known is None else _state(known),
            verifiers=self.verifiers(origin),
            known_note=b"" if known is None else known.note,
        )
        if other is not None:
            raise equivocation_of(checkpoint, first=other, second=request.checkpoint)
        self.on_step("witness.verified")
        row = _row(self._owner(origin), checkpoint, request.checkpoint, now_ms)
        is_new = known is None or checkpoint.size > known.size
        if is_new and not await self.store.write(
            lambda t: t.put_witnessed(row, known_size=request.old_size)
        ):
            raise await self._overtaken(origin)
        self.on_step("witness.persisted")
        lines = await self._cosign(checkpoint.text(), time_s=now_ms // 1000)
        self.on_step("witness.cosigned")
        return lines

    async def newest(self, origin: str) -> bytes | None:
        """Return the newest note of a log with our cosignature of this moment.

        None for a log that this node has not cosigned.
        """
        now_ms = self.clock()
        kept = await self.store.read(lambda s: s.witnessed(origin))
        if kept is None:
            return None
        text = parse_note(kept.note).text
        lines = await self._cosign(text, time_s=now_ms // 1000)
        return with_cosignatures(kept.note, [lines])

    def verifiers(self, origin: str) -> Sequence[NoteVerifier]:
        """Return the keys of a log that this node witnesses; none if it does not.

        A shard whose half-year is over may be shown as it was signed then, with
        keys that are retired since.
        """
        if origin in self.foreign:
            return self.foreign[origin]
        try:
            card = self.peers.get(owner_of(origin)).card.card
            now_ms = self.clock()
            since = utc(min(now_ms, end_ms(origin)))
            return card.log_verifiers_between(origin, since=since, until=utc(now_ms))
        except (MalformedError, PeerError):
            return ()

    def _owner(self, origin: str) -> str:
        return "" if origin in self.foreign else owner_of(origin)

    async def _overtaken(self, origin: str) -> WitnessConflictError:
        kept = await self.store.read(lambda s: s.witnessed(origin))
        return WitnessConflictError(
            f"The log {origin} was cosigned at another size in the meantime.",
            remedy="Ask again, with the proof from the size that is known.",
            origin=origin,
            size=0 if kept is None else kept.size,
        )

    async def _cosign(self, text: bytes, *, time_s: int) -> bytes:
        return await asyncio.to_thread(self.cosigner().cosign, text, time_s=time_s)


def owner_of(origin: str) -> str:
    """Return the node whose exchange log has that origin; empty for none."""
    try:
        return node_of(origin)
    except MalformedError:
        return ""


def _known(
    snapshot: Snapshot, request: AddCheckpoint
) -> tuple[Witnessed | None, bytes | None]:
    """Return what was cosigned, and a kept note that a checkpoint contradicts."""
    shown = read_head(request.checkpoint)
    kept = snapshot.peer_checkpoint(owner_of(shown.origin), shown.origin, shown.size)
    other = kept is not None and kept.root != shown.root
    return snapshot.witnessed(shown.origin), kept.note if kept and other else None


def _advance(
    transaction: Transaction,
    peer: str,
    state: SignedState,
    *,
    base: KnownState | None,
    extension: Extension | None,
    now_ms: int,
) -> Advance:
    checkpoint = state.checkpoint
    known = transaction.witnessed(checkpoint.origin)
    known_size = 0 if known is None else known.size
    is_proven = known is None or _is_proven(
        known, state, peer=peer, base=base, extension=extension
    )
    if is_proven and checkpoint.size > known_size:
        transaction.put_witnessed(
            _row(peer, checkpoint, state.note, now_ms), known_size=known_size
        )
    return Advance(
        checkpoint=checkpoint,
        known_size=checkpoint.size if is_proven else known_size,
        is_proven=is_proven,
        time_s=now_ms // 1000,
    )


def _is_proven(
    known: Witnessed,
    state: SignedState,
    *,
    peer: str,
    base: KnownState | None,
    extension: Extension | None,
) -> bool:
    checkpoint = state.checkpoint
    if checkpoint.size == known.size:
        if checkpoint.root != known.root:
            raise equivocation_of(checkpoint, first=known.note, second=state.note)
        return True
    if checkpoint.size < known.size:
        return False
    if base == _state(known):
        return True
    if extension is None or extension.old_size != known.size:
        return False
    try:
        verify_consistency(
            old_size=known.size,
            old_root=known.root,
            new_size=checkpoint.size,
            new_root=checkpoint.root,
            proof=extension.proof,
        )
    except ProofError as error:
        raise CheckpointForkedError(
            f"The log of {peer} at {checkpoint.size} leaves is not proven to extend "
            f"the one that we cosigned at {known.size}.",
            remedy="Stop and call the peer: its log may show two histories.",
            peer=peer,
        ) from error
    return True


def _state(known: Witnessed) -> KnownState:
    return KnownState(origin=known.origin, size=known.size, root=known.root)


def _row(peer: str, checkpoint: Checkpoint, note: bytes, now_ms: int) -> Witnessed:
    return Witnessed(
        origin=checkpoint.origin,
        peer=peer,
        size=checkpoint.size,
        root=checkpoint.root,
        note=note,
        witnessed_ms=now_ms,
    )


def equivocation_of(
    checkpoint: Checkpoint, *, first: bytes, second: bytes
) -> EquivocationError:
    """Return the error that a log has signed two roots for one size."""
    return EquivocationError(
        f"The log {checkpoint.origin} has signed two roots for {checkpoint.size} "
        "leaves.",
        remedy="Stop, keep both checkpoints, and call the log's owner.",
        first=first,
        second=second,
        origin=checkpoint.origin,
        size=checkpoint.size,
    )
