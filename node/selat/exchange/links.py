# SPDX-License-Identifier: Apache-2.0
"""One delivery for each accepted peer, begun, kept up and ended as peers change.

A link that fails is tried again after a delay that is kept in the store, and
at once when the peer calls us or its card changes. What went wrong is counted
as an incident, so that an operator sees it.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace
from typing import Final, Protocol

from selat.core.log_states import KnownState, LogPoint, LogState
from selat.core.review_answers import ReviewAnswer
from selat.errors import (
    EquivocationError,
    PeerUnreachableError,
    SelatError,
    StoreError,
    UnavailableError,
)
from selat.exchange.backoff import delay_ms
from selat.exchange.delivery import DeliveryStream, Session
from selat.exchange.local import LocalNode
from selat.exchange.peer_book import KnownPeer
from selat.exchange.witness_client import WitnessConnection
from selat.store.port import Transaction

_log = logging.getLogger(__name__)


#: A session lasts at most this long, in s; nothing is lost by ending one.
SESSION_S_MAX: Final = 6 * 3_600


class PeerConnection(Protocol):
    """A connection to one peer."""

    @property
    def witness(self) -> WitnessConnection:
        """Return what may be asked about logs over it."""

    def stream(self) -> DeliveryStream:
        """Return a new stream, not yet open."""

    async def prove(self, old: KnownState, new: KnownState) -> LogState:
        """Return the peer's proof that one state of its log extends another."""

    async def reviews(
        self, messages: Sequence[tuple[bytes, int]], known: LogPoint
    ) -> ReviewAnswer | None:
        """Return what the peer's people decided about messages of ours.

        Args:
            messages: Identifier and version of each.
            known: The state of the peer's log that we have verified.
        """

    async def card(self) -> bytes:
        """Return the envelope of the peer's newest card."""


Connect = Callable[[KnownPeer], AbstractAsyncContextManager[PeerConnection]]
#: Takes the card that a peer hands out; one under another root is an error.
OfferCard = Callable[[KnownPeer, bytes], Awaitable[None]]
#: Compares logs with a peer before anything is delivered to it; tells whether it
#: can be visited.
Meet = Callable[[KnownPeer, WitnessConnection], Awaitable[bool]]
#: What two witnesses have to tell each other; a delivery need not wait for it.
Visit = Callable[[KnownPeer, WitnessConnection], Awaitable[None]]


class Link:
    """Keep delivering to one peer."""

    def __init__(
        self,
        *,
        local: LocalNode,
        peer: str,
        connect: Connect,
        offer_card: OfferCard,
        meet: Meet,
        visit: Visit,
    ) -> None:
        """Take the peer's name; its card is looked up for each session."""
        self._local = local
        self._peer = peer
        self._connect = connect
        self._offer_card = offer_card
        self._meet = meet
        self._visit = visit
        self.connection: PeerConnection | None = None
        self._retry = asyncio.Event()
        self.wake = asyncio.Event()
        self.connected = False
        self._session_end: asyncio.Timeout | None = None
        self._begun_anew = 0

    def retry_now(self) -> None:
        """Do not wait any longer before the next attempt."""
        self._retry.set()

    def begin_anew(self) -> None:
        """End the session that is open or being opened, and begin another."""
        self._begun_anew += 1
        end, self._session_end = self._session_end, None
        if end is not None and not end.expired():
            end.reschedule(asyncio.get_running_loop().time())

    async def run(self) -> None:
        """Deliver until cancelled, session after session."""
        while True:
            try:
                await self._wait_until_due()
                await self._session()
            except SelatError as error:
                await self._failed(error)
            except Exception as error:  # noqa: BLE001 - a link never gives up
                _log.exception("delivery failed", extra={"peer": self._peer})
                await self._failed(_unexpected(self._peer, error))

    async def _wait_until_due(self) -> None:
        link = await self._local.store.read(lambda s: s.link(self._peer))
        await self._pause(link.next_attempt_ms - self._local.clock())

    async def _pause(self, wait_ms: int) -> None:
        if wait_ms > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_ms / 1000):
                    await self._retry.wait()
        self._retry.clear()

    async def _session(self) -> None:
        peer, begun_anew = self._local.peers.get(self._peer), self._begun_anew
        async with self._connect(peer) as connection:
            peer = await self._with_newest_card(peer, connection)
            can_visit = await self._meet(peer, connection.witness)
            stream = connection.stream()
            session = Session(
                local=self._local,
                peer=peer,
                stream=stream,
                wake=self.wake,
                prove=connection.prove,
                ask_reviews=connection.reviews,
                on_open=self._opened,
            )
            self.connection = connection
            visit = self._visit_beside(peer, connection) if can_visit else None
            try:
                # A new session every few hours picks up the peer's newest card.
                with suppress(TimeoutError):
                    async with asyncio.timeout(SESSION_S_MAX) as self._session_end:
                        if begun_anew == self._begun_anew:
                            await session.run()
            finally:
                self._session_end = None
                self.connected = False
                self.connection = None
                if visit is not None:
                    visit.cancel()
                    await asyncio.gather(visit, return_exceptions=True)
                await stream.close()

    def _visit_beside(
        self, peer: KnownPeer, connection: PeerConnection
    ) -> asyncio.Task[None]:
        """Begin to tell the peer what witnesses tell each other."""

        async def visit() -> None:
            try:
                await self._visit(peer, connection.witness)
            except SelatError as error:
                _log.info(
                    "not visited", extra={"peer": peer.name, "reason": error.reason}
                )

        return asyncio.ensure_future(visit())

    async def _with_newest_card(
        self, peer: KnownPeer, connection: PeerConnection
    ) -> KnownPeer:
        """Take a newer card if the peer has one; without, the known one serves."""
        try:
            envelope = await connection.card()
        except PeerUnreachableError:
            return peer
        await self._offer_card(peer, envelope)
        return self._local.peers.get(peer.name)

    def _opened(self) -> None:
        self.connected = True
        _log.info("link open", extra={"peer": self._peer})

    async def _failed(self, error: SelatError) -> None:
        local, peer = self._local, self._peer
        now_ms, jitter = local.clock(), random.random()  # noqa: S311 - no secret

        def note(transaction: Transaction) -> int:
            link = transaction.link(peer)
            attempts = link.attempts + 1
            wait_ms = delay_ms(attempts, random=jitter)
            transaction.put_link(
                replace(
                    link,
                    attempts=attempts,
                    next_attempt_ms=now_ms + wait_ms,
                    last_error=error.reason,
                )
            )
            if not isinstance(error, UnavailableError | EquivocationError):
                transaction.note_incident(
                    peer=peer, reason=error.reason, detail=str(error), at_ms=now_ms
                )
            return wait_ms

        try:
            wait_ms = await local.store.write(note)
        except StoreError as failure:
            _log.error(
                "link down, and not kept",
                extra={"peer": peer, "reason": error.reason, "store": failure.reason},
            )
            await self._pause(delay_ms(1, random=jitter))
            return
        _log.warning(
            "link down",
            extra={"peer": peer, "reason": error.reason, "retry_ms": wait_ms},
        )


def _unexpected(peer: str, error: Exception) -> SelatError:
    return PeerUnreachableError(
        f"Delivery to {peer} failed unexpectedly ({type(error).__name__}).",
        remedy="The node's log has the details; it is tried again by itself.",
        peer=peer,
    )


class Links:
    """The links to every accepted peer."""

    def __init__(
        self,
        *,
        local: LocalNode,
        connect: Connect,
        offer_card: OfferCard,
        meet: Meet,
        visit: Visit,
    ) -> None:
        """Start without links; `run` makes them.

        Args:
            local: Our node.
            connect: How to connect to a peer.
            offer_card: Takes the card that a peer hands out at each session.
            meet: Compares logs with a peer at the beginning of each session.
            visit: Begins, beside the session, what witnesses tell each other.
        """
        self._local = local
        self._connect = connect
        self._offer_card = offer_card
        self._meet = meet
        self._visit = visit
        self._links: dict[str, Link] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def wake(self, peer: str) -> None:
        """Tell a link that something was queued for its peer."""
        link = self._links.get(peer)
        if link is not None:
            link.wake.set()

    def heard_from(self, peer: str) -> None:
        """Tell a link that its peer has just called us: it can be reached."""
        link = self._links.get(peer)
        if link is not None and not link.connected:
            link.retry_now()

    def begin_anew(self) -> None:
        """End every open session and begin another, over a new connection."""
        for link in self._links.values():
            link.begin_anew()

    def is_connected(self, peer: str) -> bool:
        """Tell whether a stream to the peer is open."""
        link = self._links.get(peer)
        return link is not None and link.connected

    def connections(self) -> dict[str, PeerConnection]:
        """Return the connections that are open, by the name of the peer."""
        return {
            name: link.connection
            for name, link in self._links.items()
            if link.connection is not None
        }

    async def run(self) -> None:
        """Keep one link for each accepted peer until cancelled."""
        try:
            while True:
                changed = asyncio.ensure_future(self._local.peers.changed())
                await self._follow_book()
                await changed
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _follow_book(self) -> None:
        accepted = {peer.name for peer in self._local.peers.accepted()}
        for name in set(self._tasks) - accepted:
            task = self._tasks.pop(name)
            del self._links[name]
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        for name in accepted:
            if name in self._links:
                self._links[name].retry_now()
                continue
            link = Link(
                local=self._local,
                peer=name,
                connect=self._connect,
                offer_card=self._offer_card,
                meet=self._meet,
                visit=self._visit,
            )
            self._links[name] = link
            self._tasks[name] = asyncio.ensure_future(link.run())
