# SPDX-License-Identifier: Apache-2.0
"""Signed checkpoints of exchange logs."""

from __future__ import annotations

from collections.abc import Sequence

from selat.core.notes import NoteVerifier, missing_signature, open_note
from selat.core.origins import origin_for
from selat.core.tree_heads import Checkpoint, parse_tree_head
from selat.errors import MalformedError

__all__ = ["Checkpoint", "open_checkpoint", "origin_for"]


def open_checkpoint(
    note: bytes, *, origin: str, verifiers: Sequence[NoteVerifier]
) -> Checkpoint:
    """Verify that a log signed a checkpoint with each type of key; return it.

    Args:
        note: The signed note.
        origin: The log that it must be of.
        verifiers: The log's keys, one of each type of which must have signed:
            a log that is about to change its keys has several of a type.

    Raises:
        MalformedError: It is no signed note, no checkpoint or of another log.
        SignatureError: A signature is missing or wrong, or no key was given;
            ``signature_type`` of its context names the type.
    """
    opened = open_note(note, verifiers)
    signed = {each.signature_type for each in opened.verified}
    missing = [each for each in verifiers if each.signature_type not in signed]
    if missing:
        raise missing_signature(missing)
    checkpoint = parse_tree_head(opened.text)
    if checkpoint.origin != origin:
        raise MalformedError(
            f"The checkpoint is not one of {origin}.",
            remedy="Ask for the checkpoint of the right log.",
        )
    return checkpoint
