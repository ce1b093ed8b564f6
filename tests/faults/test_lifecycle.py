# SPDX-License-Identifier: Apache-2.0
"""A node is killed while it erases what has expired.

After its next start everything that was due is erased, each message once, and
nothing else; the log is whole.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.fakes.killed import doomed
from tests.fakes.nodes import (
    Home,
    ShiftedClock,
    eventually,
    introduce,
    make_home,
    person,
    running,
)
from tests.fakes.reckoning import assert_log_holds, leaves_of

from selat.core.leaves import EraseLeaf, WithholdLeaf
from selat.exchange.lifecycle import BATCH_MESSAGES_MAX
from selat.store.port import Snapshot
from selat.store.values import Holding, MessageQuery, OutboxState
from selat.v1 import message_pb2

DAY_MS = 86_400_000
#: So many that they end in two transactions.
COUNT = BATCH_MESSAGES_MAX + 6
MORE_THAN_ANY = 1_000

STEPS = [
    *((step, n) for step in ("lifecycle.prepared", "lifecycle.erased") for n in (1, 2)),
    *((step, n) for step in ("store.before-commit", "store.committed") for n in (1, 2)),
]


@pytest.fixture
def old(tmp_path: Path) -> Home:
    """Give a node that was there three days ago."""
    return make_home(tmp_path, "xa", now=datetime.now(UTC) - timedelta(days=3))


def due(clock: ShiftedClock, number: int) -> message_pb2.Message:
    message = person(f"Doe {number}")
    message.header.expires_at.FromMilliseconds(clock() + DAY_MS)
    return message


@pytest.mark.parametrize(("step", "occurrence"), STEPS)
async def test_node_killed_while_it_erases_ends_each_message_once(
    step: str, occurrence: int, old: Home, xb: Home
) -> None:
    await introduce(old, xb)
    clock = ShiftedClock()
    clock.ahead_ms = -2 * DAY_MS
    async with running(old, clock=clock) as node:
        ids = await node.publish(*(due(clock, number) for number in range(COUNT)))
        (lasting,) = await node.publish(person("Roe, Jane"))

    async with doomed(old, step=step, occurrence=occurrence):
        pass
    async with running(old):

        async def is_done() -> bool:
            return (
                old.inspect(lambda s: len(s.erasures(before=None, limit=999))) == COUNT
            )

        await eventually(is_done)

    wanted = Counter(dict.fromkeys(ids, 1))
    assert Counter(leaf.id.bytes for _, leaf in leaves_of(old, EraseLeaf)) == wanted
    withheld = [leaf.id.bytes for _, leaf in leaves_of(old, WithholdLeaf)]
    assert Counter(withheld) == wanted
    assert old.inspect(states) == {OutboxState.WITHHELD: COUNT, OutboxState.QUEUED: 1}
    assert old.inspect(with_payload) == {lasting}
    assert old.inspect(holdings) == {Holding.ERASED: COUNT, Holding.CURRENT: 1}
    assert_log_holds(old)


def states(snapshot: Snapshot) -> Counter[OutboxState]:
    return Counter(row.state for row in snapshot.outbox(limit=MORE_THAN_ANY))


def holdings(snapshot: Snapshot) -> Counter[Holding]:
    query = MessageQuery(current_only=False)
    rows = snapshot.search(query, before=None, limit=MORE_THAN_ANY)
    return Counter(row.holding for row in rows)


def with_payload(snapshot: Snapshot) -> set[bytes]:
    query = MessageQuery(current_only=False)
    rows = snapshot.search(query, before=None, limit=MORE_THAN_ANY)
    kept = snapshot.payloads([row.number for row in rows])
    return {row.message_id for row in rows if row.number in kept}
