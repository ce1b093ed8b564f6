# SPDX-License-Identifier: Apache-2.0
"""What a sender believes of the receipts for its batch, and why."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from selat.core.cosigned_states import CosignedState, Extension
from selat.core.leaf_stencils import LeafReader
from selat.core.leaves import ReceiptLeaf
from selat.core.log_states import (
    LeafRange,
    LogState,
    VerifiedLog,
    verify_leaf_range,
)
from selat.errors import (
    MalformedError,
    ProofError,
    ReceiptInvalidError,
    UnsupportedVersionError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptBatch:
    """A batch's receipts as they travel, still to be verified.

    Attributes:
        sequence: Number of the batch that is answered.
        receipts: One receipt leaf for each offer, in the same order.
        log: State of the receiver's log, which contains them.
        duplicate: The batch had been accepted before.
        extension: Proof for the sender's cosignature, when the one in ``log``
            does not serve.
        cosigned: The receiver's cosignature of the sender's log.
    """

    sequence: int
    receipts: LeafRange
    log: LogState
    duplicate: bool
    extension: Extension | None = None
    cosigned: CosignedState | None = None


class Receipt(NamedTuple):
    """A verified receipt; a tuple, because a node reads thousands in a second.

    Attributes:
        like: A receipt leaf that says the same but for its own attributes.
        own: The texts of its own attributes by name, as they stand in the leaf.
    """

    like: ReceiptLeaf
    own: Mapping[str, str]


def verify_receipts(
    answer: ReceiptBatch,
    *,
    log: VerifiedLog,
    offer_hashes: Sequence[bytes],
    recipient: str,
    sender: str,
) -> tuple[Receipt, ...]:
    """Verify that receipts answer our offers, one for one, on the record.

    Args:
        answer: What came back; its log state is verified already.
        log: What that state proves.
        offer_hashes: RFC 6962 hashes of our offer leaves in order.
        recipient: The peer, author of the receipts.
        sender: Our own name.

    Raises:
        ReceiptInvalidError: They do not.
    """
    if len(answer.receipts.leaves) != len(offer_hashes):
        raise _bad_receipt(answer, recipient, "does not answer every message")
    try:
        verify_leaf_range(answer.receipts, log=log)
    except ProofError as error:
        raise _bad_receipt(answer, recipient, "is not in the peer's log") from error
    receipts: list[Receipt] = []
    reader = LeafReader()
    for data, offered in zip(answer.receipts.leaves, offer_hashes, strict=True):
        try:
            _, like, own = reader.read(data)
        except (MalformedError, UnsupportedVersionError) as error:
            raise _bad_receipt(answer, recipient, "cannot be read") from error
        if not isinstance(like, ReceiptLeaf):
            raise _bad_receipt(answer, recipient, "is another kind of leaf")
        if like.sender != recipient or like.recipient != sender:
            raise _bad_receipt(answer, recipient, "names other nodes")
        if not hmac.compare_digest(own["offer"], offered.hex()):
            raise _bad_receipt(answer, recipient, "answers another offer")
        receipts.append(Receipt(like, own))
    return tuple(receipts)


def _bad_receipt(
    answer: ReceiptBatch, recipient: str, what: str
) -> ReceiptInvalidError:
    return ReceiptInvalidError(
        f"A receipt of {recipient} for batch {answer.sequence} {what}.",
        remedy="Stop and call the peer: its receipts cannot be relied on.",
        peer=recipient,
        sequence=answer.sequence,
    )
