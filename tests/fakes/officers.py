# SPDX-License-Identifier: Apache-2.0
"""Officers of a node, at its desk over TLS."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import grpc
import pytest
from tests.fakes.nodes import Desk, Running

from selat.errors import SelatError
from selat.rpc.channels import remote_desk_channel
from selat.rpc.status import error_from_rpc
from selat.v1 import desk_service_pb2 as pb
from selat.v1 import desk_service_pb2_grpc


@asynccontextmanager
async def desk_as(node: Running, officer_id: str, *roles: str) -> AsyncIterator[Desk]:
    """Register an officer and open the desk as that officer."""
    issued = await node.admin.AddOfficer(
        pb.AddOfficerRequest(officer_id=officer_id, agency="Police", roles=roles)
    )
    async with remote_desk_channel(
        f"127.0.0.1:{node.serving.desk_port}",
        certificate=issued.certificate_pem,
        key=issued.private_key_pem,
        ca=issued.desk_ca_pem,
    ) as channel:
        yield Desk(
            desk=desk_service_pb2_grpc.DeskServiceStub(channel),
            admin=desk_service_pb2_grpc.AdminServiceStub(channel),
        )


async def failure(call: Awaitable[object]) -> SelatError:
    """Return the error with which a call fails."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return error_from_rpc(caught.value)
