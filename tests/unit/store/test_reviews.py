# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from tests.unit.store.samples import (
    ALPHA,
    BRAVO,
    NOW,
    form,
    message,
    publish,
)

from selat.errors import AlreadyExistsError, NotFoundError, WrongStateError
from selat.store.port import Store, Transaction
from selat.store.reviews import Act, Held, PeerReview, Review
from selat.store.values import Holding, MessageQuery, OutboxRow, OutboxState

APPROVAL = Review(
    act=Act.APPROVE,
    officer="lim",
    reason="",
    note="known to both",
    decided_ms=NOW + 20,
    leaf_index=40,
)
REFUSAL = replace(
    APPROVAL, act=Act.REFUSE, reason="REVIEW_REFUSED", note="not needed", leaf_index=41
)


def held(entry: int, *obligations: str) -> Held:
    return Held(
        entry=entry,
        leaf_index=30 + entry,
        reason="HELD_FOR_REVIEW",
        obligations=obligations or ("two-person",),
    )


async def hold(store: Store, *entries: Held) -> None:
    await store.write(lambda t: t.hold(entries, NOW + 10))


async def entry(store: Store, number: int) -> OutboxRow:
    found = await store.read(lambda s: s.outbox_entry(number))
    assert found is not None
    return found


# --- held entries ------------------------------------------------------------
async def test_held_entry_waits_and_is_no_work(store: Store) -> None:
    await store.write(lambda t: publish(t, 2, ALPHA))
    await hold(store, held(1, "two-person", "legal"), held(2))

    row = await entry(store, 1)
    assert row.state is OutboxState.HELD
    assert (row.reason, row.held_ms, row.leaf_index) == (
        "HELD_FOR_REVIEW",
        NOW + 10,
        31,
    )
    assert row.obligations == ("two-person", "legal")
    assert row.settled_ms is None
    assert await store.read(lambda s: s.peers_with_work()) == []
    rows = await store.read(lambda s: s.outbox(state=OutboxState.HELD))
    assert [each.number for each in rows] == [2, 1]


async def test_held_entries_are_listed_oldest_first_in_pages(store: Store) -> None:
    await store.write(lambda t: publish(t, 3, ALPHA, BRAVO))
    await hold(store, held(5), held(2), held(3))

    async def listed(after: int, limit: int) -> list[int]:
        rows = await store.read(lambda s: s.held(after=after, limit=limit))
        return [row.number for row in rows]

    assert await listed(0, 10) == [2, 3, 5]
    assert await listed(0, 2) == [2, 3]
    assert await listed(3, 2) == [5]


async def test_only_queued_entries_are_held_and_all_or_none(store: Store) -> None:
    await store.write(lambda t: publish(t, 3, ALPHA))
    await hold(store, held(1))

    for wrong in (held(1), held(77), held(2)):
        with pytest.raises(WrongStateError):
            await hold(store, held(2), wrong)

    assert (await entry(store, 2)).state is OutboxState.QUEUED


async def test_approved_entry_is_queued_with_its_obligations_met(store: Store) -> None:
    await store.write(lambda t: publish(t, 1, ALPHA))
    await hold(store, held(1))
    await store.write(lambda t: t.review_entry(1, APPROVAL))

    (row,) = await store.read(lambda s: s.queued(ALPHA, limit=5))
    assert row.approved == ("two-person",)
    assert (row.obligations, row.reason, row.held_ms, row.leaf_index) == (
        (),
        "",
        None,
        None,
    )
    assert await store.read(lambda s: s.reviews_of_entry(1)) == [APPROVAL]

    await hold(store, held(1, "legal"))
    again = replace(APPROVAL, leaf_index=42)
    await store.write(lambda t: t.review_entry(1, again))
    assert (await entry(store, 1)).approved == ("legal", "two-person")
    assert await store.read(lambda s: s.reviews_of_entry(1)) == [APPROVAL, again]


async def test_refused_entry_is_withheld_and_stays_so(store: Store) -> None:
    await store.write(lambda t: publish(t, 1, ALPHA))
    await hold(store, held(1))
    await store.write(lambda t: t.review_entry(1, REFUSAL))

    row = await entry(store, 1)
    assert (row.state, row.reason, row.settled_ms) == (
        OutboxState.WITHHELD,
        "REVIEW_REFUSED",
        NOW + 20,
    )
    assert row.leaf_index == 31
    with pytest.raises(WrongStateError, match="withheld, not held"):
        await store.write(lambda t: t.review_entry(1, APPROVAL))
    assert await store.read(lambda s: s.reviews_of_entry(1)) == [REFUSAL]


async def test_entry_that_does_not_wait_is_not_decided(store: Store) -> None:
    await store.write(lambda t: publish(t, 1, ALPHA))

    with pytest.raises(WrongStateError):
        await store.write(lambda t: t.review_entry(1, APPROVAL))
    with pytest.raises(NotFoundError):
        await store.write(lambda t: t.review_entry(2, APPROVAL))
    assert await store.read(lambda s: s.outbox_entry(2)) is None


async def test_what_was_redacted_stays_with_the_entry_while_it_is_offered(
    store: Store,
) -> None:
    await store.write(lambda t: publish(t, 2, ALPHA))
    await store.write(lambda t: form(t, [1, 2], redacted=("person.person.names",)))

    rows = await store.read(lambda s: s.batch_entries(ALPHA, 1))
    assert [row.redacted for row in rows] == [("person.person.names",)] * 2

    await store.write(lambda t: t.reopen_batch(ALPHA, 1))
    assert (await entry(store, 1)).redacted == ()


# --- quarantined messages ----------------------------------------------------
async def search(store: Store, query: MessageQuery) -> list[int]:
    rows = await store.read(lambda s: s.search(query, before=None, limit=100))
    return [row.number for row in rows]


async def arrivals(store: Store, after: int, limit: int = 100) -> list[tuple[int, int]]:
    rows = await store.read(lambda s: s.arrivals(after=after, limit=limit))
    return [(row.number, row.cursor) for row in rows]


async def test_quarantined_messages_are_listed_oldest_first(store: Store) -> None:
    quarantined = Holding.QUARANTINED
    await store.write(
        lambda t: t.add_messages(
            [message(n, holding=quarantined) for n in (1, 2)] + [message(3)]
        )
    )

    async def listed(after: int, limit: int) -> list[int]:
        rows = await store.read(lambda s: s.quarantined(after=after, limit=limit))
        return [row.number for row in rows]

    assert await listed(0, 10) == [1, 2]
    assert await listed(0, 1) == [1]
    assert await listed(1, 10) == [2]
    assert await search(store, MessageQuery()) == [3]
    assert await search(store, MessageQuery(current_only=False)) == [3]
    every = MessageQuery(current_only=False, quarantined=True)
    assert await search(store, every) == [3, 2, 1]


async def test_admitted_message_arrives_anew_and_once(store: Store) -> None:
    await store.write(
        lambda t: t.add_messages([message(1, holding=Holding.QUARANTINED), message(2)])
    )
    await store.write(lambda t: t.review_message(1, APPROVAL))

    assert await arrivals(store, 0) == [(2, 2), (1, 3)]
    assert await arrivals(store, 0, limit=1) == [(2, 2)]
    assert await arrivals(store, 2) == [(1, 3)]
    assert await arrivals(store, 3) == []
    assert await store.read(lambda s: s.newest_arrival()) == 3
    assert await search(store, MessageQuery()) == [2, 1]
    assert await store.write(lambda t: t.add_messages([message(4)])) == [4]
    assert await arrivals(store, 2) == [(1, 3), (4, 4)]
    assert await store.read(lambda s: s.reviews_of_message(1)) == [APPROVAL]


async def test_admitted_version_takes_its_place_among_the_others(store: Store) -> None:
    hidden = Holding.QUARANTINED
    await store.write(
        lambda t: t.add_messages(
            [
                message(1),
                message(1, version=2, holding=hidden),
                message(2, holding=hidden),
                message(2, version=2),
            ]
        )
    )
    second = replace(APPROVAL, leaf_index=50)
    await store.write(lambda t: t.review_message(2, APPROVAL))
    await store.write(lambda t: t.review_message(3, second))

    rows = await store.read(lambda s: [s.message(n) for n in range(1, 5)])
    assert [row.holding for row in rows if row] == [
        Holding.SUPERSEDED,
        Holding.CURRENT,
        Holding.SUPERSEDED,
        Holding.CURRENT,
    ]


async def test_refused_message_is_never_shown(store: Store) -> None:
    await store.write(
        lambda t: t.add_messages([message(1, holding=Holding.QUARANTINED)])
    )
    await store.write(lambda t: t.review_message(1, REFUSAL))

    row = await store.read(lambda s: s.message(1))
    assert row is not None
    assert row.holding is Holding.REFUSED
    assert row.holding.is_hidden
    every = MessageQuery(current_only=False, quarantined=True)
    assert await search(store, every) == []
    assert await store.read(lambda s: s.quarantined(after=0, limit=5)) == []
    assert await store.read(lambda s: s.payload(1)) is not None
    for late in (APPROVAL, REFUSAL):
        with pytest.raises(WrongStateError, match="refused, not quarantined"):
            await store.write(partial(review_message, late))


def review_message(review: Review, transaction: Transaction) -> None:
    transaction.review_message(1, review)


async def test_message_that_does_not_wait_is_not_decided(store: Store) -> None:
    await store.write(lambda t: t.add_messages([message(1)]))

    with pytest.raises(WrongStateError):
        await store.write(lambda t: t.review_message(1, APPROVAL))
    with pytest.raises(NotFoundError):
        await store.write(lambda t: t.review_message(2, APPROVAL))


async def test_counts_show_what_waits_and_since_when(store: Store) -> None:
    async def counts() -> tuple[int, int | None, int | None, int]:
        found = await store.read(lambda s: s.counts())
        return (
            found.quarantined,
            found.oldest_quarantined_ms,
            found.oldest_held_ms,
            found.unacknowledged,
        )

    await store.write(lambda t: publish(t, 2, ALPHA))
    assert await counts() == (0, None, None, 0)
    await store.write(
        lambda t: t.add_messages(
            [message(8, holding=Holding.QUARANTINED, stored_ms=NOW + n) for n in (3,)]
            + [message(9, holding=Holding.QUARANTINED, stored_ms=NOW + 5)]
        )
    )
    await store.write(lambda t: t.hold([held(2)], NOW + 7))
    await store.write(lambda t: t.hold([held(1)], NOW + 9))
    assert await counts() == (2, NOW + 3, NOW + 7, 0)

    await store.write(lambda t: t.review_message(3, APPROVAL))
    await store.write(lambda t: t.review_entry(2, REFUSAL))
    assert await counts() == (1, NOW + 5, NOW + 9, 1)


# --- reviews of peers --------------------------------------------------------
THEIRS = PeerReview(
    entry=1,
    origin="police.aa.example/exchange/2026h2",
    leaf=b"their review",
    leaf_index=7,
    proof=b"p" * 64,
    checkpoint_size=9,
)


async def test_review_of_a_peer_is_kept_as_it_came_and_once(store: Store) -> None:
    await store.write(lambda t: publish(t, 1, ALPHA))
    assert await store.read(lambda s: s.peer_review(1)) is None

    await store.write(lambda t: t.keep_peer_review(THEIRS))
    with pytest.raises(AlreadyExistsError):
        await store.write(
            lambda t: t.keep_peer_review(replace(THEIRS, leaf=b"another"))
        )
    assert await store.read(lambda s: s.peer_review(1)) == THEIRS


async def test_review_of_no_entry_is_not_kept(store: Store) -> None:
    with pytest.raises(NotFoundError):
        await store.write(lambda t: t.keep_peer_review(THEIRS))
