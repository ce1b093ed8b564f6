# SPDX-License-Identifier: Apache-2.0
"""The read-only HTTP server of our log (C2SP tlog-tiles, tlog-witness).

For each request: (1) ``POST /add-checkpoint`` goes to the witness, which needs no
client certificate, since the checkpoint's own signature says whose it is; for
everything else (2) the client must be an auditor now, (3) the method GET or HEAD,
(4) the path that of something published. Bounded at every place: connections,
requests at once, their size and their time.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from types import MappingProxyType
from typing import Final, Protocol

from aiohttp import web

from selat.core.tile_paths import TilePath
from selat.core.witnessing import ADD_CHECKPOINT_BYTES_MAX
from selat.errors import (
    AccessError,
    InternalError,
    MalformedError,
    NotFoundError,
    OverloadedError,
    SelatError,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
)
from selat.publication.resources import Resource, parse_resource

_log = logging.getLogger(__name__)

#: Gives the short name of the auditor with a client certificate (DER); raises
#: an `AccessError` for anybody else.
Admit = Callable[[bytes], Awaitable[str]]
#: Answers the body of an add-checkpoint request: HTTP status and body.
AddCheckpoint = Callable[[bytes], Awaitable[tuple[int, bytes]]]

ADD_CHECKPOINT_PATH: Final = "/add-checkpoint"
#: A body must be there within this time, in s.
BODY_TIMEOUT_S: Final = 10.0
#: A connection that asks nothing, or not to the end, is closed then, in s.
IDLE_TIMEOUT_S: Final = 30.0
TLS_HANDSHAKE_TIMEOUT_S: Final = 10.0
#: What is still sent after a refusal is read for so long, in s.
LINGER_S: Final = 1.0
#: Connections that are open at once; more are closed as they come.
CONNECTIONS_MAX: Final = 64
#: Requests that read the database at once. It has two readers; one stays free
#: for the node's own work, whatever auditors do.
READS_MAX: Final = 1
#: Requests that wait for their turn; more are answered with 503.
WAITING_MAX: Final = 128

_TEXT: Final = "text/plain; charset=utf-8"
_BYTES: Final = "application/octet-stream"
_SIZE: Final = "text/x.tlog.size"
#: A tile never changes: RFC 9111, RFC 8246.
_FOR_EVER: Final = "private, max-age=31536000, immutable"
_FRESH: Final = "no-cache"
_READS: Final = frozenset({"GET", "HEAD"})
#: The first class that an error is of decides; what is missing is our fault.
_STATUS: Final[Mapping[type[SelatError], HTTPStatus]] = MappingProxyType(
    {
        TooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        MalformedError: HTTPStatus.BAD_REQUEST,
        NotFoundError: HTTPStatus.NOT_FOUND,
        AccessError: HTTPStatus.FORBIDDEN,
        UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    }
)


class ShownLog(Protocol):
    """What is published."""

    async def checkpoint(self, name: str) -> bytes:
        """Return the signed note of a shard, for example of ``2026h2``.

        Raises:
            NotFoundError: There is no such shard.
        """

    async def tile(self, name: str, tile: TilePath) -> bytes:
        """Return a tile or an entry bundle of a shard.

        Raises:
            NotFoundError: The shard has none such.
        """


class PublicationServer:
    """Serve our log to auditors, and our witness to logs.

    Args:
        log: What is published.
        admit: Tells auditors from everybody else.
        add_checkpoint: The witness; None when there is none.
    """

    def __init__(
        self,
        *,
        log: ShownLog,
        admit: Admit,
        add_checkpoint: AddCheckpoint | None = None,
    ) -> None:
        """Take what the server is made of; `start` opens it."""
        self._shown = log
        self._admit = admit
        self._add_checkpoint = add_checkpoint
        self._reads = asyncio.Semaphore(READS_MAX)
        self._waiting = 0
        self._http: web.Server | None = None
        self._listener: asyncio.Server | None = None

    async def start(self, host: str, port: int, *, tls: ssl.SSLContext) -> int:
        """Listen; return the port.

        Raises:
            OSError: The address cannot be listened on.
        """
        self._http = web.Server(
            self._answer,
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=IDLE_TIMEOUT_S,
            lingering_time=LINGER_S,
        )
        self._listener = await asyncio.get_running_loop().create_server(
            self._connection,
            host or None,
            port,
            ssl=tls,
            ssl_handshake_timeout=TLS_HANDSHAKE_TIMEOUT_S,
        )
        bound: int = self._listener.sockets[0].getsockname()[1]
        return bound

    async def stop(self, grace_s: float) -> None:
        """Take no more requests, and finish those in hand."""
        if self._listener is None or self._http is None:
            return
        self._listener.close()
        self._http.pre_shutdown()
        await self._http.shutdown(grace_s)

    def _connection(self) -> asyncio.Protocol:
        http = self._http
        if http is None or len(http.connections) >= CONNECTIONS_MAX:
            return _Closed()
        return http()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            response = await self._route(request)
        except SelatError as error:
            response = _refusal(error)
        except Exception:  # noqa: BLE001 - the boundary; our own log has the details
            _log.exception("request failed")
            response = _refusal(InternalError("The node failed in an unknown way."))
        response.headers["Server"] = "selat"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    async def _route(self, request: web.BaseRequest) -> web.Response:
        path = request.raw_path
        if path == ADD_CHECKPOINT_PATH and self._add_checkpoint is not None:
            if request.method != "POST":
                return _not_allowed("POST")
            return await self._witness(await _body(request), self._add_checkpoint)
        await self._admit(_certificate(request))
        if request.method not in _READS:
            return _not_allowed("GET, HEAD")
        resource = parse_resource(path)
        async with self._turn():
            return await self._read(resource)

    async def _witness(
        self, body: bytes, add_checkpoint: AddCheckpoint
    ) -> web.Response:
        async with self._turn():
            status, answer = await add_checkpoint(body)
        kind = _SIZE if status == HTTPStatus.CONFLICT else _TEXT
        return web.Response(status=status, body=answer, headers={"Content-Type": kind})

    async def _read(self, resource: Resource) -> web.Response:
        if resource.tile is None:
            note = await self._shown.checkpoint(resource.shard)
            return web.Response(
                body=note, headers={"Content-Type": _TEXT, "Cache-Control": _FRESH}
            )
        data = await self._shown.tile(resource.shard, resource.tile)
        response = web.Response(
            body=data, headers={"Content-Type": _BYTES, "Cache-Control": _FOR_EVER}
        )
        if resource.tile.level is None:  # hashes cannot be compressed, leaves can
            response.enable_compression()
        return response

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Hold one of the few turns to read the database.

        Raises:
            OverloadedError: Too many wait already.
        """
        if self._waiting >= WAITING_MAX:
            raise OverloadedError(
                "Too many requests wait for an answer.",
                remedy="Ask again in a moment, with fewer requests at once.",
            )
        self._waiting += 1
        try:
            await self._reads.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._reads.release()


class _Closed(asyncio.Protocol):
    """A connection too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Close it before anything is read."""
        transport.close()


def _certificate(request: web.BaseRequest) -> bytes:
    """Return the client's certificate, DER, whose chain TLS has verified.

    Raises:
        UnauthenticatedError: The client presented none.
    """
    connection = request.get_extra_info("ssl_object")
    certificate = connection and connection.getpeercert(binary_form=True)
    if not certificate:
        raise UnauthenticatedError(
            "The log is shown to auditors only.",
            remedy="Present the client certificate that the node's administrator "
            "issued (`selat officer add --role auditor`).",
        )
    return bytes(certificate)


async def _body(request: web.BaseRequest) -> bytes:
    """Read a body, bounded in size and time.

    Raises:
        MalformedError: It did not come in time.
        TooLargeError: It is longer than any checkpoint with its proof.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            while chunk := await request.content.readany():
                body += chunk
                if len(body) > ADD_CHECKPOINT_BYTES_MAX:
                    raise TooLargeError(
                        f"The body has more than {ADD_CHECKPOINT_BYTES_MAX} bytes.",
                        remedy="Send one checkpoint with its consistency proof.",
                    )
    except TimeoutError as error:
        raise MalformedError(
            f"The body did not come within {BODY_TIMEOUT_S:.0f} s.",
            remedy="Send it at once.",
        ) from error
    return bytes(body)


def _not_allowed(methods: str) -> web.Response:
    return web.Response(
        status=HTTPStatus.METHOD_NOT_ALLOWED,
        text=f"Only {methods} here.\n",
        headers={"Allow": methods},
    )


def _refusal(error: SelatError) -> web.Response:
    """Return what a client is told of an error: of ours, nothing but the reason."""
    status = next(
        (found for cls, found in _STATUS.items() if isinstance(error, cls)),
        HTTPStatus.INTERNAL_SERVER_ERROR,
    )
    text = str(error)
    if status is HTTPStatus.INTERNAL_SERVER_ERROR:
        text = "The node cannot answer now; its administrator's log says why."
    response = web.Response(
        status=status,
        text=f"{text} [{error.reason}]\n",
        headers={"Cache-Control": "no-store"},
    )
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = "1"
    return response
