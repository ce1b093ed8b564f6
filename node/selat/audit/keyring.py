# SPDX-License-Identifier: Apache-2.0
"""Whose key is whose, and when it was in use (check 2, cards).

1. A card is signed by both root keys that it lists (`selat.identity.card`).
2. The fingerprint of those is the one that the auditor pinned for its node.
3. No number has two cards, and each card names the digest of the one before,
   if that one is at hand.

A key is valid as the newest card that lists it says, and not after the last day
of the cards that list it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from selat.audit.findings import Code, Findings
from selat.audit.trust import Trust
from selat.core.batches import CLOCK_SKEW_MS_MAX
from selat.core.bundle_paths import card_path
from selat.core.note_keys import Ed25519CosignatureVerifier
from selat.core.notes import Ed25519Verifier, Mldsa44Verifier, NoteVerifier
from selat.core.times import to_ms
from selat.errors import SelatError, VerificationError
from selat.identity.card import SignedCard, parse_card, verify_successor
from selat.identity.card_contents import witness_name
from selat.identity.card_keys import CardKey, KeyAlgorithm, KeyPurpose

#: How far the time of use and the time of issue may be apart, in ms: a card is
#: dated back by what the clocks of peers may be behind.
KEY_TOLERANCE_MS: Final = CLOCK_SKEW_MS_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownKey:
    """A key of a pinned node that verifies signatures under notes.

    Attributes:
        node: Whose it is.
        verifier: Verifies its signatures.
        not_before_ms: From when it was in use, ms since the epoch.
        not_after_ms: Until when.
    """

    node: str
    verifier: NoteVerifier
    not_before_ms: int
    not_after_ms: int

    def is_valid(self, earliest_ms: int, latest_ms: int) -> bool:
        """Tell whether the key was in use at some moment between two."""
        return (
            self.not_before_ms - KEY_TOLERANCE_MS <= latest_ms
            and earliest_ms <= self.not_after_ms + KEY_TOLERANCE_MS
        )


class Keyring:
    """The cards of pinned nodes, and the keys on them.

    Args:
        trust: Whom the auditor pinned.
        findings: Where to say what is wrong with a card.
    """

    def __init__(self, trust: Trust, findings: Findings) -> None:
        """Start without a card."""
        self._trust: Final = trust
        self._findings: Final = findings
        self._cards: Final[dict[str, dict[int, SignedCard]]] = {}
        self._log_keys: Final[dict[str, tuple[KnownKey, ...]]] = {}
        self._witness_keys: tuple[KnownKey, ...] | None = None

    @property
    def count(self) -> int:
        """How many cards there are."""
        return sum(map(len, self._cards.values()))

    def add(self, envelope: bytes, *, subject: str, place: str = "") -> None:
        """Add a card, or say what is wrong with it.

        Args:
            envelope: The signed card (DSSE), exact bytes.
            subject: Where it stood.
            place: Name of the file, where that says which card it is.
        """
        try:
            signed = parse_card(envelope)
        except SelatError as error:
            self._findings.add(Code.CARD_INVALID, subject, error.message)
            return
        card = signed.card
        if place and place != card_path(card.name, card.sequence):
            self._findings.add(
                Code.CARD_INVALID,
                subject,
                f"The file holds card {card.sequence} of {card.name}.",
            )
            return
        pinned = self._trust.roots.get(card.name)
        if pinned is None:
            return  # nobody whom this audit is to believe
        if card.fingerprint != pinned:
            self._findings.add(
                Code.CARD_NOT_PINNED,
                subject,
                f"Card {card.sequence} of {card.name} is signed by other root keys "
                "than the pinned ones.",
            )
            return
        cards = self._cards.setdefault(card.name, {})
        known = cards.setdefault(card.sequence, signed)
        if known.digest != signed.digest:
            self._findings.add(
                Code.CARD_FORKED,
                subject,
                f"{card.name} signed two cards with number {card.sequence}.",
            )

    def check_chains(self) -> None:
        """Step 3, when all cards are there."""
        for node, cards in sorted(self._cards.items()):
            for sequence, card in sorted(cards.items()):
                before = cards.get(sequence - 1)
                if before is None:
                    continue
                try:
                    verify_successor(before, card)
                except VerificationError as error:
                    self._findings.add(Code.CARD_FORKED, node, error.message)

    def has(self, node: str) -> bool:
        """Tell whether a card of a node is there."""
        return node in self._cards

    def digest(self, node: str, sequence: int) -> bytes | None:
        """Return the digest of a card, if it is there."""
        card = self._cards.get(node, {}).get(sequence)
        return None if card is None else card.digest

    def log_keys(self, node: str, origin: str) -> tuple[KnownKey, ...]:
        """Return every key that a node ever had for one of its logs."""
        if origin not in self._log_keys:
            self._log_keys[origin] = tuple(
                KnownKey(
                    node=node,
                    verifier=_log_verifier(origin, key),
                    not_before_ms=to_ms(key.not_before),
                    not_after_ms=until_ms,
                )
                for key, until_ms in self._keys(node, KeyPurpose.LOG)
                if origin.startswith(f"{node}/exchange/")
            )
        return self._log_keys[origin]

    def witness_keys(self) -> tuple[KnownKey, ...]:
        """Return every key with which a pinned node ever cosigned."""
        if self._witness_keys is None:
            self._witness_keys = tuple(
                KnownKey(
                    node=node,
                    verifier=_witness_verifier(node, key),
                    not_before_ms=to_ms(key.not_before),
                    not_after_ms=until_ms,
                )
                for node in sorted(self._cards)
                for key, until_ms in self._keys(node, KeyPurpose.WITNESS)
            )
        return self._witness_keys

    def _keys(self, node: str, purpose: KeyPurpose) -> Iterator[tuple[CardKey, int]]:
        """Yield each key with the ms until which it was in use."""
        newest: dict[bytes, CardKey] = {}
        until: dict[bytes, int] = {}
        for _, signed in sorted(self._cards.get(node, {}).items()):
            for key in signed.card.keys:
                if key.purpose is purpose:
                    newest[key.public] = key
                    until[key.public] = max(
                        until.get(key.public, 0), to_ms(signed.card.valid_until)
                    )
        for public, key in newest.items():
            yield key, min(to_ms(key.not_after), until[public])


def _log_verifier(origin: str, key: CardKey) -> NoteVerifier:
    if key.algorithm is KeyAlgorithm.ED25519:
        return Ed25519Verifier(origin, key.public)
    return Mldsa44Verifier(origin, key.public)


def _witness_verifier(node: str, key: CardKey) -> NoteVerifier:
    name = witness_name(node)
    if key.algorithm is KeyAlgorithm.ED25519:
        return Ed25519CosignatureVerifier(name, key.public)
    return Mldsa44Verifier(name, key.public)
