# SPDX-License-Identifier: Apache-2.0
"""What a peer shows of its log: signed states, and leaves that stand in them.

Every state must extend the newest one that was verified on the same path, so
that a log which is rolled back or forked is caught by the next peer. A log that
has gone on to another shard shows how each shard was handed over to the next
(`selat.core.hand_overs`).
"""

from __future__ import annotations

from dataclasses import dataclass

from selat.core.checkpoints import Checkpoint, open_checkpoint
from selat.core.hand_overs import (
    HandOver,
    SignedState,
    VerifierSource,
    verify_hand_overs,
)
from selat.core.leaf_json import NUMBER_MAX
from selat.core.merkle import leaf_hash
from selat.core.notes import SignatureType
from selat.core.origins import is_later, node_of
from selat.core.proofs import verify_consistency, verify_range
from selat.errors import (
    BatchMalformedError,
    CheckpointEd25519Error,
    CheckpointForkedError,
    CheckpointMldsaError,
    CheckpointRolledBackError,
    HandOverError,
    MalformedError,
    ProofError,
    SignatureError,
)

__all__ = [
    "NOTHING_KNOWN",
    "HandOver",
    "KnownState",
    "LeafRange",
    "LogPoint",
    "LogState",
    "SignedState",
    "VerifiedLog",
    "VerifierSource",
    "verify_joined",
    "verify_leaf_range",
    "verify_log_state",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogState:
    """A signed state of a log as it travels, still to be verified.

    Attributes:
        checkpoint: The signed note of the newest shard.
        consistency_size: Size of the older state that the proof starts from.
        consistency_proof: RFC 6962 consistency proof, 32 bytes each, to the
            checkpoint; to the final one of its shard if the older state is of a
            shard that was handed over since.
        hand_overs: From shard to shard up to the checkpoint's, oldest first: back
            to the shard of the older state, and to any of which leaves are shown.
    """

    checkpoint: bytes
    consistency_size: int
    consistency_proof: tuple[bytes, ...]
    hand_overs: tuple[HandOver, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafRange:
    """Leaves that stand contiguously in a log, with their range proof.

    Attributes:
        first_index: Index of the first leaf in its shard.
        leaves: Exact bytes of the leaves.
        proof: Range proof, 32 bytes each.
        origin: Origin of an older shard that they stand in; empty for that of the
            checkpoint they came with.
    """

    first_index: int
    leaves: tuple[bytes, ...]
    proof: tuple[bytes, ...]
    origin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPoint:
    """A state of a log by its name alone: shard and size.

    Attributes:
        origin: Origin of the shard; empty for no state at all.
        size: Number of its leaves.
    """

    origin: str
    size: int


#: The point of who knows nothing of a log.
NOTHING_KNOWN = LogPoint(origin="", size=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownState:
    """The newest verified state of a log on one path: its size and root."""

    origin: str
    size: int
    root: bytes

    @property
    def point(self) -> LogPoint:
        """Return its name."""
        return LogPoint(origin=self.origin, size=self.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedLog:
    """What a log state proves: its newest shard, and those it goes back to.

    Attributes:
        states: The final state of each older shard, oldest first, and that of the
            newest one.
    """

    states: tuple[SignedState, ...]

    @property
    def checkpoint(self) -> Checkpoint:
        """Return the newest checkpoint."""
        return self.states[-1].checkpoint

    @property
    def known(self) -> KnownState:
        """Return the newest state as the one that the next must extend."""
        newest = self.checkpoint
        return KnownState(origin=newest.origin, size=newest.size, root=newest.root)

    def of(self, origin: str) -> SignedState:
        """Return the state of one shard; of the newest one without an origin.

        Raises:
            ProofError: The log's state does not go back to that shard.
        """
        if not origin:
            return self.states[-1]
        for state in self.states:
            if state.checkpoint.origin == origin:
                return state
        raise ProofError(
            f"The log's state does not go back to {origin}.",
            remedy="Show how that shard was handed over.",
            origin=origin,
        )


def verify_log_state(
    state: LogState, *, owner: str, verifiers: VerifierSource, known: KnownState | None
) -> VerifiedLog:
    """Steps 3 and 4: the checkpoint is signed and extends the one we know.

    Args:
        state: What the peer sent.
        owner: The peer's node name, with which the log's origin begins.
        verifiers: Gives the log's verifiers for the origin.
        known: The newest state verified on this path; None for the first.

    Raises:
        CheckpointEd25519Error: The Ed25519 signature is missing or wrong.
        CheckpointMldsaError: The ML-DSA-44 signature is missing or wrong.
        CheckpointRolledBackError: It is smaller than the known one, or of an older
            shard.
        CheckpointForkedError: It does not extend the known one.
        HandOverError: It is of another shard than the known one, which did not
            hand over to it.
        BatchMalformedError: It is no checkpoint of that node's log, or the
            proof starts from another size than ours.
    """
    origin = _origin(state.checkpoint, owner=owner)
    if known is not None and is_later(known.origin, origin):
        raise CheckpointRolledBackError(
            f"The log of {owner} is at its shard {origin} but had signed "
            f"{known.origin}.",
            remedy="Stop and call the peer: its log was rolled back.",
            peer=owner,
        )
    checkpoint = _open(state.checkpoint, origin=origin, verifiers=verifiers)
    if checkpoint.size > NUMBER_MAX:  # no leaf of ours could name it
        raise BatchMalformedError(
            "The checkpoint has more leaves than any log.",
            remedy="Send the checkpoint as it was signed.",
            peer=owner,
        )
    log = _history(
        state,
        SignedState(checkpoint=checkpoint, note=state.checkpoint),
        verifiers=verifiers,
    )
    if known is not None:
        _verify_extends(state, log, owner=owner, known=known)
    elif state.consistency_size or state.consistency_proof:
        raise _wrong_base(owner, expected=0, got=state.consistency_size)
    return log


def verify_joined(
    proof: LogState,
    *,
    owner: str,
    verifiers: VerifierSource,
    old: KnownState,
    new: KnownState,
) -> None:
    """Verify that two states that are known are states of one log.

    Args:
        proof: What the log's node shows; its checkpoint is not looked at.
        owner: The node's name.
        verifiers: Gives the log's verifiers for an origin.
        old: The older state.
        new: The newer state.

    Raises:
        CheckpointForkedError: They are not.
        CheckpointRolledBackError: The older one is of a shard that was closed with
            fewer leaves.
        HandOverError: They are of two shards, and no hand-over joins them.
        BatchMalformedError: The proof starts from another size.
    """
    newest = Checkpoint(origin=new.origin, size=new.size, root=new.root)
    log = _history(proof, SignedState(checkpoint=newest, note=b""), verifiers=verifiers)
    _verify_extends(proof, log, owner=owner, known=old)


def verify_leaf_range(leaves: LeafRange, *, log: VerifiedLog) -> list[bytes]:
    """Verify that leaves stand in a log; return their RFC 6962 hashes.

    Raises:
        ProofError: The range proof does not lead to the root of their shard, or
            that shard was not shown.
    """
    checkpoint = log.of(leaves.origin).checkpoint
    hashes = [leaf_hash(data) for data in leaves.leaves]
    verify_range(
        leaf_hashes=hashes,
        first=leaves.first_index,
        size=checkpoint.size,
        proof=leaves.proof,
        root=checkpoint.root,
    )
    return hashes


def _origin(note: bytes, *, owner: str) -> str:
    """Return the first line; the signature still has to vouch for it."""
    line, _, _ = note[:512].partition(b"\n")
    try:
        origin = line.decode("ascii")
    except UnicodeDecodeError:
        origin = ""
    try:
        is_theirs = node_of(origin) == owner
    except MalformedError:
        is_theirs = False
    if not is_theirs:
        raise BatchMalformedError(
            f"The checkpoint is not one of the exchange log of {owner}.",
            remedy="Send the sender's own checkpoint.",
            peer=owner,
        )
    return origin


def _history(
    state: LogState, newest: SignedState, *, verifiers: VerifierSource
) -> VerifiedLog:
    if not state.hand_overs:
        return VerifiedLog(states=(newest,))
    return VerifiedLog(
        states=verify_hand_overs(state.hand_overs, newest=newest, verifiers=verifiers)
    )


def _open(note: bytes, *, origin: str, verifiers: VerifierSource) -> Checkpoint:
    try:
        return open_checkpoint(note, origin=origin, verifiers=verifiers(origin))
    except SignatureError as error:
        failed = error.context.get("signature_type")
        wrong = (
            CheckpointMldsaError
            if failed == SignatureType.MLDSA44.name
            else CheckpointEd25519Error
        )
        raise wrong(
            f"The checkpoint of {origin} has no valid signature of the log's "
            f"{failed} key.",
            remedy="Check that the peer's newest card was added here.",
            origin=origin,
        ) from error
    except MalformedError as error:
        raise BatchMalformedError(
            "The checkpoint is not a signed note of C2SP tlog-checkpoint.",
            remedy="Send the checkpoint as it was signed.",
            origin=origin,
        ) from error


def _verify_extends(
    state: LogState, log: VerifiedLog, *, owner: str, known: KnownState
) -> None:
    """Verify that the shard that we know goes on from where we know it."""
    try:
        checkpoint = log.of(known.origin).checkpoint
    except ProofError as error:
        raise HandOverError(
            f"The log of {owner} goes on as {log.checkpoint.origin}, but "
            f"{known.origin} did not hand over to it.",
            remedy="Stop and call the peer: its log does not go on where it ended.",
            peer=owner,
            origin=log.checkpoint.origin,
        ) from error
    if checkpoint.size < known.size:
        raise CheckpointRolledBackError(
            f"The log of {owner} has {checkpoint.size} leaves but had signed "
            f"{known.size}.",
            remedy="Stop and call the peer: its log was rolled back.",
            peer=owner,
        )
    if state.consistency_size != known.size:
        raise _wrong_base(owner, expected=known.size, got=state.consistency_size)
    try:
        verify_consistency(
            old_size=known.size,
            old_root=known.root,
            new_size=checkpoint.size,
            new_root=checkpoint.root,
            proof=state.consistency_proof,
        )
    except ProofError as error:
        raise CheckpointForkedError(
            f"The log of {owner} at {checkpoint.size} leaves does not extend the "
            f"one it signed at {known.size}.",
            remedy="Stop and call the peer: its log shows two histories.",
            peer=owner,
        ) from error


def _wrong_base(owner: str, *, expected: int, got: int) -> BatchMalformedError:
    return BatchMalformedError(
        f"The consistency proof starts at size {got}, not at {expected}.",
        remedy="Open the stream again and start from the size that it names.",
        peer=owner,
        expected_size=expected,
    )
