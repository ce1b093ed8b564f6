# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import sentinel

from tests.fakes.identities import Identity
from tests.fakes.local_nodes import (
    DAY_MS,
    NAME,
    NOW_MS,
    accept_peers,
    leaves_of,
    peer_row,
)

from selat.core.leaves import EraseLeaf, WithholdLeaf, parse_leaf
from selat.core.merkle import leaf_hash
from selat.core.payloads import pack
from selat.exchange.delivery import Session
from selat.exchange.forming import SHORT_QUEUE_MAX
from selat.exchange.lifecycle import BATCH_MESSAGES_MAX, Lifecycle
from selat.exchange.local import LocalNode
from selat.policy.catalogue import Catalogue
from selat.policy.catalogue_file import load_catalogue
from selat.store.lifecycle import Erasure, LegalHold, LegalHoldAct
from selat.store.port import Snapshot, Store, T, Transaction
from selat.store.reviews import Held
from selat.store.values import (
    Direction,
    Holding,
    Lane,
    NewMessage,
    OutboxState,
    Payload,
)
from selat.v1 import message_pb2

CATALOGUE = load_catalogue()
PEER = "police.xa.example"


def protected(local: LocalNode, message_id: bytes) -> Payload:
    header = message_pb2.Header(id=message_id, version=1, category="terrorism")
    stored = pack(salt=b"s" * 32, header=header.SerializeToString(), body=b"")
    return local.cipher.protect(
        stored.data,
        originator=NAME,
        message_id=message_id,
        version=1,
        data_key=local.entropy(32),
        nonce=local.entropy(12),
    )


async def publish(
    local: LocalNode,
    *numbers: int,
    peers: tuple[str, ...] = (),
    opens: bool = True,
    expires_ms: int | None = NOW_MS,
    direction: Direction = Direction.OUT,
) -> None:
    """Keep messages of our own of yesterday that expire now, and queue them."""
    messages = []
    for number in numbers:
        message_id = number.to_bytes(16, "big")
        payload = protected(local, message_id)
        messages.append(
            NewMessage(
                direction=direction,
                message_id=message_id,
                version=1,
                originator=NAME,
                category="terrorism",
                record_type="person",
                status="current",
                lane=Lane.ROUTINE,
                level="restricted",
                tlp="",
                created_ms=NOW_MS - DAY_MS,
                expires_ms=expires_ms,
                stored_ms=NOW_MS - DAY_MS,
                wrapped_key=payload.wrapped_key,
                ciphertext=payload.ciphertext if opens else b"damaged",
            )
        )

    def keep(transaction: Transaction) -> None:
        kept = transaction.add_messages(messages)
        transaction.enqueue([(each, Lane.ROUTINE) for each in kept], peers, NOW_MS)

    await local.store.write(keep)


def lifecycle(local: LocalNode) -> Lifecycle:
    return Lifecycle(local=local, catalogue=lambda: CATALOGUE)


class Meddler:
    """A store in which somebody else always writes first."""

    def __init__(self, store: Store, first: Callable[[Transaction], None]) -> None:
        self._store = store
        self._first = first

    async def write(self, work: Callable[[Transaction], T]) -> T:
        await self._store.write(self._first)
        return await self._store.write(work)

    async def read(self, work: Callable[[Snapshot], T]) -> T:
        return await self._store.read(work)

    async def close(self) -> None:
        await self._store.close()


def meddled(local: LocalNode, first: Callable[[Transaction], None]) -> LocalNode:
    return replace(local, store=Meddler(local.store, first))


async def holding(local: LocalNode, number: int) -> Holding:
    row = await local.store.read(lambda s: s.message(number))
    assert row is not None
    return row.holding


async def test_message_that_went_nowhere_is_erased_without_a_leaf_before(
    local: LocalNode,
) -> None:
    await publish(local, 1)

    (ended,) = await lifecycle(local).run()

    (leaf,) = await leaves_of(local.store)
    assert isinstance(leaf, EraseLeaf)
    assert leaf.offer == b""
    assert leaf.time_ms == NOW_MS
    assert ended.leaf_index == 0
    assert await holding(local, 1) is Holding.ERASED


async def test_received_message_without_its_batch_is_erased_all_the_same(
    local: LocalNode,
) -> None:
    await publish(local, 1, direction=Direction.IN)

    await lifecycle(local).run()

    (leaf,) = await leaves_of(local.store)
    assert isinstance(leaf, EraseLeaf)
    assert leaf.offer == b""


async def test_message_that_is_erased_while_it_is_prepared_is_left_alone(
    local: LocalNode,
) -> None:
    await publish(local, 1, peers=(PEER,))
    (ending,) = await lifecycle(local).due(limit=1)
    gone = Erasure(reason="RECALLED", erased_ms=NOW_MS, leaf_index=99)
    await local.store.write(lambda t: t.erase(1, gone))

    assert await lifecycle(local)._end([ending]) == []
    assert await leaves_of(local.store) == []
    assert await local.store.read(lambda s: s.erasure(1)) == gone


async def test_every_entry_that_waits_is_withheld_with_a_leaf(local: LocalNode) -> None:
    await publish(local, 1, peers=("police.xa.example", "police.xb.example"))

    await lifecycle(local).run()

    *withheld, erase = await leaves_of(local.store)
    assert [type(leaf) for leaf in withheld] == [WithholdLeaf, WithholdLeaf]
    assert isinstance(erase, EraseLeaf)
    assert erase.offer == leaf_hash(withheld[0].encode())
    entries = await local.store.read(lambda s: s.outbox(message=1))
    assert sorted(entry.leaf_index or 0 for entry in entries) == [0, 1]
    assert {(entry.state, entry.reason) for entry in entries} == {
        (OutboxState.WITHHELD, "EXPIRED")
    }


async def test_payload_that_does_not_open_is_erased_all_the_same(
    local: LocalNode,
) -> None:
    await publish(local, 1, peers=(PEER,), opens=False)

    await lifecycle(local).run()

    assert [leaf.kind for leaf in await leaves_of(local.store)] == ["erase"]
    (entry,) = await local.store.read(lambda s: s.outbox(message=1))
    assert (entry.state, entry.leaf_index) == (OutboxState.WITHHELD, None)


async def test_run_ends_more_than_one_transaction_holds(local: LocalNode) -> None:
    count = BATCH_MESSAGES_MAX * 2 + 1
    await publish(local, *range(1, count + 1))

    assert len(await lifecycle(local).run()) == count
    assert len(await leaves_of(local.store)) == count


async def test_run_is_bounded(local: LocalNode) -> None:
    await publish(local, *range(1, 6))

    assert len(await lifecycle(local).run(limit=2)) == 2
    assert [each.row.number for each in await lifecycle(local).due(limit=2)] == [3, 4]


async def test_two_runs_at_once_erase_each_message_once(local: LocalNode) -> None:
    await publish(local, *range(1, 6))
    runner = lifecycle(local)

    both = await asyncio.gather(runner.run(), runner.run())

    assert sorted(len(each) for each in both) == [0, 5]
    assert len(await leaves_of(local.store)) == 5


async def test_hold_that_comes_in_between_stops_the_erasure(local: LocalNode) -> None:
    await publish(local, 1, 2)

    def put(transaction: Transaction) -> None:
        act = LegalHold(
            act=LegalHoldAct.SET, code="A", officer="rahim", at_ms=NOW_MS, leaf_index=99
        )
        transaction.put_legal_hold(1, act)

    erased = await lifecycle(meddled(local, put)).run()

    assert [each.row.number for each in erased] == [2]
    assert await holding(local, 1) is Holding.CURRENT


async def test_shorter_retention_takes_effect_by_itself(local: LocalNode) -> None:
    await publish(local, 1, expires_ms=None)
    category = CATALOGUE.categories["terrorism"]
    days = 2

    def catalogue() -> Catalogue:
        changed = replace(category, longest_retention_days=days)
        return replace(CATALOGUE, categories={category.id: changed})

    runner = Lifecycle(local=local, catalogue=catalogue)
    assert await runner.due(limit=5) == []
    days = 1
    assert [each.reason for each in await runner.due(limit=5)] == ["RETENTION"]


async def test_batch_is_formed_anew_when_a_message_ended_in_the_meantime(
    local: LocalNode, xa: Identity
) -> None:
    await accept_peers(local, peer_row(xa))
    count = SHORT_QUEUE_MAX + 1  # the first write sees that the queue is long
    await publish(local, *range(1, count + 1), peers=(PEER,))
    writes = 0

    def erase(transaction: Transaction) -> None:
        nonlocal writes
        writes += 1
        if writes == 2:
            runner = lifecycle(local)
            prepared = [runner._prepare(transaction, each, NOW_MS) for each in due]
            runner._erase(transaction, prepared, NOW_MS)

    due = await lifecycle(local).due(limit=count)
    wake = asyncio.Event()
    unused: Any = sentinel.unused
    session = Session(
        local=meddled(local, erase),
        peer=local.peers.get(PEER),
        stream=unused,
        wake=wake,
        prove=unused,
        ask_reviews=unused,
        on_open=unused,
    )

    assert await session._form_next() is None
    assert wake.is_set(), "it looks again"
    assert await session._form_next() is None
    kinds = [leaf.kind for leaf in await leaves_of(local.store)]
    assert kinds == ["withhold", "erase"] * count


async def test_what_waits_for_a_reviewer_is_withheld_too(local: LocalNode) -> None:
    await publish(local, 1, peers=(PEER,))
    (entry,) = await local.store.read(lambda s: s.outbox(message=1))
    held = Held(entry=entry.number, leaf_index=0, reason="X", obligations=("review",))
    await local.store.write(lambda t: t.append_leaves([b"the leaf that held it"]))
    await local.store.write(lambda t: t.hold([held], NOW_MS))

    await lifecycle(local).run()

    (after,) = await local.store.read(lambda s: s.outbox(message=1))
    assert (after.state, after.leaf_index) == (OutboxState.WITHHELD, 0)
    last = (await local.store.read(lambda s: s.leaves(2, 1)))[0]
    erase = parse_leaf(last)
    assert isinstance(erase, EraseLeaf)
    assert erase.offer == leaf_hash(b"the leaf that held it")
