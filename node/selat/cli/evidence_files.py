# SPDX-License-Identifier: Apache-2.0
"""Write the evidence of one exchange into one file, for a court's file."""

from __future__ import annotations

from collections.abc import Sequence

from selat.cli.evidence import Cards
from selat.core.evidence_files import EvidenceFile
from selat.core.notes import parse_note
from selat.core.proofs import inclusion_from_range
from selat.core.tlog_proofs import TlogProof
from selat.core.tree_heads import parse_tree_head
from selat.errors import InvalidInputError, NotFoundError
from selat.v1 import desk_service_pb2 as pb


def chosen_exchange(
    exchanges: Sequence[pb.ExchangeEvidence], peer: str
) -> pb.ExchangeEvidence:
    """Return the exchange with a peer; the only one when none is named.

    Raises:
        NotFoundError: No exchange with that peer is complete, or none at all.
        InvalidInputError: There are several, and none is named.
    """
    found = [each for each in exchanges if peer in {"", each.sender, each.recipient}]
    if not found:
        raise NotFoundError(
            "No exchange of this message is complete"
            + (f" with {peer}." if peer else "."),
            remedy="`selat show ID` says where it stands; a receipt may still come.",
        )
    if len(found) > 1:
        names = ", ".join(sorted(each.recipient for each in found))
        raise InvalidInputError(
            "The message went to several peers, and a file holds one exchange.",
            remedy=f"Name one with --peer: {names}.",
        )
    return found[0]


def evidence_file(evidence: pb.ExchangeEvidence, cards: Cards) -> bytes:
    """Return the file of an exchange that was verified.

    Args:
        evidence: The exchange.
        cards: The cards that verified it; both nodes' are put in.
    """
    return EvidenceFile(
        offer=evidence.offer.leaf,
        offer_proof=_proof(evidence.offer),
        receipt=evidence.receipt.leaf,
        receipt_proof=_proof(evidence.receipt),
        cards=(
            cards[evidence.sender].envelope,
            cards[evidence.recipient].envelope,
        ),
    ).encode()


def _proof(leaf: pb.LeafEvidence) -> bytes:
    """Return a C2SP tlog-proof of a leaf that is proven with its batch."""
    size = parse_tree_head(parse_note(leaf.checkpoint).text).size
    return TlogProof(
        index=leaf.index,
        proof=inclusion_from_range(
            index=leaf.index,
            leaf_hashes=leaf.leaf_hashes,
            first=leaf.first_index,
            size=size,
            proof=leaf.proof,
        ),
        checkpoint=leaf.checkpoint,
    ).encode()
