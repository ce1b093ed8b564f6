# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from tests.unit.store.samples import ALPHA, BRAVO, NOW, ORIGIN

from selat.errors import SelatError
from selat.store.port import Store, Transaction
from selat.store.witnessing import (
    WAITING_CHECKPOINTS_MAX,
    Cosigned,
    EquivocationRow,
    OwnCheckpoint,
    Witnessed,
)

DAY_MS = 86_400_000
THEIRS = f"{ALPHA}/exchange/2026h2"
WITNESSED = Witnessed(
    origin=THEIRS,
    peer=ALPHA,
    size=7,
    root=b"r" * 32,
    note=b"signed note\n",
    witnessed_ms=NOW,
)
EVIDENCE = EquivocationRow(
    peer=ALPHA,
    origin=THEIRS,
    size=7,
    proof=b"two notes",
    reporter="",
    found_ms=NOW,
    leaf_index=3,
)


def own(
    size: int, *, at_ms: int = NOW, cosigners: int = 1, anchored: bool = True
) -> OwnCheckpoint:
    return OwnCheckpoint(
        origin=ORIGIN,
        size=size,
        note=b"note of %d\n" % size,
        cosigners=cosigners,
        signed_ms=at_ms,
        anchored_ms=at_ms if anchored else None,
    )


async def keep(store: Store, *checkpoints: OwnCheckpoint) -> None:
    def work(transaction: Transaction) -> None:
        for checkpoint in checkpoints:
            transaction.keep_own_checkpoint(checkpoint)

    await store.write(work)


def put(witnessed: Witnessed, transaction: Transaction) -> None:
    transaction.put_witnessed(witnessed, known_size=0)


def keep_evidence(row: EquivocationRow, transaction: Transaction) -> None:
    transaction.keep_equivocation(row)


async def sizes(store: Store) -> list[int]:
    return [each.size for each in await store.read(lambda s: s.own_checkpoints(ORIGIN))]


# --- logs of others ----------------------------------------------------------


async def test_log_that_was_never_seen_is_none(store: Store) -> None:
    assert await store.read(lambda s: s.witnessed(THEIRS)) is None
    assert await store.read(lambda s: s.witnessed_logs()) == []


async def test_first_state_of_a_log_is_kept(store: Store) -> None:
    assert await store.write(lambda t: t.put_witnessed(WITNESSED, known_size=0))
    assert await store.read(lambda s: s.witnessed(THEIRS)) == WITNESSED


async def test_state_follows_the_one_that_was_known(store: Store) -> None:
    larger = replace(WITNESSED, size=9, root=b"s" * 32, witnessed_ms=NOW + 1)
    await store.write(lambda t: t.put_witnessed(WITNESSED, known_size=0))
    assert await store.write(lambda t: t.put_witnessed(larger, known_size=7))
    assert await store.read(lambda s: s.witnessed(THEIRS)) == larger


@pytest.mark.parametrize("known_size", [0, 6, 8])
async def test_state_from_another_size_changes_nothing(
    store: Store, known_size: int
) -> None:
    larger = replace(WITNESSED, size=9, root=b"s" * 32)
    await store.write(lambda t: t.put_witnessed(WITNESSED, known_size=0))
    assert not await store.write(
        lambda t: t.put_witnessed(larger, known_size=known_size)
    )
    assert await store.read(lambda s: s.witnessed(THEIRS)) == WITNESSED


@pytest.mark.parametrize(
    "wrong", [replace(WITNESSED, size=6), replace(WITNESSED, root=b"x" * 32)]
)
async def test_log_that_was_cosigned_never_shrinks(
    store: Store, wrong: Witnessed
) -> None:
    await store.write(lambda t: t.put_witnessed(WITNESSED, known_size=0))
    with pytest.raises(SelatError):
        await store.write(lambda t: t.put_witnessed(wrong, known_size=7))
    assert await store.read(lambda s: s.witnessed(THEIRS)) == WITNESSED


async def test_logs_are_listed_by_origin(store: Store) -> None:
    other = replace(WITNESSED, origin="foreign.example/log", peer="")
    for each in (WITNESSED, other):
        await store.write(partial(put, each))
    assert await store.read(lambda s: s.witnessed_logs()) == [other, WITNESSED]


# --- our own checkpoints -----------------------------------------------------


async def test_checkpoint_of_ours_comes_back(store: Store) -> None:
    await keep(store, own(5, anchored=False))
    assert await store.read(lambda s: s.own_checkpoint(ORIGIN, 5)) == own(
        5, anchored=False
    )
    assert await store.read(lambda s: s.own_checkpoint(ORIGIN, 6)) is None
    assert await store.read(lambda s: s.newest_anchored()) is None


async def test_more_cosignatures_replace_the_note_and_not_its_first_time(
    store: Store,
) -> None:
    again = replace(
        own(5), note=b"more\n", cosigners=2, signed_ms=NOW + 9, anchored_ms=NOW + 9
    )
    await keep(store, own(5, anchored=False), again)
    assert await store.read(lambda s: s.newest_anchored()) == replace(
        again, signed_ms=NOW
    )


async def test_last_anchored_one_of_each_day_stays(store: Store) -> None:
    midnight = NOW - NOW % DAY_MS
    await keep(
        store,
        own(1, at_ms=midnight),
        own(2, at_ms=midnight + DAY_MS - 1),
        own(3, at_ms=midnight + DAY_MS),
        own(4, at_ms=midnight + DAY_MS + 1),
    )
    assert await sizes(store) == [2, 4]


async def test_what_waits_below_an_anchored_one_goes(store: Store) -> None:
    await keep(
        store, own(1, anchored=False), own(3, anchored=False), own(2, cosigners=2)
    )
    assert await sizes(store) == [2, 3]


async def test_anchored_late_leaves_a_larger_one(store: Store) -> None:
    await keep(store, own(9), own(4))
    anchored = await store.read(lambda s: s.newest_anchored())
    assert anchored == own(9)


async def test_those_that_wait_are_bounded(store: Store) -> None:
    count = WAITING_CHECKPOINTS_MAX + 5
    await keep(store, *[own(size, anchored=False) for size in range(1, count + 1)])
    assert await sizes(store) == list(range(6, count + 1))


async def test_newest_cosigned_note_is_the_anchored_one_if_there_is_one(
    store: Store,
) -> None:
    async def newest() -> bytes | None:
        return await store.read(lambda s: s.newest_cosigned_checkpoint(ORIGIN))

    assert await newest() is None
    await keep(store, own(5, anchored=False))
    assert await newest() == b"note of 5\n"
    await keep(store, own(6), own(8, anchored=False))
    assert await newest() == b"note of 6\n"


async def test_newest_anchored_is_of_the_newest_log(store: Store) -> None:
    older = replace(own(50), origin="police.xa.example/exchange/2026h1")
    await keep(store, older, own(2))
    assert await store.read(lambda s: s.newest_anchored()) == own(2)


async def test_how_far_a_peer_has_cosigned_is_replaced(store: Store) -> None:
    first = Cosigned(peer=ALPHA, origin=ORIGIN, size=3, cosigned_ms=NOW)
    second = replace(first, size=8, cosigned_ms=NOW + 4)
    await store.write(lambda t: t.put_cosigned(first))
    await store.write(lambda t: t.put_cosigned(second))
    assert await store.read(lambda s: s.cosigned(ALPHA, ORIGIN)) == second
    assert await store.read(lambda s: s.cosigned(BRAVO, ORIGIN)) is None


# --- evidence ----------------------------------------------------------------


async def test_proof_of_equivocation_is_kept_once(store: Store) -> None:
    later = replace(EVIDENCE, proof=b"others", reporter=BRAVO, leaf_index=4)
    assert await store.write(lambda t: t.keep_equivocation(EVIDENCE))
    assert not await store.write(lambda t: t.keep_equivocation(later))
    assert await store.read(lambda s: s.equivocations()) == [EVIDENCE]


async def test_proofs_are_listed_of_one_peer_or_of_all(store: Store) -> None:
    other = replace(EVIDENCE, peer=BRAVO, origin=f"{BRAVO}/exchange/x", leaf_index=4)
    for each in (EVIDENCE, other):
        await store.write(partial(keep_evidence, each))
    assert await store.read(lambda s: s.equivocations()) == [EVIDENCE, other]
    assert await store.read(lambda s: s.equivocations(BRAVO)) == [other]
