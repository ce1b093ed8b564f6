# SPDX-License-Identifier: Apache-2.0
"""Calls to a desk: typed stubs, a deadline each, errors as ours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, TypeVar

import grpc

from selat.rpc.status import error_from_rpc
from selat.v1 import desk_service_pb2_grpc as services

#: A call that takes longer than this is taken for lost, seconds. A hundred
#: messages are validated, encrypted and committed within it many times over.
CALL_TIMEOUT_S: Final = 60.0

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")


class Desk:
    """The two services of a node's desk over one channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """Take an open channel; it stays the caller's to close."""
        self.messages = services.DeskServiceStub(channel)
        self.admin = services.AdminServiceStub(channel)

    async def call(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[_Request, _Response],
        request: _Request,
    ) -> _Response:
        """Make one call under the deadline that all of them have."""
        return await method(request, timeout=CALL_TIMEOUT_S)


@asynccontextmanager
async def desk_over(channel: grpc.aio.Channel) -> AsyncIterator[Desk]:
    """Give a desk; a call that fails leaves as the error that it stood for.

    Raises:
        SelatError: What the node answered, or that it did not.
    """
    try:
        yield Desk(channel)
    except grpc.aio.AioRpcError as failure:
        raise error_from_rpc(failure) from failure
