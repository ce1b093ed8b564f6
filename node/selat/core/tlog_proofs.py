# SPDX-License-Identifier: Apache-2.0
"""Proofs that stand alone: C2SP tlog-proof, one leaf in a signed checkpoint.

The leaf itself travels beside the proof. Whether its log and its cosigners
suffice is for whoever verifies it to say.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from selat.core.checkpoints import Checkpoint, open_checkpoint
from selat.core.merkle import leaf_hash
from selat.core.note_keys import NoteVerifier, decode_base64
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
from selat.core.proofs import verify_inclusion
from selat.errors import MalformedError

HEADER: Final = "c2sp.org/tlog-proof@v1"
#: Extra data, in bytes: any one leaf fits, and its proof besides.
EXTRA_BYTES_MAX: Final = 128 * 1024
#: A whole proof, in bytes.
TLOG_PROOF_BYTES_MAX: Final = PROOF_TEXT_BYTES_MAX + 2 * EXTRA_BYTES_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class TlogProof:
    """That a leaf stands in a log; nothing of it is verified.

    Attributes:
        index: Index of the leaf.
        proof: Inclusion proof, 32 bytes each (RFC 6962 §2.1.1).
        checkpoint: The signed note, with the cosignatures that it has.
        extra: What an application adds; nobody vouches for it.
    """

    index: int
    proof: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes = b""

    def __post_init__(self) -> None:
        """Refuse what cannot be a proof."""
        if not is_number(self.index) or not is_proof(self.proof):
            raise _malformed("has an index or a hash that no tree has")
        if len(self.extra) > EXTRA_BYTES_MAX:
            raise _malformed(f"has more than {EXTRA_BYTES_MAX} bytes of extra data")
        read_head(self.checkpoint)

    def encode(self) -> bytes:
        """Return the proof as text."""
        extra = [f"extra {base64.b64encode(self.extra).decode()}"] * bool(self.extra)
        return encode_lines(
            (HEADER, *extra, f"index {self.index}"), self.proof, self.checkpoint
        )


def parse_tlog_proof(data: bytes) -> TlogProof:
    """Read a proof without verifying it.

    Raises:
        MalformedError: It has not the form of C2SP tlog-proof.
    """
    if len(data) > TLOG_PROOF_BYTES_MAX:
        raise _malformed(f"has more than {TLOG_PROOF_BYTES_MAX} bytes")
    parts = split_lines(data)
    if parts is None or parts[0][0] != HEADER:
        raise _malformed(f"does not begin with {HEADER}")
    lines, extra = parts[0][1:], b""
    if lines and lines[0].startswith("extra "):
        extra = decode_base64(lines.pop(0).removeprefix("extra "))
        if not extra:
            raise _malformed("has extra data that is not base64")
    index = parse_number(lines[0], word="index") if lines else None
    hashes = parse_hashes(lines[1:])
    if index is None or hashes is None:
        raise _malformed("has a line of another form")
    return TlogProof(index=index, proof=hashes, checkpoint=parts[1], extra=extra)


def verify_tlog_proof(
    proof: TlogProof, *, leaf: bytes, origin: str, verifiers: Sequence[NoteVerifier]
) -> Checkpoint:
    """Verify that a leaf stands in a log; return the log's checkpoint.

    Steps 1, 2 and 4 of C2SP tlog-proof, "Verifying a tlog proof"; step 3, the
    cosignatures, is `selat.core.cosignatures.cosignatures_of`.

    Args:
        proof: The proof.
        leaf: Exact bytes of the leaf.
        origin: The log that it must be in.
        verifiers: The log's keys, all of which must have signed.

    Raises:
        MalformedError: The checkpoint is of another log.
        SignatureError: A signature is missing or wrong, or no key was given.
        ProofError: The leaf is not proven to stand at that index.
    """
    checkpoint = open_checkpoint(proof.checkpoint, origin=origin, verifiers=verifiers)
    verify_inclusion(
        leaf_hash=leaf_hash(leaf),
        index=proof.index,
        size=checkpoint.size,
        proof=proof.proof,
        root=checkpoint.root,
    )
    return checkpoint


def _malformed(what: str) -> MalformedError:
    return MalformedError(
        f"The proof of inclusion {what}.",
        remedy="Get the proof again, byte for byte.",
    )
