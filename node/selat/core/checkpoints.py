# SPDX-License-Identifier: Apache-2.0
"""Signed checkpoints of exchange logs, and the origins of their shards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from selat.core.notes import NoteVerifier, missing_signature, open_note
from selat.core.tree_heads import Checkpoint, parse_tree_head
from selat.errors import MalformedError

__all__ = ["Checkpoint", "open_checkpoint", "origin_for"]

_FIRST_MONTH_OF_SECOND_HALF = 7


def origin_for(node: str, day: date) -> str:
    """Return the origin of a node's log on a day: ``NODE/exchange/YYYYhN``."""
    half = 1 if day.month < _FIRST_MONTH_OF_SECOND_HALF else 2
    return f"{node}/exchange/{day.year:04d}h{half}"


def open_checkpoint(
    note: bytes, *, origin: str, verifiers: Sequence[NoteVerifier]
) -> Checkpoint:
    """Verify that every given key signed a checkpoint of a log; return it.

    Args:
        note: The signed note.
        origin: The log that it must be of.
        verifiers: The log's keys, all of which must have signed.

    Raises:
        MalformedError: It is no signed note, no checkpoint or of another log.
        SignatureError: A signature is missing or wrong, or no key was given;
            ``signature_type`` of its context names the type.
    """
    opened = open_note(note, verifiers)
    missing = [each for each in verifiers if each not in opened.verified]
    if missing:
        raise missing_signature(missing)
    checkpoint = parse_tree_head(opened.text)
    if checkpoint.origin != origin:
        raise MalformedError(
            f"The checkpoint is not one of {origin}.",
            remedy="Ask for the checkpoint of the right log.",
        )
    return checkpoint
