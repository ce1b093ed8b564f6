# SPDX-License-Identifier: Apache-2.0
"""The evidence of one exchange in one file (check 15).

For each side:

1. The tlog-proof's checkpoint is signed by the log of the leaf's author, with
   keys valid at the time of the leaf.
2. The leaf stands in that log at the index that the proof names.

For both together:

3. The offer and the receipt speak of one message and of each other.
4. The receipt names the hash of this very offer.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Final

from selat.audit.findings import Code, Findings
from selat.audit.keyring import Keyring
from selat.audit.signatures import NoteVerification
from selat.core.bundle_paths import shard_of
from selat.core.evidence_files import EvidenceFile, parse_evidence
from selat.core.leaves import OfferLeaf, ReceiptLeaf, parse_leaf
from selat.core.merkle import leaf_hash
from selat.core.proofs import verify_inclusion
from selat.core.tlog_proofs import TlogProof, parse_tlog_proof
from selat.errors import ProofError, SelatError


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidencePart:
    """A leaf that stands in a log.

    Attributes:
        origin: The log.
        index: Its index.
        time_ms: When it was written, ms since the epoch, as its author says.
    """

    origin: str
    index: int
    time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedEvidence:
    """An exchange that a file proves.

    Attributes:
        label: The file.
        message: Identifier of the message.
        version: Its version.
        sender: Who offered it.
        recipient: Who answered.
        outcome: ``accepted``, ``refused`` or ``quarantined``.
        reason: Reason code of the receipt.
        offer: Where the offer stands.
        receipt: Where the receipt stands.
    """

    label: str
    message: str
    version: int
    sender: str
    recipient: str
    outcome: str
    reason: str
    offer: EvidencePart
    receipt: EvidencePart


class EvidenceVerification:
    """Verifies evidence files.

    Args:
        keyring: The keys; a file brings cards of its own.
        notes: Verifies notes.
        findings: Where to say what is wrong.
    """

    def __init__(
        self, keyring: Keyring, notes: NoteVerification, findings: Findings
    ) -> None:
        """Take what is needed."""
        self._keyring: Final = keyring
        self._notes: Final = notes
        self._findings: Final = findings

    def read(self, data: bytes, *, label: str) -> EvidenceFile | None:
        """Read a file, and add its cards to the keyring."""
        try:
            evidence = parse_evidence(data)
        except SelatError as error:
            self._findings.add(Code.FILE_MALFORMED, label, error.message)
            return None
        for card in evidence.cards:
            self._keyring.add(card, subject=label)
        return evidence

    def verify(self, evidence: EvidenceFile, *, label: str) -> VerifiedEvidence | None:
        """Verify a file; return what it proves, or None if it proves nothing."""
        try:
            offer, receipt = parse_leaf(evidence.offer), parse_leaf(evidence.receipt)
        except SelatError as error:
            self._findings.add(Code.FILE_MALFORMED, label, error.message)
            return None
        if not isinstance(offer, OfferLeaf) or not isinstance(receipt, ReceiptLeaf):
            self._mismatch(label, "does not hold an offer and a receipt")
            return None
        offered = self._part(evidence.offer, evidence.offer_proof, offer, label=label)
        answered = self._part(
            evidence.receipt, evidence.receipt_proof, receipt, label=label
        )
        spoken = (receipt.id, receipt.version, receipt.recipient, receipt.sender)
        if (offer.id, offer.version, offer.sender, offer.recipient) != spoken:
            self._mismatch(label, "holds a receipt of another message or other nodes")
            return None
        if not hmac.compare_digest(receipt.offer, leaf_hash(evidence.offer)):
            self._mismatch(label, "holds the receipt of another offer")
            return None
        if offered is None or answered is None:
            return None
        return VerifiedEvidence(
            label=label,
            message=str(offer.id),
            version=offer.version,
            sender=offer.sender,
            recipient=offer.recipient,
            outcome=receipt.outcome,
            reason=receipt.reason,
            offer=offered,
            receipt=answered,
        )

    def _part(
        self,
        data: bytes,
        proof_text: bytes,
        leaf: OfferLeaf | ReceiptLeaf,
        *,
        label: str,
    ) -> EvidencePart | None:
        subject = f"{label}, {leaf.kind}"
        proof = self._proof(proof_text, leaf, subject)
        if proof is None:
            return None
        origin = _origin(proof)
        checkpoint = self._notes.checkpoint(
            proof.checkpoint,
            node=leaf.sender,
            origin=origin,
            subject=subject,
            at_ms=leaf.time_ms,
        )
        if checkpoint is None:
            return None
        self._notes.cosigners(proof.checkpoint, owner=leaf.sender, subject=subject)
        try:
            verify_inclusion(
                leaf_hash=leaf_hash(data),
                index=proof.index,
                size=checkpoint.size,
                proof=proof.proof,
                root=checkpoint.root,
            )
        except ProofError:
            self._findings.add(
                Code.PROOF_WRONG,
                subject,
                f"The proof does not show that the {leaf.kind} stands at index "
                f"{proof.index} of {origin}.",
            )
            return None
        return EvidencePart(origin=origin, index=proof.index, time_ms=leaf.time_ms)

    def _proof(
        self, text: bytes, leaf: OfferLeaf | ReceiptLeaf, subject: str
    ) -> TlogProof | None:
        """Return a proof of a leaf in a log of its author."""
        try:
            proof = parse_tlog_proof(text)
        except SelatError as error:
            self._findings.add(Code.FILE_MALFORMED, subject, error.message)
            return None
        origin = _origin(proof)
        if origin == f"{leaf.sender}/exchange/{shard_of(origin)}":
            return proof
        self._findings.add(
            Code.EVIDENCE_MISMATCH,
            subject,
            f"The {leaf.kind} is by {leaf.sender}, and its proof is of "
            f"{ascii(origin)[1:-1]}.",
        )
        return None

    def _mismatch(self, label: str, what: str) -> None:
        self._findings.add(Code.EVIDENCE_MISMATCH, label, f"The file {what}.")


def _origin(proof: TlogProof) -> str:
    return proof.checkpoint.partition(b"\n")[0].decode("utf-8", "replace")
