# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.store.samples import ALPHA, ALPHAS, ORIGIN, incoming

from selat.core.merkle import EMPTY_FRONTIER, leaf_hash
from selat.store.port import Snapshot
from selat.store.sqlite.store import SqliteStore
from selat.store.values import OutboxState, QueueCount

REPOSITORY = Path(__file__).parents[4]


def crash(path: Path, step: str) -> None:
    ended = subprocess.run(  # noqa: S603 - our own interpreter and our own words
        [sys.executable, "-m", "tests.unit.store.sqlite.crashing", str(path), step],
        cwd=REPOSITORY,
        check=False,
        capture_output=True,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr


@pytest.mark.parametrize(
    ("step", "kept"),
    [
        ("store.begin", 1),
        ("in-work", 1),
        ("store.before-commit", 1),
        ("store.committed", 2),
    ],
)
async def test_killed_process_leaves_a_write_whole_or_not_at_all(
    tmp_path: Path, step: str, kept: int
) -> None:
    crash(tmp_path / "node.db", step)

    def look(snapshot: Snapshot) -> list[object]:
        return [
            snapshot.newest_arrival(),
            snapshot.counts().messages_in,
            snapshot.tree_head().frontier,
            snapshot.leaves(0, 2 * kept),
            snapshot.shard_tiles(ORIGIN).tile(0, 0),
            [snapshot.incoming_batch(ALPHA, sequence) for sequence in (1, 2)],
            snapshot.offer(ALPHA, ALPHAS, 21),
            snapshot.arrival_batch(3),
            snapshot.link(ALPHA).received_sequence,
            snapshot.counts().queues,
        ]

    leaves = [b"receipt %d" % number for number in range(1, 2 * kept + 1)]
    hashes = [leaf_hash(leaf) for leaf in leaves]
    second = incoming(sequence=2, first_offer=20)
    store = SqliteStore.open(tmp_path / "node.db")
    found = await store.read(look)
    await store.close()

    assert found == [
        2 * kept,
        2 * kept,
        EMPTY_FRONTIER.extend(hashes),
        leaves,
        b"".join(hashes),
        [incoming(first_offer=0), second if kept == 2 else None],
        b"b" if kept == 2 else None,
        (second, 0) if kept == 2 else None,
        kept,
        (QueueCount(peer=ALPHA, state=OutboxState.QUEUED, count=kept),),
    ]


async def test_store_goes_on_after_a_crash(tmp_path: Path) -> None:
    crash(tmp_path / "node.db", "store.before-commit")

    store = SqliteStore.open(tmp_path / "node.db")
    first = await store.write(lambda t: t.append_leaves([b"later"]))
    await store.close()

    assert first == 2
