# SPDX-License-Identifier: Apache-2.0
"""Which index each frequent question uses: speed that a test can hold."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.unit.store.samples import ALPHA, NOW, message_id, selector

from selat.store.sqlite.connection import open_writer
from selat.store.sqlite.rows import Values
from selat.store.sqlite.transaction import SqliteSnapshot
from selat.store.values import Direction, MessageQuery, OutboxState

Question = Callable[[SqliteSnapshot], object]


class Recorder(SqliteSnapshot):
    """A snapshot that notes the plan of each statement."""

    def __init__(self, path: Path) -> None:
        super().__init__(open_writer(path))
        self.plans: list[str] = []

    def _all(self, sql: str, values: Values = ()) -> list[sqlite3.Row]:
        plan = super()._all("EXPLAIN QUERY PLAN " + sql, values)
        self.plans += [row["detail"] for row in plan]
        return super()._all(sql, values)


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    made = Recorder(tmp_path / "node.db")
    with closing(made._db):
        yield made


def search(query: MessageQuery) -> Question:
    return lambda s: s.search(query, before=7, limit=5)


INDEXES: dict[str, tuple[Question, str]] = {
    "queue of a peer": (lambda s: s.queued(ALPHA, limit=5), "outbox_queued (peer=?)"),
    "outbox of a peer": (lambda s: s.outbox(peer=ALPHA), "outbox_peer (peer=?)"),
    "dead letters": (
        lambda s: s.outbox(state=OutboxState.DEAD),
        "outbox_unusual_state (state=?)",
    ),
    "outbox of a message": (
        lambda s: s.outbox(message=4),
        "sqlite_autoindex_outbox_1 (message=?)",
    ),
    "open batches": (
        lambda s: s.open_batches(ALPHA),
        "outgoing_batch_open (peer=?)",
    ),
    "versions": (
        lambda s: s.find(message_id(1), None),
        "message_identity (message_id=?)",
    ),
    "arrivals": (lambda s: s.arrivals(after=3, limit=5), "message_direction"),
    "arrivals out of quarantine": (
        lambda s: s.arrivals(after=3, limit=5),
        "message_arrival (arrival>?)",
    ),
    "held": (lambda s: s.held(after=3, limit=5), "outbox_held (state=? AND rowid>?)"),
    "quarantined": (
        lambda s: s.quarantined(after=3, limit=5),
        "message_quarantined (holding=? AND rowid>?)",
    ),
    "due because they expired": (
        lambda s: s.due(expired_ms=NOW, aged_ms={"drugs": NOW}, after=3, limit=5),
        "message_expiring (expires_ms>? AND expires_ms<?)",
    ),
    "due because of their age": (
        lambda s: s.due(expired_ms=NOW, aged_ms={"drugs": NOW}, after=3, limit=5),
        "message_aging (category=? AND <expr><?)",
    ),
    "due for review": (
        lambda s: s.due_for_review(now_ms=NOW, before=7, limit=5),
        "message_to_review (holding=?)",
    ),
    "counts": (lambda s: s.counts(), "outbox_held_since"),
    "reviews of an entry": (lambda s: s.reviews_of_entry(4), "review_entry (entry=?)"),
    "everything": (search(MessageQuery()), "INTEGER PRIMARY KEY (rowid<?)"),
    "direction": (
        search(MessageQuery(direction=Direction.OUT)),
        "message_direction (direction=?",
    ),
    "category": (
        search(MessageQuery(category="drugs")),
        "message_category (category=?",
    ),
    "originator": (
        search(MessageQuery(originator=ALPHA)),
        "message_originator (originator=?",
    ),
    "status": (
        search(MessageQuery(status="delisted")),
        "message_unusual_status (status=?",
    ),
    "to be acknowledged": (
        search(MessageQuery(unacknowledged=True)),
        "message_unacknowledged (holding=?",
    ),
    "period": (
        search(MessageQuery(stored_until_ms=NOW)),
        "message_stored (stored_ms>? AND stored_ms<?)",
    ),
    "selector": (
        search(MessageQuery(selectors=((selector(1),),))),
        "selector USING PRIMARY KEY (segment=? AND hash=?)",
    ),
}
IN_ORDER: dict[str, Question] = {
    "queue of a peer": lambda s: s.queued(ALPHA, limit=5),
    "outbox of a peer": lambda s: s.outbox(peer=ALPHA),
    "arrivals": lambda s: s.arrivals(after=3, limit=5),
    "held": lambda s: s.held(after=3, limit=5),
    "quarantined": lambda s: s.quarantined(after=3, limit=5),
    "everything": search(MessageQuery()),
    "attributes": search(
        MessageQuery(direction=Direction.IN, category="drugs", record_type="person")
    ),
    "from a time": search(MessageQuery(stored_from_ms=NOW)),
    "period": search(MessageQuery(stored_from_ms=NOW, stored_until_ms=NOW + 1)),
    "to be acknowledged": search(
        MessageQuery(unacknowledged=True, direction=Direction.IN)
    ),
}


@pytest.mark.parametrize("name", INDEXES)
def test_question_is_answered_from_an_index(recorder: Recorder, name: str) -> None:
    question, index = INDEXES[name]

    question(recorder)

    plans = "\n".join(recorder.plans)
    assert index in plans
    assert "SCAN message" not in plans
    assert "SCAN outbox" not in plans


@pytest.mark.parametrize("name", IN_ORDER)
def test_answer_comes_in_order_without_sorting(recorder: Recorder, name: str) -> None:
    IN_ORDER[name](recorder)

    assert recorder.plans
    assert "USE TEMP B-TREE" not in "\n".join(recorder.plans)
