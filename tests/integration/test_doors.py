# SPDX-License-Identifier: Apache-2.0
"""Who gets in: TLS of the peer and desk ports, officers and their roles."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2
from tests.fakes.identities import PASSPHRASE
from tests.fakes.nodes import (
    DEADLINE_S,
    Desk,
    Home,
    Running,
    eventually,
    free_port,
    introduce,
    make_home,
    person,
    running,
)

from selat.desk.access import PERMISSIONS, ROLES
from selat.errors import (
    NodeUnreachableError,
    RoleMissingError,
    SelatError,
    ShuttingDownError,
    UnauthenticatedError,
)
from selat.identity.certificate_checks import to_pem
from selat.identity.keystore import KeyStore
from selat.identity.p256 import private_key_pem
from selat.node.servers import DESK_SERVICE
from selat.rpc.channels import local_desk_channel, remote_desk_channel
from selat.rpc.status import error_from_rpc
from selat.v1 import desk_service_pb2 as pb
from selat.v1 import desk_service_pb2_grpc

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICES = pb.DESCRIPTOR.services_by_name
METHODS = {
    method.name: method for service in SERVICES.values() for method in service.methods
}


@pytest.fixture
def desk_home(tmp_path: Path) -> Home:
    """Give a node whose desk is also reached over TLS."""
    return make_home(tmp_path, "xd", desk_listen=f"127.0.0.1:{free_port()}")


@pytest.fixture
async def node(desk_home: Home) -> AsyncIterator[Running]:
    async with running(desk_home) as node:
        yield node


async def issue(node: Running, officer_id: str, *roles: str) -> pb.AddOfficerResponse:
    return await node.admin.AddOfficer(
        pb.AddOfficerRequest(officer_id=officer_id, agency="Police", roles=roles)
    )


@asynccontextmanager
async def desk_as(
    node: Running, issued: pb.AddOfficerResponse
) -> AsyncIterator[tuple[Desk, grpc.aio.Channel]]:
    """Reach a node's desk over TLS as an officer."""
    async with remote_desk_channel(
        f"127.0.0.1:{node.serving.desk_port}",
        certificate=issued.certificate_pem,
        key=issued.private_key_pem,
        ca=issued.desk_ca_pem,
    ) as channel:
        yield _desk(channel), channel


def _desk(channel: grpc.aio.Channel) -> Desk:
    return Desk(
        desk=desk_service_pb2_grpc.DeskServiceStub(channel),
        admin=desk_service_pb2_grpc.AdminServiceStub(channel),
    )


async def failure(call: Awaitable[object]) -> SelatError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return error_from_rpc(caught.value)


# --- officers -----------------------------------------------------------------


async def test_officer_publishes_over_tls_until_revoked(node: Running) -> None:
    issued = await issue(node, "a.lim", "officer")
    async with desk_as(node, issued) as (desk, _):
        await desk.publish(person())
        await node.admin.RevokeOfficer(pb.RevokeOfficerRequest(officer_id="a.lim"))
        error = await failure(desk.publish(person()))
        assert isinstance(error, UnauthenticatedError)
    async with desk_as(node, issued) as (desk, _):
        assert isinstance(await failure(desk.publish(person())), UnauthenticatedError)
    assert (await node.status()).messages_out == 1


async def test_certificate_of_another_desk_is_refused(node: Running, xa: Home) -> None:
    async with running(xa) as other:
        issued = await issue(other, "a.lim", "officer")
    own = await issue(node, "b.tan", "officer")
    issued.desk_ca_pem = own.desk_ca_pem
    async with desk_as(node, issued) as (desk, _):
        assert isinstance(await failure(desk.publish(person())), NodeUnreachableError)


def test_every_method_of_the_desk_is_permitted_to_some_role_only() -> None:
    assert set(PERMISSIONS) == set(METHODS)
    for roles in PERMISSIONS.values():
        assert set() < roles <= ROLES


@pytest.mark.parametrize("role", sorted(ROLES))
async def test_role_calls_nothing_but_what_it_is_permitted(
    role: str, node: Running
) -> None:
    issued = await issue(node, "a.lim", role)
    async with desk_as(node, issued) as (_, channel):
        refused = {name for name in METHODS if await _is_refused(channel, name)}
    permitted = {name for name, roles in PERMISSIONS.items() if role in roles}
    assert refused == set(METHODS) - permitted


async def _is_refused(channel: grpc.aio.Channel, name: str) -> bool:
    """Call a method with an empty request; tell whether the role was missing."""
    method = METHODS[name]
    path = f"/{method.containing_service.full_name}/{name}"
    try:
        if method.server_streaming:
            # Whoever may subscribe hears nothing for now; a refusal comes at once.
            await channel.unary_stream(path, bytes, bytes)(b"", timeout=0.5).read()
        else:
            await channel.unary_unary(path, bytes, bytes)(b"")
    except grpc.aio.AioRpcError as error:
        return isinstance(error_from_rpc(error), RoleMissingError)
    return False


# --- TLS ----------------------------------------------------------------------

#: A client's HTTP/2 preface and empty SETTINGS frame (RFC 9113 §3.4).
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])


def grpc_call(path: str) -> bytes:
    """Return the frames of a call with an empty request, as simple as HTTP/2 is."""
    fields = {
        ":method": "POST",
        ":scheme": "https",
        ":path": path,
        ":authority": "localhost",
        "te": "trailers",
        "content-type": "application/grpc",
    }
    block = b"".join(
        b"\0" + b"".join(bytes([len(text)]) + text.encode() for text in field)
        for field in fields.items()
    )
    return PREFACE + _frame(1, 4, block) + _frame(0, 1, bytes(5))


def _frame(kind: int, flags: int, payload: bytes) -> bytes:
    return (
        len(payload).to_bytes(3, "big")
        + bytes([kind, flags])
        + (1).to_bytes(4, "big")
        + payload
    )


def answer_over(context: ssl.SSLContext, address: str, path: str) -> bytes:
    """Call a method; return all that was answered until the stream ended.

    Raises:
        OSError: TLS failed, or the connection was closed.
    """
    host, _, port = address.rpartition(":")
    received = b""
    with (
        socket.create_connection((host, int(port)), timeout=DEADLINE_S) as plain,
        context.wrap_socket(plain) as connection,
    ):
        connection.sendall(grpc_call(path))
        while b"grpc-status" not in received:
            if not (data := connection.recv(65_536)):
                raise ConnectionResetError("closed before an answer")
            received += data
    return received


def client(version: ssl.TLSVersion, pair: Path | None) -> ssl.SSLContext:
    """Return a context of one TLS version, with a certificate or without."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    context.minimum_version = context.maximum_version = version
    if pair is not None:
        context.load_cert_chain(pair)
    return context


@pytest.fixture
def identity(xa: Home, tmp_path: Path) -> Path:
    """Give key and certificate of police.xa.example in one file."""
    keys = KeyStore.open(xa.folder.keys, PASSPHRASE)
    file = tmp_path / "identity.pem"
    certificate = to_pem(xa.card.card.tls_certificates[0])
    file.write_bytes(private_key_pem(keys.tls()) + certificate)
    return file


#: How a connection ends whose TLS failed, by version and chance.
CUT_OFF = r"(?i)certificate|closed|reset|pipe|eof"
GET_CARD = "/selat.v1.PeerService/GetCard"
GET_STATUS = "/selat.v1.AdminService/GetStatus"


async def test_peer_port_answers_over_tls_1_3(
    xa: Home, xb: Home, identity: Path
) -> None:
    await introduce(xa, xb)
    async with running(xb):
        context = client(ssl.TLSVersion.TLSv1_3, identity)
        address = xb.card.card.endpoints[0]
        answer = await asyncio.to_thread(answer_over, context, address, GET_CARD)
    assert b"grpc-status\x010" in answer


async def test_peer_port_refuses_tls_1_2(xa: Home, xb: Home, identity: Path) -> None:
    await introduce(xa, xb)
    async with running(xb):
        context = client(ssl.TLSVersion.TLSv1_2, identity)
        address = xb.card.card.endpoints[0]
        answer = await asyncio.to_thread(answer_over, context, address, GET_CARD)
    assert b"grpc-status\x0216" in answer
    assert b"Peers call over TLSv1.3 only." in answer


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_peer_port_refuses_callers_without_certificate(
    version: ssl.TLSVersion, xa: Home, xb: Home
) -> None:
    await introduce(xa, xb)
    async with running(xb):
        address = xb.card.card.endpoints[0]
        with pytest.raises(OSError, match=CUT_OFF):
            await asyncio.to_thread(
                answer_over, client(version, None), address, GET_CARD
            )


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_desk_port_refuses_callers_without_certificate(
    version: ssl.TLSVersion, node: Running
) -> None:
    address = node.node.configuration.desk_listen
    with pytest.raises(OSError, match=CUT_OFF):
        await asyncio.to_thread(answer_over, client(version, None), address, GET_STATUS)


async def test_desk_port_refuses_tls_1_2(node: Running, tmp_path: Path) -> None:
    issued = await issue(node, "root", "administrator")
    file = tmp_path / "officer.pem"
    file.write_bytes(issued.private_key_pem + issued.certificate_pem)
    address = node.node.configuration.desk_listen
    context = client(ssl.TLSVersion.TLSv1_2, file)
    answer = await asyncio.to_thread(answer_over, context, address, GET_STATUS)
    assert b"grpc-status\x0216" in answer
    assert b"over TLSv1.3." in answer


# --- stopping -----------------------------------------------------------------


async def test_node_stops_at_once_and_tells_its_subscribers(xa: Home, xb: Home) -> None:
    await introduce(xa, xb)
    async with running(xa), AsyncExitStack() as stack:
        b = await stack.enter_async_context(running(xb))
        async with local_desk_channel(str(xb.folder.socket)) as channel:
            subscription = _desk(channel).desk.Subscribe(pb.SubscribeRequest())
            reading = asyncio.ensure_future(subscription.read())

            async def is_connected() -> bool:
                return (await b.link(xa.name)).connected

            await eventually(is_connected)
            started = time.monotonic()
            await stack.aclose()
            assert time.monotonic() - started < 2
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await reading
        assert isinstance(error_from_rpc(caught.value), ShuttingDownError)


async def test_health_is_told_before_a_node_stops(xb: Home) -> None:
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(running(xb))
        async with local_desk_channel(str(xb.folder.socket)) as channel:
            method = channel.unary_stream(
                "/grpc.health.v1.Health/Watch",
                health_pb2.HealthCheckRequest.SerializeToString,
                health_pb2.HealthCheckResponse.FromString,
            )
            watch = method(health_pb2.HealthCheckRequest(service=DESK_SERVICE))
            told = aiter(watch)
            assert await anext(told) == health_pb2.HealthCheckResponse(status=SERVING)
            stopping = asyncio.ensure_future(stack.aclose())
            last = await anext(told)
            assert last == health_pb2.HealthCheckResponse(status=NOT_SERVING)
            watch.cancel()
            await stopping
