# SPDX-License-Identifier: Apache-2.0
"""Messages that survive the processes that they are handed to."""

from __future__ import annotations

import asyncio
import os

import grpc
from tests.fakes.nodes import DEADLINE_S, Desk, Home, person

from selat.core.message_ids import RANDOM_BYTES, new_message_id
from selat.node.assembly import present_ms
from selat.v1 import message_pb2

#: A node that reaches its step at all reaches it within so many messages.
MESSAGES_MAX = 20


class Mail:
    """Messages that somebody hands in until their acknowledgement comes.

    Args:
        recipient: To whom they go.
        at_most: Within so many of them a process that is to end has ended.
    """

    def __init__(self, *, recipient: Home, at_most: int = MESSAGES_MAX) -> None:
        self._recipient = recipient
        self._at_most = at_most
        self._written: list[message_pb2.Message] = []
        self._acknowledged: set[bytes] = set()

    @property
    def ids(self) -> list[bytes]:
        return [message.header.id for message in self._written]

    async def hand_in_until(self, ended: asyncio.Future[None], desk: Desk) -> None:
        """Hand in message after message until a process has ended."""
        while not ended.done():
            assert len(self._written) < self._at_most, "the step was never reached"
            delivery = asyncio.ensure_future(self._deliver(desk))
            await asyncio.wait((delivery, ended), return_when=asyncio.FIRST_COMPLETED)
            delivery.cancel()
            (failure,) = await asyncio.gather(delivery, return_exceptions=True)
            if isinstance(failure, grpc.aio.AioRpcError):
                await asyncio.wait_for(asyncio.shield(ended), DEADLINE_S)

    async def finish(self, desk: Desk) -> None:
        """Hand in what was not acknowledged, and one message more."""
        self._write()
        for message in self._written:
            if message.header.id not in self._acknowledged:
                await self._hand_in(desk, message)
        await desk.settled(self._recipient.name, len(self._written))

    async def _deliver(self, desk: Desk) -> None:
        await self._hand_in(desk, self._write())
        await desk.settled(self._recipient.name, len(self._written))

    async def _hand_in(self, desk: Desk, message: message_pb2.Message) -> None:
        (message_id,) = await desk.publish(message)
        self._acknowledged.add(message_id)

    def _write(self) -> message_pb2.Message:
        message = person(f"Doe {len(self._written)}")
        message.header.id = new_message_id(present_ms(), os.urandom(RANDOM_BYTES)).bytes
        self._written.append(message)
        return message
