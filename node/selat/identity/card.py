# SPDX-License-Identifier: Apache-2.0
"""Signed cards: issue our own, read a peer's, follow one by the next.

That a card parses means that the root keys it lists have signed it. Trust in
those root keys comes from people who compared their fingerprint, once.
"""

from __future__ import annotations

from dataclasses import dataclass

from selat.core.cards import (
    RootKeys,
    card_digest,
    parse_envelope,
    sign_card,
    verify_card_envelope,
)
from selat.core.fingerprints import Fingerprint
from selat.errors import KeyStoreError, SignatureError, VerificationError
from selat.identity.card_contents import Card
from selat.identity.card_wire import decode_card, encode_card


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCard:
    """A card whose signatures hold.

    Attributes:
        card: What it says.
        payload: Its exact bytes.
        envelope: The signed envelope (DSSE), exact bytes.
    """

    card: Card
    payload: bytes
    envelope: bytes

    @property
    def digest(self) -> bytes:
        """SHA-256 of the card's exact bytes; the next card names it."""
        return card_digest(self.payload)

    @property
    def fingerprint(self) -> Fingerprint:
        """What people compare."""
        return self.card.fingerprint


def issue_card(card: Card, root: RootKeys) -> SignedCard:
    """Sign a card with the root keys that it lists.

    Raises:
        KeyStoreError: It lists other root keys.
        TooLargeError: It is too large.
    """
    if card.root != root.public:
        raise KeyStoreError(
            "The card lists other root keys than those that would sign it.",
            remedy="Bring the root keys back that signed the card before.",
        )
    payload = encode_card(card)
    return SignedCard(card=card, payload=payload, envelope=sign_card(payload, root))


def parse_card(envelope: bytes) -> SignedCard:
    """Read a signed card and verify it with the root keys that it lists.

    Args:
        envelope: The signed envelope (DSSE), exact bytes.

    Raises:
        SignatureError: One of both signatures is wrong.
        TooLargeError: It is larger than any card.
        UnsupportedVersionError: It has a version that this node does not know.
        MalformedError: It has another form, or breaks a rule.
    """
    card = decode_card(parse_envelope(envelope).payload)
    payload = verify_card_envelope(envelope, card.root)
    return SignedCard(card=card, payload=payload, envelope=envelope)


def verify_successor(old: SignedCard, new: SignedCard) -> None:
    """Verify that a card may replace an older one without people comparing.

    1. Both are of one node and signed by one root.
    2. The new one has a higher number. One that is the same, byte for byte, is
       no successor: compare digests first.
    3. If its number is the next, it names the digest of the old one. Cards in
       between may have been missed.

    Raises:
        SignatureError: Another root signed it.
        VerificationError: It is another node's, older, or of another chain.
    """
    name = old.card.name
    if new.card.name != name:
        raise VerificationError(
            f"The card is not one of {name}.",
            remedy="Add it as a card of its own.",
            peer=name,
        )
    if new.card.root != old.card.root:
        raise SignatureError(
            f"The card of {name} is signed by other root keys than the one before.",
            remedy="Call the peer. A node that lost its root keys begins anew under "
            "another name.",
            peer=name,
        )
    if new.card.sequence <= old.card.sequence:
        raise VerificationError(
            f"The card of {name} has number {new.card.sequence}, not one above "
            f"{old.card.sequence}.",
            remedy="Ask the peer for its newest card.",
            peer=name,
        )
    follows = new.card.previous_digest == old.digest
    if new.card.sequence == old.card.sequence + 1 and not follows:
        raise VerificationError(
            f"The card of {name} follows another card number {old.card.sequence} "
            "than the one known here.",
            remedy="Call the peer: its root keys have signed two histories.",
            peer=name,
        )
