# SPDX-License-Identifier: Apache-2.0
"""A backlog: records wait at the sender while nobody takes them, then flow."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scripts.benchmarks.nodes import CALL_MESSAGES, BenchNode
from scripts.benchmarks.records import person_messages

from selat.v1 import message_pb2

#: Gives messages: the number of the first, and how many.
Source = Callable[[int, int], list[message_pb2.Message]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """How a backlog went.

    Attributes:
        records: How many records each recipient was sent.
        publish_s: Time of all calls that published them.
        deliver_s: From the moment the recipients let the sender in until the
            last receipt was kept by the sender.
        sender_cpu_s: Processor time of the sender in that time.
        receiver_cpu_s: Processor time of the first recipient in that time.
    """

    records: int
    publish_s: float
    deliver_s: float
    sender_cpu_s: float
    receiver_cpu_s: float

    @property
    def rate(self) -> float:
        """Return records/s that one recipient got."""
        return self.records / self.deliver_s


async def deliver_backlog(
    sender: BenchNode,
    receivers: Sequence[BenchNode],
    *,
    count: int,
    source: Source = person_messages,
) -> Delivered:
    """Publish records that wait, let them flow, and time it.

    The receivers must be running and not accept the sender; in the end they do.

    Args:
        sender: It accepts every receiver.
        receivers: Who the records are for.
        count: How many records.
        source: Gives them.

    Raises:
        BenchmarkError: Not everything was accepted.
    """
    known = await sender.accepted(receivers)
    publish_s = await _publish(sender, receivers, count, source)
    sender_cpu_s = sender.process.cpu_s()
    receiver_cpu_s = receivers[0].process.cpu_s()
    begun = time.perf_counter()
    for receiver in receivers:
        # It gives nothing back; a changed release list would be proven meanwhile.
        await receiver.accept(sender, categories=())
    ended = await sender.wait_accepted(
        {receiver: known[receiver.name] + count for receiver in receivers}
    )
    return Delivered(
        records=count,
        publish_s=publish_s,
        deliver_s=ended - begun,
        sender_cpu_s=sender.process.cpu_s() - sender_cpu_s,
        receiver_cpu_s=receivers[0].process.cpu_s() - receiver_cpu_s,
    )


async def _publish(
    sender: BenchNode, receivers: Sequence[BenchNode], count: int, source: Source
) -> float:
    """Return the time of the calls alone."""
    taken_s = 0.0
    names = [receiver.name for receiver in receivers]
    for start in range(0, count, CALL_MESSAGES):
        messages = source(start, min(CALL_MESSAGES, count - start))
        for message in messages:
            message.header.recipients.extend(names)
        taken_s += await sender.publish(messages)
    return taken_s
