# SPDX-License-Identifier: Apache-2.0
"""A process that writes twice and is killed in the second write.

usage: python -m tests.unit.store.sqlite.crashing DATABASE STEP
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from tests.unit.store.samples import ALPHA, NOW, ORIGIN, incoming, message

from selat.store.port import Transaction
from selat.store.sqlite.store import SqliteStore
from selat.store.values import Lane, Link

IN_WORK = "in-work"


class Crash:
    """Kill this process at a step, once it is armed."""

    def __init__(self, step: str) -> None:
        self._step = step
        self.is_armed = False

    def __call__(self, step: str) -> None:
        if self.is_armed and step == self._step:
            os.kill(os.getpid(), signal.SIGKILL)


def accept(transaction: Transaction, sequence: int, crash: Crash) -> None:
    """Do what accepting a batch does: everything that belongs together."""
    first = 2 * sequence - 1
    numbers = transaction.add_messages([message(first), message(first + 1)])
    index = transaction.append_leaves([b"receipt %d" % number for number in numbers])
    crash(IN_WORK)
    transaction.keep_incoming(
        incoming(sequence=sequence, first_offer=10 * index), [b"a", b"b"], numbers
    )
    transaction.enqueue([(numbers[0], Lane.FLASH)], [ALPHA], NOW)
    transaction.put_link(Link(peer=ALPHA, received_sequence=sequence))


async def main(path: Path, crash: Crash) -> None:
    store = SqliteStore.open(path, on_step=crash)
    await store.write(lambda t: t.open_log(ORIGIN))
    await store.write(lambda t: accept(t, 1, crash))
    crash.is_armed = True
    await store.write(lambda t: accept(t, 2, crash))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Crash(sys.argv[2])))
