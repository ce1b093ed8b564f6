# SPDX-License-Identifier: Apache-2.0
"""Channels and servers: limits, keepalive and credentials in one place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import grpc

#: A batch of 1 MiB of messages, its leaves and proofs fit with room to spare.
PEER_MESSAGE_BYTES_MAX: Final = 4 * 1024 * 1024
#: What a peer's server takes in before it looks, so that what is too large for the
#: protocol is refused with a reason and seen by the operator. Beyond this gRPC
#: ends the call by itself.
PEER_RECEIVE_BYTES_MAX: Final = 16 * 1024 * 1024
#: 256 messages of the desk's size limit would not fit; callers page.
DESK_MESSAGE_BYTES_MAX: Final = 16 * 1024 * 1024
#: gRPC's servers refuse pings more often than this without data, in ms.
KEEPALIVE_MS: Final = 30_000
KEEPALIVE_TIMEOUT_MS: Final = 10_000
#: Calls that one server carries at once.
CONCURRENT_CALLS_MAX: Final = 256

Options = Sequence[tuple[str, int | str]]


def server_options(
    message_bytes_max: int, *, receive_bytes_max: int | None = None
) -> Options:
    """Return the options of a server.

    Args:
        message_bytes_max: Greatest message that it sends, and takes in unless …
        receive_bytes_max: … it takes in larger ones, to refuse them itself.
    """
    return (
        ("grpc.max_receive_message_length", receive_bytes_max or message_bytes_max),
        ("grpc.max_send_message_length", message_bytes_max),
        ("grpc.so_reuseport", 0),
        ("grpc.keepalive_time_ms", KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", KEEPALIVE_MS // 2),
        ("grpc.max_concurrent_streams", CONCURRENT_CALLS_MAX),
    )


def client_options(message_bytes_max: int) -> Options:
    """Return the options of a channel with the given message limit in bytes."""
    return (
        ("grpc.max_receive_message_length", message_bytes_max),
        ("grpc.max_send_message_length", message_bytes_max),
        ("grpc.keepalive_time_ms", KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.initial_reconnect_backoff_ms", 200),
        ("grpc.max_reconnect_backoff_ms", 5_000),
        # The environment must not route intelligence through a proxy.
        ("grpc.enable_http_proxy", 0),
    )


def peer_server_credentials(
    *,
    certificate: Callable[[], tuple[bytes, bytes]],
    trusted: Callable[[], bytes],
    begun: Callable[[], None] = lambda: None,
) -> grpc.ServerCredentials:
    """Return credentials that are looked up anew for every connection.

    Args:
        certificate: Gives our private key and certificate, PEM.
        trusted: Gives the PEM certificates of every accepted peer. gRPC
            needs at least one; our own stands in when there is no peer.
        begun: Called when a connection begins, from a thread of gRPC.
    """

    def configuration() -> grpc.ServerCertificateConfiguration:
        key, chain = certificate()
        return grpc.ssl_server_certificate_configuration(
            [(key, chain)], root_certificates=trusted() or chain
        )

    def configuration_of_connection() -> grpc.ServerCertificateConfiguration:
        begun()
        return configuration()

    return grpc.dynamic_ssl_server_credentials(
        configuration(), configuration_of_connection, require_client_authentication=True
    )


def peer_channel(
    target: str, *, name: str, key: bytes, certificate: bytes, trusted: bytes
) -> grpc.aio.Channel:
    """Open a channel to a peer that must present one of the trusted certificates.

    Args:
        target: ``host:port``.
        name: The peer's node name, which its certificate must carry.
        key: Our private key, PEM.
        certificate: Our certificate, PEM.
        trusted: The peer's certificates as its card lists them, PEM.
    """
    credentials = grpc.ssl_channel_credentials(trusted, key, certificate)
    options = (
        *client_options(PEER_MESSAGE_BYTES_MAX),
        ("grpc.ssl_target_name_override", name),
        # Each peer's channel stands alone, so that closing it drops its TLS.
        ("grpc.use_local_subchannel_pool", 1),
    )
    return grpc.aio.secure_channel(target, credentials, options=options)


def remote_desk_channel(
    target: str, *, certificate: bytes, key: bytes, ca: bytes
) -> grpc.aio.Channel:
    """Open a channel to a node's desk as an officer or system.

    Args:
        target: ``host:port``.
        certificate: The officer's client certificate, PEM.
        key: Its private key, PEM.
        ca: The certificate that the desk's own is issued under, PEM.
    """
    credentials = grpc.ssl_channel_credentials(ca, key, certificate)
    return grpc.aio.secure_channel(
        target, credentials, options=client_options(DESK_MESSAGE_BYTES_MAX)
    )


def local_desk_channel(socket: str) -> grpc.aio.Channel:
    """Open a channel to the unix socket of a node on this host.

    Args:
        socket: Path of the socket; its folder's permissions protect it.
    """
    return grpc.aio.insecure_channel(
        f"unix:{socket}",
        options=(
            *client_options(DESK_MESSAGE_BYTES_MAX),
            ("grpc.default_authority", "localhost"),
        ),
    )
