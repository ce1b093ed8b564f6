# SPDX-License-Identifier: Apache-2.0
"""The peers that this node accepts, in memory, as the store has them.

Every call and every batch asks here, so that adding and removing a peer takes
effect at once, on open streams too.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from selat.errors import PeerRemovedError, PeerSuspendedError, PeerUnknownError
from selat.identity.card import SignedCard, parse_card
from selat.policy.port import PeerFacts
from selat.store.values import PeerRow, PeerState

#: Certificates of connections whose digests are remembered.
_CERTIFICATES_KEPT: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPeer:
    """A peer with its parsed card.

    Attributes:
        row: The peer as the store has it.
        card: Its newest card.
        name: Its node name.
        facts: What policies may know of it.
    """

    row: PeerRow
    card: SignedCard
    name: str = field(init=False, repr=False, compare=False)
    facts: PeerFacts = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Read the facts off the card once; every message is judged by them."""
        card = self.card.card
        facts = PeerFacts(
            name=self.row.name,
            state=card.state,
            categories=frozenset(card.categories),
        )
        object.__setattr__(self, "name", facts.name)
        object.__setattr__(self, "facts", facts)


class PeerBook:
    """Look peers up by name and by TLS certificate."""

    def __init__(self) -> None:
        """Start empty; `load` fills it."""
        self._by_name: dict[str, KnownPeer] = {}
        self._by_certificate: dict[bytes, str] = {}
        self._trusted_pem = b""
        self._changed = asyncio.Event()

    def load(self, rows: Iterable[PeerRow]) -> None:
        """Replace the contents by what the store has, and wake who waits."""
        by_name: dict[str, KnownPeer] = {}
        by_certificate: dict[bytes, str] = {}
        trusted: list[bytes] = []
        for row in rows:
            peer = KnownPeer(row=row, card=parse_card(row.envelope))
            by_name[row.name] = peer
            for certificate in peer.card.card.tls_certificates:
                by_certificate[hashlib.sha256(certificate).digest()] = row.name
                if row.state is not PeerState.REMOVED:
                    trusted.append(_pem(certificate))
        self._by_name = by_name
        self._by_certificate = by_certificate
        self._trusted_pem = b"".join(trusted)
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def changed(self) -> None:
        """Wait until `load` is called the next time."""
        await self._changed.wait()

    def trusted_pem(self) -> bytes:
        """Return the TLS certificates of every peer that may connect, PEM.

        A suspended one may, to be told that it is.
        """
        return self._trusted_pem

    def known(self) -> list[KnownPeer]:
        """Return every peer, accepted, suspended and removed, by name."""
        return [self._by_name[name] for name in sorted(self._by_name)]

    def accepted(self) -> list[KnownPeer]:
        """Return the accepted peers by name."""
        return [peer for peer in self.known() if peer.row.state is PeerState.ACCEPTED]

    def corresponding(self) -> list[KnownPeer]:
        """Return the peers that messages may be queued for, by name.

        What is queued for a suspended one waits for a person's decision.
        """
        return [
            peer for peer in self.known() if peer.row.state is not PeerState.REMOVED
        ]

    def find(self, name: str) -> KnownPeer | None:
        """Return a peer of that name, whatever its standing, or None."""
        return self._by_name.get(name)

    def get(self, name: str) -> KnownPeer:
        """Return an accepted peer.

        Raises:
            PeerUnknownError: There is none of that name.
            PeerRemovedError: It was removed.
            PeerSuspendedError: Its log has shown two histories.
        """
        peer = self.correspondent(name)
        if peer.row.state is PeerState.SUSPENDED:
            raise PeerSuspendedError(
                f"Exchange with {name} is suspended: its log has shown two histories.",
                remedy="See `selat peer evidence`, then `selat peer resume` or "
                "`selat peer remove`.",
                peer=name,
            )
        return peer

    def correspondent(self, name: str) -> KnownPeer:
        """Return a peer that messages may be queued for.

        Raises:
            PeerUnknownError: There is none of that name.
            PeerRemovedError: It was removed.
        """
        peer = self._by_name.get(name)
        if peer is None:
            raise PeerUnknownError(
                f"No peer named {name} is known.",
                remedy="Add its card with `selat peer add`.",
                peer=name,
            )
        if peer.row.state is PeerState.REMOVED:
            raise PeerRemovedError(
                f"The peer {name} was removed.",
                remedy="Add its card again if exchange is to resume.",
                peer=name,
            )
        return peer

    def by_certificate(self, pem: bytes, *, now: datetime) -> KnownPeer:
        """Return the accepted peer that presents a TLS certificate.

        Args:
            pem: The certificate of the connection.
            now: The present time, UTC.

        Raises:
            PeerUnknownError: No card lists that certificate.
            PeerRemovedError: The peer was removed.
            PeerSuspendedError: Its log has shown two histories.
            CardExpiredError: The card or its TLS key is outside its validity.
        """
        digest = _digest(pem)
        name = self._by_certificate.get(digest)
        if name is None:
            raise PeerUnknownError(
                "No accepted card lists the certificate of this connection.",
                remedy="Exchange cards first, or add the caller's newest card.",
            )
        peer = self.get(name)
        peer.card.card.check_tls_certificate(digest, at=now)
        return peer


@lru_cache(_CERTIFICATES_KEPT)
def _digest(pem: bytes) -> bytes:
    """Return the SHA-256 of a certificate's DER form; each batch is asked for it."""
    return hashlib.sha256(
        x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    ).digest()


def _pem(der: bytes) -> bytes:
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)
