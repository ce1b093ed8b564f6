# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
from tests.fakes.local_nodes import open_store

from selat.desk import convert
from selat.store.port import Transaction
from selat.store.sqlite.inspection import inspect
from selat.v1 import desk_service_pb2 as pb


@pytest.fixture
async def store(tmp_path: Path) -> Path:
    """Give a log of two shards, with three leaves and with two."""

    def fill(transaction: Transaction) -> None:
        transaction.append_leaves([b"one", b"two"])
        transaction.close_shard(b"close")
        origin = "police.xz.example/exchange/2031h1"
        transaction.open_shard(origin, final_note=b"note", open_leaf=b"open")
        transaction.append_leaves([b"four"])

    async with open_store(tmp_path / "store.db") as opened:
        await opened.write(fill)
    return tmp_path / "store.db"


def test_place_of_a_leaf_is_its_shard_and_its_index_in_it(store: Path) -> None:
    def places(positions: range) -> list[pb.LogPlace]:
        return inspect(store, lambda s: [convert.log_place(s, at) for at in positions])

    older, newer = inspect(store, lambda s: [each.origin for each in s.shards()])
    assert places(range(5)) == [
        *(pb.LogPlace(origin=older, index=index) for index in range(3)),
        *(pb.LogPlace(origin=newer, index=index) for index in range(2)),
    ]
