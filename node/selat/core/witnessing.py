# SPDX-License-Identifier: Apache-2.0
"""What a witness is asked and when it may cosign (C2SP tlog-witness).

Pure: the witness's memory of a log is an argument, and keeping the new state
before anything is answered is the caller's duty. Both of the log's keys must
have signed, where C2SP asks for one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from selat.core.checkpoints import Checkpoint, open_checkpoint
from selat.core.log_states import KnownState
from selat.core.merkle import EMPTY_ROOT
from selat.core.note_keys import NoteVerifier
from selat.core.proof_lines import (
    PROOF_TEXT_BYTES_MAX,
    encode_lines,
    is_number,
    is_proof,
    parse_hashes,
    parse_number,
    read_head,
    split_lines,
)
from selat.core.proofs import verify_consistency
from selat.errors import (
    EquivocationError,
    LogUnknownError,
    MalformedError,
    ProofError,
    SelatError,
    SignatureError,
    WitnessConflictError,
)

#: The longest request, in bytes.
ADD_CHECKPOINT_BYTES_MAX: Final = PROOF_TEXT_BYTES_MAX
#: What tlog-witness answers; the first that fits decides.
_HTTP_STATUSES: Final[tuple[tuple[type[SelatError], int], ...]] = (
    (MalformedError, 400),
    (SignatureError, 403),
    (LogUnknownError, 404),
    (WitnessConflictError, 409),
    (ProofError, 422),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddCheckpoint:
    """The request for a cosignature; nothing of it is verified.

    Attributes:
        old_size: Size that the witness is believed to know; 0 for none.
        proof: Consistency proof from it, 32 bytes each (RFC 6962 §2.1.2).
        checkpoint: The signed note.
    """

    old_size: int
    proof: tuple[bytes, ...]
    checkpoint: bytes

    def __post_init__(self) -> None:
        """Refuse what no log would ask."""
        if not is_number(self.old_size) or not is_proof(self.proof):
            raise _malformed("has a size or a hash that no tree has")
        if self.old_size > read_head(self.checkpoint).size:
            raise _malformed("has an old size beyond the checkpoint's")

    @property
    def origin(self) -> str:
        """The log that it says it is of."""
        return read_head(self.checkpoint).origin

    def encode(self) -> bytes:
        """Return the body of the request."""
        return encode_lines((f"old {self.old_size}",), self.proof, self.checkpoint)


def parse_add_checkpoint(body: bytes) -> AddCheckpoint:
    """Read the body of a request without verifying it.

    Raises:
        MalformedError: It has not the form of C2SP tlog-witness.
    """
    if len(body) > ADD_CHECKPOINT_BYTES_MAX:
        raise _malformed(f"has more than {ADD_CHECKPOINT_BYTES_MAX} bytes")
    parts = split_lines(body)
    if parts is None:
        raise _malformed("has no empty line above its checkpoint")
    old_size = parse_number(parts[0][0], word="old")
    hashes = parse_hashes(parts[0][1:])
    if old_size is None or hashes is None:
        raise _malformed("has a line of another form")
    return AddCheckpoint(old_size=old_size, proof=hashes, checkpoint=parts[1])


def verify_extension(
    request: AddCheckpoint,
    *,
    known: KnownState | None,
    verifiers: Sequence[NoteVerifier],
    known_note: bytes = b"",
) -> Checkpoint:
    """Decide whether a checkpoint may be cosigned; return it.

    The order is that of C2SP tlog-witness, but for two roots of one size,
    which are told first: they convict the log whatever else was asked.

    Args:
        request: What was asked.
        known: The newest state of that log that was cosigned; None for none.
        verifiers: The log's keys, all of which must have signed; none for a
            log that is not known here.
        known_note: The signed note of `known`, for the evidence.

    Raises:
        LogUnknownError: No key of that log is known.
        SignatureError: A signature of the log is missing or wrong.
        EquivocationError: The log has signed two roots for one size.
        WitnessConflictError: The request starts from another size than the
            known one, which is ``size`` of its context.
        ProofError: The checkpoint does not extend the known one.
    """
    origin = request.origin
    if not verifiers or (known is not None and known.origin != origin):
        raise LogUnknownError(
            f"No log with the origin {origin} is witnessed here.",
            remedy="Ask a node that has accepted the card of the log's owner.",
            origin=origin,
        )
    checkpoint = open_checkpoint(request.checkpoint, origin=origin, verifiers=verifiers)
    size, root = (0, EMPTY_ROOT) if known is None else (known.size, known.root)
    if known is not None and checkpoint.size == size and checkpoint.root != root:
        raise EquivocationError(
            f"The log {origin} has signed two roots for {size} leaves.",
            remedy="Stop, keep both checkpoints, and call the log's owner.",
            first=known_note,
            second=request.checkpoint,
            origin=origin,
            size=size,
            old_size=request.old_size,
        )
    if request.old_size != size:
        raise WitnessConflictError(
            f"The log {origin} is known here at {size} leaves, not at "
            f"{request.old_size}.",
            remedy="Ask again, with the proof from the size that is known.",
            origin=origin,
            size=size,
        )
    verify_consistency(
        old_size=size,
        old_root=root,
        new_size=checkpoint.size,
        new_root=checkpoint.root,
        proof=request.proof,
    )
    return checkpoint


def http_status(error: SelatError) -> int:
    """Return the HTTP status with which tlog-witness answers an error.

    Two roots of one size are a failed proof there, or a conflict if the request
    started from another size than the known one. 500 is for what is not of it.
    """
    if isinstance(error, EquivocationError):
        size = error.context.get("size")
        return 422 if error.context.get("old_size", size) == size else 409
    return next(
        (status for cls, status in _HTTP_STATUSES if isinstance(error, cls)), 500
    )


def _malformed(what: str) -> MalformedError:
    return MalformedError(
        f"The request for a cosignature {what}.",
        remedy="Write it as C2SP tlog-witness says.",
    )
