# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from tests.fakes.identities import Identity
from tests.fakes.local_nodes import accept_peers, peer_row
from tests.fakes.nodes import eventually

from selat.core.log_states import NOTHING_KNOWN, LogPoint
from selat.exchange.delivery import Greeting
from selat.exchange.links import Links
from selat.exchange.local import LocalNode
from selat.exchange.peer_book import KnownPeer


class Connection:
    """A connection whose peer greets, and then says nothing any more."""

    def __init__(self, card: bytes, may_open: asyncio.Event) -> None:
        self._card = card
        self._may_open = may_open
        self.is_open = False
        self.was_greeted = False

    witness = None

    def stream(self) -> Connection:
        return self

    async def card(self) -> bytes:
        await self._may_open.wait()
        return self._card

    async def open(self, known: LogPoint) -> Greeting:
        assert known == NOTHING_KNOWN
        self.was_greeted = True
        return Greeting(received_sequence=0, known=NOTHING_KNOWN)

    async def receive(self) -> Any:  # noqa: ANN401 - nothing ever comes
        await asyncio.Event().wait()

    async def close(self) -> None:
        self.was_greeted = False

    async def prove(self, *_states: object) -> None:
        raise AssertionError("no proof is needed")

    reviews = prove


class Opened:
    """The connections of a node to its one peer, in their order."""

    def __init__(self, local: LocalNode, peer: Identity) -> None:
        self.all: list[Connection] = []
        self.may_open = asyncio.Event()
        self._card = peer.card.envelope
        self.links = Links(
            local=local,
            connect=self._connect,  # type: ignore[arg-type]  # as much as is used
            offer_card=self._take,
            meet=self._meet,
            visit=self._take,
        )

    @asynccontextmanager
    async def _connect(self, _peer: KnownPeer) -> AsyncIterator[Connection]:
        connection = Connection(self._card, self.may_open)
        self.all.append(connection)
        connection.is_open = True
        yield connection
        connection.is_open = False

    async def _take(self, *_shown: object) -> None:
        """Take what is shown, and do nothing with it."""

    async def _meet(self, *_shown: object) -> bool:
        return False

    async def reach(self, count: int) -> None:
        """Wait until so many were made."""

        async def look() -> bool:
            return len(self.all) == count

        await eventually(look)


@pytest.fixture
async def opened(local: LocalNode, xa: Identity) -> AsyncIterator[Opened]:
    await accept_peers(local, peer_row(xa))
    connections = Opened(local, xa)
    running = asyncio.ensure_future(connections.links.run())
    yield connections
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def in_session(connection: Connection) -> None:
    async def look() -> bool:
        return connection.was_greeted

    await eventually(look)


async def test_open_session_begins_anew_over_another_connection(
    opened: Opened,
) -> None:
    opened.may_open.set()
    await opened.reach(1)
    await in_session(opened.all[0])
    opened.links.begin_anew()
    await opened.reach(2)
    await in_session(opened.all[1])
    assert not opened.all[0].is_open


async def test_connection_that_is_just_being_opened_is_opened_anew(
    opened: Opened,
) -> None:
    await opened.reach(1)
    opened.links.begin_anew()
    opened.links.begin_anew()
    opened.may_open.set()
    await opened.reach(2)
    await in_session(opened.all[1])
    assert not opened.all[0].was_greeted
