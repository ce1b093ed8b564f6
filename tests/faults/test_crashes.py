# SPDX-License-Identifier: Apache-2.0
"""A node is killed at every step at which it changes something.

After its next start, nothing that was acknowledged is lost, nothing is there
twice, every record has its receipt, and both logs are those that were signed.
"""

from __future__ import annotations

import asyncio

import pytest
from tests.fakes.killed import doomed
from tests.fakes.mail import Mail
from tests.fakes.nodes import Home, desk_of, introduce, running
from tests.fakes.reckoning import assert_delivered

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
