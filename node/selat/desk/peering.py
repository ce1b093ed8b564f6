# SPDX-License-Identifier: Apache-2.0
"""Accept, update, resume and remove peers. Each act is a leaf of the log."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import replace

from selat.core.fingerprints import Fingerprint
from selat.core.leaves import PeerLeaf
from selat.core.times import utc
from selat.errors import (
    InvalidInputError,
    NotFoundError,
    SignatureError,
    WrongStateError,
)
from selat.exchange.local import LocalNode
from selat.exchange.peer_book import KnownPeer
from selat.identity.card import SignedCard, parse_card, verify_successor
from selat.policy.port import ANY_CATEGORY
from selat.store.port import Transaction
from selat.store.values import PeerRow, PeerState


class Peering:
    """Change who this node exchanges with.

    Args:
        local: Our node.
        categories: The catalogue's category identifiers.
        set_released: Puts into force which categories may go to a peer.
    """

    def __init__(
        self,
        *,
        local: LocalNode,
        categories: frozenset[str],
        set_released: Callable[[str, frozenset[str]], Awaitable[None]],
    ) -> None:
        """Take what peering needs."""
        self._local = local
        self._categories = categories
        self._set_released = set_released

    async def add(
        self, envelope: bytes, *, fingerprint: str, categories: frozenset[str], by: str
    ) -> tuple[KnownPeer, bool]:
        """Accept a peer by its card, or a newer card of an accepted peer.

        Args:
            envelope: The peer's card.
            fingerprint: What the peer told by telephone; for a peer that is
                known it may be empty, because the root vouches.
            categories: What may be released to it; empty leaves it unchanged.
            by: Role of who does it.

        Returns:
            The peer, and whether it was known before.

        Raises:
            SignatureError: The fingerprint is not that of the card.
            InvalidInputError: A category is unknown, or the card is our own.
            WrongStateError: The card is older than the one accepted.
        """
        local = self._local
        signed = parse_card(envelope)
        name = signed.card.name
        self._check(signed, categories)
        row = await local.store.read(lambda s: s.peer(name))
        if row is None or row.state is PeerState.REMOVED:
            _compare(signed, fingerprint)
        updated = row is not None and row.state is not PeerState.REMOVED
        if row is not None:
            _check_newer(parse_card(row.envelope), signed)
        now_ms = local.clock()
        new_row = PeerRow(
            name=name,
            envelope=envelope,
            # A newer card does not end a suspension: a person does.
            state=row.state if row is not None and updated else PeerState.ACCEPTED,
            accepted_ms=row.accepted_ms if row else now_ms,
            changed_ms=now_ms,
        )
        action = "updated" if updated else "accepted"
        await self._put(new_row, signed, action=action, by=by)
        if categories:
            await self._set_released(name, categories)
        return local.peers.correspondent(name), updated

    async def refresh(self, peer: KnownPeer, envelope: bytes) -> None:
        """Take the card that an accepted peer hands out itself.

        A newer card under the accepted root replaces the one before; the card
        that is known, or an older one, changes nothing.

        Raises:
            VerificationError: It is another node's, another root's or another
                chain's.
            InvalidInputError: It is no card.
        """
        signed = parse_card(envelope)
        if signed.digest == peer.card.digest:
            return
        if signed.card.sequence >= peer.card.card.sequence:
            verify_successor(peer.card, signed)
            await self.add(envelope, fingerprint="", categories=frozenset(), by="peer")

    async def remove(self, name: str, *, by: str) -> KnownPeer:
        """End the exchange with a peer.

        Raises:
            NotFoundError: There is no such peer.
        """
        row = await self._row(name)
        return await self._change(row, PeerState.REMOVED, action="removed", by=by)

    async def resume(self, name: str, *, by: str) -> KnownPeer:
        """Resume the exchange with a peer whose log has shown two histories.

        The proofs against it stay, and so does what is kept of its log.

        Raises:
            NotFoundError: There is no such peer.
            WrongStateError: It is not suspended.
        """
        row = await self._row(name)
        if row.state is not PeerState.SUSPENDED:
            raise WrongStateError(
                f"Exchange with {name} is not suspended: it is {row.state}.",
                remedy="`selat peer list` shows how each peer stands.",
                peer=name,
            )
        return await self._change(row, PeerState.ACCEPTED, action="resumed", by=by)

    async def _row(self, name: str) -> PeerRow:
        row = await self._local.store.read(lambda s: s.peer(name))
        if row is None:
            raise NotFoundError(
                f"No peer named {name} is known.",
                remedy="`selat peer list` shows the names.",
                peer=name,
            )
        return row

    async def _change(
        self, row: PeerRow, state: PeerState, *, action: str, by: str
    ) -> KnownPeer:
        signed = parse_card(row.envelope)
        changed = replace(row, state=state, changed_ms=self._local.clock())
        await self._put(changed, signed, action=action, by=by)
        return KnownPeer(row=changed, card=signed)

    async def _put(
        self, row: PeerRow, signed: SignedCard, *, action: str, by: str
    ) -> None:
        local = self._local
        leaf = PeerLeaf(
            node=local.name,
            peer=row.name,
            action=action,
            card=signed.digest,
            by=by,
            time_ms=local.clock(),
            blind=local.entropy(32),
        )

        def work(transaction: Transaction) -> list[PeerRow]:
            transaction.put_peer(row)
            transaction.append_leaves([leaf.encode()])
            return transaction.peers()

        local.peers.load(await local.store.write(work))

    def _check(self, signed: SignedCard, categories: frozenset[str]) -> None:
        if signed.card.name == self._local.name:
            raise InvalidInputError(
                "That is this node's own card.",
                remedy="Give your card to the peer, and add the card it gives you.",
            )
        unknown = categories - self._categories - {ANY_CATEGORY}
        if unknown:
            raise InvalidInputError(
                f"Not in the catalogue: {', '.join(sorted(unknown))}.",
                remedy=f"Choose from: {', '.join(sorted(self._categories))}, or *.",
            )
        signed.card.seal_key(utc(self._local.clock()))  # valid now, or raises


def _compare(signed: SignedCard, told: str) -> None:
    if not told:
        raise InvalidInputError(
            "A new peer's fingerprint must be compared first.",
            remedy="Ask the peer for it over a channel that you already trust and "
            "give it with --fingerprint.",
        )
    if not hmac.compare_digest(
        signed.fingerprint.digest, Fingerprint.parse(told).digest
    ):
        raise SignatureError(
            "The fingerprint is not the one of this card.",
            remedy="Do not accept the card. Ask the peer again over another channel.",
        )


def _check_newer(old: SignedCard, new: SignedCard) -> None:
    if new.card.sequence < old.card.sequence:
        raise WrongStateError(
            f"Card {new.card.sequence} is older than the accepted card "
            f"{old.card.sequence}.",
            remedy="Ask the peer for its newest card.",
        )
    if new.digest != old.digest:
        verify_successor(old, new)
