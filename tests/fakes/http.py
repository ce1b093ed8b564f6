# SPDX-License-Identifier: Apache-2.0
"""An HTTP client that says exactly what it is told to, over TLS."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field

_DEADLINE_S = 20.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What an HTTP server answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass(frozen=True, kw_only=True)
class Client:
    """An HTTP client that says exactly what it is told to."""

    port: int
    tls: ssl.SSLContext
    headers: tuple[str, ...] = field(default=("Host: localhost",))

    async def __call__(
        self, path: str, method: str = "GET", *headers: str, body: bytes = b""
    ) -> Answer:
        lines = [f"{method} {path} HTTP/1.1", *self.headers, *headers]
        if body or method == "POST":
            lines.append(f"Content-Length: {len(body)}")
        lines += ["Connection: close", "", ""]
        return await self.raw("\r\n".join(lines).encode("latin-1") + body)

    async def raw(self, sent: bytes) -> Answer:
        """Send bytes, and read one answer to the end of the connection."""
        async with asyncio.timeout(_DEADLINE_S):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", self.port, ssl=self.tls, server_hostname="localhost"
            )
            try:
                writer.write(sent)
                received = await reader.read()
            finally:
                writer.close()
        if not received:
            raise ConnectionError("closed without an answer")
        head, _, body = received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(": ") for line in lines)
        return Answer(
            status=int(first.split(" ")[1]),
            headers={name.lower(): value for name, _, value in pairs},
            body=body,
        )
