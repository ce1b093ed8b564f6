# SPDX-License-Identifier: Apache-2.0
"""Verify that an exchange stands in both logs, with nothing but cards.

For each side: (1) the checkpoint is signed by the log's keys on the node's
card, (2) the batch's leaf hashes lead to its root, (3) the leaf is one of
them. For both together: (4) the offer is of this message, from sender to
recipient, and (5) the receipt answers this offer. Where a person decided about a
quarantined message, (6) the review stands in the recipient's log and answers this
receipt.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from uuid import UUID

from selat.cli.display import moment, number
from selat.cli.files import read_file
from selat.cli.plain import rfc3339
from selat.core.cards import ENVELOPE_BYTES_MAX
from selat.core.checkpoints import Checkpoint, open_checkpoint
from selat.core.leaves import OfferLeaf, ReceiptLeaf, ReviewLeaf, parse_leaf
from selat.core.merkle import leaf_hash
from selat.core.proofs import verify_range
from selat.core.times import utc
from selat.errors import NotFoundError, ProofError, VerificationError
from selat.identity.card import SignedCard, parse_card
from selat.node.folder import NodeFolder
from selat.store.sqlite.inspection import inspect
from selat.v1 import desk_service_pb2 as pb

Cards = Mapping[str, SignedCard]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenLeaf:
    """A leaf that stands in a log.

    Attributes:
        index: Its index.
        at: When its node says that it was written.
        checkpoint: The signed checkpoint that contains it.
    """

    index: int
    at: datetime
    checkpoint: Checkpoint

    def describe(self) -> str:
        """Return where it stands, for a person."""
        return (
            f"leaf {number(self.index)} of {self.checkpoint.origin}, {moment(self.at)}"
        )

    def document(self) -> dict[str, object]:
        """Return where it stands, for a program."""
        return {
            "origin": self.checkpoint.origin,
            "index": self.index,
            "time": rfc3339(self.at),
            "checkpoint_size": self.checkpoint.size,
            "checkpoint_root": self.checkpoint.root.hex(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedExchange:
    """An exchange that both logs prove.

    Attributes:
        sender: The node that offered the message.
        recipient: The node that answered.
        outcome: ``accepted``, ``refused`` or ``quarantined``.
        offer: The offer in the sender's log.
        receipt: The receipt in the recipient's log.
        review: What a person decided in the recipient's log, if one did and the
            desk has learned of it.
        act: ``approve`` or ``refuse``; empty without a review.
    """

    sender: str
    recipient: str
    outcome: str
    offer: ProvenLeaf
    receipt: ProvenLeaf
    review: ProvenLeaf | None = None
    act: str = ""

    def document(self) -> dict[str, object]:
        """Return it as a program reads it."""
        return {
            "sender": self.sender,
            "recipient": self.recipient,
            "outcome": self.outcome,
            "offer": self.offer.document(),
            "receipt": self.receipt.document(),
            "review": None
            if self.review is None
            else {"act": self.act, **self.review.document()},
        }


def cards_at_hand(home: Path | None, files: Iterable[Path]) -> dict[str, SignedCard]:
    """Return the cards that the caller has reason to trust, by node name.

    What a node says over the wire of its own or another's card would prove
    nothing. A card in a file goes before the node's own copy.

    Args:
        home: Folder of a node on this host; None for a desk elsewhere.
        files: Cards that the caller holds.
    """
    envelopes: list[bytes] = []
    if home is not None:
        folder = NodeFolder(home=home)
        folder.check()
        envelopes.append(read_file(folder.card, bytes_max=ENVELOPE_BYTES_MAX))
        rows = inspect(folder.store, lambda snapshot: snapshot.peers())
        envelopes += [row.envelope for row in rows]
    envelopes += [read_file(file, bytes_max=ENVELOPE_BYTES_MAX) for file in files]
    return {signed.card.name: signed for signed in map(parse_card, envelopes)}


def verify_exchange(
    evidence: pb.ExchangeEvidence, cards: Cards, *, message_id: bytes, version: int
) -> VerifiedExchange:
    """Verify one exchange of a message.

    Raises:
        NotFoundError: The card of one of both nodes is not at hand.
        VerificationError: Something does not hold.
        MalformedError: Something has not its form.
    """
    offer = parse_leaf(evidence.offer.leaf)
    receipt = parse_leaf(evidence.receipt.leaf)
    if not isinstance(offer, OfferLeaf) or not isinstance(receipt, ReceiptLeaf):
        raise _unfit("is not an offer with its receipt", evidence)
    offered = _proven(evidence.offer, offer.time_ms, _card(cards, evidence.sender))
    answered = _proven(
        evidence.receipt, receipt.time_ms, _card(cards, evidence.recipient)
    )
    ends = (evidence.sender, evidence.recipient)
    if (offer.sender, offer.recipient) != ends or ends != (
        receipt.recipient,
        receipt.sender,
    ):
        raise _unfit("names other nodes", evidence)
    asked = (UUID(bytes=message_id), version)
    if (offer.id, offer.version) != asked or (receipt.id, receipt.version) != asked:
        raise _unfit("is of another message", evidence)
    if not hmac.compare_digest(receipt.offer, leaf_hash(evidence.offer.leaf)):
        raise _unfit("answers another offer", evidence)
    verified = VerifiedExchange(
        sender=evidence.sender,
        recipient=evidence.recipient,
        outcome=receipt.outcome,
        offer=offered,
        receipt=answered,
    )
    if not evidence.HasField("review"):
        return verified
    return _with_review(verified, evidence, receipt, cards)


def _with_review(
    verified: VerifiedExchange,
    evidence: pb.ExchangeEvidence,
    receipt: ReceiptLeaf,
    cards: Cards,
) -> VerifiedExchange:
    """Add the review of a quarantined message, if it holds."""
    review = parse_leaf(evidence.review.leaf)
    if not isinstance(review, ReviewLeaf):
        raise _unfit("has a review that is none", evidence)
    if (review.node, review.peer, review.id, review.version) != (
        *(evidence.recipient, evidence.sender),
        *(receipt.id, receipt.version),
    ):
        raise _unfit("has a review of another message", evidence)
    if not hmac.compare_digest(review.answers, leaf_hash(evidence.receipt.leaf)):
        raise _unfit("has a review that answers another receipt", evidence)
    card = _card(cards, evidence.recipient)
    proven = _proven(evidence.review, review.time_ms, card)
    return replace(verified, review=proven, act=review.act)


def _proven(evidence: pb.LeafEvidence, time_ms: int, signed: SignedCard) -> ProvenLeaf:
    at = utc(time_ms)
    origin = _origin(evidence.checkpoint, signed)
    checkpoint = open_checkpoint(
        evidence.checkpoint,
        origin=origin,
        # The checkpoint may be any that was signed after the leaf was written.
        verifiers=signed.card.log_verifiers_between(
            origin, since=at, until=signed.card.valid_until
        ),
    )
    verify_range(
        leaf_hashes=evidence.leaf_hashes,
        first=evidence.first_index,
        size=checkpoint.size,
        proof=evidence.proof,
        root=checkpoint.root,
    )
    position = evidence.index - evidence.first_index
    if not 0 <= position < len(evidence.leaf_hashes) or not hmac.compare_digest(
        evidence.leaf_hashes[position], leaf_hash(evidence.leaf)
    ):
        raise ProofError(
            "A leaf is not among those that its proof is for.",
            remedy="Do not rely on it; ask both nodes for their logs.",
        )
    return ProvenLeaf(index=evidence.index, at=at, checkpoint=checkpoint)


def _origin(note: bytes, signed: SignedCard) -> str:
    """Return the note's first line, if it is an origin of that node's logs."""
    origin = note.partition(b"\n")[0].decode("ascii", "replace")
    if not origin.startswith(signed.card.log_origin_prefix):
        raise VerificationError(
            f"A checkpoint is not one of a log of {signed.card.name}.",
            remedy="Do not rely on it; ask both nodes for their logs.",
        )
    return origin


def _card(cards: Cards, name: str) -> SignedCard:
    signed = cards.get(name)
    if signed is None:
        raise NotFoundError(
            f"There is no card of {name} to verify with.",
            remedy="Hand it in with --card FILE.",
        )
    return signed


def _unfit(what: str, evidence: pb.ExchangeEvidence) -> VerificationError:
    return VerificationError(
        f"The evidence of {evidence.sender} and {evidence.recipient} {what}.",
        remedy="Do not rely on it; ask both nodes for their logs.",
        sender=evidence.sender,
        recipient=evidence.recipient,
    )
