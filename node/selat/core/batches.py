# SPDX-License-Identifier: Apache-2.0
"""What a node believes of a batch, and why.

Pure: bytes and values in, verified values or a `PeerError` out. The steps
carry the numbers of docs/protocol.md, "Intake". What stands inside the sealed
messages is read one layer up.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from selat.core.cosigned_states import CosignedState, Extension
from selat.core.leaf_json import moment_ms
from selat.core.leaf_stencils import LeafReader
from selat.core.leaves import OfferLeaf
from selat.core.log_states import (
    KnownState,
    LeafRange,
    LogState,
    VerifiedLog,
    VerifierSource,
    verify_leaf_range,
    verify_log_state,
)
from selat.core.payloads import Packed
from selat.core.receipts import ReceiptBatch, verify_receipts
from selat.core.sealing import (
    BATCH_BYTES_MAX,
    BATCH_MESSAGES_MAX,
    SEAL_OVERHEAD_BYTES,
    BatchOpener,
    commitment,
)
from selat.errors import (
    BatchMalformedError,
    BatchTooLargeError,
    CiphertextError,
    ClockSkewError,
    CommitmentMismatchError,
    DecryptionError,
    LeafMalformedError,
    LeafMisaddressedError,
    LeafNotInTreeError,
    LeafVersionError,
    MalformedError,
    ProofError,
    UnsupportedVersionError,
)

__all__ = [
    "CLOCK_SKEW_MS_MAX",
    "PROOF_HASHES_MAX",
    "SEQUENCE_MAX",
    "KnownState",
    "LeafRange",
    "LogState",
    "Offer",
    "ReceiptBatch",
    "SealedBatch",
    "VerifiedLog",
    "VerifierSource",
    "check_bounds",
    "check_clock",
    "open_messages",
    "verify_log_state",
    "verify_offers",
    "verify_receipts",
]

#: How far a peer's clock may run ahead of ours, in ms. Five minutes is what
#: Kerberos (RFC 4120) tolerates by default.
CLOCK_SKEW_MS_MAX: Final = 300_000
#: Stores and other languages count in signed 64-bit integers.
SEQUENCE_MAX: Final = 2**63 - 1
#: Longest Merkle proof of a tree of up to 2**63 leaves, with both sides.
PROOF_HASHES_MAX: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedBatch:
    """A batch as it travels, still to be verified.

    Attributes:
        sequence: Its number on the way from this sender to this recipient.
        offers: One offer leaf for each message.
        log: State of the sender's log, which contains them.
        seal_key_id: The recipient's seal key.
        wrapped_key: The batch key, wrapped to it.
        sealed_messages: The messages, each sealed with its leaf.
        extension: Proof for the recipient's cosignature, when the one in
            ``log`` does not serve.
        cosigned: The sender's cosignature of the recipient's log.
    """

    sequence: int
    offers: LeafRange
    log: LogState
    seal_key_id: str
    wrapped_key: bytes
    sealed_messages: tuple[bytes, ...]
    extension: Extension | None = None
    cosigned: CosignedState | None = None


class Offer(NamedTuple):
    """A proven offer; a tuple, because a node reads thousands in a second.

    Attributes:
        data: Exact bytes of its leaf.
        hash: RFC 6962 hash of the leaf.
        like: An offer leaf that says the same but for its own attributes.
        own: The texts of its own attributes by name, as they stand in the leaf.
    """

    data: bytes
    hash: bytes
    like: OfferLeaf
    own: Mapping[str, str]


def check_bounds(batch: SealedBatch) -> None:
    """Step 2: refuse what is larger than the protocol allows, or uneven.

    Raises:
        BatchTooLargeError: Too many messages or bytes.
        BatchMalformedError: No message, or leaves and messages differ in
            number, or a proof is longer than any tree could need, or the
            batch's own number is.
    """
    if batch.sequence > SEQUENCE_MAX:
        raise BatchMalformedError(
            "The batch has a number that no exchange reaches.",
            remedy="Number batches from 1 without gaps.",
        )
    count = len(batch.sealed_messages)
    if max(count, len(batch.offers.leaves)) > BATCH_MESSAGES_MAX:
        raise _too_large(batch, f"{BATCH_MESSAGES_MAX} messages")
    size = sum(map(len, batch.sealed_messages)) - count * SEAL_OVERHEAD_BYTES
    if size > BATCH_BYTES_MAX:
        raise _too_large(batch, f"{BATCH_BYTES_MAX} bytes")
    if not count or count != len(batch.offers.leaves):
        raise BatchMalformedError(
            "The batch does not have one leaf for each message.",
            remedy="Send one offer leaf with every sealed message.",
            sequence=batch.sequence,
        )
    proofs = max(len(batch.offers.proof), len(batch.log.consistency_proof))
    if proofs > PROOF_HASHES_MAX:
        raise BatchMalformedError(
            f"A proof of the batch has more than {PROOF_HASHES_MAX} hashes.",
            remedy="Send proofs of RFC 6962 form.",
            sequence=batch.sequence,
        )


def verify_offers(
    offers: LeafRange, *, log: VerifiedLog, sender: str, recipient: str
) -> tuple[Offer, ...]:
    """Steps 5 and 6: the leaves stand in the log and are addressed to us.

    Raises:
        LeafNotInTreeError: The range proof does not lead to the root of a shard
            that the log's state goes back to.
        LeafVersionError: A leaf of a version that we do not speak.
        LeafMalformedError: A leaf that is no offer.
        LeafMisaddressedError: From another sender or to another recipient.
    """
    try:
        hashes = verify_leaf_range(offers, log=log)
    except ProofError as error:
        raise LeafNotInTreeError(
            "The batch's leaves are not proven to stand in the sender's log.",
            remedy="Send the range proof for the checkpoint of the same batch.",
            peer=sender,
            first_index=offers.first_index,
        ) from error
    reader = LeafReader()
    return tuple(
        [
            _offer(reader, data, digest, sender=sender, recipient=recipient)
            for data, digest in zip(offers.leaves, hashes, strict=True)
        ]
    )


def check_clock(offers: Sequence[Offer], *, now_ms: int, sender: str) -> None:
    """Step 8: no leaf is dated further ahead than clocks may differ.

    Raises:
        ClockSkewError: One is.
    """
    limit = now_ms + CLOCK_SKEW_MS_MAX
    times = {offer.own["time_ms"] for offer in offers}
    if any(moment_ms(time) > limit for time in times):
        raise ClockSkewError(
            f"The clock of {sender} is more than {CLOCK_SKEW_MS_MAX // 1000} s "
            "ahead of ours.",
            remedy="Synchronise both clocks; the batch will be sent again.",
            peer=sender,
        )


def open_messages(
    batch: SealedBatch, offers: Sequence[Offer], *, opener: BatchOpener
) -> tuple[Packed, ...]:
    """Steps 10 and 11: the messages open and are those committed to.

    Raises:
        CiphertextError: A message does not open with its own leaf.
        CommitmentMismatchError: A message is another one than its leaf's.
    """
    opened: list[Packed] = []
    for position, (offer, sealed) in enumerate(
        zip(offers, batch.sealed_messages, strict=True)
    ):
        try:
            message = opener.open(position, leaf=offer.data, ciphertext=sealed)
        except DecryptionError as error:
            raise CiphertextError(
                f"Message {position} of batch {batch.sequence} does not open "
                "with its own leaf.",
                remedy="Send the batch again as it was sealed.",
                sequence=batch.sequence,
                position=position,
            ) from error
        commit = commitment(message).hex()
        if not hmac.compare_digest(commit, offer.own["commit"]):
            raise CommitmentMismatchError(
                f"Message {position} of batch {batch.sequence} is not the one "
                "that its offer leaf commits to.",
                remedy="Stop and call the peer: it logged one thing and sent another.",
                sequence=batch.sequence,
                position=position,
            )
        opened.append(message)
    return tuple(opened)


def _too_large(batch: SealedBatch, limit: str) -> BatchTooLargeError:
    return BatchTooLargeError(
        f"The batch has more than {limit}.",
        remedy="Send smaller batches.",
        sequence=batch.sequence,
    )


def _offer(
    reader: LeafReader, data: bytes, digest: bytes, *, sender: str, recipient: str
) -> Offer:
    try:
        _, like, own = reader.read(data)
    except UnsupportedVersionError as error:
        raise LeafVersionError(
            "An offer leaf has a version that this node does not speak.",
            remedy="Upgrade the older of both nodes.",
            peer=sender,
        ) from error
    except MalformedError as error:
        raise LeafMalformedError(
            "An offer leaf cannot be read.",
            remedy="Send leaves as docs/protocol.md describes them.",
            peer=sender,
        ) from error
    if not isinstance(like, OfferLeaf):
        raise LeafMalformedError(
            "A leaf of the batch is no offer.",
            remedy="Send offers alone in a batch.",
            peer=sender,
        )
    if like.sender != sender or like.recipient != recipient:
        raise LeafMisaddressedError(
            "An offer leaf names another sender or recipient.",
            remedy="Send each batch to the node that its leaves name.",
            peer=sender,
        )
    return Offer(data, digest, like, own)
