# SPDX-License-Identifier: Apache-2.0
"""A node is killed at every step at which it changes something.

After its next start, nothing that was acknowledged is lost, nothing is there
twice, every record has its receipt, and both logs are those that were signed.
"""

from __future__ import annotations

import asyncio
import os

import grpc
import pytest
from tests.fakes.killed import doomed
from tests.fakes.nodes import (
    DEADLINE_S,
    Desk,
    Home,
    desk_of,
    introduce,
    person,
    running,
)
from tests.fakes.reckoning import assert_delivered

from selat.core.message_ids import RANDOM_BYTES, new_message_id
from selat.node.assembly import present_ms
from selat.v1 import message_pb2

#: A node that reaches its step at all reaches it within so many messages.
MESSAGES_MAX = 20

OF_THE_STORE = ("store.begin", "store.before-commit", "store.committed")
OF_SIGNING = ("sign.before-mark", "sign.marked", "sign.signed")
OF_THE_SENDER = (
    "publish.drafted",
    "publish.committed",
    "delivery.prepared",
    "delivery.formed",
    "delivery.sent",
    "delivery.receipt-verified",
    "delivery.settled",
    "witness.persisted",
)
OF_THE_RECIPIENT = (
    "intake.verified",
    "intake.opened",
    "intake.before-commit",
    "intake.committed",
    "intake.signed",
    "witness.persisted",
)


def cases(*own: str) -> list[tuple[str, int]]:
    """Each step the first and the second time, the store's more often."""
    return [(step, n) for step in (*own, *OF_SIGNING) for n in (1, 2)] + [
        (step, n) for step in OF_THE_STORE for n in range(1, 5)
    ]


@pytest.mark.parametrize(("step", "occurrence"), cases(*OF_THE_SENDER))
async def test_sender_killed_at_a_step_loses_and_doubles_nothing(
    step: str, occurrence: int, xa: Home, xb: Home
) -> None:
    await introduce(xa, xb)
    mail = Mail(recipient=xb)
    async with running(xb):
        async with (
            doomed(xa, step=step, occurrence=occurrence) as ended,
            desk_of(xa) as desk,
        ):
            await mail.hand_in_until(ended, desk)
        async with running(xa) as sender:
            await mail.finish(sender)
    assert_delivered(xa, xb, mail.ids)


@pytest.mark.parametrize(("step", "occurrence"), cases(*OF_THE_RECIPIENT))
async def test_recipient_killed_at_a_step_loses_and_doubles_nothing(
    step: str, occurrence: int, xa: Home, xb: Home
) -> None:
    await introduce(xa, xb)
    mail = Mail(recipient=xb)
    async with running(xa) as sender:
        async with doomed(xb, step=step, occurrence=occurrence) as ended:
            await mail.hand_in_until(ended, sender)
        async with running(xb):
            await mail.finish(sender)
    assert_delivered(xa, xb, mail.ids)


@pytest.mark.parametrize("step", ["store.committed", "store.before-commit"])
@pytest.mark.parametrize("occurrence", [8, 13, 21])
async def test_node_killed_amid_busy_exchange_in_both_directions_goes_on(
    step: str, occurrence: int, xa: Home, xb: Home
) -> None:
    await introduce(xa, xb)
    out, back = Mail(recipient=xb), Mail(recipient=xa)
    async with running(xb) as other:
        async with (
            doomed(xa, step=step, occurrence=occurrence) as ended,
            desk_of(xa) as desk,
        ):
            answering = asyncio.ensure_future(back.hand_in_until(ended, other))
            await out.hand_in_until(ended, desk)
            await answering
        async with running(xa) as victim:
            await asyncio.gather(out.finish(victim), back.finish(other))
    assert_delivered(xa, xb, out.ids)
    assert_delivered(xb, xa, back.ids)


class Mail:
    """Messages that somebody hands in until their acknowledgement comes."""

    def __init__(self, *, recipient: Home) -> None:
        self._recipient = recipient
        self._written: list[message_pb2.Message] = []
        self._acknowledged: set[bytes] = set()

    @property
    def ids(self) -> list[bytes]:
        return [message.header.id for message in self._written]

    async def hand_in_until(self, ended: asyncio.Future[None], desk: Desk) -> None:
        """Hand in message after message until a process has ended."""
        while not ended.done():
            assert len(self._written) < MESSAGES_MAX, "the step was never reached"
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
