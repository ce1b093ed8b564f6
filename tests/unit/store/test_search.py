# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import random
from itertools import chain

import pytest
from tests.unit.store.samples import ALPHA, BRAVO, NOW, erasure, message, selector

from selat.store.port import Store, Transaction
from selat.store.sqlite import messages as sqlite_messages
from selat.store.sqlite import search as sqlite_search
from selat.store.values import (
    Direction,
    Holding,
    MessageQuery,
    MessageRow,
    NewMessage,
)

COUNT = 120


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the few messages of a test fill several segments of selectors."""
    monkeypatch.setattr(sqlite_messages, "SEGMENT_BITS", 3)
    monkeypatch.setattr(sqlite_search, "SEGMENT_BITS", 3)


async def numbers(
    store: Store, query: MessageQuery, *, before: int | None = None, limit: int = 200
) -> list[int]:
    rows = await store.read(lambda s: s.search(query, before=before, limit=limit))
    return [row.number for row in rows]


def made_up(chance: random.Random) -> list[NewMessage]:
    return [
        message(
            number,
            direction=chance.choice(list(Direction)),
            originator=chance.choice([ALPHA, BRAVO]),
            category=chance.choice(["terrorism", "drugs", "piracy"]),
            record_type=chance.choice(["person", "vessel"]),
            status=chance.choice(["current", "current", "delisted"]),
            # The clock goes back at times.
            stored_ms=NOW + number + chance.randrange(20),
            holding=chance.choice([Holding.CURRENT, Holding.QUARANTINED]),
            selectors=tuple(selector(chance.randrange(6)) for _ in range(3)),
        )
        for number in range(1, COUNT + 1)
    ]


def queries(chance: random.Random) -> MessageQuery:
    def maybe(*values: object) -> object:
        return chance.choice([None, None, *values])

    return MessageQuery(
        selectors=chance.choice(
            [
                (),
                ((selector(1),),),
                ((selector(1), selector(2)),),
                ((selector(1), selector(2)), (selector(3),)),
                ((selector(1),), (selector(2),), (selector(3), selector(4))),
                ((selector(99),),),
            ]
        ),
        direction=chance.choice([None, *Direction]),
        category=str(maybe("terrorism", "drugs", "nothing") or ""),
        record_type=str(maybe("person") or ""),
        originator=str(maybe(ALPHA, BRAVO) or ""),
        status=str(maybe("current", "delisted") or ""),
        stored_from_ms=chance.choice([None, NOW + 30, NOW + 90]),
        stored_until_ms=chance.choice([None, NOW + 60, NOW + 100]),
        unacknowledged=chance.random() < 0.3,
        current_only=chance.random() < 0.5,
        quarantined=chance.random() < 0.5,
    )


def holds(query: MessageQuery, kept: NewMessage, row: MessageRow) -> bool:
    return (
        all(set(group) & set(kept.selectors) for group in query.selectors)
        and query.direction in {None, row.direction}
        and query.category in {"", row.category}
        and query.record_type in {"", row.record_type}
        and query.originator in {"", row.originator}
        and query.status in {"", row.status}
        and row.stored_ms >= (query.stored_from_ms or 0)
        and row.stored_ms < (query.stored_until_ms or 2 * NOW)
        and not (query.unacknowledged and row.direction is Direction.OUT)
        and not (query.unacknowledged and row.acknowledged_ms is not None)
        and not (query.current_only and row.holding is not Holding.CURRENT)
        and (query.quarantined or row.holding is not Holding.QUARANTINED)
        and row.holding is not Holding.REFUSED
    )


async def test_every_condition_that_is_set_holds(store: Store) -> None:
    chance = random.Random(20261)  # noqa: S311 - made-up records
    kept = made_up(chance)
    await store.write(lambda t: t.add_messages(kept))

    def touch(transaction: Transaction) -> None:
        for number in range(1, COUNT, 4):
            transaction.acknowledge(number, by="lim", at_ms=NOW)

    await store.write(touch)
    rows = await store.read(lambda s: [s.message(n) for n in range(1, COUNT + 1)])
    found_any = 0
    for _ in range(300):
        query = queries(chance)
        expected = [
            row.number
            for one, row in zip(reversed(kept), reversed(rows), strict=True)
            if row is not None and holds(query, one, row)
        ]
        found = await numbers(store, query)
        assert found == expected, query
        found_any += bool(found)

    assert found_any > 50


@pytest.mark.parametrize(
    "query",
    [
        MessageQuery(),
        MessageQuery(selectors=((selector(1), selector(2)),)),
        MessageQuery(stored_until_ms=NOW + 1, category="terrorism"),
    ],
)
async def test_pages_follow_each_other_without_gap_or_repeat(
    store: Store, query: MessageQuery
) -> None:
    both = (selector(1), selector(2))
    await store.write(
        lambda t: t.add_messages([message(n, selectors=both) for n in range(1, 24)])
    )

    pages: list[list[int]] = []
    before = None
    while not pages or pages[-1]:
        pages.append(await numbers(store, query, before=before, limit=5))
        before = pages[-1][-1] if pages[-1] else None

    assert [len(page) for page in pages] == [5, 5, 5, 5, 3, 0]
    assert [*chain.from_iterable(pages)] == list(range(23, 0, -1))


async def test_search_of_an_empty_store_finds_nothing(store: Store) -> None:
    assert await numbers(store, MessageQuery()) == []
    assert await numbers(store, MessageQuery(selectors=((selector(1),),))) == []
    assert await numbers(store, MessageQuery(stored_until_ms=NOW)) == []


async def test_empty_group_of_selectors_finds_nothing(store: Store) -> None:
    await store.write(lambda t: t.add_messages([message(selectors=(selector(1),))]))

    assert await numbers(store, MessageQuery(selectors=((),))) == []
    assert await numbers(store, MessageQuery(selectors=((selector(1),), ()))) == []


async def test_search_takes_values_as_values(store: Store) -> None:
    await store.write(lambda t: t.add_messages([message()]))
    query = MessageQuery(category="x' OR '1'='1", originator="%", status='"')

    assert await numbers(store, query) == []


async def test_selector_named_twice_in_a_message_counts_once(store: Store) -> None:
    twice = message()._replace(selectors=(selector(1), selector(1)))
    await store.write(lambda t: t.add_messages([twice]))

    assert await numbers(store, MessageQuery(selectors=((selector(1),),))) == [1]
    await store.write(lambda t: t.erase(1, erasure(1)))
    query = MessageQuery(selectors=((selector(1),),), current_only=False)
    assert await numbers(store, query) == []
