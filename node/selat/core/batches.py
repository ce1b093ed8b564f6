# SPDX-License-Identifier: Apache-2.0
"""What a node believes of a batch or of its receipt, and why.

Pure: bytes and values in, verified values or a `PeerError` out. The steps
carry the numbers of docs/protocol.md, "Intake". What stands inside the sealed
messages is read one layer up.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from selat.core.checkpoints import Checkpoint, open_checkpoint
from selat.core.leaves import OfferLeaf, ReceiptLeaf, parse_leaf
from selat.core.merkle import leaf_hash
from selat.core.notes import NoteVerifier, SignatureType
from selat.core.proofs import verify_consistency, verify_range
from selat.core.sealing import (
    BATCH_BYTES_MAX,
    BATCH_MESSAGES_MAX,
    BatchOpener,
    Opened,
    commitment,
)
from selat.errors import (
    BatchMalformedError,
    BatchTooLargeError,
    CheckpointEd25519Error,
    CheckpointForkedError,
    CheckpointMldsaError,
    CheckpointRolledBackError,
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
    ReceiptInvalidError,
    SignatureError,
    UnsupportedVersionError,
)

#: How far a peer's clock may run ahead of ours, in ms. Five minutes is what
#: Kerberos (RFC 4120) tolerates by default.
CLOCK_SKEW_MS_MAX: Final = 300_000
#: Stores and other languages count in signed 64-bit integers.
SEQUENCE_MAX: Final = 2**63 - 1
#: Longest Merkle proof of a tree of up to 2**63 leaves, with both sides.
PROOF_HASHES_MAX: Final = 128
#: Salt, length field and authentication tag beside header and body, in bytes.
SEALING_OVERHEAD_BYTES: Final = 32 + 4 + 16


class VerifierSource(Protocol):
    """Where the verifiers of a peer's log come from: its card."""

    def __call__(self, origin: str) -> Sequence[NoteVerifier]:
        """Return the Ed25519 and the ML-DSA-44 verifier for a log origin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogState:
    """A signed state of a log as it travels, still to be verified."""

    checkpoint: bytes
    consistency_size: int
    consistency_proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafRange:
    """Leaves that stand contiguously in a log, with their range proof."""

    first_index: int
    leaves: tuple[bytes, ...]
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedBatch:
    """A batch as it travels, still to be verified."""

    sequence: int
    offers: LeafRange
    log: LogState
    seal_key_id: str
    wrapped_key: bytes
    sealed_messages: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptBatch:
    """A batch's receipts as they travel, still to be verified."""

    sequence: int
    receipts: LeafRange
    log: LogState
    duplicate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownState:
    """The newest verified state of a log on one path: its size and root."""

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A proven offer: its leaf, exact bytes and RFC 6962 hash."""

    leaf: OfferLeaf
    data: bytes
    hash: bytes


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
    if count > BATCH_MESSAGES_MAX or len(batch.offers.leaves) > BATCH_MESSAGES_MAX:
        raise BatchTooLargeError(
            f"The batch has more than {BATCH_MESSAGES_MAX} messages.",
            remedy="Send smaller batches.",
            sequence=batch.sequence,
        )
    size = sum(len(item) for item in batch.sealed_messages)
    if size > BATCH_BYTES_MAX + count * SEALING_OVERHEAD_BYTES:
        raise BatchTooLargeError(
            f"The batch's messages have more than {BATCH_BYTES_MAX} bytes.",
            remedy="Send smaller batches.",
            sequence=batch.sequence,
        )
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


def verify_log_state(
    state: LogState, *, owner: str, verifiers: VerifierSource, known: KnownState | None
) -> Checkpoint:
    """Steps 3 and 4: the checkpoint is signed and extends the one we know.

    Args:
        state: What the peer sent.
        owner: The peer's node name, with which the log's origin begins.
        verifiers: Gives the log's verifiers for the origin.
        known: The newest state verified on this path; None for the first.

    Raises:
        CheckpointEd25519Error: The Ed25519 signature is missing or wrong.
        CheckpointMldsaError: The ML-DSA-44 signature is missing or wrong.
        CheckpointRolledBackError: It is smaller than the known one.
        CheckpointForkedError: It does not extend the known one.
        BatchMalformedError: It is no checkpoint of that node's log, or the
            proof starts from another size than ours.
    """
    origin = _origin(state.checkpoint, owner=owner)
    if known is not None and origin != known.origin:
        raise BatchMalformedError(
            "The checkpoint is of another log than the one we follow.",
            remedy="Continue the log that was begun.",
            peer=owner,
        )
    checkpoint = _open(state.checkpoint, origin=origin, verifiers=verifiers)
    if known is None:
        if state.consistency_size or state.consistency_proof:
            raise _wrong_base(owner, expected=0, got=state.consistency_size)
        return checkpoint
    if checkpoint.size < known.size:
        raise CheckpointRolledBackError(
            f"The log of {owner} has {checkpoint.size} leaves but had signed "
            f"{known.size}.",
            remedy="Stop and call the peer: its log was rolled back.",
            peer=owner,
        )
    if state.consistency_size != known.size:
        raise _wrong_base(owner, expected=known.size, got=state.consistency_size)
    try:
        verify_consistency(
            old_size=known.size,
            old_root=known.root,
            new_size=checkpoint.size,
            new_root=checkpoint.root,
            proof=state.consistency_proof,
        )
    except ProofError as error:
        raise CheckpointForkedError(
            f"The log of {owner} at {checkpoint.size} leaves does not extend the "
            f"one it signed at {known.size}.",
            remedy="Stop and call the peer: its log shows two histories.",
            peer=owner,
        ) from error
    return checkpoint


def verify_offers(
    offers: LeafRange, *, checkpoint: Checkpoint, sender: str, recipient: str
) -> tuple[Offer, ...]:
    """Steps 5 and 6: the leaves stand in the log and are addressed to us.

    Raises:
        LeafNotInTreeError: The range proof does not lead to the root.
        LeafVersionError: A leaf of a version that we do not speak.
        LeafMalformedError: A leaf that is no offer.
        LeafMisaddressedError: From another sender or to another recipient.
    """
    hashes = tuple(leaf_hash(data) for data in offers.leaves)
    try:
        verify_range(
            leaf_hashes=hashes,
            first=offers.first_index,
            size=checkpoint.size,
            proof=offers.proof,
            root=checkpoint.root,
        )
    except ProofError as error:
        raise LeafNotInTreeError(
            "The batch's leaves are not proven to stand in the sender's log.",
            remedy="Send the range proof for the checkpoint of the same batch.",
            peer=sender,
            first_index=offers.first_index,
        ) from error
    return tuple(
        Offer(
            leaf=_offer(data, sender=sender, recipient=recipient),
            data=data,
            hash=digest,
        )
        for data, digest in zip(offers.leaves, hashes, strict=True)
    )


def check_clock(offers: Sequence[Offer], *, now_ms: int, sender: str) -> None:
    """Step 8: no leaf is dated further ahead than clocks may differ.

    Raises:
        ClockSkewError: One is.
    """
    latest = max(offer.leaf.time_ms for offer in offers)
    if latest > now_ms + CLOCK_SKEW_MS_MAX:
        raise ClockSkewError(
            f"The clock of {sender} is more than {CLOCK_SKEW_MS_MAX // 1000} s "
            "ahead of ours.",
            remedy="Synchronise both clocks; the batch will be sent again.",
            peer=sender,
        )


def open_messages(
    batch: SealedBatch, offers: Sequence[Offer], *, opener: BatchOpener
) -> tuple[Opened, ...]:
    """Steps 10 and 11: the messages open and are those committed to.

    Raises:
        CiphertextError: A message does not open with its own leaf.
        CommitmentMismatchError: A message is another one than its leaf's.
    """
    opened: list[Opened] = []
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
        commit = commitment(salt=message.salt, header=message.header, body=message.body)
        if not hmac.compare_digest(commit, offer.leaf.commit):
            raise CommitmentMismatchError(
                f"Message {position} of batch {batch.sequence} is not the one "
                "that its offer leaf commits to.",
                remedy="Stop and call the peer: it logged one thing and sent another.",
                sequence=batch.sequence,
                position=position,
            )
        opened.append(message)
    return tuple(opened)


def verify_receipts(
    answer: ReceiptBatch,
    *,
    checkpoint: Checkpoint,
    offer_hashes: Sequence[bytes],
    recipient: str,
    sender: str,
) -> tuple[ReceiptLeaf, ...]:
    """Verify that receipts answer our offers, one for one, on the record.

    Args:
        answer: What came back; its log state is verified already.
        checkpoint: The checkpoint of that state.
        offer_hashes: RFC 6962 hashes of our offer leaves in order.
        recipient: The peer, author of the receipts.
        sender: Our own name.

    Raises:
        ReceiptInvalidError: They do not.
    """
    if len(answer.receipts.leaves) != len(offer_hashes):
        raise _bad_receipt(answer, recipient, "does not answer every message")
    try:
        verify_range(
            leaf_hashes=tuple(leaf_hash(data) for data in answer.receipts.leaves),
            first=answer.receipts.first_index,
            size=checkpoint.size,
            proof=answer.receipts.proof,
            root=checkpoint.root,
        )
    except ProofError as error:
        raise _bad_receipt(answer, recipient, "is not in the peer's log") from error
    receipts: list[ReceiptLeaf] = []
    for data, offered in zip(answer.receipts.leaves, offer_hashes, strict=True):
        try:
            leaf = parse_leaf(data)
        except (MalformedError, UnsupportedVersionError) as error:
            raise _bad_receipt(answer, recipient, "cannot be read") from error
        if not isinstance(leaf, ReceiptLeaf):
            raise _bad_receipt(answer, recipient, "is another kind of leaf")
        if leaf.sender != recipient or leaf.recipient != sender:
            raise _bad_receipt(answer, recipient, "names other nodes")
        if leaf.offer != offered:
            raise _bad_receipt(answer, recipient, "answers another offer")
        receipts.append(leaf)
    return tuple(receipts)


def _origin(note: bytes, *, owner: str) -> str:
    """Return the first line; the signature still has to vouch for it."""
    line, _, _ = note[:512].partition(b"\n")
    try:
        origin = line.decode("ascii")
    except UnicodeDecodeError:
        origin = ""
    if not origin.startswith(f"{owner}/exchange/"):
        raise BatchMalformedError(
            f"The checkpoint is not one of the exchange log of {owner}.",
            remedy="Send the sender's own checkpoint.",
            peer=owner,
        )
    return origin


def _open(note: bytes, *, origin: str, verifiers: VerifierSource) -> Checkpoint:
    try:
        return open_checkpoint(note, origin=origin, verifiers=verifiers(origin))
    except SignatureError as error:
        failed = error.context.get("signature_type")
        wrong = (
            CheckpointMldsaError
            if failed == SignatureType.MLDSA44.name
            else CheckpointEd25519Error
        )
        raise wrong(
            f"The checkpoint of {origin} has no valid signature of the log's "
            f"{failed} key.",
            remedy="Check that the peer's newest card was added here.",
            origin=origin,
        ) from error
    except MalformedError as error:
        raise BatchMalformedError(
            "The checkpoint is not a signed note of C2SP tlog-checkpoint.",
            remedy="Send the checkpoint as it was signed.",
            origin=origin,
        ) from error


def _offer(data: bytes, *, sender: str, recipient: str) -> OfferLeaf:
    try:
        leaf = parse_leaf(data)
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
    if not isinstance(leaf, OfferLeaf) or leaf.kind != OfferLeaf.kind:
        raise LeafMalformedError(
            "A leaf of the batch is no offer.",
            remedy="Send offers alone in a batch.",
            peer=sender,
        )
    if leaf.sender != sender or leaf.recipient != recipient:
        raise LeafMisaddressedError(
            "An offer leaf names another sender or recipient.",
            remedy="Send each batch to the node that its leaves name.",
            peer=sender,
        )
    return leaf


def _wrong_base(owner: str, *, expected: int, got: int) -> BatchMalformedError:
    return BatchMalformedError(
        f"The consistency proof starts at size {got}, not at {expected}.",
        remedy="Open the stream again and start from the size that it names.",
        peer=owner,
        expected_size=expected,
    )


def _bad_receipt(
    answer: ReceiptBatch, recipient: str, what: str
) -> ReceiptInvalidError:
    return ReceiptInvalidError(
        f"A receipt of {recipient} for batch {answer.sequence} {what}.",
        remedy="Stop and call the peer: its receipts cannot be relied on.",
        peer=recipient,
        sequence=answer.sequence,
    )
