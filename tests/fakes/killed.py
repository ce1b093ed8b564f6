# SPDX-License-Identifier: Apache-2.0
"""Nodes in processes of their own, which kill themselves at a step.

SIGKILL leaves a process no moment to tidy up: what the disk has is all that
the next start finds.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.fakes.identities import PASSPHRASE
from tests.fakes.nodes import DEADLINE_S, Home, ShiftedClock, eventually

from selat.node.serve import run_node

#: Forks children from a process that has imported everything and started nothing.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([__name__])


class KillAt:
    """A step observer that kills its process at the n-th of one step."""

    def __init__(self, step: str, occurrence: int) -> None:
        self._step = step
        self._left = occurrence

    def __call__(self, step: str) -> None:
        if step == self._step:
            self._left -= 1
            if not self._left:
                os.kill(os.getpid(), signal.SIGKILL)


def killed_itself(work: Callable[..., None], *arguments: object) -> bool:
    """Do work in another process; tell whether it killed itself on the way."""
    process = FORKS.Process(target=work, args=arguments)
    process.start()
    process.join(DEADLINE_S)
    exit_code = process.exitcode
    process.close()
    assert exit_code in (0, -signal.SIGKILL)
    return exit_code != 0


def _serve(home: Path, step: str, occurrence: int, ahead_ms: int) -> None:
    clock = ShiftedClock()
    clock.ahead_ms = ahead_ms

    async def serve() -> None:
        observer = KillAt(step, occurrence)
        async with run_node(home, passphrase=PASSPHRASE, clock=clock, on_step=observer):
            await asyncio.Event().wait()

    asyncio.run(serve())


@asynccontextmanager
async def doomed(
    home: Home, *, step: str = "", occurrence: int = 1, ahead_ms: int = 0
) -> AsyncIterator[asyncio.Future[None]]:
    """Run a node in a process that kills itself; without a step, at the end.

    Its clock is ahead of the present by so much. Gives a future that is done when
    the process has ended.
    """
    process = FORKS.Process(
        target=_serve, args=(home.path, step, occurrence, ahead_ms), daemon=True
    )
    await asyncio.to_thread(process.start)
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()
    loop.add_reader(process.sentinel, _report, process.sentinel, ended)

    async def is_up() -> bool:
        return ended.done() or await _answers(home.folder.socket)

    try:
        await eventually(is_up)
        yield ended
        async with asyncio.timeout(DEADLINE_S):
            if not step:
                process.kill()
            await ended
    finally:
        loop.remove_reader(process.sentinel)
        process.kill()
        await asyncio.to_thread(process.join)
        exit_code = process.exitcode
        process.close()
    assert exit_code == -signal.SIGKILL, f"it ended by itself with {exit_code}"


async def _answers(socket: Path) -> bool:
    try:
        _, writer = await asyncio.open_unix_connection(str(socket))
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


def _report(sentinel: int, ended: asyncio.Future[None]) -> None:
    asyncio.get_running_loop().remove_reader(sentinel)
    ended.set_result(None)
