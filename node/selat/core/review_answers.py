# SPDX-License-Identifier: Apache-2.0
"""What a sender believes of a review at the peer's, and why.

A message that a peer quarantined waits there for a person. What the person
decides is a leaf of the peer's log, which answers the receipt leaf that the
sender holds.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from selat.core.leaves import ReviewLeaf, parse_leaf
from selat.core.log_states import LeafRange, LogState, VerifiedLog, verify_leaf_range
from selat.core.merkle import leaf_hash
from selat.errors import (
    MalformedError,
    ProofError,
    ReceiptInvalidError,
    UnsupportedVersionError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewAnswer:
    """Review leaves as they travel, still to be verified.

    Attributes:
        reviews: One leaf each, with its proof.
        log: State of the peer's log, which contains them.
    """

    reviews: tuple[LeafRange, ...]
    log: LogState


def read_review(
    answer: LeafRange, *, log: VerifiedLog, recipient: str, sender: str
) -> ReviewLeaf:
    """Verify that a review leaf stands in the peer's log; return it.

    Args:
        answer: The leaf with its proof.
        log: State of the peer's log, verified.
        recipient: The peer, which reviewed.
        sender: Our own name.

    Raises:
        ReceiptInvalidError: It does not, or is none about a message of ours.
    """
    if len(answer.leaves) != 1:
        raise _bad_review(recipient, "is not one leaf")
    try:
        verify_leaf_range(answer, log=log)
    except ProofError as error:
        raise _bad_review(recipient, "is not in the peer's log") from error
    try:
        leaf = parse_leaf(answer.leaves[0])
    except (MalformedError, UnsupportedVersionError) as error:
        raise _bad_review(recipient, "cannot be read") from error
    if not isinstance(leaf, ReviewLeaf):
        raise _bad_review(recipient, "is another kind of leaf")
    if leaf.node != recipient or leaf.peer != sender:
        raise _bad_review(recipient, "names other nodes")
    return leaf


def check_answers(leaf: ReviewLeaf, receipt: bytes | None) -> None:
    """Hold that a review answers the receipt that quarantined the message.

    Args:
        leaf: The review.
        receipt: The receipt leaf that we keep, exact bytes; None without one.

    Raises:
        ReceiptInvalidError: It answers another.
    """
    if receipt is None or not hmac.compare_digest(leaf.answers, leaf_hash(receipt)):
        raise _bad_review(leaf.node, "answers no receipt of ours")


def _bad_review(recipient: str, what: str) -> ReceiptInvalidError:
    return ReceiptInvalidError(
        f"A review of {recipient} {what}.",
        remedy="Stop and call the peer: its reviews cannot be relied on.",
        peer=recipient,
    )
