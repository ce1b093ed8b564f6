# SPDX-License-Identifier: Apache-2.0
"""The errors of Selat, one tree, each with a stable reason.

``reason`` is what programs branch on; it travels as ``google.rpc.ErrorInfo``
and never changes its meaning. The message says what happened, ``remedy`` says
what to do next. Neither may carry a secret, a payload or personal data.

::

    SelatError
    ├── InvalidInputError            what the caller handed in cannot be used
    │   ├── MalformedError
    │   ├── InvalidRecordError
    │   ├── TooLargeError
    │   ├── UnsupportedVersionError
    │   └── BadCursorError
    ├── AccessError                  the caller may not do this
    │   ├── UnauthenticatedError
    │   ├── RoleMissingError
    │   ├── SelfReviewError
    │   └── PolicyDeniedError
    ├── StateError                   the thing is not there, or not in that state
    │   ├── NotFoundError
    │   │   └── LogUnknownError
    │   ├── AlreadyExistsError
    │   ├── WrongStateError
    │   └── WitnessConflictError
    ├── VerificationError            evidence that does not hold
    │   ├── SignatureError
    │   ├── ProofError
    │   ├── CommitmentError
    │   └── DecryptionError
    ├── PeerError                    what a peer did wrong
    │   ├── PeerUnknownError
    │   ├── PeerRemovedError
    │   ├── PeerSuspendedError
    │   ├── CardExpiredError
    │   ├── BatchTooLargeError
    │   ├── BatchMalformedError
    │   ├── CheckpointEd25519Error
    │   ├── CheckpointMldsaError
    │   ├── CheckpointRolledBackError
    │   ├── CheckpointForkedError
    │   ├── HandOverError
    │   ├── EquivocationError
    │   ├── CosignatureInvalidError
    │   ├── LeafNotInTreeError
    │   ├── LeafMalformedError
    │   ├── LeafVersionError
    │   ├── LeafMisaddressedError
    │   ├── SequenceGapError
    │   ├── SequenceReplayedError
    │   ├── KeyWrapError
    │   ├── CiphertextError
    │   ├── CommitmentMismatchError
    │   ├── ClockSkewError
    │   └── ReceiptInvalidError
    ├── LocalError                   what is wrong with our own installation
    │   ├── ConfigurationError
    │   ├── KeyStoreError
    │   │   └── WrongPassphraseError
    │   ├── NodeInUseError
    │   ├── LogRolledBackError
    │   ├── HighWaterMissingError
    │   └── StoreError
    │       ├── StoreBusyError
    │       ├── StoreFullError
    │       ├── StoreCorruptError
    │       ├── StoreVersionError
    │       └── LogClosedError
    ├── UnavailableError             try again later
    │   ├── PeerUnreachableError
    │   ├── NodeUnreachableError
    │   ├── ShuttingDownError
    │   └── OverloadedError
    └── InternalError                a fault of ours; details stay in our log
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


class SelatError(Exception):
    """Base of every error that Selat raises on purpose."""

    reason: ClassVar[str] = "SELAT"

    def __init__(
        self, message: str, /, *, remedy: str = "", **context: str | int
    ) -> None:
        """Keep what happened, what to do next and which thing it was about.

        Args:
            message: What happened, one sentence, without personal data.
            remedy: What the reader can do next, one sentence.
            **context: Names and numbers that identify the thing (peer,
                sequence, size …); they travel as ``ErrorInfo.metadata``.
        """
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.context = context

    def __str__(self) -> str:
        """Return the message and, when there is one, the remedy."""
        return f"{self.message} {self.remedy}".strip()


class InvalidInputError(SelatError):
    """What the caller handed in cannot be used as it is."""

    reason = "INVALID_INPUT"


class MalformedError(InvalidInputError):
    """Bytes or text do not have the form that they must have."""

    reason = "MALFORMED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One field that breaks a rule.

    Attributes:
        path: Dotted path of the field, for example ``body.person.names[0]``.
        rule: Stable name of the rule, for example ``required``.
        message: What is wrong and how to mend it, without the field's value.
    """

    path: str
    rule: str
    message: str


class InvalidRecordError(InvalidInputError):
    """A message breaks the schema's rules; ``violations`` names each field."""

    reason = "INVALID_RECORD"

    def __init__(self, violations: tuple[Violation, ...]) -> None:
        """Keep every violation; the message shows the first ones."""
        shown = "; ".join(f"{v.path}: {v.message}" for v in violations[:5])
        more = len(violations) - 5
        suffix = f" (and {more} more)" if more > 0 else ""
        super().__init__(
            f"The message breaks {len(violations)} rule(s): {shown}{suffix}.",
            remedy="Correct these fields and hand the message in again.",
        )
        self.violations = violations


class TooLargeError(InvalidInputError):
    """Something is over its size limit."""

    reason = "TOO_LARGE"


class UnsupportedVersionError(InvalidInputError):
    """A format or protocol version that this node does not speak."""

    reason = "UNSUPPORTED_VERSION"


class BadCursorError(InvalidInputError):
    """A page token or cursor that this node did not issue."""

    reason = "BAD_CURSOR"


class AccessError(SelatError):
    """The caller may not do this."""

    reason = "ACCESS"


class UnauthenticatedError(AccessError):
    """Nobody is known to this node under the certificate presented."""

    reason = "UNAUTHENTICATED"


class RoleMissingError(AccessError):
    """The caller is known but holds none of the roles that the call needs."""

    reason = "ROLE_MISSING"


class SelfReviewError(AccessError):
    """A second person has to decide, not the one who published the message."""

    reason = "SELF_REVIEW"


class PolicyDeniedError(AccessError):
    """The state's policy does not permit it."""

    reason = "POLICY_DENIED"


class StateError(SelatError):
    """The thing named is missing, or not in a state that allows the act."""

    reason = "STATE"


class NotFoundError(StateError):
    """Nothing is known under that name."""

    reason = "NOT_FOUND"


class LogUnknownError(NotFoundError):
    """This node witnesses no log of that origin."""

    reason = "LOG_UNKNOWN"


class AlreadyExistsError(StateError):
    """Something else already has that name."""

    reason = "ALREADY_EXISTS"


class WrongStateError(StateError):
    """The thing exists, but its state does not allow the act."""

    reason = "WRONG_STATE"


class WitnessConflictError(StateError):
    """A witness knows a log at another size than the one named to it.

    ``size`` of the context is the size that it knows.
    """

    reason = "WITNESS_CONFLICT"


class VerificationError(SelatError):
    """A piece of evidence does not hold."""

    reason = "VERIFICATION"


class SignatureError(VerificationError):
    """A signature is missing or wrong."""

    reason = "BAD_SIGNATURE"


class ProofError(VerificationError):
    """A Merkle proof does not lead to the root."""

    reason = "BAD_PROOF"


class CommitmentError(VerificationError):
    """A payload is not the one that the log committed to."""

    reason = "BAD_COMMITMENT"


class DecryptionError(VerificationError):
    """A ciphertext does not open under the key and data given."""

    reason = "BAD_CIPHERTEXT"


class PeerError(SelatError):
    """A peer broke the protocol; nothing of what it sent was kept."""

    reason = "PEER"


class PeerUnknownError(PeerError):
    """No accepted peer has that certificate or name."""

    reason = "PEER_UNKNOWN"


class PeerRemovedError(PeerError):
    """The peer was removed; open streams end at their next message."""

    reason = "PEER_REMOVED"


class PeerSuspendedError(PeerError):
    """The peer's log has shown two histories; an administrator must decide."""

    reason = "PEER_SUSPENDED"


class CardExpiredError(PeerError):
    """The peer's card, or the key that it used, is outside its validity."""

    reason = "CARD_EXPIRED"


class BatchTooLargeError(PeerError):
    """A batch has more messages or bytes than the protocol allows."""

    reason = "BATCH_TOO_LARGE"


class BatchMalformedError(PeerError):
    """A batch cannot be parsed, or its parts do not match in number."""

    reason = "BATCH_MALFORMED"


class CheckpointEd25519Error(PeerError):
    """The Ed25519 signature of a checkpoint is missing or wrong."""

    reason = "CHECKPOINT_ED25519_INVALID"


class CheckpointMldsaError(PeerError):
    """The ML-DSA-44 signature of a checkpoint is missing or wrong."""

    reason = "CHECKPOINT_MLDSA44_INVALID"


class CheckpointRolledBackError(PeerError):
    """A peer's log is smaller than the one it signed before."""

    reason = "CHECKPOINT_ROLLED_BACK"


class CheckpointForkedError(PeerError):
    """A peer's checkpoint does not extend the one it signed before."""

    reason = "CHECKPOINT_FORKED"


class HandOverError(PeerError):
    """A shard of a peer's log was begun without being handed over by the last."""

    reason = "HAND_OVER_INVALID"


class EquivocationError(PeerError):
    """A log has signed two roots for one size; two notes prove it."""

    reason = "EQUIVOCATION"

    def __init__(
        self,
        message: str,
        /,
        *,
        remedy: str = "",
        first: bytes = b"",
        second: bytes = b"",
        **context: str | int,
    ) -> None:
        """Keep both signed notes; they do not travel with the error.

        Args:
            message: What happened, one sentence.
            remedy: What the reader can do next, one sentence.
            first: The note that was known; empty when it was not kept.
            second: The note with another root.
            **context: Names and numbers, as of every error.
        """
        super().__init__(message, remedy=remedy, **context)
        self.first = first
        self.second = second


class CosignatureInvalidError(PeerError):
    """A peer's cosignature of our checkpoint is incomplete or wrong."""

    reason = "COSIGNATURE_INVALID"


class LeafNotInTreeError(PeerError):
    """A leaf is not proven to stand in the sender's log."""

    reason = "LEAF_NOT_IN_TREE"


class LeafMalformedError(PeerError):
    """A leaf cannot be parsed, or is not of the kind expected."""

    reason = "LEAF_MALFORMED"


class LeafVersionError(PeerError):
    """A leaf or message has a version that this node does not speak."""

    reason = "LEAF_VERSION_UNKNOWN"


class LeafMisaddressedError(PeerError):
    """A leaf names another sender or another recipient."""

    reason = "LEAF_MISADDRESSED"


class SequenceGapError(PeerError):
    """A batch came before the ones that must precede it."""

    reason = "SEQUENCE_GAP"


class SequenceReplayedError(PeerError):
    """An accepted sequence number came again with other contents."""

    reason = "SEQUENCE_REPLAYED"


class KeyWrapError(PeerError):
    """The batch key does not unwrap for this node, sender and sequence."""

    reason = "KEY_WRAP_INVALID"


class CiphertextError(PeerError):
    """A sealed message does not open with its own leaf."""

    reason = "CIPHERTEXT_INVALID"


class CommitmentMismatchError(PeerError):
    """A message is not the one that its offer leaf commits to."""

    reason = "COMMITMENT_MISMATCH"


class ClockSkewError(PeerError):
    """A leaf is dated further in the future than clocks may differ."""

    reason = "CLOCK_SKEW"


class ReceiptInvalidError(PeerError):
    """A receipt does not answer the batch that it came for."""

    reason = "RECEIPT_INVALID"


class LocalError(SelatError):
    """Something is wrong with this node's own installation."""

    reason = "LOCAL"


class ConfigurationError(LocalError):
    """The node's configuration is missing or wrong."""

    reason = "CONFIGURATION"


class KeyStoreError(LocalError):
    """The key store is missing, damaged or lacks a key."""

    reason = "KEY_STORE"


class WrongPassphraseError(KeyStoreError):
    """The passphrase does not open the key store."""

    reason = "WRONG_PASSPHRASE"


class NodeInUseError(LocalError):
    """Another process already works on this node's folder."""

    reason = "NODE_IN_USE"


class LogRolledBackError(LocalError):
    """Our database is older than the last checkpoint that we signed."""

    reason = "LOG_ROLLED_BACK"


class HighWaterMissingError(LocalError):
    """The mark of what we signed is gone, so that an old database would not show."""

    reason = "HIGH_WATER_MISSING"


class StoreError(LocalError):
    """The database failed."""

    reason = "STORE"


class StoreBusyError(StoreError):
    """The database is locked by another process."""

    reason = "STORE_BUSY"


class StoreFullError(StoreError):
    """The disk is full; nothing was written."""

    reason = "STORE_FULL"


class StoreCorruptError(StoreError):
    """Stored data fails its own verification."""

    reason = "STORE_CORRUPT"


class StoreVersionError(StoreError):
    """The database was written by a newer Selat."""

    reason = "STORE_VERSION"


class LogClosedError(StoreError):
    """The newest shard of our log is closed, and the next one not open yet."""

    reason = "LOG_CLOSED"


class UnavailableError(SelatError):
    """It may work later."""

    reason = "UNAVAILABLE"


class PeerUnreachableError(UnavailableError):
    """A peer's node does not answer."""

    reason = "PEER_UNREACHABLE"


class NodeUnreachableError(UnavailableError):
    """Our own node does not answer its desk."""

    reason = "NODE_UNREACHABLE"


class ShuttingDownError(UnavailableError):
    """The node is draining and takes no new work."""

    reason = "SHUTTING_DOWN"


class OverloadedError(UnavailableError):
    """The node has as much work in hand as it may hold."""

    reason = "OVERLOADED"


class InternalError(SelatError):
    """A fault of ours; the details are in the node's log."""

    reason = "INTERNAL"
