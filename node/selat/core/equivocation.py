# SPDX-License-Identifier: Apache-2.0
"""Proof of equivocation: two checkpoints that one log signed for one size.

Whoever knows the log's keys can verify it, whoever it comes from. Checkpoints
of different sizes that no proof joins are no such proof: a log that has lost
its tiles could not be told from one that lies.

::

    selat/v1/equivocation
    <length of the first note> <length of the second note>

    <first note><second note>

Lengths are decimal numbers of bytes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from selat.core.checkpoints import Checkpoint
from selat.core.note_keys import NoteVerifier, SignatureType
from selat.core.notes import NOTE_BYTES_MAX, missing_signature, open_note
from selat.core.proof_lines import read_head
from selat.core.tree_heads import parse_tree_head
from selat.errors import MalformedError, ProofError

HEADER: Final = "selat/v1/equivocation"
#: The longest file, in bytes: two notes and what stands above them.
EQUIVOCATION_BYTES_MAX: Final = 2 * NOTE_BYTES_MAX + 64
_BEGINNING: Final = re.compile(
    HEADER.encode() + rb"\n([1-9][0-9]{0,5}) ([1-9][0-9]{0,5})\n\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Equivocation:
    """Two checkpoints of one log and size; nothing of them is verified.

    Attributes:
        first: A signed note, the one that was known before.
        second: A signed note with another root.
    """

    first: bytes
    second: bytes

    def __post_init__(self) -> None:
        """Refuse checkpoints that do not contradict each other."""
        first, second = self.heads
        if (first.origin, first.size) != (second.origin, second.size):
            raise _malformed("holds checkpoints of two logs or two sizes")
        if first.root == second.root:
            raise _malformed("holds the same root twice")

    @property
    def heads(self) -> tuple[Checkpoint, Checkpoint]:
        """What the two checkpoints say."""
        return read_head(self.first), read_head(self.second)

    def encode(self) -> bytes:
        """Return the file's bytes."""
        beginning = f"{HEADER}\n{len(self.first)} {len(self.second)}\n\n"
        return beginning.encode() + self.first + self.second


def parse_equivocation(data: bytes) -> Equivocation:
    """Read a proof of equivocation without verifying it.

    Raises:
        MalformedError: It has another form, or proves nothing of the kind.
    """
    if len(data) > EQUIVOCATION_BYTES_MAX:
        raise _malformed(f"has more than {EQUIVOCATION_BYTES_MAX} bytes")
    beginning = _BEGINNING.match(data)
    if beginning is None:
        raise _malformed("does not begin as one")
    notes, first = data[beginning.end() :], int(beginning[1])
    if first + int(beginning[2]) != len(notes):
        raise _malformed("has not the length that it names")
    return Equivocation(first=notes[:first], second=notes[first:])


def verify_equivocation(
    proof: Equivocation, verifiers: Sequence[NoteVerifier]
) -> tuple[Checkpoint, Checkpoint]:
    """Verify that a log signed both checkpoints; return them.

    A log may have changed its keys between the two, so that each needs one
    signature of each type, whichever key of the log it is of.

    Args:
        proof: The two checkpoints.
        verifiers: Every key that the log has had, of both types.

    Raises:
        ProofError: The keys are not of that log.
        SignatureError: A signature is missing or wrong, or no key was given.
    """
    origin = proof.heads[0].origin
    if any(verifier.name != origin for verifier in verifiers):
        raise ProofError(
            f"Those are not the keys of {origin}.",
            remedy="Take the keys from the card of the log's owner.",
            origin=origin,
        )
    return _opened(proof.first, verifiers), _opened(proof.second, verifiers)


def _opened(note: bytes, verifiers: Sequence[NoteVerifier]) -> Checkpoint:
    opened = open_note(note, verifiers)
    signed = {verifier.signature_type for verifier in opened.verified}
    for needed in (SignatureType.ED25519, SignatureType.MLDSA44):
        if needed not in signed:
            raise missing_signature(
                [each for each in verifiers if each.signature_type is needed]
            )
    return parse_tree_head(opened.text)


def _malformed(what: str) -> MalformedError:
    return MalformedError(
        f"The proof of equivocation {what}.",
        remedy="Get the file again, byte for byte.",
    )
