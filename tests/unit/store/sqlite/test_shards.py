# SPDX-License-Identifier: Apache-2.0
"""The database itself keeps shards as they were closed, whoever writes to it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.unit.store.samples import ORIGIN

from selat.store.sqlite.store import SqliteStore


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE shard SET size = 5 WHERE number = 1",
        "UPDATE shard SET is_closed = 0 WHERE number = 1",
        "UPDATE shard SET final_note = x'00' WHERE number = 1",
        "DELETE FROM shard WHERE number = 2",
    ],
)
async def test_closed_shard_cannot_be_changed(tmp_path: Path, statement: str) -> None:
    store = SqliteStore.open(tmp_path / "node.db")
    await store.write(lambda t: t.open_log(ORIGIN))
    await store.write(lambda t: t.close_shard(b"close"))
    await store.write(
        lambda t: t.open_shard(
            "police.xa.example/exchange/2027h1", final_note=b"note", open_leaf=b"open"
        )
    )
    await store.close()

    with (
        closing(sqlite3.connect(tmp_path / "node.db")) as db,
        pytest.raises(sqlite3.IntegrityError),
    ):
        db.execute(statement)
