# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.store.samples import (
    ALPHA,
    BRAVO,
    NOW,
    erasure,
    message,
    message_id,
    row_of,
    selector,
)

from selat.errors import AlreadyExistsError, NotFoundError
from selat.store.port import Snapshot, Store, Transaction
from selat.store.values import (
    Direction,
    Holding,
    MessageQuery,
    NewMessage,
    Payload,
)


async def add(store: Store, *messages: NewMessage) -> list[int]:
    return await store.write(lambda t: t.add_messages(messages))


async def holdings(store: Store) -> list[Holding]:
    rows = await store.read(
        lambda s: s.search(
            MessageQuery(current_only=False, quarantined=True), before=None, limit=100
        )
    )
    return [row.holding for row in reversed(rows)]


async def test_message_comes_back_as_it_was_kept(store: Store) -> None:
    kept = message(7, ciphertext=b"\x00\xff" * 20)._replace(
        expires_ms=NOW + 1,
        category="drugs",
        originator="полиция.example",
    )

    assert await add(store, kept) == [1]

    assert await store.read(lambda s: s.message(1)) == row_of(kept, 1)
    assert await store.read(lambda s: s.payload(1)) == Payload(
        wrapped_key=kept.wrapped_key, ciphertext=kept.ciphertext
    )


async def test_unknown_message_is_none(store: Store) -> None:
    assert await store.read(lambda s: s.message(1)) is None
    assert await store.read(lambda s: s.payload(1)) is None
    assert await store.read(lambda s: s.find(message_id(1), None)) == []
    assert await store.read(lambda s: s.newest_arrival()) == 0


async def test_numbers_ascend_from_one(store: Store) -> None:
    assert await add(store, message(1), message(2)) == [1, 2]
    assert await add(store) == []
    assert await add(store, message(3)) == [3]
    assert await store.read(lambda s: s.newest_arrival()) == 3


async def test_several_megabytes_come_back(store: Store) -> None:
    large = bytes(range(256)) * 12_000
    await add(store, message(1, ciphertext=large))

    payload = await store.read(lambda s: s.payload(1))

    assert payload is not None
    assert payload.ciphertext == large


async def test_payloads_of_many_messages_come_at_once(store: Store) -> None:
    numbers = await add(store, *(message(number) for number in range(1, 601)))
    await store.write(lambda t: t.erase(300, erasure(300)))

    payloads = await store.read(lambda s: s.payloads([*numbers, 9_999]))

    assert sorted(payloads) == [number for number in numbers if number != 300]
    assert payloads[42].wrapped_key == b"wrap of 42.1"


async def test_kept_message_is_refused_and_nothing_else_kept(store: Store) -> None:
    await add(store, message(1, version=2))

    with pytest.raises(AlreadyExistsError) as refused:
        await add(store, message(5), message(1, version=2), message(6))

    assert refused.value.context == {
        "message_id": message_id(1).hex(),
        "version": 2,
    }
    assert await store.read(lambda s: s.newest_arrival()) == 1


async def test_duplicate_leaves_nothing_even_when_the_work_goes_on(
    store: Store,
) -> None:
    def work(transaction: Transaction) -> None:
        with pytest.raises(AlreadyExistsError):
            transaction.add_messages([message(1), message(2), message(1)])

    await store.write(work)

    assert await store.read(lambda s: s.newest_arrival()) == 0
    assert (await store.read(lambda s: s.counts())).messages_in == 0


async def test_identity_is_direction_originator_id_and_version(store: Store) -> None:
    await add(
        store,
        message(1),
        message(1, direction=Direction.OUT),
        message(1, originator=BRAVO),
    )

    assert await holdings(store) == [Holding.CURRENT] * 3


async def test_newer_version_supersedes_older_ones(store: Store) -> None:
    await add(store, message(1), message(2), message(1, originator=BRAVO))
    await add(store, message(1, version=2))
    await add(store, message(1, version=5))

    assert await holdings(store) == [
        Holding.SUPERSEDED,
        Holding.CURRENT,
        Holding.CURRENT,
        Holding.SUPERSEDED,
        Holding.CURRENT,
    ]


async def test_older_version_that_comes_late_is_superseded(store: Store) -> None:
    await add(store, message(1, version=3))
    await add(store, message(1, version=2))

    assert await holdings(store) == [Holding.CURRENT, Holding.SUPERSEDED]


async def test_versions_in_one_call_supersede_each_other(store: Store) -> None:
    await add(store, message(1, version=2), message(1, version=3), message(1))

    assert await holdings(store) == [
        Holding.SUPERSEDED,
        Holding.CURRENT,
        Holding.SUPERSEDED,
    ]


async def test_superseding_does_not_end_erasure(store: Store) -> None:
    await add(store, message(1))
    await store.write(lambda t: t.erase(1, erasure(1)))
    await add(store, message(1, version=2))

    assert await holdings(store) == [Holding.ERASED, Holding.CURRENT]


async def test_quarantined_version_supersedes_nothing_and_is_not_superseded(
    store: Store,
) -> None:
    await add(store, message(1), message(2, holding=Holding.QUARANTINED))
    await add(
        store,
        message(1, version=2, holding=Holding.QUARANTINED),
        message(2, version=2),
    )

    assert await holdings(store) == [
        Holding.CURRENT,
        Holding.QUARANTINED,
        Holding.QUARANTINED,
        Holding.CURRENT,
    ]


async def test_messages_are_found_by_identity_newest_version_first(
    store: Store,
) -> None:
    await add(
        store,
        message(1, version=2),
        message(1, version=1),
        message(1, version=2, originator=BRAVO),
        message(2),
    )

    async def find(version: int | None, originator: str = "") -> list[int]:
        rows = await store.read(lambda s: s.find(message_id(1), version, originator))
        return [row.number for row in rows]

    assert await find(None) == [3, 1, 2]
    assert await find(2) == [3, 1]
    assert await find(None, ALPHA) == [1, 2]
    assert await find(2, BRAVO) == [3]
    assert await find(9) == []


async def test_first_acknowledgement_counts(store: Store) -> None:
    await add(store, message(1))

    assert await store.write(lambda t: t.acknowledge(1, by="lim", at_ms=NOW + 1))
    assert not await store.write(lambda t: t.acknowledge(1, by="tan", at_ms=NOW + 2))

    row = await store.read(lambda s: s.message(1))
    assert row == replace(
        row_of(message(1), 1), acknowledged_ms=NOW + 1, acknowledged_by="lim"
    )


async def test_unknown_message_cannot_be_acknowledged_or_erased(store: Store) -> None:
    with pytest.raises(NotFoundError):
        await store.write(lambda t: t.acknowledge(1, by="lim", at_ms=NOW))
    with pytest.raises(NotFoundError):
        await store.write(lambda t: t.erase(1, erasure(1)))


async def test_erased_message_keeps_its_row_and_loses_all_else(store: Store) -> None:
    kept = message(1, selectors=(selector(1), selector(2)))
    await add(store, kept, message(2, selectors=(selector(1),)))

    await store.write(lambda t: t.erase(1, erasure(1)))
    await store.write(lambda t: t.erase(1, erasure(1)))

    def look(snapshot: Snapshot) -> list[int]:
        query = MessageQuery(selectors=((selector(1),),), current_only=False)
        return [row.number for row in snapshot.search(query, before=None, limit=9)]

    assert await store.read(lambda s: s.message(1)) == replace(
        row_of(kept, 1), holding=Holding.ERASED
    )
    assert await store.read(lambda s: s.payload(1)) is None
    assert await store.read(look) == [2]


async def test_selector_has_sixteen_bytes(store: Store) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        await add(store, message(1, selectors=(b"short",)))


async def test_arrivals_are_received_ones_oldest_first(store: Store) -> None:
    await add(
        store,
        message(1),
        message(2, direction=Direction.OUT),
        message(3, holding=Holding.QUARANTINED),
        message(4),
    )

    async def arrivals(after: int, limit: int) -> list[int]:
        rows = await store.read(lambda s: s.arrivals(after=after, limit=limit))
        return [row.number for row in rows]

    assert await arrivals(0, 10) == [1, 3, 4]
    assert await arrivals(1, 10) == [3, 4]
    assert await arrivals(0, 2) == [1, 3]
    assert await arrivals(4, 10) == []


async def test_counts_follow_every_change(store: Store) -> None:
    async def counts() -> tuple[int, int, int]:
        found = await store.read(lambda s: s.counts())
        return found.messages_in, found.messages_out, found.unacknowledged

    assert await counts() == (0, 0, 0)
    await add(
        store,
        message(1),
        message(2),
        message(3, holding=Holding.QUARANTINED),
        message(4, direction=Direction.OUT),
        message(5),
        message(5, version=2),
    )
    assert await counts() == (5, 1, 3)
    await store.write(lambda t: t.acknowledge(1, by="lim", at_ms=NOW))
    assert await counts() == (5, 1, 2)
    await add(store, message(1, version=2))
    assert await counts() == (6, 1, 3)
    await add(store, message(2, version=2))
    assert await counts() == (7, 1, 3)
    await store.write(lambda t: t.erase(7, erasure(7)))
    await store.write(lambda t: t.erase(1, erasure(1)))
    await store.write(lambda t: t.erase(4, erasure(4)))
    assert await counts() == (7, 1, 2)
