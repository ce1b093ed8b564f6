# SPDX-License-Identifier: Apache-2.0
"""The evidence of one exchange in one text file, for a court's file.

For each side the leaf and its C2SP tlog-proof, then the cards that the keys
are on::

    selat/v1/evidence
    offer
    {"blind":…}
    proof LINES
    c2sp.org/tlog-proof@v1
    …
    receipt
    {"blind":…}
    proof LINES
    c2sp.org/tlog-proof@v1
    …
    card
    {"payload":…}

Leaves and cards are one line each. LINES says how many lines the proof has, so
that whoever cuts them out holds a file that other tools read. Nothing is
verified here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from selat.core.cards import ENVELOPE_BYTES_MAX
from selat.core.leaf_base import LEAF_BYTES_MAX
from selat.core.notes import NOTE_BYTES_MAX
from selat.errors import MalformedError, UnsupportedVersionError

FIRST_LINE: Final = b"selat/v1/evidence"
#: Cards in one file: both sides', with some that came before.
CARDS_MAX: Final = 64
#: A tlog-proof, bytes: its hashes in base64, and a signed note.
PROOF_BYTES_MAX: Final = 16 * 1024 + NOTE_BYTES_MAX
EVIDENCE_BYTES_MAX: Final = (
    2 * (LEAF_BYTES_MAX + PROOF_BYTES_MAX) + CARDS_MAX * ENVELOPE_BYTES_MAX + 4096
)

_ANY_VERSION: Final = re.compile(rb"selat/v[0-9]+/evidence")
_PROOF: Final = re.compile(rb"proof ([1-9][0-9]{0,4})")


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceFile:
    """What is in the file; nothing of it is verified.

    Attributes:
        offer: The sender's offer leaf, exact bytes.
        offer_proof: C2SP tlog-proof that it is in the sender's log.
        receipt: The recipient's receipt leaf, exact bytes.
        receipt_proof: C2SP tlog-proof that it is in the recipient's log.
        cards: Signed cards of both nodes, as many as the keys need.
    """

    offer: bytes
    offer_proof: bytes
    receipt: bytes
    receipt_proof: bytes
    cards: tuple[bytes, ...]

    def __post_init__(self) -> None:
        """Refuse what no such file can hold."""
        for leaf in (self.offer, self.receipt):
            _check_line(leaf, bytes_max=LEAF_BYTES_MAX)
        for proof in (self.offer_proof, self.receipt_proof):
            if not proof.endswith(b"\n") or len(proof) > PROOF_BYTES_MAX:
                raise _malformed("has a proof that is too long or not ended")
        if not 1 <= len(self.cards) <= CARDS_MAX:
            raise _malformed(f"has no cards, or more than {CARDS_MAX}")
        for card in self.cards:
            _check_line(card, bytes_max=ENVELOPE_BYTES_MAX)

    def encode(self) -> bytes:
        """Return the file."""
        parts = [FIRST_LINE]
        for name, leaf, proof in (
            (b"offer", self.offer, self.offer_proof),
            (b"receipt", self.receipt, self.receipt_proof),
        ):
            parts += [name, leaf, b"proof %d" % proof.count(b"\n"), proof[:-1]]
        for card in self.cards:
            parts += [b"card", card]
        return b"\n".join(parts) + b"\n"


def parse_evidence(data: bytes) -> EvidenceFile:
    """Read an evidence file.

    Raises:
        UnsupportedVersionError: It is of another version.
        MalformedError: It has another form.
    """
    if len(data) > EVIDENCE_BYTES_MAX:
        raise _malformed(f"has more than {EVIDENCE_BYTES_MAX} bytes")
    first, *rest = data.split(b"\n")
    if first != FIRST_LINE:
        if _ANY_VERSION.fullmatch(first):
            raise UnsupportedVersionError(
                "The evidence file has a version that is not known here.",
                remedy="Verify it with a newer version of Selat.",
            )
        raise _malformed("does not begin as one")
    lines = iter(rest)
    offer, offer_proof = _side(lines, b"offer")
    receipt, receipt_proof = _side(lines, b"receipt")
    cards = []
    for line in lines:
        if not line:
            break
        _expect(line, b"card")
        cards.append(next(lines, b""))
    parsed = EvidenceFile(
        offer=offer,
        offer_proof=offer_proof,
        receipt=receipt,
        receipt_proof=receipt_proof,
        cards=tuple(cards),
    )
    if parsed.encode() != data:
        raise _malformed("is not in its one form")
    return parsed


def _side(lines: Iterator[bytes], name: bytes) -> tuple[bytes, bytes]:
    _expect(next(lines, b""), name)
    leaf = next(lines, b"")
    match = _PROOF.fullmatch(next(lines, b""))
    if match is None:
        raise _malformed("has a part that is missing or of another name")
    proof = [next(lines, b"") for _ in range(int(match[1]))]
    return leaf, b"".join(line + b"\n" for line in proof)


def _expect(line: bytes, name: bytes) -> None:
    if line != name:
        raise _malformed("has a part that is missing or of another name")


def _check_line(data: bytes, *, bytes_max: int) -> None:
    if not 1 <= len(data) <= bytes_max or b"\n" in data:
        raise _malformed("has a leaf or card that is not one line of its size")


def _malformed(what: str) -> MalformedError:
    return MalformedError(
        f"The evidence file {what}.",
        remedy="Ask for the file again, and change nothing in it.",
    )
