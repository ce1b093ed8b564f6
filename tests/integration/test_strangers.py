# SPDX-License-Identifier: Apache-2.0
"""Who may deliver: the accepted peers, on every call and for every batch."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
from tests.fakes.liars import Liar, dump
from tests.fakes.nodes import (
    Home,
    Running,
    ShiftedClock,
    eventually,
    introduce,
    person,
    running,
)

from selat.core.times import utc
from selat.errors import (
    CardExpiredError,
    NodeUnreachableError,
    PeerRemovedError,
    PeerUnknownError,
)
from selat.identity.certificates import Term, issue_node_certificate
from selat.identity.key_kinds import KeyKind
from selat.identity.own_card import (
    NodeProfile,
    build_card,
    card_keys,
    newest_names,
)
from selat.node import serve
from selat.rpc import handshakes
from selat.v1 import desk_service_pb2 as pb

DAYS_OF_A_CARD_MS = 731 * 86_400_000


async def remove(node: Running, peer: Home) -> None:
    await node.admin.RemovePeer(pb.RemovePeerRequest(name=peer.name))


async def test_stranger_is_refused_by_tls(xa: Home, xb: Home, xc: Home) -> None:
    await introduce(xa, xb)
    async with running(xb) as victim:
        before = dump(xb)
        async with Liar(xc, xb).stream() as stream:
            with pytest.raises(NodeUnreachableError):
                await stream.open()
        assert dump(xb) == before
        assert await victim.incidents() == {}


async def test_strangers_are_counted_and_peers_are_not(
    xa: Home,
    xb: Home,
    xc: Home,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(serve, "DOOR_INTERVAL_S", 0.02)
    await introduce(xa, xb)
    async with running(xb) as victim:
        async with Liar(xa, xb).stream() as stream:
            await stream.open()
        # Whoever was let in has called by now; strangers need not be waited for.
        monkeypatch.setattr(handshakes, "GRACE_S", 0.0)
        assert (await victim.status()).turned_away == 0
        async with Liar(xc, xb).stream() as stream:
            with pytest.raises(NodeUnreachableError):
                await stream.open()

        async def is_logged() -> bool:
            return "callers turned away" in caplog.messages

        await eventually(is_logged)
        assert (await victim.status()).turned_away >= 1


async def test_certificate_on_no_card_is_refused(xb: Home) -> None:
    # Without peers the node's own certificate is the only one that TLS trusts.
    async with running(xb) as victim:
        before = dump(xb)
        async with Liar(xb, xb).stream() as stream:
            with pytest.raises(PeerUnknownError):
                await stream.open()
        assert dump(xb) == before
        assert await victim.incidents() == {("", "PEER_UNKNOWN"): 1}


async def test_certificate_that_the_newest_card_left_out_is_refused_on_open_streams(
    xa: Home, xb: Home
) -> None:
    await introduce(xa, xb)
    liar = Liar(xa, xb)
    async with running(xb) as victim, liar.stream() as stream:
        await stream.open()
        await stream.deliver(liar.batch(liar.tell(person())))
        await victim.add_peer(_renewed(xa, liar))
        before = dump(xb)
        with pytest.raises(PeerUnknownError):
            await stream.send(liar.batch(liar.tell(person())))
        assert dump(xb) == before
        assert ("", "PEER_UNKNOWN") in await victim.incidents()


def _renewed(home: Home, liar: Liar) -> Home:
    """Return the home with a second card that lists another certificate."""
    now = utc(liar.now_ms).replace(microsecond=0)
    until = now + timedelta(days=30)
    liar.keys.add(KeyKind.TLS, created=now, entropy=os.urandom)
    certificate = issue_node_certificate(
        liar.keys.tls(),
        name=home.name,
        term=Term(serial=2, not_before=now, not_after=until),
    )
    card = build_card(
        NodeProfile(name=home.name, state="XA", agency="Police of XA"),
        liar.keys.root(),
        keys=card_keys(
            liar.keys,
            newest_names(liar.keys),
            tls_certificate=certificate,
            not_before=now,
            not_after=until,
        ),
        issued_at=now,
        valid_until=until,
        previous=home.card,
    )
    return Home(folder=home.folder, card=card)


async def test_removed_peer_is_refused_on_its_open_stream(xa: Home, xb: Home) -> None:
    await introduce(xa, xb)
    liar = Liar(xa, xb)
    async with running(xb) as victim, liar.stream() as stream:
        await stream.open()
        await stream.deliver(liar.batch(liar.tell(person())))
        await remove(victim, xa)
        before = dump(xb)
        with pytest.raises(PeerRemovedError):
            await stream.send(liar.batch(liar.tell(person())))
        assert dump(xb) == before
        assert await victim.incidents() == {(xa.name, "PEER_REMOVED"): 1}


async def test_removed_peer_is_refused_by_tls(xa: Home, xb: Home) -> None:
    await introduce(xa, xb)
    async with running(xb) as victim:
        await remove(victim, xa)
        async with Liar(xa, xb).stream() as stream:
            with pytest.raises(NodeUnreachableError):
                await stream.open()


async def test_peer_that_is_added_again_goes_on_where_it_was(
    xa: Home, xb: Home
) -> None:
    await introduce(xa, xb)
    liar = Liar(xa, xb)
    async with running(xb) as victim:
        async with liar.stream() as stream:
            await stream.open()
            await stream.deliver(liar.batch(liar.tell(person())))
        await remove(victim, xa)
        await victim.add_peer(xa)
        async with liar.stream() as stream:
            greeting = await stream.open()
            assert greeting.received_sequence == 1
            await stream.deliver(liar.batch(liar.tell(person())))
        assert len(await victim.received()) == 2


async def test_expired_card_is_refused(xa: Home, xb: Home) -> None:
    await introduce(xa, xb)
    clock = ShiftedClock()
    clock.ahead_ms = DAYS_OF_A_CARD_MS
    async with running(xb, clock=clock) as victim:
        before = dump(xb)
        async with Liar(xa, xb).stream() as stream:
            with pytest.raises(CardExpiredError):
                await stream.open()
        assert dump(xb) == before
        assert (xa.name, "CARD_EXPIRED") in await victim.incidents()


async def test_card_that_expires_is_refused_on_open_streams(xa: Home, xb: Home) -> None:
    await introduce(xa, xb)
    clock = ShiftedClock()
    liar = Liar(xa, xb)
    async with running(xb, clock=clock) as victim, liar.stream() as stream:
        await stream.open()
        await stream.deliver(liar.batch(liar.tell(person())))
        clock.ahead_ms = DAYS_OF_A_CARD_MS
        with pytest.raises(CardExpiredError):
            await stream.send(liar.batch(liar.tell(person())))
        assert len(await victim.received()) == 1
        assert (xa.name, "CARD_EXPIRED") in await victim.incidents()
