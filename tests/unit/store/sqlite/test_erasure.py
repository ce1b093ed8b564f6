# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import asyncio
import random
from functools import partial
from pathlib import Path
from threading import Event

import pytest
from tests.unit.store.samples import adding, erasure, message

from selat.store.port import Snapshot, Transaction
from selat.store.sqlite.store import SqliteStore
from selat.store.sqlite.writer import Writer

PATIENCE_S = 20.0
COUNT = 400
KEY = b"wrap of "


def bytes_of(folder: Path) -> bytes:
    """Return what the database and the files beside it hold."""
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


async def fill(store: SqliteStore) -> None:
    for start in range(1, COUNT, 40):
        batch = [
            message(number, ciphertext=b"c" * (9_000 if number == 200 else 700))
            for number in range(start, start + 40)
        ]
        await store.write(adding(*batch))


async def erase_all(store: SqliteStore) -> None:
    """Erase in no order, so that pages are emptied, merged and used again."""
    numbers = list(range(1, COUNT + 1))
    random.Random(7).shuffle(numbers)  # noqa: S311 - any order
    for number in numbers:
        await store.write(partial(erase, number))


def erase(number: int, transaction: Transaction) -> None:
    transaction.erase(number, erasure(number))


async def test_erased_key_is_in_no_file(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "node.db")
    await fill(store)
    assert bytes_of(tmp_path).count(KEY) >= COUNT

    await erase_all(store)
    # A further write begins after the last one's tidying.
    await store.write(lambda t: t.newest_arrival())

    left = bytes_of(tmp_path)
    await store.close()
    assert KEY not in left


async def test_reader_keeps_the_log_for_a_while_and_the_writer_does_not_wait(
    tmp_path: Path,
) -> None:
    store = SqliteStore.open(tmp_path / "node.db")
    await fill(store)
    began, go_on = Event(), Event()

    def look(snapshot: Snapshot) -> None:
        snapshot.newest_arrival()
        began.set()
        assert go_on.wait(PATIENCE_S)

    reading = asyncio.ensure_future(store.read(look))
    assert await asyncio.to_thread(began.wait, PATIENCE_S)
    await erase_all(store)
    assert KEY in bytes_of(tmp_path)
    go_on.set()
    await reading
    await store.write(lambda t: t.newest_arrival())
    await store.write(lambda t: t.newest_arrival())

    left = bytes_of(tmp_path)
    await store.close()
    assert KEY not in left


async def test_idle_writer_empties_the_log_once_the_reader_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scrub, tried, done = Writer._scrub, Event(), Event()

    def spy(writer: Writer) -> None:
        had_to = writer._must_scrub
        scrub(writer)
        if had_to:
            (tried if writer._must_scrub else done).set()

    monkeypatch.setattr(Writer, "_scrub", spy)
    monkeypatch.setattr("selat.store.sqlite.writer.SCRUB_RETRY_S", 0.001)
    store = SqliteStore.open(tmp_path / "node.db")
    await fill(store)

    began = Event()

    def hold(snapshot: Snapshot) -> None:
        snapshot.newest_arrival()
        began.set()
        assert tried.wait(PATIENCE_S)

    reading = asyncio.ensure_future(store.read(hold))
    assert await asyncio.to_thread(began.wait, PATIENCE_S)
    await store.write(partial(erase, 1))
    await reading
    assert await asyncio.to_thread(done.wait, PATIENCE_S)

    left = bytes_of(tmp_path)
    await store.close()
    assert b"wrap of 1." not in left
    assert b"wrap of 2." in left
