# SPDX-License-Identifier: Apache-2.0
"""Proofs as lines of text above a checkpoint, as C2SP writes them down.

tlog-proof and tlog-witness share this form: a few lines, one line of base64
for each hash, an empty line, a signed note.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import Final

from selat.core.merkle import HASH_BYTES, TREE_SIZE_MAX
from selat.core.note_keys import decode_base64
from selat.core.notes import NOTE_BYTES_MAX, parse_note
from selat.core.tree_heads import Checkpoint, parse_tree_head

#: Hashes of the longest proof, of inclusion or consistency, in a tree of up to
#: 2**63 - 1 leaves; C2SP tlog-witness allows no more.
PROOF_LINES_MAX: Final = 63
#: The longest text of this form but for what stands in its first lines, bytes.
PROOF_TEXT_BYTES_MAX: Final = NOTE_BYTES_MAX + 64 * 64
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


def is_proof(hashes: Sequence[bytes]) -> bool:
    """Tell whether these may be the hashes of a proof."""
    return len(hashes) <= PROOF_LINES_MAX and all(
        len(item) == HASH_BYTES for item in hashes
    )


def is_number(number: int) -> bool:
    """Tell whether a tree may have this index or size."""
    return 0 <= number <= TREE_SIZE_MAX


def read_head(note: bytes) -> Checkpoint:
    """Return what a signed checkpoint says; nothing of it is verified.

    Raises:
        MalformedError: It is no signed note, or no checkpoint.
    """
    return parse_tree_head(parse_note(note).text)


def encode_lines(
    first: Sequence[str], hashes: Sequence[bytes], checkpoint: bytes
) -> bytes:
    """Return the lines, those of the hashes, an empty one and the checkpoint."""
    proof = (base64.b64encode(item).decode() for item in hashes)
    return "".join(f"{line}\n" for line in (*first, *proof, "")).encode() + checkpoint


def split_lines(data: bytes) -> tuple[list[str], bytes] | None:
    """Return the lines above the first empty one, and the note below it.

    None when there is no empty line, or when the lines are not ASCII.
    """
    above, separator, checkpoint = data.partition(b"\n\n")
    if not separator or not above.isascii():
        return None
    return above.decode("ascii").split("\n"), checkpoint


def parse_number(line: str, *, word: str) -> int | None:
    """Read a line of a word, a space and a decimal number."""
    start, _, number = line.partition(" ")
    if start != word or not _NUMBER.fullmatch(number):
        return None
    return int(number)


def parse_hashes(lines: Sequence[str]) -> tuple[bytes, ...] | None:
    """Read one hash a line; None when a line is none, or there are too many."""
    if len(lines) > PROOF_LINES_MAX:
        return None
    hashes = tuple(decode_base64(line) for line in lines)
    return hashes if is_proof(hashes) else None
