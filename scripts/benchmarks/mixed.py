# SPDX-License-Identifier: Apache-2.0
"""`mixed`: delivery of records of all categories, hardly two built alike in a row.

Beside them, in the same run, the records of `deliver`, which are all built alike:
what a node saves by that is the difference.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

from google.protobuf import json_format
from scripts.benchmarks.backlog import Delivered, Source, deliver_backlog
from scripts.benchmarks.bench import Bench
from scripts.benchmarks.figures import Figure
from scripts.benchmarks.records import person_messages

from selat.v1 import message_pb2

_NAME: Final = "mixed"
_RECORDS: Final = Path(__file__).parents[1] / "demonstration" / "records.jsonl"


async def run(bench: Bench) -> list[Figure]:
    """Measure deliveries of both, each between two fresh nodes."""
    mixed: list[Delivered] = []
    alike: list[Delivered] = []
    for _ in range(bench.runs):
        mixed.append(await _deliver(bench, mixed_messages))
        alike.append(await _deliver(bench, person_messages))
    size = sum(len(line) for line in _octets()) / len(_octets())
    return [
        _figure(mixed, f"records of all categories, {size:.0f} bytes each", _rate),
        _figure(alike, "records built alike, 1024 bytes each", _rate),
        _figure(mixed, "of all categories, processor time of the sender", _sender_us),
        _figure(alike, "built alike, processor time of the sender", _sender_us),
        _figure(mixed, "of all categories, of the receiver", _receiver_us),
        _figure(alike, "built alike, of the receiver", _receiver_us),
    ]


def mixed_messages(first: int, count: int) -> list[message_pb2.Message]:
    """Return the demonstration's records, over and over.

    Args:
        first: Number of the first.
        count: How many.
    """
    known = _octets()
    return [
        message_pb2.Message.FromString(known[number % len(known)])
        for number in range(first, first + count)
    ]


@cache
def _octets() -> list[bytes]:
    """Return the demonstration's records that need no person, encoded."""
    messages = [
        json_format.Parse(line, message_pb2.Message())
        for line in _RECORDS.read_text("utf-8").splitlines()
    ]
    return [
        message.SerializeToString()
        for message in messages
        if _leaves_by_itself(message.header)
    ]


def _leaves_by_itself(header: message_pb2.Header) -> bool:
    """Tell whether the baseline neither withholds nor holds a record."""
    pb = message_pb2
    return not (
        header.safeguards
        or header.subject_role == pb.SUBJECT_ROLE_VICTIM
        or pb.HANDLING_CODE_H1 in header.marking.handling
        or pb.PURPOSE_RESEARCH in header.purposes
    )


async def _deliver(bench: Bench, source: Source) -> Delivered:
    async with bench.nodes("xa", "xb") as (sender, receiver):
        await sender.accept(receiver)
        return await deliver_backlog(
            sender, [receiver], count=bench.records, source=source
        )


def _figure(
    delivered: list[Delivered], name: str, value: Callable[[Delivered], float]
) -> Figure:
    unit = "records/s" if value is _rate else "µs/record"
    return Figure(
        bench=_NAME, name=name, unit=unit, values=tuple(value(one) for one in delivered)
    )


def _rate(one: Delivered) -> float:
    return one.rate


def _sender_us(one: Delivered) -> float:
    return one.sender_cpu_s / one.records * 1e6


def _receiver_us(one: Delivered) -> float:
    return one.receiver_cpu_s / one.records * 1e6
