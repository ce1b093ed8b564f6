# SPDX-License-Identifier: Apache-2.0
"""Bits that were flipped anywhere: refused with a reason, never a fault of ours."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator

import pytest
from google.protobuf import json_format
from tests.conftest import REPOSITORY
from tests.fakes.liars import Liar, dump
from tests.fakes.nodes import Home, Running, desk_of, person, running

from selat.core.sealing import BATCH_MESSAGES_MAX
from selat.errors import PeerError
from selat.rpc.status import error_classes
from selat.v1 import message_pb2
from selat.v1 import peer_service_pb2 as pb

RECORDS = REPOSITORY / "scripts" / "demonstration" / "records.jsonl"
FLIPS = 150
#: Batches of spoiled messages of every kind.
BATCHES = 6


@pytest.fixture
async def victim(xa: Home, xb: Home) -> AsyncIterator[Running]:
    """Give police.xb.example, which has accepted police.xa.example."""
    async with desk_of(xb) as desk:
        await desk.add_peer(xa, categories=("*",))
    async with running(xb) as node:
        yield node


@pytest.fixture
def liar(xa: Home, xb: Home) -> Liar:
    return Liar(xa, xb)


def flipped(data: bytes, chance: random.Random, flips: int = 1) -> bytes:
    spoiled = bytearray(data)
    for _ in range(flips if spoiled else 0):
        spoiled[chance.randrange(len(spoiled))] ^= 1 << chance.randrange(8)
    return bytes(spoiled)


async def test_flipped_bit_of_a_batch_is_refused_as_the_peers_fault(
    victim: Running, liar: Liar
) -> None:
    chance = random.Random(2030)  # noqa: S311 - repeatable, no secret
    told = [liar.tell(person()), liar.tell(person())]
    batch = liar.batch(*told)
    honest = pb.DeliverRequest(batch=batch).SerializeToString()
    peers_faults = {
        reason for reason, cls in error_classes().items() if issubclass(cls, PeerError)
    }
    before = dump(victim.home)
    async with liar.channel() as channel:
        for _ in range(FLIPS):
            stream = liar.stream_on(channel)
            await stream.open()
            answer = await stream.ask(flipped(honest, chance))
            assert answer.refusal.reason in peers_faults
            stream.close()
    assert dump(victim.home) == before


def records() -> list[message_pb2.Message]:
    lines = RECORDS.read_text("utf-8").splitlines()
    return [
        json_format.ParseDict(json.loads(line), message_pb2.Message()) for line in lines
    ]


async def test_spoiled_contents_are_answered_one_by_one(
    victim: Running, liar: Liar
) -> None:
    chance = random.Random(2031)  # noqa: S311 - repeatable, no secret
    outcomes: set[tuple[str, str]] = set()
    async with liar.stream() as stream:
        await stream.open()
        for flips in range(BATCHES):
            told = [
                liar.tell(
                    message,
                    body=flipped(message.body.SerializeToString(), chance, flips),
                )
                for message in records()[:BATCH_MESSAGES_MAX]
            ]
            outcomes |= set(await stream.outcomes(liar.batch(*told)))
    assert outcomes >= {("accepted", ""), ("refused", "INVALID_RECORD")}
    assert await victim.incidents() == {}


async def test_spoiled_headers_are_answered_or_refused(
    victim: Running, liar: Liar
) -> None:
    chance = random.Random(2032)  # noqa: S311 - repeatable, no secret
    reasons: list[str] = []
    async with liar.channel() as channel:
        for message in records():
            stream = liar.stream_on(channel)
            await stream.open()
            header = liar.header(message)
            data = flipped(header.SerializeToString(), chance)
            told = liar.tell(message, header=header, data=data)
            answer = await stream.send(liar.batch(told))
            assert answer.refusal.reason in {"", "COMMITMENT_MISMATCH"}
            reasons.append(answer.refusal.reason)
            stream.close()
    assert set(reasons) == {"", "COMMITMENT_MISMATCH"}
    assert set(await victim.incidents()) == {(liar.name, "COMMITMENT_MISMATCH")}
