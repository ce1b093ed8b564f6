# SPDX-License-Identifier: Apache-2.0
"""Reach the desk of the node on this host, whether it is running or not.

Commands speak one language, the desk API. When no node is serving the folder,
its desk is started inside the command, under the folder's lock and without the
peer API, for as long as the command lasts.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import grpc

from selat.node.folder import NodeFolder
from selat.rpc.channels import local_desk_channel

#: A running node accepts on its socket within this time, in s.
_CONNECT_TIMEOUT_S: Final = 2.0


@asynccontextmanager
async def open_desk(
    home: Path, *, passphrase: Callable[[], bytes]
) -> AsyncIterator[grpc.aio.Channel]:
    """Open a channel to the desk of a node on this host.

    Args:
        home: The node's folder.
        passphrase: Asked for when no node is serving the folder.

    Raises:
        ConfigurationError: There is no node in that folder.
        NodeInUseError: Another command is working on the folder.
    """
    folder = NodeFolder(home=home)
    folder.check()
    if await _answers(folder.socket):
        async with local_desk_channel(str(folder.socket)) as channel:
            yield channel
        return
    # A command at the desk of a running node needs none of this, and importing
    # it would take longer than all that it does.
    from selat.node.assembly import assemble_node  # noqa: PLC0415
    from selat.node.servers import desk_server  # noqa: PLC0415

    async with assemble_node(folder, passphrase=passphrase()) as node:
        desk = await desk_server(node, folder.socket)
        await desk.server.start()
        try:
            async with local_desk_channel(str(folder.socket)) as channel:
                yield channel
        finally:
            await desk.server.stop(None)
            with suppress(FileNotFoundError):
                folder.socket.unlink()


async def _answers(socket: Path) -> bool:
    """Tell whether somebody listens on a socket."""
    try:
        async with asyncio.timeout(_CONNECT_TIMEOUT_S):
            _, writer = await asyncio.open_unix_connection(str(socket))
    except (OSError, TimeoutError):
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True
