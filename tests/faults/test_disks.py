# SPDX-License-Identifier: Apache-2.0
"""Full disks, locked databases, old databases, damaged marks, second processes."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from pathlib import Path

import grpc
import pytest
from tests.fakes.killed import doomed
from tests.fakes.nodes import (
    DEADLINE_S,
    Home,
    Running,
    eventually,
    introduce,
    person,
    running,
)
from tests.fakes.reckoning import assert_delivered, assert_log_holds

from selat.errors import (
    HighWaterMissingError,
    LogRolledBackError,
    NodeInUseError,
    SelatError,
    StoreBusyError,
    StoreCorruptError,
    StoreError,
    StoreFullError,
)
from selat.node import serve
from selat.node.active_policy import ActivePolicy
from selat.node.high_water import HighWaterFile
from selat.policy.release_list import format_release_list
from selat.rpc.status import error_from_rpc
from selat.store.sqlite import connection
from selat.store.sqlite.transaction import SqliteTransaction
from selat.v1 import desk_service_pb2 as pb
from selat.v1 import message_pb2

SLOT_BYTES = 512


@asynccontextmanager
async def full_disk(node: Running) -> AsyncIterator[None]:
    """Let a node's database not grow any more."""
    await _limit_pages(node, 1)  # no fewer than there are
    yield
    await _limit_pages(node, 2**30)


async def _limit_pages(node: Running, pages: int) -> None:
    def work(transaction: object) -> None:
        assert isinstance(transaction, SqliteTransaction)
        pragma = f"PRAGMA max_page_count = {pages}"
        transaction._db.execute(pragma).fetchone()

    await node.node.local.store.write(work)


@contextmanager
def locked_database(home: Home) -> Iterator[None]:
    """Let another process hold the lock of a node's database."""
    with closing(sqlite3.connect(home.folder.store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@pytest.fixture
def _nobody_waits_for_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "BUSY_TIMEOUT_S", 0.0)


def large(count: int) -> list[message_pb2.Message]:
    """Return messages that do not fit into a few free pages."""
    return [person("Doe " * 100 + str(number)) for number in range(count)]


async def failure_of(node: Running, *messages: message_pb2.Message) -> SelatError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await node.publish(*messages)
    return error_from_rpc(caught.value)


async def stopped_by(node: Running, peer: str, reason: str) -> None:
    async def has_stopped() -> bool:
        return (await node.link(peer)).last_error == reason

    await eventually(has_stopped)


# --- full ---------------------------------------------------------------------


async def test_full_disk_is_named_when_publishing_and_can_be_mended(
    xa: Home, xb: Home
) -> None:
    await introduce(xa, xb)
    async with running(xa) as a, running(xb) as b:
        async with full_disk(a):
            error = await failure_of(a, *large(100))
            assert isinstance(error, StoreFullError)
            assert await a.outbox() == []
            assert (await a.status()).messages_out == 0
        ids = await a.publish(*large(100))
        await a.settled(b.name, 100)
    assert_delivered(xa, xb, ids)


async def test_batch_for_a_full_disk_is_refused_and_comes_again(
    xa: Home, xb: Home
) -> None:
    await introduce(xa, xb)
    async with running(xa) as a, running(xb) as b:
        async with full_disk(b):
            ids = await a.publish(*large(100))
            await stopped_by(a, b.name, "STORE_FULL")
            assert {e.state for e in await a.outbox()} == {pb.OUTBOX_STATE_OFFERED}
            assert await b.received() == []
        a.node.links.heard_from(b.name)
        await a.settled(b.name, 100)
    assert_delivered(xa, xb, ids)


# --- locked -------------------------------------------------------------------


@pytest.mark.usefixtures("_nobody_waits_for_locks")
async def test_locked_database_is_named_when_publishing_and_can_be_mended(
    xa: Home, xb: Home
) -> None:
    await introduce(xa, xb)
    async with running(xa) as a, running(xb) as b:
        with locked_database(xa):
            assert isinstance(await failure_of(a, person()), StoreBusyError)
        ids = await a.publish(person())
        await a.settled(b.name, 1)
    assert_delivered(xa, xb, ids)


@pytest.mark.usefixtures("_nobody_waits_for_locks")
async def test_batch_for_a_locked_database_is_refused_and_comes_again(
    xa: Home, xb: Home
) -> None:
    await introduce(xa, xb)
    async with running(xa) as a, running(xb) as b:
        with locked_database(xb):
            ids = await a.publish(person())
            await stopped_by(a, b.name, "STORE_BUSY")
            assert await b.received() == []
        a.node.links.heard_from(b.name)
        await a.settled(b.name, 1)
    assert_delivered(xa, xb, ids)


@pytest.mark.usefixtures("_nobody_waits_for_locks")
async def test_link_that_fails_while_the_database_is_locked_comes_back(
    xa: Home, xb: Home
) -> None:
    await introduce(xa, xb)
    async with running(xa) as a:

        async def is_connected() -> bool:
            return (await a.link(xb.name)).connected

        async def is_down() -> bool:
            return not await is_connected()

        async with AsyncExitStack() as peer:
            await peer.enter_async_context(running(xb))
            await eventually(is_connected)
            with locked_database(xa):
                await peer.aclose()
                await eventually(is_down)
        async with running(xb) as b:
            ids = await a.publish(person())
            await a.settled(b.name, 1)
    assert_delivered(xa, xb, ids)


@pytest.mark.usefixtures("_nobody_waits_for_locks")
async def test_policy_that_changes_while_the_database_is_locked_comes_into_force(
    xa: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "POLICY_CHECK_S", 0.01)
    async with running(xa) as a:
        before = (await a.status()).policy_digest
        with locked_database(xa):
            changed = format_release_list({"police.xb.example": frozenset({"piracy"})})
            xa.folder.release_list.write_text(changed, "utf-8")
            failed = asyncio.Event()
            load = a.node.policy.load_if_changed

            async def watched() -> bool:
                try:
                    return await load()
                except StoreBusyError:
                    failed.set()
                    raise

            monkeypatch.setattr(ActivePolicy, "load_if_changed", lambda _: watched())
            await asyncio.wait_for(failed.wait(), DEADLINE_S)
            assert (await a.status()).policy_digest == before

        async def is_in_force() -> bool:
            return (await a.status()).policy_digest != before

        await eventually(is_in_force)


# --- old ----------------------------------------------------------------------


async def exchange(sender: Home, recipient: Home, count: int) -> list[bytes]:
    async with running(sender) as a, running(recipient) as b:
        before = len(await a.outbox())
        ids = await a.publish(*[person(f"Doe {n}") for n in range(count)])
        await a.settled(b.name, before + count)
    return ids


def copied(home: Home, to: Path) -> None:
    """Copy the files of a node that does not run."""
    shutil.copytree(home.path, to)


def restored(home: Home, source: Path, *names: str) -> None:
    """Bring files of a node back, as people do who know no better."""
    for name in names:
        (home.path / f"{name}-wal").unlink(missing_ok=True)
        (home.path / f"{name}-shm").unlink(missing_ok=True)
        shutil.copy(source / name, home.path / name)


async def test_database_older_than_what_was_signed_is_refused(
    xa: Home, xb: Home, tmp_path: Path
) -> None:
    await introduce(xa, xb)
    await exchange(xa, xb, 1)
    old_size = xa.inspect(lambda s: s.tree_head().frontier.size)
    copied(xa, tmp_path / "old")
    await exchange(xa, xb, 1)
    signed = HighWaterFile(xa.folder.high_water)
    signed.close()
    restored(xa, tmp_path / "old", "store.db")
    with pytest.raises(LogRolledBackError) as caught:
        async with running(xa):
            pass
    assert signed.mark is not None
    assert caught.value.context == {"size": old_size, "signed_size": signed.mark.size}
    assert f" {old_size} leaves" in str(caught.value)
    assert f" {signed.mark.size} leaves" in str(caught.value)


async def test_other_history_than_what_was_signed_is_refused(
    xa: Home, xb: Home, tmp_path: Path
) -> None:
    await introduce(xa, xb)
    copied(xa, tmp_path / "old")
    await exchange(xa, xb, 1)
    copied(xa, tmp_path / "first")
    restored(xa, tmp_path / "old", "store.db", "high-water")
    async with running(xa) as a:
        other = [b"another history"] * 20
        await a.node.local.store.write(lambda t: t.append_leaves(other))
    restored(xa, tmp_path / "first", "high-water")
    with pytest.raises(LogRolledBackError):
        async with running(xa):
            pass


async def test_node_does_not_start_when_its_mark_is_gone(xa: Home, xb: Home) -> None:
    await introduce(xa, xb)
    xa.folder.high_water.unlink()
    with pytest.raises(HighWaterMissingError):
        async with running(xa):
            pass
    assert not xa.folder.high_water.exists()


async def test_node_does_not_start_with_a_blank_mark_after_it_has_signed(
    xa: Home, xb: Home, tmp_path: Path
) -> None:
    await introduce(xa, xb)
    copied(xa, tmp_path / "first")
    await exchange(xa, xb, 1)
    restored(xa, tmp_path / "first", "high-water")
    with pytest.raises(HighWaterMissingError) as caught:
        async with running(xa):
            pass
    assert "is blank" in str(caught.value)


async def test_empty_file_begins_the_mark_anew_at_what_the_database_holds(
    xa: Home, xb: Home, tmp_path: Path
) -> None:
    await introduce(xa, xb)
    await exchange(xa, xb, 1)
    copied(xa, tmp_path / "old")
    xa.folder.high_water.write_bytes(b"")
    size = xa.inspect(lambda s: s.tree_head().frontier.size)
    async with running(xa):
        pass
    with closing(HighWaterFile(xa.folder.high_water)) as file:
        assert file.mark is not None
        assert file.mark.size >= size
    await exchange(xa, xb, 1)


async def test_database_restored_with_its_mark_is_noticed_with_the_peer(
    xa: Home, xb: Home, tmp_path: Path
) -> None:
    await introduce(xa, xb)
    await exchange(xa, xb, 1)
    copied(xa, tmp_path / "old")
    await exchange(xa, xb, 1)
    restored(xa, tmp_path / "old", "store.db", "high-water")
    async with running(xa) as a, running(xb) as b:
        await a.publish(person())

        async def is_noticed() -> bool:
            return (xb.name, "CHECKPOINT_ROLLED_BACK") in await a.incidents() and (
                xa.name,
                "CHECKPOINT_ROLLED_BACK",
            ) in await b.incidents()

        await eventually(is_noticed)
        assert len(await b.received()) == 2


# --- damaged ------------------------------------------------------------------


def damage(home: Home, *slots: int) -> None:
    record = bytearray(home.folder.high_water.read_bytes())
    for slot in slots:
        record[slot * SLOT_BYTES + 20] ^= 1
    home.folder.high_water.write_bytes(record)


@pytest.mark.parametrize("slot", [0, 1])
async def test_node_starts_with_one_damaged_mark(slot: int, xa: Home, xb: Home) -> None:
    await introduce(xa, xb)
    ids = await exchange(xa, xb, 1)
    ids += await exchange(xa, xb, 1)
    damage(xa, slot)
    ids += await exchange(xa, xb, 1)
    assert_delivered(xa, xb, ids)


async def test_node_does_not_start_without_a_mark_that_can_be_read(
    xa: Home, xb: Home
) -> None:
    await introduce(xa, xb)
    await exchange(xa, xb, 1)
    await exchange(xa, xb, 1)
    damage(xa, 0, 1)
    with pytest.raises(StoreCorruptError):
        async with running(xa):
            pass


ORIGIN = "police.xa.example/exchange/2030h1"


@pytest.mark.parametrize(
    ("number", "expected"),
    [(errno.ENOSPC, StoreFullError), (errno.EIO, StoreError)],
)
def test_mark_that_cannot_be_written_is_not_raised(
    number: int,
    expected: type[SelatError],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = HighWaterFile(tmp_path / "mark", create=True)
    file.raise_to(origin=ORIGIN, size=1, root=bytes(32))
    before = file.mark

    def fail(*_arguments: object) -> int:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", fail)
        with pytest.raises(expected) as caught:
            file.raise_to(origin=ORIGIN, size=2, root=bytes(32))
        assert type(caught.value) is expected
    assert file.mark == before
    file.raise_to(origin=ORIGIN, size=2, root=bytes(32))
    file.close()
    again = HighWaterFile(tmp_path / "mark")
    assert again.mark is not None
    assert again.mark.size == 2
    again.close()


@pytest.mark.parametrize(
    ("origin", "size", "root"),
    [
        (ORIGIN, 1, bytes(32)),
        (ORIGIN, 2, b"\1" * 32),
        ("police.xb.example/exchange/2030h1", 3, bytes(32)),
        ("police.xa.example/exchange/2029h2", 3, bytes(32)),
    ],
)
def test_mark_is_never_lowered_nor_changed(
    origin: str, size: int, root: bytes, tmp_path: Path
) -> None:
    file = HighWaterFile(tmp_path / "mark", create=True)
    file.raise_to(origin=ORIGIN, size=2, root=bytes(32))
    with pytest.raises(LogRolledBackError):
        file.raise_to(origin=origin, size=size, root=root)
    file.close()


# --- two processes ------------------------------------------------------------


async def test_second_process_is_kept_out(xa: Home) -> None:
    async with doomed(xa):
        with pytest.raises(NodeInUseError):
            async with running(xa):
                pass
    async with running(xa):
        assert_log_holds(xa)
