# SPDX-License-Identifier: Apache-2.0
"""Our certificates in the hands of gRPC's TLS, on unix sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest

from selat.identity.certificate_checks import to_pem
from selat.identity.certificates import DeskAuthority, Term, issue_node_certificate
from selat.identity.p256 import private_key, private_key_pem

XA = "police.xa.example"
XB = "police.xb.example"
TERM = Term(
    serial=1,
    not_before=datetime(2020, 1, 1, tzinfo=UTC),
    not_after=datetime(2049, 1, 1, tzinfo=UTC),
)
PAST = Term(
    serial=2, not_before=TERM.not_before, not_after=datetime(2021, 1, 1, tzinfo=UTC)
)

Pair = tuple[bytes, bytes]


def node(name: str, *, seed: int, term: Term = TERM) -> Pair:
    """Return private key and certificate of a node, PEM."""
    key = private_key(bytes([seed] * 32))
    certificate = issue_node_certificate(key, name=name, term=term)
    return private_key_pem(key), to_pem(certificate)


class WhoAmI(grpc.GenericRpcHandler):
    """Answers every call with the caller's certificate."""

    def service(
        self, _: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[bytes, bytes]:
        async def answer(
            _: bytes, context: grpc.aio.ServicerContext[bytes, bytes]
        ) -> bytes:
            (certificate,) = context.auth_context()["x509_pem_cert"]
            return certificate

        return grpc.unary_unary_rpc_method_handler(answer)


@asynccontextmanager
async def serving(folder: Path, pair: Pair, *, trusted: bytes) -> AsyncIterator[str]:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((WhoAmI(),))
    target = f"unix:{folder / 'socket'}"
    server.add_secure_port(
        target, grpc.ssl_server_credentials([pair], trusted, require_client_auth=True)
    )
    await server.start()
    try:
        yield target
    finally:
        await server.stop(None)


async def call(target: str, pair: Pair, *, name: str, trusted: bytes) -> bytes:
    credentials = grpc.ssl_channel_credentials(trusted, *pair)
    options = (
        ("grpc.ssl_target_name_override", name),
        ("grpc.use_local_subchannel_pool", 1),
    )
    async with grpc.aio.secure_channel(target, credentials, options=options) as channel:
        who_am_i: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            "/selat.test/WhoAmI"
        )
        return await who_am_i(b"", timeout=10)


async def refused(target: str, pair: Pair, *, name: str, trusted: bytes) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(target, pair, name=name, trusted=trusted)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_nodes_meet_that_trust_each_others_certificate(tmp_path: Path) -> None:
    xa, xb = node(XA, seed=1), node(XB, seed=2)
    async with serving(tmp_path, xa, trusted=xb[1]) as target:
        assert await call(target, xb, name=XA, trusted=xa[1]) == xb[1]


async def test_old_and_new_certificate_are_trusted_side_by_side(tmp_path: Path) -> None:
    xa, xa_new = node(XA, seed=1), node(XA, seed=3)
    xb, xb_new = node(XB, seed=2), node(XB, seed=4)
    async with serving(tmp_path, xa, trusted=xb_new[1] + xb[1]) as target:
        for pair in (xb, xb_new):
            answer = await call(target, pair, name=XA, trusted=xa_new[1] + xa[1])
            assert answer == pair[1]


async def test_certificate_of_the_same_name_and_another_key_is_refused(
    tmp_path: Path,
) -> None:
    xa, xb = node(XA, seed=1), node(XB, seed=2)
    async with serving(tmp_path, xa, trusted=xb[1]) as target:
        await refused(target, node(XB, seed=5), name=XA, trusted=xa[1])
        await refused(target, xb, name=XA, trusted=node(XA, seed=5)[1])


async def test_certificate_of_another_name_is_refused(tmp_path: Path) -> None:
    xa, xb = node(XA, seed=1), node(XB, seed=2)
    async with serving(tmp_path, xa, trusted=xb[1]) as target:
        await refused(target, xb, name=XB, trusted=xa[1])


async def test_expired_certificate_is_refused(tmp_path: Path) -> None:
    xa, xb = node(XA, seed=1), node(XB, seed=2, term=PAST)
    async with serving(tmp_path, xa, trusted=xb[1]) as target:
        await refused(target, xb, name=XA, trusted=xa[1])


async def test_officer_reaches_the_desk_and_no_stranger_does(tmp_path: Path) -> None:
    desk = DeskAuthority.create(private_key(b"\x07" * 32), name=XA, term=TERM)
    server_key, officer_key = private_key(b"\x08" * 32), private_key(b"\x09" * 32)
    server = desk.issue_server(server_key.public_key(), hosts=[], term=TERM)
    officer = desk.issue_officer(officer_key, officer_id="duty-1", term=TERM)
    authority = to_pem(desk.certificate)
    pair = (private_key_pem(server_key), to_pem(server))
    async with serving(tmp_path, pair, trusted=authority) as target:
        credentials = (officer.private_key_pem, officer.certificate_pem)
        answer = await call(target, credentials, name="localhost", trusted=authority)
        assert answer == officer.certificate_pem
        await refused(target, node(XB, seed=2), name="localhost", trusted=authority)
