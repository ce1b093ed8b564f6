# SPDX-License-Identifier: Apache-2.0
"""The server of the published log, for a node that has an address for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from selat.node.assembly import Node
from selat.node.servers import not_listening
from selat.publication.tls import server_context

#: Requests in hand get this long to finish when the node stops, in s.
DRAIN_S: Final = 5.0


@asynccontextmanager
async def published(node: Node) -> AsyncIterator[int]:
    """Publish a node's log for as long as the context lasts.

    Yields:
        The TCP port; 0 when the node has no address for it.

    Raises:
        ConfigurationError: The address cannot be listened on.
    """
    address = node.configuration.publish_listen
    if not address:
        yield 0
        return
    # Slow to import, and most nodes and every other command do without it.
    from selat.publication.http_server import PublicationServer  # noqa: PLC0415

    server = PublicationServer(
        log=node.published_log,
        admit=node.door.admit_log_reader,
        add_checkpoint=node.http_witness.add_checkpoint,
    )
    key, certificate = node.desk_tls()
    host, _, port = address.rpartition(":")
    try:
        bound = await server.start(
            host.strip("[]"),
            int(port),
            tls=server_context(
                key=key, certificate=certificate, authority=node.desk_authority_pem
            ),
        )
    except OSError as error:
        raise not_listening(address) from error
    try:
        yield bound
    finally:
        await server.stop(DRAIN_S)
