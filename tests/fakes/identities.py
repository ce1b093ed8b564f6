# SPDX-License-Identifier: Apache-2.0
"""Identities of made-up nodes, the same in every run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import shake_256
from pathlib import Path

from selat.identity.card import SignedCard
from selat.identity.certificates import Term, issue_node_certificate
from selat.identity.key_files import Argon2Cost
from selat.identity.key_schedule import carried, succeeded
from selat.identity.keystore import KeyStore
from selat.identity.own_card import (
    NodeProfile,
    build_card,
    card_keys,
    newest_names,
)

PASSPHRASE = b"correct horse battery staple"
#: Opens a key store at once. For tests only.
CHEAP = Argon2Cost(passes=1, lanes=1, memory_kib=8)

ISSUED = datetime(2030, 1, 1, tzinfo=UTC)
EXPIRES = datetime(2031, 1, 1, tzinfo=UTC)
MIDYEAR = datetime(2030, 7, 1, tzinfo=UTC)


class SeededEntropy:
    """Bytes that look random and are the same for the same seed."""

    def __init__(self, seed: str) -> None:
        self._seed = seed.encode()
        self._drawn = 0

    def __call__(self, size: int) -> bytes:
        self._drawn += 1
        return shake_256(self._seed + self._drawn.to_bytes(4, "big")).digest(size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A node's keys, TLS certificate and first card."""

    key_store: KeyStore
    tls_certificate: bytes
    card: SignedCard


def make_identity(
    folder: Path,
    name: str = "police.xa.example",
    *,
    state: str = "XA",
    endpoints: tuple[str, ...] = (),
    issued_at: datetime = ISSUED,
    valid_until: datetime = EXPIRES,
    entropy: SeededEntropy | None = None,
) -> Identity:
    """Make the identity of a node.

    Args:
        folder: Where its key store goes; it must not exist.
        name: Node name; the keys follow from it.
        state: Code of its state.
        endpoints: Where it can be called.
        issued_at: From when card and certificate hold.
        valid_until: Until when they hold.
        entropy: Where the keys come from, if not from the name.
    """
    key_store = KeyStore.create(
        folder,
        PASSPHRASE,
        created=issued_at,
        entropy=entropy or SeededEntropy(name),
        cost=CHEAP,
    )
    tls_certificate = issue_node_certificate(
        key_store.tls(),
        name=name,
        term=Term(serial=1, not_before=issued_at, not_after=valid_until),
    )
    card = card_of(
        NodeProfile(
            name=name, state=state, agency=f"Police of {state}", endpoints=endpoints
        ),
        key_store,
        tls_certificate=tls_certificate,
        issued_at=issued_at,
        valid_until=valid_until,
    )
    return Identity(key_store=key_store, tls_certificate=tls_certificate, card=card)


def card_of(
    profile: NodeProfile,
    key_store: KeyStore,
    *,
    tls_certificate: bytes,
    issued_at: datetime,
    valid_until: datetime,
    previous: SignedCard | None = None,
) -> SignedCard:
    """Issue a card by which the newest keys of a key store are valid at once."""
    newest = card_keys(
        key_store,
        newest_names(key_store),
        tls_certificate=tls_certificate,
        not_before=issued_at,
        not_after=valid_until,
    )
    keys = newest
    if previous is not None:
        known = {key.public for key in previous.card.keys}
        keys = carried(previous.card.keys, issued_at=issued_at, valid_until=valid_until)
        for key in newest:
            if key.public not in known:
                keys = succeeded(keys, key, ends=issued_at)
    return build_card(
        profile,
        key_store.root(),
        keys=keys,
        issued_at=issued_at,
        valid_until=valid_until,
        previous=previous,
    )


def later(days: int) -> datetime:
    """Return a moment so many days after `ISSUED`."""
    return ISSUED + timedelta(days=days)
