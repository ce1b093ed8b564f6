# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest
from tests.unit.store.samples import adding, message

from selat.errors import InternalError
from selat.store.port import Transaction
from selat.store.sqlite import writer
from selat.store.sqlite.store import SqliteStore

PATIENCE_S = 20.0
ONE_COMMIT = ["store.begin", "store.before-commit", "store.committed"]


class Rig:
    """A store whose writer works through what was queued all at once."""

    def __init__(self, path: Path) -> None:
        self.steps: list[str] = []
        self.fail_at = ""
        self.store = SqliteStore.open(path, on_step=self._on_step)

    def _on_step(self, step: str) -> None:
        self.steps.append(step)
        if step == self.fail_at:
            self.fail_at = ""
            raise RuntimeError(step)

    async def run(
        self, *works: Callable[[Transaction], object], first_fails: bool = False
    ) -> list[object]:
        """Queue works behind one that waits until all of them are queued."""
        queued = Event()

        def wait(_: Transaction) -> str:
            assert queued.wait(PATIENCE_S)
            if first_fails:
                raise LookupError("first")
            return "first"

        calls = [asyncio.ensure_future(self.store.write(w)) for w in (wait, *works)]
        await asyncio.sleep(0)
        queued.set()
        return await asyncio.gather(*calls, return_exceptions=True)

    async def newest(self) -> int:
        return await self.store.read(lambda s: s.newest_arrival())


@pytest.fixture
async def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path / "node.db")


def add(number: int) -> Callable[[Transaction], list[int]]:
    return adding(message(number))


def add_and_fail(number: int) -> Callable[[Transaction], None]:
    def work(transaction: Transaction) -> None:
        transaction.add_messages([message(number)])
        raise LookupError(number)

    return work


async def test_one_write_is_one_commit(rig: Rig) -> None:
    await rig.store.write(add(1))

    assert rig.steps == ONE_COMMIT
    await rig.store.close()


async def test_works_that_wait_share_a_commit(rig: Rig) -> None:
    results = await rig.run(add(1), add(2), add(3))

    assert results == ["first", [1], [2], [3]]
    assert rig.steps == ONE_COMMIT
    await rig.store.close()


async def test_failed_work_takes_only_itself_back(rig: Rig) -> None:
    results = await rig.run(add(1), add_and_fail(2), add(3), add(3))

    assert results[:2] == ["first", [1]]
    assert isinstance(results[2], LookupError)
    assert results[3] == [2]
    assert isinstance(results[4], Exception)
    assert rig.steps == ONE_COMMIT
    assert await rig.newest() == 2
    await rig.store.close()


async def test_works_behind_a_failed_first_one_get_a_transaction_of_their_own(
    rig: Rig,
) -> None:
    results = await rig.run(add(1), add(2), first_fails=True)

    assert isinstance(results[0], LookupError)
    assert results[1:] == [[1], [2]]
    assert rig.steps == ["store.begin", *ONE_COMMIT]
    await rig.store.close()


async def test_failed_commit_fails_every_work_in_it(rig: Rig) -> None:
    rig.fail_at = "store.before-commit"

    results = await rig.run(add(1), add(2))

    assert [type(result) for result in results] == [RuntimeError] * 3
    assert await rig.newest() == 0
    assert await rig.store.write(add(1)) == [1]
    await rig.store.close()


async def test_fault_at_the_begin_fails_what_waits_and_nothing_later(
    rig: Rig,
) -> None:
    rig.fail_at = "store.begin"

    with pytest.raises(RuntimeError):
        await rig.store.write(add(1))

    assert await rig.store.write(add(1)) == [1]
    await rig.store.close()


async def test_fault_at_the_begin_fails_no_caller_who_gave_up(rig: Rig) -> None:
    queued = Event()

    def wait(_: Transaction) -> None:
        assert queued.wait(PATIENCE_S)
        rig.fail_at = "store.begin"
        raise LookupError

    calls = [asyncio.ensure_future(rig.store.write(w)) for w in (wait, add(1), add(2))]
    await asyncio.sleep(0)
    calls[2].cancel()
    await asyncio.sleep(0)
    queued.set()
    results = await asyncio.gather(*calls, return_exceptions=True)

    assert [type(result) for result in results] == [
        LookupError,
        RuntimeError,
        asyncio.CancelledError,
    ]
    assert await rig.store.write(add(1)) == [1]
    await rig.store.close()


async def test_nobody_is_answered_before_the_commit(tmp_path: Path) -> None:
    at_commit, go_on = Event(), Event()

    def on_step(step: str) -> None:
        if step == "store.before-commit":
            at_commit.set()
            assert go_on.wait(PATIENCE_S)

    store = SqliteStore.open(tmp_path / "node.db", on_step=on_step)
    call = asyncio.ensure_future(store.write(add(1)))
    assert await asyncio.to_thread(at_commit.wait, PATIENCE_S)
    await asyncio.sleep(0)
    assert not call.done()
    go_on.set()

    assert await call == [1]
    await store.close()


async def test_commit_is_shared_by_a_bounded_number_of_works(rig: Rig) -> None:
    results = await rig.run(*(add(n) for n in range(1, 100)))

    assert results == ["first", *([n] for n in range(1, 100))]
    assert rig.steps == ONE_COMMIT * 2
    await rig.store.close()


async def test_commit_is_shared_up_to_a_bounded_number_of_changes(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "GROUP_CHANGES_MAX", 1)

    await rig.run(add(1), add(2))

    assert rig.steps == ONE_COMMIT * 2
    await rig.store.close()


async def test_work_that_loses_the_transaction_takes_the_group_with_it(
    rig: Rig,
) -> None:
    def undo_everything(_: Transaction) -> None:
        rig.store._writer._db.execute("ROLLBACK")

    results = await rig.run(add(1), undo_everything, add(1))

    assert [type(result) for result in results[:3]] == [InternalError] * 3
    assert results[3] == [1]
    assert await rig.newest() == 1
    await rig.store.close()


async def test_first_work_that_loses_the_transaction_is_told(rig: Rig) -> None:
    def undo_everything(transaction: Transaction) -> None:
        transaction.add_messages([message(1)])
        rig.store._writer._db.execute("ROLLBACK")

    with pytest.raises(InternalError):
        await rig.store.write(undo_everything)

    assert await rig.store.write(add(1)) == [1]
    await rig.store.close()
