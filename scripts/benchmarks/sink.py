# SPDX-License-Identifier: Apache-2.0
"""A process that only receives: what gRPC alone can carry (`ceilings`)."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from typing import Final

import grpc

SERVICE: Final = "benchmarks.Sink"
MESSAGE_BYTES_MAX: Final = 4 * 1024 * 1024
_ANSWER: Final = bytes(32)


async def _receive(
    requests: AsyncIterator[bytes],
    _context: grpc.aio.ServicerContext[bytes, bytes],
) -> AsyncIterator[bytes]:
    async for _ in requests:
        yield _ANSWER


async def main() -> None:
    """Serve on a free port of loopback until SIGTERM; print the port."""
    options = (("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),)
    server = grpc.aio.server(options=options)
    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        "Send": grpc.stream_stream_rpc_method_handler(_receive)
    }
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(SERVICE, handlers),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await server.stop(grace=1.0)


if __name__ == "__main__":
    asyncio.run(main())
