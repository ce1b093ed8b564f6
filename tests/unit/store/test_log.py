# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from functools import partial

import pytest
from tests.unit.store.conftest import Adapter
from tests.unit.store.samples import ORIGIN

from selat.core.merkle import EMPTY_FRONTIER, leaf_hash, node_hash
from selat.core.proofs import verify_range
from selat.core.tiles import range_proof
from selat.errors import NotFoundError, WrongStateError
from selat.store.port import Store, Transaction
from selat.store.values import TreeHead


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
    tiles = await store.read(lambda s: [s.tile(0, i) for i in range(full + 1)])
    assert tiles == [b"".join(hashes[256 * i : 256 * (i + 1)]) for i in range(full + 1)]
    above = b"".join(root_of(hashes[256 * i : 256 * (i + 1)]) for i in range(full))
    assert await store.read(lambda s: s.tile(1, 0)) == above


async def test_tile_that_is_not_there_is_empty(store: Store) -> None:
    assert await store.read(lambda s: s.tile(0, 7)) == b""


async def test_proofs_are_built_from_a_snapshot_and_from_a_transaction(
    store: Store,
) -> None:
    await store.write(lambda t: t.open_log(ORIGIN))
    first = await store.write(lambda t: t.append_leaves(leaves(700)))
    head = await store.read(lambda s: s.tree_head())

    for proof in (
        await store.read(lambda s: range_proof(first + 250, 20, 700, s)),
        await store.write(lambda t: range_proof(first + 250, 20, 700, t)),
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
