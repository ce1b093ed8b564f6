# SPDX-License-Identifier: Apache-2.0
"""Our card while the node runs, and how the next one is issued.

The card and its leaf are written in this order: leaf first, then the file. A
crash between both leaves the old card in force; issuing again gives the same
number a second leaf, of which the later counts.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from selat.core.leaves import CardLeaf
from selat.core.times import utc
from selat.errors import CardExpiredError, InvalidInputError
from selat.exchange.local import Clock, Entropy
from selat.identity.card import SignedCard, parse_card
from selat.identity.keystore import KeyStore
from selat.identity.own_card import NodeProfile, build_card
from selat.identity.private_files import write_private
from selat.node.initialise import CARD_VALID_DAYS, CLOCK_ALLOWANCE
from selat.store.port import Store, Transaction
from selat.store.publication import KeptCard


class OwnCard:
    """Hold our newest card.

    Args:
        path: The card's file.
        certificate: Our TLS certificate, DER.
        keys: The key store; issuing needs its root keys.
        store: Where a new card is logged.
        categories: The catalogue's category identifiers.
        clock: The present time.
        entropy: Randomness.
    """

    def __init__(
        self,
        *,
        path: Path,
        certificate: bytes,
        keys: KeyStore,
        store: Store,
        categories: frozenset[str],
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        """Read the card."""
        self._path = path
        self._certificate = certificate
        self._keys = keys
        self._store = store
        self._categories = categories
        self._clock = clock
        self._entropy = entropy
        self._card = parse_card(path.read_bytes())

    def current(self) -> SignedCard:
        """Return the card in force."""
        return self._card

    def declared(self) -> frozenset[str]:
        """Return the categories that the card in force declares."""
        return frozenset(self._card.card.categories)

    def vouches_for_log(self) -> bool:
        """Tell whether what our log's keys sign at present can be verified."""
        card = self._card.card
        try:
            card.log_verifiers(card.log_origin_prefix, at=utc(self._clock()))
        except (CardExpiredError, OverflowError):  # no card, or no year, is so late
            return False
        return True

    async def renew(
        self,
        *,
        endpoints: tuple[str, ...],
        categories: tuple[str, ...],
    ) -> SignedCard:
        """Issue the next card with the same keys.

        Args:
            endpoints: Where peers can call; empty leaves them as they are.
            categories: What the node wishes to receive; empty likewise.

        Raises:
            InvalidInputError: A category is not in the catalogue.
            KeyStoreError: The root keys are not here.
            MalformedError: An endpoint is no address.
        """
        unknown = set(categories) - self._categories
        if unknown:
            raise InvalidInputError(
                f"Not in the catalogue: {', '.join(sorted(unknown))}.",
                remedy=f"Choose from: {', '.join(sorted(self._categories))}.",
            )
        old = self._card.card
        now_ms = self._clock()
        issued_at = max(
            (utc(now_ms) - CLOCK_ALLOWANCE).replace(microsecond=0), old.issued_at
        )
        new = build_card(
            NodeProfile(
                name=old.name,
                state=old.state,
                agency=old.agency,
                endpoints=endpoints or old.endpoints,
                contact_points=old.contact_points,
                categories=categories or old.categories,
            ),
            self._keys,
            tls_certificate=self._certificate,
            issued_at=issued_at,
            valid_until=issued_at + timedelta(days=CARD_VALID_DAYS),
            previous=self._card,
        )
        leaf = CardLeaf(
            node=old.name,
            sequence=new.card.sequence,
            digest=new.digest,
            time_ms=now_ms,
            blind=self._entropy(32),
        )

        def log(transaction: Transaction) -> None:
            transaction.append_leaves([leaf.encode()])
            transaction.keep_card(KeptCard(node=old.name, envelope=new.envelope))

        await self._store.write(log)
        write_private(self._path, new.envelope)
        self._card = new
        return new
