# SPDX-License-Identifier: Apache-2.0
"""What a peer shows of its log: signed states, and leaves that stand in them.

Every state must extend the newest one that was verified on the same path, so
that a log which is rolled back or forked is caught by the next peer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from selat.core.checkpoints import Checkpoint, open_checkpoint
from selat.core.leaf_json import NUMBER_MAX
from selat.core.merkle import leaf_hash
from selat.core.notes import NoteVerifier, SignatureType
from selat.core.proofs import verify_consistency, verify_range
from selat.errors import (
    BatchMalformedError,
    CheckpointEd25519Error,
    CheckpointForkedError,
    CheckpointMldsaError,
    CheckpointRolledBackError,
    MalformedError,
    ProofError,
    SignatureError,
)


class VerifierSource(Protocol):
    """Where the verifiers of a peer's log come from: its card."""

    def __call__(self, origin: str) -> Sequence[NoteVerifier]:
        """Return the Ed25519 and the ML-DSA-44 verifier for a log origin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogState:
    """A signed state of a log as it travels, still to be verified.

    Attributes:
        checkpoint: The signed note.
        consistency_size: Size of the older state that the proof starts from.
        consistency_proof: RFC 6962 consistency proof, 32 bytes each.
    """

    checkpoint: bytes
    consistency_size: int
    consistency_proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafRange:
    """Leaves that stand contiguously in a log, with their range proof.

    Attributes:
        first_index: Index of the first leaf.
        leaves: Exact bytes of the leaves.
        proof: Range proof, 32 bytes each.
    """

    first_index: int
    leaves: tuple[bytes, ...]
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownState:
    """The newest verified state of a log on one path: its size and root."""

    origin: str
    size: int
    root: bytes


def verify_log_state(
    state: LogState, *, owner: str, verifiers: VerifierSource, known: KnownState | None
) -> Checkpoint:
    """Steps 3 and 4: the checkpoint is signed and extends the one we know.

    Args:
        state: What the peer sent.
        owner: The peer's node name, with which the log's origin begins.
        verifiers: Gives the log's verifiers for the origin.
        known: The newest state verified on this path; None for the first.

    Raises:
        CheckpointEd25519Error: The Ed25519 signature is missing or wrong.
        CheckpointMldsaError: The ML-DSA-44 signature is missing or wrong.
        CheckpointRolledBackError: It is smaller than the known one.
        CheckpointForkedError: It does not extend the known one.
        BatchMalformedError: It is no checkpoint of that node's log, or the
            proof starts from another size than ours.
    """
    origin = _origin(state.checkpoint, owner=owner)
    if known is not None and origin != known.origin:
        raise BatchMalformedError(
            "The checkpoint is of another log than the one we follow.",
            remedy="Continue the log that was begun.",
            peer=owner,
        )
    checkpoint = _open(state.checkpoint, origin=origin, verifiers=verifiers)
    if checkpoint.size > NUMBER_MAX:  # no leaf of ours could name it
        raise BatchMalformedError(
            "The checkpoint has more leaves than any log.",
            remedy="Send the checkpoint as it was signed.",
            peer=owner,
        )
    if known is not None:
        _verify_extends(state, checkpoint, owner=owner, known=known)
    elif state.consistency_size or state.consistency_proof:
        raise _wrong_base(owner, expected=0, got=state.consistency_size)
    return checkpoint


def verify_leaf_range(leaves: LeafRange, *, checkpoint: Checkpoint) -> list[bytes]:
    """Verify that leaves stand in a log; return their RFC 6962 hashes.

    Raises:
        ProofError: The range proof does not lead to the checkpoint's root.
    """
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
    if not origin.startswith(f"{owner}/exchange/"):
        raise BatchMalformedError(
            f"The checkpoint is not one of the exchange log of {owner}.",
            remedy="Send the sender's own checkpoint.",
            peer=owner,
        )
    return origin


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
    state: LogState, checkpoint: Checkpoint, *, owner: str, known: KnownState
) -> None:
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
