# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from functools import partial

import pytest
from tests.unit.store.conftest import Adapter
from tests.unit.store.samples import ORIGIN

from selat.core.merkle import EMPTY_FRONTIER, leaf_hash, node_hash
from selat.core.proofs import verify_range
from selat.core.tiles import range_proof
from selat.errors import (
    AlreadyExistsError,
    LogClosedError,
    NotFoundError,
    WrongStateError,
)
from selat.store.port import Store, Transaction
from selat.store.values import Shard, TreeHead


def leaves(count: int, *, first: int = 0) -> list[bytes]:
    return [b"leaf %d" % index for index in range(first, first + count)]


def append(data: list[bytes], transaction: Transaction) -> int:
    return transaction.append_leaves(data)


def root_of(hashes: list[bytes]) -> bytes:
    """RFC 6962 §2.1, word for word."""
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << (len(hashes) - 1).bit_length() - 1
    return node_hash(root_of(hashes[:split]), root_of(hashes[split:]))


async def test_new_store_has_no_log(store: Store) -> None:
    head = await store.read(lambda s: s.tree_head())

    assert head == TreeHead(origin="", frontier=EMPTY_FRONTIER)


async def test_opened_log_is_empty_and_has_its_origin(store: Store) -> None:
    await store.write(lambda t: t.open_log(ORIGIN))

    head = await store.read(lambda s: s.tree_head())
    assert head == TreeHead(origin=ORIGIN, frontier=EMPTY_FRONTIER)


async def test_second_log_is_refused(store: Store) -> None:
    await store.write(lambda t: t.open_log(ORIGIN))

    with pytest.raises(WrongStateError, match="open already"):
        await store.write(lambda t: t.open_log("police.xa.example/exchange/2027h1"))

    head = await store.read(lambda s: s.tree_head())
    assert head.origin == ORIGIN


async def test_log_without_origin_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="origin"):
        await store.write(lambda t: t.open_log(""))


async def test_leaves_need_an_open_log(store: Store) -> None:
    with pytest.raises(WrongStateError, match="No log is open"):
        await store.write(lambda t: t.append_leaves([b"leaf"]))


async def test_leaves_stand_contiguously_and_come_back_exactly(store: Store) -> None:
    await store.write(lambda t: t.open_log(ORIGIN))

    firsts = [
        await store.write(lambda t: t.append_leaves(leaves(3))),
        await store.write(lambda t: t.append_leaves([])),
        await store.write(lambda t: t.append_leaves([b"", b"\x00\xff"])),
    ]

    assert firsts == [0, 3, 3]
    assert await store.read(lambda s: s.leaves(0, 5)) == [*leaves(3), b"", b"\x00\xff"]
    assert await store.read(lambda s: s.leaves(2, 2)) == [b"leaf 2", b""]
    assert await store.read(lambda s: s.leaves(5, 0)) == []


@pytest.mark.parametrize(("first", "count"), [(0, 4), (3, 1), (-1, 2), (0, -1)])
async def test_leaves_outside_the_log_are_not_found(
    store: Store, first: int, count: int
) -> None:
    await store.write(lambda t: t.open_log(ORIGIN))
    await store.write(lambda t: t.append_leaves(leaves(3)))

    with pytest.raises(NotFoundError):
        await store.read(lambda s: s.leaves(first, count))


@pytest.mark.parametrize("steps", [(1, 1, 1), (255, 1, 1), (256,), (100, 500), (1030,)])
async def test_tiles_and_tree_head_are_those_of_rfc_6962(
    store: Store, steps: tuple[int, ...]
) -> None:
    await store.write(lambda t: t.open_log(ORIGIN))
    size = 0
    for step in steps:
        await store.write(partial(append, leaves(step, first=size)))
        size += step

    hashes = [leaf_hash(leaf) for leaf in leaves(size)]
    head = await store.read(lambda s: s.tree_head())
    assert head.frontier.size == size
    assert head.frontier.root() == root_of(hashes)
    full = size // 256
    tiles = await store.read(
        lambda s: [s.shard_tiles(ORIGIN).tile(0, i) for i in range(full + 1)]
    )
    assert tiles == [b"".join(hashes[256 * i : 256 * (i + 1)]) for i in range(full + 1)]
    above = b"".join(root_of(hashes[256 * i : 256 * (i + 1)]) for i in range(full))
    assert await store.read(lambda s: s.shard_tiles(ORIGIN).tile(1, 0)) == above


async def test_tile_that_is_not_there_is_empty(store: Store) -> None:
    assert await store.read(lambda s: s.shard_tiles(ORIGIN).tile(0, 7)) == b""


async def test_proofs_are_built_from_a_snapshot_and_from_a_transaction(
    store: Store,
) -> None:
    await store.write(lambda t: t.open_log(ORIGIN))
    first = await store.write(lambda t: t.append_leaves(leaves(700)))
    head = await store.read(lambda s: s.tree_head())

    for proof in (
        await store.read(
            lambda s: range_proof(first + 250, 20, 700, s.shard_tiles(ORIGIN))
        ),
        await store.write(
            lambda t: range_proof(first + 250, 20, 700, t.shard_tiles(ORIGIN))
        ),
    ):
        verify_range(
            leaf_hashes=[leaf_hash(leaf) for leaf in leaves(20, first=250)],
            first=250,
            size=700,
            root=head.frontier.root(),
            proof=proof,
        )


async def test_log_goes_on_after_the_store_was_reopened(adapter: Adapter) -> None:
    store = adapter.open()
    await store.write(lambda t: t.open_log(ORIGIN))
    await store.write(lambda t: t.append_leaves(leaves(300)))
    await store.close()

    store = adapter.open()
    try:
        first = await store.write(lambda t: t.append_leaves(leaves(10, first=300)))
        head = await store.read(lambda s: s.tree_head())
        kept = await store.read(lambda s: s.leaves(0, 310))
    finally:
        await store.close()

    assert first == 300
    assert kept == leaves(310)
    assert head.frontier.root() == root_of([leaf_hash(leaf) for leaf in leaves(310)])


NEXT = "police.xa.example/exchange/2027h1"


def shard_of(
    data: list[bytes],
    *,
    origin: str,
    first: int = 0,
    closed: bool = False,
    note: bytes = b"",
) -> Shard:
    return Shard(
        origin=origin,
        frontier=EMPTY_FRONTIER.extend(map(leaf_hash, data)),
        first_position=first,
        closed=closed,
        final_note=note,
    )


def hand_over(transaction: Transaction) -> None:
    transaction.open_log(ORIGIN)
    transaction.append_leaves(leaves(300))
    transaction.close_shard(b"close")
    transaction.open_shard(NEXT, final_note=b"final note", open_leaf=b"open")


async def test_closed_shard_takes_no_leaf_and_says_what_is_awaited(
    store: Store,
) -> None:
    await store.write(lambda t: t.open_log(ORIGIN))
    await store.write(lambda t: t.close_shard(b"close"))

    with pytest.raises(LogClosedError, match="next one is not open") as refused:
        await store.write(lambda t: t.append_leaves([b"late"]))
    with pytest.raises(LogClosedError):
        await store.write(lambda t: t.append_leaves([]))
    with pytest.raises(LogClosedError):
        await store.write(lambda t: t.close_shard(b"close again"))

    assert refused.value.context == {"origin": ORIGIN}
    assert await store.read(lambda s: s.shards()) == [
        shard_of([b"close"], origin=ORIGIN, closed=True)
    ]


async def test_next_shard_is_a_tree_of_its_own_and_positions_go_on(
    store: Store,
) -> None:
    await store.write(hand_over)

    first = await store.write(lambda t: t.append_leaves([b"a", b"b"]))

    old = [*leaves(300), b"close"]
    new = [b"open", b"a", b"b"]
    assert first == 302
    assert await store.read(lambda s: s.leaves(299, 5)) == [*old[299:], *new]
    assert await store.read(lambda s: s.shards()) == [
        shard_of(old, origin=ORIGIN, closed=True, note=b"final note"),
        shard_of(new, origin=NEXT, first=301),
    ]
    head = await store.read(lambda s: s.tree_head())
    assert head == TreeHead(
        origin=NEXT,
        frontier=EMPTY_FRONTIER.extend(map(leaf_hash, new)),
        first_position=301,
    )
    assert head.end == 304
    tiles = await store.read(
        lambda s: [s.shard_tiles(origin).tile(0, 0) for origin in (ORIGIN, NEXT)]
    )
    assert tiles == [b"".join(map(leaf_hash, data)) for data in (old[:256], new)]


async def test_shards_are_found_by_origin_and_by_position(store: Store) -> None:
    await store.write(hand_over)

    old, new = await store.read(lambda s: s.shards())
    assert (old.size, new.size) == (301, 1)
    assert await store.read(lambda s: s.shard(NEXT)) == new
    assert await store.read(lambda s: s.shard("police.xb.example/exchange/2027h1")) is (
        None
    )
    assert await store.read(lambda s: [s.shard_at(p) for p in (0, 300, 301, 9)]) == [
        old,
        old,
        new,
        old,
    ]
    with pytest.raises(NotFoundError):
        await store.read(lambda s: s.shard_at(-1))


async def test_shard_is_opened_once_and_only_after_a_closed_one(store: Store) -> None:
    opening = partial(_open, NEXT)
    with pytest.raises(WrongStateError, match="No log is open"):
        await store.write(opening)
    await store.write(lambda t: t.open_log(ORIGIN))
    with pytest.raises(WrongStateError, match="is not closed"):
        await store.write(opening)
    await store.write(lambda t: t.close_shard(b"close"))
    with pytest.raises(AlreadyExistsError):
        await store.write(partial(_open, ORIGIN))
    with pytest.raises(ValueError, match="origin"):
        await store.write(partial(_open, ""))
    with pytest.raises(ValueError, match="signed note"):
        await store.write(
            lambda t: t.open_shard(NEXT, final_note=b"", open_leaf=b"open")
        )

    assert len(await store.read(lambda s: s.shards())) == 1
    await store.write(opening)
    assert len(await store.read(lambda s: s.shards())) == 2


def _open(origin: str, transaction: Transaction) -> None:
    transaction.open_shard(origin, final_note=b"final note", open_leaf=b"open")
