# SPDX-License-Identifier: Apache-2.0
"""A witness is killed at each step of a cosignature.

What it may have answered, it has kept: it never cosigns a log twice from one
size, and goes on from where it was.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.fakes.killed import doomed
from tests.fakes.liars import Liar
from tests.fakes.nodes import Home, introduce, running

from selat.core.cosigned_states import CosignedState
from selat.core.tiles import consistency_proof
from selat.core.witnessing import AddCheckpoint
from selat.errors import NodeUnreachableError
from selat.exchange.peer_service import SERVICE_NAME
from selat.exchange.witness_client import WitnessClient
from selat.rpc.status import error_from_rpc


@asynccontextmanager
async def witness(log: Liar) -> AsyncIterator[WitnessClient]:
    async with log.channel() as channel:
        yield WitnessClient(channel, service=SERVICE_NAME, translate=error_from_rpc)


async def ask(log: Liar, *, old_size: int) -> CosignedState:
    """Ask for a cosignature of a log as it stands."""
    size = log.log.size
    request = AddCheckpoint(
        old_size=old_size,
        proof=consistency_proof(old_size, size, log.log),
        checkpoint=log.note(),
    )
    async with witness(log) as client:
        return await client.add_checkpoint(request, cosigned=None)


@pytest.mark.parametrize(
    ("step", "is_kept"),
    [
        ("witness.verified", False),
        ("witness.persisted", True),
        ("witness.cosigned", True),
    ],
)
async def test_witness_killed_at_a_step_goes_on_from_what_it_kept(
    step: str, *, is_kept: bool, xa: Home, xb: Home
) -> None:
    await introduce(xa, xb)
    log = Liar(xa, xb)
    log.log.append([b"one", b"two"])
    async with running(xb):
        assert (await ask(log, old_size=0)).lines
    log.log.append([b"three"])
    async with doomed(xb, step=step) as ended:
        with pytest.raises(NodeUnreachableError):
            await ask(log, old_size=2)
        await ended
    async with running(xb):
        answer = await ask(log, old_size=2)
        assert answer.size == 3
        assert bool(answer.lines) is not is_kept
        assert (await ask(log, old_size=3)).lines
