# SPDX-License-Identifier: Apache-2.0
"""The one writer: a thread that runs works in order and shares their commits.

A commit waits for the disk; a work seldom does. What is queued when a work
ends therefore joins its transaction, each work in a savepoint of its own, and
all of them are answered after the one commit. A work that fails takes only
itself back; a commit that fails fails them all.

Steps, for tests that stop the process at each of them: ``store.begin``,
``store.before-commit``, ``store.committed``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any, Final, Generic, TypeVar

from selat.errors import ShuttingDownError
from selat.store.sqlite.connection import BUSY_TIMEOUT_S
from selat.store.sqlite.failures import translate
from selat.store.sqlite.transaction import SqliteTransaction

T = TypeVar("T")

# A commit is shared by no more works than this …
GROUP_WORKS_MAX: Final = 64
# … and takes no further one after so many changed rows (two full batches).
GROUP_CHANGES_MAX: Final = 4_096
# While readers keep erased bytes in the write-ahead log, it is tried again
# after each commit, and without one in this time, seconds.
SCRUB_RETRY_S: Final = 1.0


class _Job(Generic[T]):
    """One work, its result until the commit, and who waits for it."""

    def __init__(self, work: Callable[[SqliteTransaction], T]) -> None:
        self._work = work
        self._value: T
        self.future: Future[T] = Future()

    def start(self) -> bool:
        """Return False when its caller no longer waits."""
        return self.future.set_running_or_notify_cancel()

    def run(self, transaction: SqliteTransaction) -> None:
        self._value = self._work(transaction)

    def succeed(self) -> None:
        self.future.set_result(self._value)

    def fail(self, error: BaseException) -> None:
        if isinstance(error, sqlite3.Error):
            error = translate(error)
        self.future.set_exception(error)


class Writer:
    """Own the writing connection.

    Args:
        db: The connection; the writer's thread closes it in the end.
        on_step: Called in the writer's thread at each step.
    """

    def __init__(
        self, db: sqlite3.Connection, *, on_step: Callable[[str], None]
    ) -> None:
        """Start the thread."""
        self._db = db
        self._on_step = on_step
        self._queue: SimpleQueue[_Job[Any] | None] = SimpleQueue()
        self._lock = Lock()
        self._stopped = False
        self._ended = False
        self._must_scrub = False
        self._thread = Thread(target=self._run, name="selat-store", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[SqliteTransaction], T]) -> Future[T]:
        """Queue a work; its future ends after the commit.

        Raises:
            ShuttingDownError: `stop` was called.
        """
        job = _Job(work)
        with self._lock:
            if self._stopped:
                raise ShuttingDownError("The database is closed.")
            self._queue.put(job)
        return job.future

    def stop(self) -> None:
        """Finish what is queued, close the connection and end the thread."""
        with self._lock:
            if not self._stopped:
                self._stopped = True
                self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while not self._ended:
            job = self._next(wait=True)
            if job is not None:
                self._serve(job)
            self._scrub()
        self._db.close()

    def _next(self, *, wait: bool) -> _Job[Any] | None:
        """Return the next work, or None when none waits or the end is reached."""
        timeout_s = SCRUB_RETRY_S if self._must_scrub else None
        try:
            job = self._queue.get(block=wait, timeout=timeout_s)
        except Empty:
            return None
        self._ended = job is None
        return job

    def _serve(self, first: _Job[Any]) -> None:
        """Run works from the first one on in one transaction and commit it."""
        kept: list[_Job[Any]] = []
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._on_step("store.begin")
        except BaseException as error:  # noqa: BLE001 - raised where it is awaited
            self._roll_back()
            self._fail_waiting(first, error)
            return
        try:
            self._gather(first, kept)
            if kept:
                self._on_step("store.before-commit")
                self._db.execute("COMMIT")
                self._on_step("store.committed")
        except BaseException as error:  # noqa: BLE001 - raised where each is awaited
            for lost in kept:
                lost.fail(error)
        else:
            for done in kept:
                done.succeed()
        finally:
            self._roll_back()

    def _gather(self, first: _Job[Any], kept: list[_Job[Any]]) -> None:
        """Run works until none waits or the group is full.

        Args:
            first: The work to begin with.
            kept: Takes the works that did not fail.

        Raises:
            BaseException: The works kept so far are lost.
        """
        changes = self._db.total_changes
        job: _Job[Any] | None = first
        while job is not None:
            if job.start():
                self._attempt(job, kept)
            has_room = (
                self._db.in_transaction
                and len(kept) < GROUP_WORKS_MAX
                and self._db.total_changes - changes < GROUP_CHANGES_MAX
            )
            job = self._next(wait=False) if has_room else None

    def _attempt(self, job: _Job[Any], kept: list[_Job[Any]]) -> None:
        """Run one work; keep it for the commit, or take it back and answer it.

        The first one needs no savepoint, which would cost a copy of each page
        that it changes: when it fails, the whole transaction goes.

        Raises:
            BaseException: The works kept before it are lost too.
        """
        nested = bool(kept)
        try:
            if nested:
                self._db.execute("SAVEPOINT work")
            transaction = SqliteTransaction(self._db)
            job.run(transaction)
            if nested:
                self._db.execute("RELEASE work")
        except BaseException as error:
            job.fail(error)
            if not nested:
                self._roll_back()
            elif self._db.in_transaction:
                self._db.execute("ROLLBACK TO work")
                self._db.execute("RELEASE work")
            else:  # a full disk, for one, makes SQLite undo all of it
                raise
        else:
            kept.append(job)
            self._must_scrub |= transaction.has_erased

    def _roll_back(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def _fail_waiting(self, first: _Job[Any], error: BaseException) -> None:
        """Fail a work and all that wait behind it.

        Each of them would wait as long again for the same lock. They are counted
        before the first is answered: its caller may come with another at once.
        """
        waiting = [first]
        while (job := self._next(wait=False)) is not None:
            waiting.append(job)
        for job in waiting:
            if job.start():
                job.fail(error)

    def _scrub(self) -> None:
        """Empty the write-ahead log of what was erased, when no one reads it."""
        if not self._must_scrub:
            return
        self._db.execute("PRAGMA busy_timeout = 0")
        with suppress(sqlite3.Error):  # it is tried again, as after a reader
            checkpoint = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            (is_busy, _, _) = checkpoint.fetchone()
            self._must_scrub = bool(is_busy)
        self._db.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}")
