# SPDX-License-Identifier: Apache-2.0
"""The servers of a node: the peer API, the desk on its socket, the desk on TLS."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from selat.errors import ConfigurationError
from selat.exchange.peer_service import SERVICE_NAME
from selat.node.assembly import Node
from selat.rpc.channels import (
    DESK_MESSAGE_BYTES_MAX,
    PEER_MESSAGE_BYTES_MAX,
    PEER_RECEIVE_BYTES_MAX,
    peer_server_credentials,
    server_options,
)
from selat.rpc.interceptors import ErrorBoundary
from selat.v1 import desk_service_pb2_grpc

DESK_SERVICE = "selat.v1.DeskService"
ADMIN_SERVICE = "selat.v1.AdminService"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """A server that is not started yet.

    Attributes:
        server: The server.
        health: Its health service.
        port: The TCP port that it got; 0 when it has none.
    """

    server: grpc.aio.Server
    health: health.aio.HealthServicer
    port: int

    async def drain(self, grace_s: float) -> None:
        """Report that no new work is taken, and finish what is in hand."""
        await self.health.enter_graceful_shutdown()
        await self.server.stop(grace_s)


async def peer_server(node: Node, address: str) -> Listening:
    """Build the peer API's server.

    Raises:
        ConfigurationError: The address cannot be listened on.
    """
    server = grpc.aio.server(
        interceptors=(ErrorBoundary(),),
        options=server_options(
            PEER_MESSAGE_BYTES_MAX, receive_bytes_max=PEER_RECEIVE_BYTES_MAX
        ),
    )
    node.peer_service.add_to_server(server)
    servicer = await _add_health(server, (SERVICE_NAME,))
    credentials = peer_server_credentials(
        certificate=node.tls,
        trusted=node.local.peers.trusted_pem,
        begun=node.handshakes.begun,
    )
    port = _listen(server, address, credentials)
    return Listening(server=server, health=servicer, port=port)


async def desk_server(node: Node, socket: Path) -> Listening:
    """Build the desk's server on its unix socket, and on TLS if configured.

    Raises:
        ConfigurationError: The socket or address cannot be listened on.
    """
    server = grpc.aio.server(
        interceptors=(ErrorBoundary(),), options=server_options(DESK_MESSAGE_BYTES_MAX)
    )
    desk_service_pb2_grpc.add_DeskServiceServicer_to_server(node.desk_service, server)
    desk_service_pb2_grpc.add_AdminServiceServicer_to_server(node.admin_service, server)
    servicer = await _add_health(server, (DESK_SERVICE, ADMIN_SERVICE))
    reflection.enable_server_reflection(
        (
            DESK_SERVICE,
            ADMIN_SERVICE,
            health.SERVICE_NAME,
            reflection.SERVICE_NAME,
        ),
        server,
    )
    _listen_on_socket(server, socket)
    port = 0
    if node.configuration.desk_listen:
        credentials = peer_server_credentials(
            certificate=node.desk_tls, trusted=lambda: node.desk_authority_pem
        )
        port = _listen(server, node.configuration.desk_listen, credentials)
    return Listening(server=server, health=servicer, port=port)


async def _add_health(
    server: grpc.aio.Server, services: tuple[str, ...]
) -> health.aio.HealthServicer:
    servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    for service in services:
        await servicer.set(service, health_pb2.HealthCheckResponse.SERVING)
    return servicer


def _listen(
    server: grpc.aio.Server, address: str, credentials: grpc.ServerCredentials
) -> int:
    try:
        return server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise not_listening(address) from error


def not_listening(address: str) -> ConfigurationError:
    """Return the error that a server cannot have its address."""
    return ConfigurationError(
        f"The address {address} cannot be listened on.",
        remedy="Is another program on that port? `selat doctor` tells.",
        address=address,
    )


def _listen_on_socket(server: grpc.aio.Server, socket: Path) -> None:
    """Listen where only the folder's owner can reach, before anybody could."""
    socket.unlink(missing_ok=True)
    mask = os.umask(0o177)
    try:
        server.add_insecure_port(f"unix:{socket}")
    except RuntimeError as error:
        raise ConfigurationError(
            f"The socket {socket} cannot be created.",
            remedy="Its path may have at most 107 bytes: use a shorter --home.",
        ) from error
    finally:
        os.umask(mask)
