# SPDX-License-Identifier: Apache-2.0
"""The HTTP server by itself: its bounds, its witness, and what it keeps quiet."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from tests.fakes.http import Answer, Client

from selat.core.tile_paths import TilePath
from selat.core.witnessing import ADD_CHECKPOINT_BYTES_MAX
from selat.errors import StoreError
from selat.identity.certificate_checks import to_pem
from selat.identity.certificates import DeskAuthority, Term
from selat.identity.p256 import private_key_pem
from selat.publication import http_server
from selat.publication.http_server import AddCheckpoint, PublicationServer
from selat.publication.tls import server_context

NOTE = b"a signed note\n"
CHECKPOINT = "/2030h1/checkpoint"


def term(serial: int) -> Term:
    now = datetime.now(UTC)
    return Term(serial=serial, not_before=now, not_after=now + timedelta(days=1))


class ScriptedLog:
    """A log of which every checkpoint is one note, when it comes to it."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.open = asyncio.Event()
        self.open.set()
        self.asked = asyncio.Event()
        self.count = 0

    async def checkpoint(self, name: str) -> bytes:
        self.asked.set()
        self.count += 1
        await self.open.wait()
        if self.failure is not None:
            raise self.failure
        assert name == "2030h1"
        return NOTE

    async def tile(self, name: str, tile: TilePath) -> bytes:
        return f"{name}/{tile}".encode()


async def admit_anybody(certificate: bytes) -> str:
    assert certificate
    return "court.1"


@pytest.fixture
def authority() -> DeskAuthority:
    return DeskAuthority.create(
        ec.generate_private_key(ec.SECP256R1()),
        name="police.xa.example",
        term=term(1),
    )


@pytest.fixture
def client_tls(authority: DeskAuthority, tmp_path: Path) -> ssl.SSLContext:
    issued = authority.issue_officer(
        ec.generate_private_key(ec.SECP256R1()), officer_id="court.1", term=term(2)
    )
    tls = ssl.create_default_context(cadata=to_pem(authority.certificate).decode())
    (tmp_path / "client.pem").write_bytes(
        issued.private_key_pem + issued.certificate_pem
    )
    tls.load_cert_chain(tmp_path / "client.pem")
    return tls


@pytest.fixture
def stranger_tls(authority: DeskAuthority) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=to_pem(authority.certificate).decode())


@asynccontextmanager
async def serving(
    authority: DeskAuthority,
    log: ScriptedLog,
    add_checkpoint: AddCheckpoint | None = None,
) -> AsyncIterator[int]:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = authority.issue_server(key.public_key(), hosts=(), term=term(3))
    server = PublicationServer(
        log=log, admit=admit_anybody, add_checkpoint=add_checkpoint
    )
    port = await server.start(
        "127.0.0.1",
        0,
        tls=server_context(
            key=private_key_pem(key),
            certificate=to_pem(certificate),
            authority=to_pem(authority.certificate),
        ),
    )
    try:
        yield port
    finally:
        await server.stop(1.0)


# --- bounds -------------------------------------------------------------------


async def test_who_waits_too_many_is_told_to_come_again(
    authority: DeskAuthority,
    client_tls: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_server, "WAITING_MAX", 1)
    log = ScriptedLog()
    log.open.clear()
    async with serving(authority, log) as port:
        client = Client(port=port, tls=client_tls)
        calls = [asyncio.ensure_future(client(CHECKPOINT)) for _ in range(3)]
        done, waiting = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        (refused,) = (call.result() for call in done)
        assert refused.status == 503
        assert refused.headers["retry-after"] == "1"
        assert log.count == 1
        log.open.set()
        answers = [await call for call in waiting]
    assert [each.status for each in answers] == [200, 200]


async def test_connection_too_many_is_closed(
    authority: DeskAuthority,
    client_tls: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_server, "CONNECTIONS_MAX", 1)
    log = ScriptedLog()
    async with serving(authority, log) as port:
        client = Client(port=port, tls=client_tls)
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=client_tls, server_hostname="localhost"
        )
        writer.write(b"GET /2030h1/checkpoint HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b" 200 " in await reader.readline()
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await client(CHECKPOINT)
        writer.close()


async def test_connection_that_asks_nothing_is_closed(
    authority: DeskAuthority,
    stranger_tls: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_server, "IDLE_TIMEOUT_S", 0.05)
    async with serving(authority, ScriptedLog()) as port:
        with pytest.raises(ConnectionError):
            await Client(port=port, tls=stranger_tls).raw(b"GET /2030h1/checkp")


async def test_stopping_finishes_what_is_in_hand(
    authority: DeskAuthority, client_tls: ssl.SSLContext
) -> None:
    log = ScriptedLog()
    log.open.clear()
    async with serving(authority, log) as port:
        call = asyncio.ensure_future(Client(port=port, tls=client_tls)(CHECKPOINT))
        await log.asked.wait()
        asyncio.get_running_loop().call_soon(log.open.set)
    assert (await call).body == NOTE


async def test_server_that_was_never_started_stops() -> None:
    server = PublicationServer(log=ScriptedLog(), admit=admit_anybody)
    await server.stop(1.0)


# --- what goes wrong ----------------------------------------------------------


@pytest.mark.parametrize(
    "failure", [StoreError("Secret detail."), ValueError("Secret detail.")]
)
async def test_own_failure_is_told_without_its_details(
    failure: Exception, authority: DeskAuthority, client_tls: ssl.SSLContext
) -> None:
    log = ScriptedLog()
    log.failure = failure
    async with serving(authority, log) as port:
        answer = await Client(port=port, tls=client_tls)(CHECKPOINT)
    assert answer.status == 500
    assert "Secret" not in answer.text
    assert answer.headers["cache-control"] == "no-store"


# --- the witness --------------------------------------------------------------


class ScriptedWitness:
    """A witness that answers what it was told to."""

    def __init__(self, status: int, body: bytes) -> None:
        self.answer = status, body
        self.bodies: list[bytes] = []

    async def __call__(self, body: bytes) -> tuple[int, bytes]:
        self.bodies.append(body)
        return self.answer


async def submitted(
    authority: DeskAuthority,
    tls: ssl.SSLContext,
    witness: ScriptedWitness,
    body: bytes = b"old 0\n\nnote\n",
) -> Answer:
    async with serving(authority, ScriptedLog(), witness) as port:
        return await Client(port=port, tls=tls)("/add-checkpoint", "POST", body=body)


@pytest.mark.parametrize("status", [200, 400, 403, 404, 422])
async def test_witness_answers_who_has_no_certificate(
    status: int, authority: DeskAuthority, stranger_tls: ssl.SSLContext
) -> None:
    witness = ScriptedWitness(status, b"lines\n")
    answer = await submitted(authority, stranger_tls, witness)
    assert (answer.status, answer.body) == (status, b"lines\n")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert witness.bodies == [b"old 0\n\nnote\n"]


async def test_conflict_states_the_size_under_its_own_type(
    authority: DeskAuthority, stranger_tls: ssl.SSLContext
) -> None:
    witness = ScriptedWitness(409, b"17\n")
    answer = await submitted(authority, stranger_tls, witness)
    assert (answer.status, answer.body) == (409, b"17\n")
    assert answer.headers["content-type"] == "text/x.tlog.size"


async def test_checkpoints_are_only_posted(
    authority: DeskAuthority, stranger_tls: ssl.SSLContext
) -> None:
    witness = ScriptedWitness(200, b"")
    async with serving(authority, ScriptedLog(), witness) as port:
        answer = await Client(port=port, tls=stranger_tls)("/add-checkpoint")
    assert answer.status == 405
    assert answer.headers["allow"] == "POST"
    assert not witness.bodies


async def test_body_that_is_too_long_never_reaches_the_witness(
    authority: DeskAuthority, stranger_tls: ssl.SSLContext
) -> None:
    witness = ScriptedWitness(200, b"")
    body = b"x" * (ADD_CHECKPOINT_BYTES_MAX + 1)
    answer = await submitted(authority, stranger_tls, witness, body)
    assert answer.status == 413
    assert not witness.bodies


async def test_body_that_does_not_come_is_not_waited_for(
    authority: DeskAuthority,
    stranger_tls: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_server, "BODY_TIMEOUT_S", 0.05)
    monkeypatch.setattr(http_server, "LINGER_S", 0.05)
    witness = ScriptedWitness(200, b"")
    async with serving(authority, ScriptedLog(), witness) as port:
        answer = await Client(port=port, tls=stranger_tls).raw(
            b"POST /add-checkpoint HTTP/1.1\r\nHost: localhost\r\n"
            b"Connection: close\r\nContent-Length: 10\r\n\r\nold"
        )
    assert answer.status == 400
    assert not witness.bodies
