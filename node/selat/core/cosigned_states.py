# SPDX-License-Identifier: Apache-2.0
"""What travels beside a checkpoint so that it can be cosigned on the way.

A batch and a receipt each carry a checkpoint. Beside it stand the proof that it
extends what the other side has cosigned, and the sender's own cosignatures of
the other side's log. Neither decides whether a batch is accepted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from selat.core.proof_lines import is_number, is_proof
from selat.errors import BatchMalformedError

#: Longest origin line of C2SP tlog-cosignature's ``cosigned_message``.
_ORIGIN_BYTES_MAX: Final = 255
#: Lines of one cosigner: two, the longer one of 3.3 kB in base64.
COSIGNATURES_BYTES_MAX: Final = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """The proof that a checkpoint extends what the other side has cosigned.

    Attributes:
        old_size: Size that the other side is believed to have cosigned.
        proof: Consistency proof from it, 32 bytes each (RFC 6962 §2.1.2).
    """

    old_size: int
    proof: tuple[bytes, ...]

    def __post_init__(self) -> None:
        """Refuse what is no proof of any tree."""
        if not is_number(self.old_size) or not is_proof(self.proof):
            raise _malformed("The proof for a cosignature")


@dataclass(frozen=True, slots=True, kw_only=True)
class CosignedState:
    """What a node has cosigned of a log; nothing of it is verified.

    Attributes:
        origin: Origin of the log.
        size: Size of the checkpoint that it cosigned.
        lines: Its signature lines under that checkpoint; empty when the one
            that was shown could not be cosigned, and ``size`` is what is known.
    """

    origin: str
    size: int
    lines: bytes

    def __post_init__(self) -> None:
        """Refuse what no witness would say."""
        if (
            not 0 < len(self.origin.encode()) <= _ORIGIN_BYTES_MAX
            or not is_number(self.size)
            or len(self.lines) > COSIGNATURES_BYTES_MAX
        ):
            raise _malformed("A cosignature")


def _malformed(what: str) -> BatchMalformedError:
    return BatchMalformedError(
        f"{what} has not the form that it must have.",
        remedy="Send it as docs/protocol.md describes it.",
    )
