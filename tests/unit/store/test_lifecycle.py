# SPDX-License-Identifier: Apache-2.0
"""How messages end: the contract of every adapter."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from tests.unit.store.samples import (
    ALPHA,
    BRAVO,
    NOW,
    adding,
    erasure,
    form,
    message,
    publish,
)

from selat.errors import NotFoundError, WrongStateError
from selat.store.lifecycle import ErasedMessage, LegalHold, LegalHoldAct
from selat.store.port import Snapshot, Store
from selat.store.reviews import Held
from selat.store.values import (
    Direction,
    Holding,
    MessageQuery,
    MessageRow,
    OutboxState,
    Settled,
)

DAY_MS = 86_400_000


def hold(
    act: LegalHoldAct = LegalHoldAct.SET, *, leaf_index: int = 1, code: str = "COURT"
) -> LegalHold:
    return LegalHold(
        act=act, code=code, officer="rahim", at_ms=NOW, leaf_index=leaf_index
    )


async def due(
    store: Store,
    *,
    expired_ms: int = NOW,
    aged_ms: dict[str, int] | None = None,
    after: int = 0,
    limit: int = 10,
) -> list[int]:
    rows = await store.read(
        lambda s: s.due(
            expired_ms=expired_ms, aged_ms=aged_ms or {}, after=after, limit=limit
        )
    )
    return [row.number for row in rows]


def search(query: MessageQuery, snapshot: Snapshot) -> list[MessageRow]:
    return snapshot.search(query, before=None, limit=5)


async def get(store: Store, number: int) -> MessageRow:
    row = await store.read(lambda s: s.message(number))
    assert row is not None
    return row


# --- what is due -----------------------------------------------------------
async def test_message_is_due_from_the_moment_it_expires(store: Store) -> None:
    await store.write(
        adding(message(1, expires_ms=NOW + 1), message(2, expires_ms=NOW), message(3))
    )

    assert await due(store, expired_ms=NOW - 1) == []
    assert await due(store) == [2]
    assert await due(store, expired_ms=NOW + 1) == [1, 2]


async def test_message_is_due_when_its_category_keeps_it_no_longer(
    store: Store,
) -> None:
    await store.write(
        adding(
            message(1, created_ms=NOW - DAY_MS),
            message(2, created_ms=NOW - DAY_MS + 1),
            message(3, created_ms=NOW - DAY_MS, category="drugs"),
        )
    )

    assert await due(store, aged_ms={"terrorism": NOW - DAY_MS}) == [1]
    aged_ms = {"terrorism": NOW - DAY_MS, "drugs": NOW - DAY_MS, "piracy": NOW}
    assert await due(store, aged_ms=aged_ms) == [1, 3]


async def test_date_in_the_future_does_not_prolong_retention(store: Store) -> None:
    await store.write(
        adding(message(1, created_ms=NOW + 10 * DAY_MS, stored_ms=NOW - DAY_MS))
    )

    assert await due(store, aged_ms={"terrorism": NOW - DAY_MS}) == [1]


async def test_message_that_is_due_twice_is_named_once(store: Store) -> None:
    await store.write(adding(message(1, expires_ms=NOW)))

    assert await due(store, aged_ms={"terrorism": NOW}) == [1]


async def test_due_messages_come_in_pages(store: Store) -> None:
    await store.write(
        adding(*(message(number, expires_ms=NOW - number) for number in range(1, 6)))
    )

    assert await due(store, limit=2) == [1, 2]
    assert await due(store, after=2, limit=2) == [3, 4]
    assert await due(store, after=4, limit=2) == [5]


@pytest.mark.parametrize("holding", Holding)
async def test_all_but_the_erased_can_be_due(store: Store, holding: Holding) -> None:
    await store.write(adding(message(1, expires_ms=NOW, holding=holding)))

    is_erased = holding in {Holding.ERASED, Holding.DISCARDED}
    assert await due(store) == ([] if is_erased else [1])


# --- review dates ----------------------------------------------------------
async def test_current_messages_are_shown_when_their_review_date_comes(
    store: Store,
) -> None:
    await store.write(
        adding(
            message(1, review_ms=NOW),
            message(2, review_ms=NOW + 1),
            message(3),
            message(4, review_ms=NOW - 1, holding=Holding.QUARANTINED),
            message(5, review_ms=NOW - 1),
            message(6, review_ms=NOW - 1),
        )
    )
    await store.write(lambda t: t.erase(6, erasure()))

    async def shown(before: int | None, limit: int) -> list[int]:
        rows = await store.read(
            lambda s: s.due_for_review(now_ms=NOW, before=before, limit=limit)
        )
        return [row.number for row in rows]

    assert await shown(None, 9) == [5, 1]
    assert await shown(5, 9) == [1]
    assert await shown(None, 1) == [5]
    assert (await get(store, 2)).review_ms == NOW + 1


# --- erasure ---------------------------------------------------------------
async def test_erasure_is_remembered_with_its_leaf(store: Store) -> None:
    await store.write(adding(message(1), message(2), message(3)))
    first, second = erasure(7), replace(erasure(9), reason="RETENTION")
    await store.write(lambda t: t.erase(2, first))
    await store.write(lambda t: t.erase(1, second))
    await store.write(lambda t: t.erase(2, erasure(11)))

    assert await store.read(lambda s: s.erasure(2)) == first
    assert await store.read(lambda s: s.erasure(3)) is None
    newest = ErasedMessage(number=2, message=1, erasure=second)
    oldest = ErasedMessage(number=1, message=2, erasure=first)
    assert await store.read(lambda s: s.erasures(before=None, limit=5)) == [
        newest,
        oldest,
    ]
    assert await store.read(lambda s: s.erasures(before=None, limit=1)) == [newest]
    assert await store.read(lambda s: s.erasures(before=2, limit=5)) == [oldest]


@pytest.mark.parametrize("holding", [Holding.QUARANTINED, Holding.REFUSED])
async def test_what_nobody_was_shown_is_not_shown_after_its_erasure(
    store: Store, holding: Holding
) -> None:
    await store.write(adding(message(1), message(1, version=2, holding=holding)))
    await store.write(lambda t: t.erase(2, erasure()))

    for quarantined in (True, False):
        query = MessageQuery(current_only=False, quarantined=quarantined)
        rows = await store.read(partial(search, query))
        assert [row.number for row in rows] == [1]
    row = await get(store, 2)
    assert row.holding is Holding.DISCARDED
    assert row.holding.is_hidden
    assert (await get(store, 1)).holding is Holding.CURRENT
    assert await store.read(lambda s: s.quarantined(after=0, limit=5)) == []


async def test_discarded_version_does_not_supersede_what_comes_later(
    store: Store,
) -> None:
    await store.write(adding(message(1, version=3, holding=Holding.QUARANTINED)))
    await store.write(lambda t: t.erase(1, erasure()))
    await store.write(adding(message(1, version=2)))

    assert (await get(store, 2)).holding is Holding.CURRENT


async def test_message_in_an_open_batch_is_not_erased(store: Store) -> None:
    entries = await store.write(lambda t: publish(t, 2, ALPHA))
    await store.write(lambda t: form(t, entries[:1]))

    with pytest.raises(WrongStateError, match="on its way"):
        await store.write(lambda t: t.erase(1, erasure()))
    assert await store.read(lambda s: s.payload(1)) is not None

    await store.write(lambda t: t.erase(2, erasure()))
    await store.write(lambda t: t.void_batch(ALPHA, 1, reason="KEY_WRAP", at_ms=NOW))
    await store.write(lambda t: t.erase(1, erasure(2)))
    assert await store.read(lambda s: s.payload(1)) is None


async def test_what_waits_for_a_person_can_be_settled(store: Store) -> None:
    (entry,) = await store.write(lambda t: publish(t, 1, BRAVO))
    held = Held(entry=entry, leaf_index=3, reason="HELD_FOR_REVIEW", obligations=("x",))
    await store.write(lambda t: t.hold([held], NOW))

    end = Settled(
        entry=entry, state=OutboxState.WITHHELD, reason="EXPIRED", leaf_index=5
    )
    await store.write(lambda t: t.settle([end], NOW + 1))

    row = await store.read(lambda s: s.outbox_entry(entry))
    assert row is not None
    assert (row.state, row.reason) == (OutboxState.WITHHELD, "EXPIRED")
    assert row.held_ms is None
    assert row.leaf_index == 3, "the leaf that held it"
    assert await store.read(lambda s: s.held(after=0, limit=5)) == []


# --- legal hold ------------------------------------------------------------
async def test_message_under_legal_hold_is_neither_due_nor_erased(
    store: Store,
) -> None:
    await store.write(adding(message(1, expires_ms=NOW), message(2, expires_ms=NOW)))
    await store.write(lambda t: t.put_legal_hold(1, hold()))

    assert await due(store, aged_ms={"terrorism": NOW}) == [2]
    with pytest.raises(WrongStateError, match="legal hold"):
        await store.write(lambda t: t.erase(1, erasure()))
    assert await store.read(lambda s: s.payload(1)) is not None
    assert (await get(store, 1)).legal_hold == "COURT"
    assert await store.read(lambda s: s.legal_hold(1)) == hold()
    assert await store.read(lambda s: s.legal_hold(2)) is None


async def test_released_message_is_due_again(store: Store) -> None:
    await store.write(adding(message(1, expires_ms=NOW)))
    await store.write(lambda t: t.put_legal_hold(1, hold()))
    release = hold(LegalHoldAct.RELEASE, leaf_index=2)
    await store.write(lambda t: t.put_legal_hold(1, release))

    assert await due(store) == [1]
    assert await store.read(lambda s: s.legal_hold(1)) is None
    await store.write(lambda t: t.erase(1, erasure()))


async def test_messages_under_legal_hold_are_listed(store: Store) -> None:
    await store.write(
        adding(message(1), message(2), message(3, direction=Direction.OUT))
    )
    await store.write(lambda t: t.put_legal_hold(1, hold(leaf_index=1)))
    await store.write(lambda t: t.put_legal_hold(3, hold(leaf_index=3)))

    async def listed(before: int | None, limit: int) -> list[int]:
        rows = await store.read(
            lambda s: s.under_legal_hold(before=before, limit=limit)
        )
        return [row.number for row in rows]

    assert await listed(None, 5) == [3, 1]
    assert await listed(3, 5) == [1]
    assert await listed(None, 1) == [3]


async def test_legal_hold_is_set_once_and_released_once(store: Store) -> None:
    await store.write(adding(message(1), message(2)))
    await store.write(lambda t: t.erase(2, erasure()))
    release = hold(LegalHoldAct.RELEASE)

    with pytest.raises(WrongStateError, match="not under"):
        await store.write(lambda t: t.put_legal_hold(1, release))
    await store.write(lambda t: t.put_legal_hold(1, hold()))
    with pytest.raises(WrongStateError, match="already under"):
        await store.write(lambda t: t.put_legal_hold(1, hold(code="OTHER")))
    with pytest.raises(WrongStateError, match="erased"):
        await store.write(lambda t: t.put_legal_hold(2, hold()))
    with pytest.raises(NotFoundError):
        await store.write(lambda t: t.put_legal_hold(3, hold()))
    assert await store.read(lambda s: s.legal_hold(1)) == hold()
