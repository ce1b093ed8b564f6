# SPDX-License-Identifier: Apache-2.0
"""Our card while the node runs, and how the next one is issued.

A card comes into force in three steps, each durable before the next:

1. new keys, if there are any, are written to the key store, where nothing uses
   them: which key is used when follows from the card (`selat.identity.key_schedule`);
2. a transaction keeps the card and appends its leaf: from here on it is our card;
3. its file is written.

What a crash leaves between them is settled at the next start: a card whose file
is missing gets it. Keys that no card lists stay where nothing uses them; a start
destroys no key, because the database may be an old one that was put in place.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from selat.core.leaves import CardLeaf
from selat.core.times import utc
from selat.errors import CardExpiredError, InvalidInputError
from selat.exchange.local import Clock, Entropy
from selat.exchange.signing import StepObserver
from selat.identity.card import SignedCard, parse_card
from selat.identity.card_keys import CardKey, KeyPurpose
from selat.identity.key_schedule import (
    CLOCK_ALLOWANCE,
    ScheduledKey,
    carried,
    schedule_of,
)
from selat.identity.keystore import KeyStore
from selat.identity.own_card import NodeProfile, build_card
from selat.identity.private_files import write_private
from selat.node.initialise import CARD_VALID_DAYS
from selat.node.key_rotation import NewKeys
from selat.store.port import Snapshot, Store, Transaction
from selat.store.publication import KeptCard


class _Term(NamedTuple):
    """From when a card holds, and until when, UTC."""

    since: datetime
    until: datetime


class OwnCard:
    """Hold our newest card.

    Args:
        path: The card's file.
        keys: The key store; issuing needs its root keys.
        store: Where a new card is logged and kept.
        categories: The catalogue's category identifiers.
        clock: The present time.
        entropy: Randomness.
        on_step: Observer of write steps.
    """

    def __init__(
        self,
        *,
        path: Path,
        keys: KeyStore,
        store: Store,
        categories: frozenset[str],
        clock: Clock,
        entropy: Entropy,
        on_step: StepObserver,
    ) -> None:
        """Read the card."""
        self._path = path
        self._keys = keys
        self._store = store
        self._categories = categories
        self._clock = clock
        self._entropy = entropy
        self._on_step = on_step
        self._card = parse_card(path.read_bytes())
        self._lock = asyncio.Lock()

    async def settle(self) -> None:
        """Finish what a crash interrupted. At the start, before all else.

        Raises:
            KeyStoreError: The card's file could not be written.
        """
        cards = await self._store.read(self._own_cards)
        if self._card.digest not in {card.digest for card in cards}:
            return  # a file that our log knows nothing of is not judged by it
        newest = max(reversed(cards), key=lambda card: card.card.sequence)
        if newest.card.sequence > self._card.card.sequence:
            write_private(self._path, newest.envelope)
            self._card = newest

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

    async def schedule(self) -> tuple[ScheduledKey, ...]:
        """Return every key that a card of ours ever listed, and where it stands."""
        cards = await self._store.read(self._own_cards)
        cards.sort(key=lambda card: card.card.sequence)
        return schedule_of(
            self._card.card.keys,
            [key for card in cards for key in card.card.keys],
            at=utc(self._clock()),
        )

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
        async with self._lock:
            old, term = _profile(self._card), self._next_term()
            profile = replace(
                old,
                endpoints=endpoints or old.endpoints,
                categories=categories or old.categories,
            )
            return await self._issue(profile, term, self._carried(term))

    async def rotate(
        self, purpose: KeyPurpose, *, after: timedelta | None
    ) -> tuple[SignedCard, datetime]:
        """Make new keys for one job, and issue the card by which they take over.

        Args:
            purpose: The job.
            after: How long the keys that are in use still are; None to end with
                them at once, because somebody else may have them.

        Returns:
            The card, and when the new keys take over.

        Raises:
            KeyStoreError: The root keys are not here, or a key could not be
                written.
            WrongStateError: Other new keys wait to take over.
        """
        async with self._lock:
            self._keys.root()  # before anything is made that it must sign
            term = self._next_term()
            new = NewKeys.plan(self._card, purpose, now=utc(self._clock()), after=after)
            made = await asyncio.to_thread(
                new.make, self._keys, valid_until=term.until, entropy=self._entropy
            )
            self._on_step("card.keys-written")
            keys = new.list_on(self._carried(term), made)
            card = await self._issue(_profile(self._card), term, keys)
        return card, new.takes_over_at

    def _next_term(self) -> _Term:
        present = (utc(self._clock()) - CLOCK_ALLOWANCE).replace(microsecond=0)
        since = max(present, self._card.card.issued_at)
        return _Term(since=since, until=since + timedelta(days=CARD_VALID_DAYS))

    def _carried(self, term: _Term) -> tuple[CardKey, ...]:
        keys = self._card.card.keys
        return carried(keys, issued_at=term.since, valid_until=term.until)

    async def _issue(
        self, profile: NodeProfile, term: _Term, keys: tuple[CardKey, ...]
    ) -> SignedCard:
        """Steps 2 and 3."""
        new = build_card(
            profile,
            self._keys.root(),
            keys=keys,
            issued_at=term.since,
            valid_until=term.until,
            previous=self._card,
        )
        leaf = CardLeaf(
            node=profile.name,
            sequence=new.card.sequence,
            digest=new.digest,
            time_ms=self._clock(),
            blind=self._entropy(32),
        )

        def log(transaction: Transaction) -> None:
            transaction.append_leaves([leaf.encode()])
            transaction.keep_card(KeptCard(node=profile.name, envelope=new.envelope))

        await self._store.write(log)
        self._on_step("card.committed")
        write_private(self._path, new.envelope)
        self._on_step("card.written")
        self._card = new
        return new

    def _own_cards(self, snapshot: Snapshot) -> list[SignedCard]:
        name = self._card.card.name
        return [
            parse_card(kept.envelope) for kept in snapshot.cards() if kept.node == name
        ]


def _profile(signed: SignedCard) -> NodeProfile:
    card = signed.card
    return NodeProfile(
        name=card.name,
        state=card.state,
        agency=card.agency,
        endpoints=card.endpoints,
        contact_points=card.contact_points,
        categories=card.categories,
    )
