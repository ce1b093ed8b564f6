# SPDX-License-Identifier: Apache-2.0
"""Periods, and checkpoints, over the end of a half-year."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.local_nodes import (
    NAME,
    MemoryMark,
    note_of,
    open_store,
    policy_leaf,
    signers_of,
)
from tests.fakes.trees import numbered

from selat.core.bundle_paths import shard_of
from selat.core.merkle import EMPTY_FRONTIER
from selat.core.notes import parse_note, sign_note
from selat.core.origins import origin_for
from selat.core.shard_leaves import CloseLeaf, OpenLeaf
from selat.core.times import to_ms
from selat.core.tree_heads import Checkpoint, parse_tree_head
from selat.errors import InvalidInputError, NotFoundError
from selat.exchange.signing import CheckpointSigner, SignedHead
from selat.node.assembly import ignore_step
from selat.publication.periods import Period, ShardPart, _boundary, parts_of
from selat.publication.published_log import PublishedLog
from selat.store.port import Store, Transaction
from selat.store.values import Shard
from selat.store.witnessing import OwnCheckpoint

OLDER = origin_for(NAME, date(2030, 7, 1))
NEWER = origin_for(NAME, date(2031, 1, 1))


def ms(year: int, month: int, day: int) -> int:
    return to_ms(datetime(year, month, day, tzinfo=UTC))


def hand_over(transaction: Transaction) -> None:
    at_ms = ms(2031, 1, 1)
    transaction.close_shard(
        CloseLeaf(
            node=NAME, origin=OLDER, next=NEWER, time_ms=at_ms - 1, blind=bytes(32)
        ).encode()
    )
    note = note_of(transaction)
    opening = OpenLeaf(
        node=NAME, origin=NEWER, previous=note.decode(), time_ms=at_ms, blind=bytes(32)
    )
    transaction.open_shard(NEWER, final_note=note, open_leaf=opening.encode())


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """Give a log with a leaf a month: six and a close leaf, an open leaf and five."""

    def fill(transaction: Transaction) -> None:
        transaction.append_leaves(
            [policy_leaf(ms(2030, month, 1)) for month in range(7, 13)]
        )
        hand_over(transaction)
        transaction.append_leaves(
            [policy_leaf(ms(2031, month, 1)) for month in range(2, 7)]
        )

    async with open_store(tmp_path / "store.db") as store:
        await store.write(fill)
        yield store


async def parts(store: Store, from_ms: int, to_ms: int) -> list[ShardPart]:
    period = Period(from_ms=from_ms, to_ms=to_ms)
    return await store.read(lambda snapshot: parts_of(snapshot, period))


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ((2030, 1, 1), (2040, 1, 1), [(OLDER, 0, 7), (NEWER, 0, 6)]),
        ((2030, 8, 1), (2030, 9, 1), [(OLDER, 1, 3)]),
        ((2030, 8, 2), (2031, 1, 15), [(OLDER, 2, 7), (NEWER, 0, 1)]),
        ((2031, 1, 1), (2031, 1, 2), [(NEWER, 0, 1)]),
        ((2031, 3, 1), (2040, 1, 1), [(NEWER, 2, 6)]),
        ((2030, 8, 2), (2030, 8, 3), [(OLDER, 2, 2)]),
    ],
)
async def test_period_covers_the_leaves_of_its_time(
    first: tuple[int, int, int],
    last: tuple[int, int, int],
    expected: list[tuple[str, int, int]],
    store: Store,
) -> None:
    found = await parts(store, ms(*first), ms(*last))
    assert [
        (part.shard.origin, part.start_size, part.covered_size) for part in found
    ] == expected


async def test_hand_over_at_the_end_of_a_period_is_in_it(store: Store) -> None:
    found = await parts(store, ms(2030, 8, 1), ms(2031, 1, 1) - 1)
    assert [(part.shard.origin, part.covered_size) for part in found] == [
        (OLDER, 7),
        (NEWER, 0),
    ]


@pytest.mark.parametrize(
    "period", [((2029, 1, 1), (2030, 6, 30)), ((2031, 7, 1), (2040, 1, 1))]
)
async def test_period_outside_of_the_log_is_refused(
    period: tuple[tuple[int, int, int], tuple[int, int, int]], store: Store
) -> None:
    with pytest.raises(NotFoundError):
        await parts(store, ms(*period[0]), ms(*period[1]))


def test_period_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        Period(from_ms=2, to_ms=1)


class TimedLeaves:
    """A snapshot that knows nothing but the times of leaves."""

    def __init__(self, times: list[int]) -> None:
        self.times = times

    def leaves(self, first: int, count: int) -> list[bytes]:
        return [policy_leaf(time) for time in self.times[first : first + count]]


@given(times=st.lists(st.integers(0, 9), max_size=30), before=st.integers(0, 10))
def test_boundary_is_one_also_where_a_clock_went_back(
    times: list[int], before: int
) -> None:
    shard = Shard(
        origin=OLDER,
        frontier=EMPTY_FRONTIER.extend(numbered(len(times))),
        first_position=0,
        closed=False,
        final_note=b"",
    )
    found = _boundary(TimedLeaves(times), shard, before_ms=before)  # type: ignore[arg-type]  # it asks nothing else
    assert found == 0 or times[found - 1] < before
    assert found == len(times) or times[found] >= before


# --- which checkpoint ----------------------------------------------------------


def published(store: Store) -> PublishedLog:
    signer = CheckpointSigner(
        store=store, mark=MemoryMark(), signers=signers_of, on_step=ignore_step
    )
    return PublishedLog(store=store, signer=signer)


def opened(note: bytes) -> Checkpoint:
    return parse_tree_head(parse_note(note).text)


async def keep(store: Store, origin: str, *sizes: int) -> dict[int, bytes]:
    """Keep cosigned checkpoints of a shard, which say no more than their size."""
    notes = {
        size: sign_note(
            Checkpoint(origin=origin, size=size, root=bytes(32)).text(),
            signers_of(origin),
        )
        for size in sizes
    }
    for day, (size, note) in enumerate(notes.items()):
        kept = OwnCheckpoint(
            origin=origin,
            size=size,
            note=note,
            cosigners=1,
            signed_ms=day * 86_400_000,
            anchored_ms=day * 86_400_000,
        )
        await store.write(partial(_keep, kept=kept))
    return notes


def _keep(transaction: Transaction, *, kept: OwnCheckpoint) -> None:
    transaction.keep_own_checkpoint(kept)


async def test_newest_state_is_signed_while_nobody_has_cosigned(store: Store) -> None:
    note = await published(store).checkpoint("")
    assert (opened(note).origin, opened(note).size) == (NEWER, 6)


async def test_closed_shard_ends_with_its_final_checkpoint(store: Store) -> None:
    note = await published(store).checkpoint(shard_of(OLDER))
    assert (opened(note).origin, opened(note).size) == (OLDER, 7)
    assert (await parts(store, 0, ms(2030, 12, 1)))[0].end_note() == note


async def test_closed_shard_ends_with_nothing_less(store: Store) -> None:
    await keep(store, OLDER, 5)
    note = await published(store).checkpoint(shard_of(OLDER))
    assert opened(note).size == 7
    notes = await keep(store, OLDER, 7)
    assert await published(store).checkpoint(shard_of(OLDER)) == notes[7]


class HastySigner:
    """A signer that is asked while the log goes on to its next shard."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def at_least(self, _end: int) -> SignedHead:
        """Sign the newest state, after the hand-over."""

        def work(transaction: Transaction) -> SignedHead:
            if transaction.tree_head().origin == OLDER:
                hand_over(transaction)
            note = note_of(transaction)
            return SignedHead(checkpoint=opened(note), note=note, first_position=0)

        return await self.store.write(work)


async def test_shard_that_ends_while_it_is_signed_is_read_again(
    tmp_path: Path,
) -> None:
    async with open_store(tmp_path / "hasty.db") as store:
        await store.write(lambda t: t.append_leaves([policy_leaf(ms(2030, 8, 1))]))
        signer = cast("CheckpointSigner", HastySigner(store))
        note = await PublishedLog(store=store, signer=signer).checkpoint(
            shard_of(OLDER)
        )
    assert (opened(note).origin, opened(note).size) == (OLDER, 2)


async def test_cosigned_checkpoint_is_shown_as_long_as_it_covers_enough(
    store: Store,
) -> None:
    notes = await keep(store, NEWER, 2, 4)
    log = published(store)
    assert await log.checkpoint("") == notes[4]
    assert await log.checkpoint(shard_of(NEWER), 4) == notes[4]
    assert opened(await log.checkpoint(shard_of(NEWER), 5)).size == 6


async def test_more_leaves_than_there_are_cannot_be_covered(store: Store) -> None:
    with pytest.raises(NotFoundError, match="has 6 leaves"):
        await published(store).checkpoint("", 7)
    with pytest.raises(NotFoundError, match="no shard"):
        await published(store).checkpoint("2001h1")


async def test_part_ends_at_a_cosigned_checkpoint_that_shows_its_end(
    store: Store,
) -> None:
    notes = await keep(store, NEWER, 2, 4)
    for day, size in ((1, 2), (2, 4), (3, 4), (4, 4)):
        (part,) = await parts(store, ms(2031, 1, 1), ms(2031, day, 15))
        assert part.end_note() == notes[size], day
    (part,) = await parts(store, ms(2031, 1, 1), ms(2031, 5, 15))
    assert part.end_note() is None
    assert part.notes == notes
