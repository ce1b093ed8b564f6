# SPDX-License-Identifier: Apache-2.0
"""Search: a query becomes one statement, every value bound."""

from __future__ import annotations

from typing import Final

from selat.store.sqlite.messages import SEGMENT_BITS, message_row
from selat.store.sqlite.rows import Rows, Value, places
from selat.store.values import MessageQuery, MessageRow

# Every segment, and in each the messages with one of a group of selectors.
# CROSS JOIN keeps SQLite to this order. The group closes the bracket.
_WITH_SELECTOR: Final = (
    "WITH RECURSIVE segments (segment) AS ("
    " SELECT max(number) >> ? FROM message"
    " UNION ALL SELECT segment - 1 FROM segments WHERE segment > 0)"
    " SELECT message.* FROM ("
    " SELECT DISTINCT selector.segment, selector.message FROM segments"
    " CROSS JOIN selector ON selector.segment = segments.segment"
    " AND selector.hash IN ("
)
_FOUND: Final = ") AS found CROSS JOIN message ON message.number = found.message"
_ALSO: Final = (
    "EXISTS (SELECT 1 FROM selector AS other"
    " WHERE other.segment = found.segment AND other.message = found.message"
    " AND other.hash IN ("
)
# Arrival numbers between which everything of a period lies, from the index on
# times alone. The plus sign keeps SQLite from sorting the whole period.
_PERIOD: Final = (
    "message.number BETWEEN"
    " (SELECT min(number) FROM message INDEXED BY message_stored"
    " WHERE stored_ms >= ? AND stored_ms < ?)"
    " AND (SELECT max(number) FROM message INDEXED BY message_stored"
    " WHERE stored_ms >= ? AND stored_ms < ?)"
)
_EARLIEST_MS: Final = -(2**63)


class MessageSearch(Rows):
    """Find messages by what they are about."""

    __slots__ = ()

    def search(
        self, query: MessageQuery, *, before: int | None, limit: int
    ) -> list[MessageRow]:
        """Return matches, highest number first, below number ``before``."""
        statement = _Statement()
        if query.selectors:
            first, *others = query.selectors
            statement.start(
                _WITH_SELECTOR + places(len(first)) + _FOUND, SEGMENT_BITS, *first
            )
            for group in others:
                statement.require(_ALSO + places(len(group)) + ")", *group)
        else:
            statement.start("SELECT * FROM message")
        if before is not None:
            statement.require("message.number < ?", before)
        _require_attributes(statement, query)
        _require_state(statement, query)
        _require_period(statement, query)
        sql, values = statement.finish(limit)
        return [message_row(row) for row in self._all(sql, values)]


class _Statement:
    """A statement in the making: its parts and, in step, its values."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._conditions: list[str] = []
        self._values: list[Value] = []

    def start(self, select: str, *values: Value) -> None:
        self._parts.append(select)
        self._values.extend(values)

    def require(self, condition: str, *values: Value) -> None:
        self._conditions.append(condition)
        self._values.extend(values)

    def finish(self, limit: int) -> tuple[str, list[Value]]:
        if self._conditions:
            self._parts += ["WHERE", " AND ".join(self._conditions)]
        self._parts.append("ORDER BY message.number DESC LIMIT ?")
        return " ".join(self._parts), [*self._values, limit]


def _require_attributes(statement: _Statement, query: MessageQuery) -> None:
    if query.direction is not None:
        statement.require("direction = ?", query.direction.value)
    if query.category:
        statement.require("category = ?", query.category)
    if query.record_type:
        statement.require("record_type = ?", query.record_type)
    if query.originator:
        statement.require("originator = ?", query.originator)


def _require_state(statement: _Statement, query: MessageQuery) -> None:
    if query.status:
        statement.require("status = ?", query.status)
        if query.status != "current":
            # In these words, the partial index on the others serves.
            statement.require("status <> 'current'")
    if query.unacknowledged:
        # In these words too. What we published waits for no one here.
        statement.require("direction = 'in' AND acknowledged_ms IS NULL")
    if query.current_only:
        statement.require("holding = 'current'")
    elif query.quarantined:
        statement.require("holding NOT IN ('refused', 'discarded')")
    else:
        statement.require("holding NOT IN ('quarantined', 'refused', 'discarded')")


def _require_period(statement: _Statement, query: MessageQuery) -> None:
    if query.stored_from_ms is not None:
        statement.require("+stored_ms >= ?", query.stored_from_ms)
    if query.stored_until_ms is not None:
        statement.require("+stored_ms < ?", query.stored_until_ms)
        start = query.stored_from_ms
        period = (_EARLIEST_MS if start is None else start, query.stored_until_ms)
        statement.require(_PERIOD, *period, *period)
