# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.fakes.identities import SeededEntropy
from tests.fakes.local_nodes import (
    NAME,
    FakeClock,
    MemoryMark,
    open_store,
    signers_of,
)

from selat.core.log_states import (
    NOTHING_KNOWN,
    KnownState,
    LogPoint,
    verify_joined,
    verify_leaf_range,
    verify_log_state,
)
from selat.core.merkle import leaf_hash
from selat.core.notes import NoteVerifier
from selat.core.origins import end_ms
from selat.core.tiles import root_at
from selat.errors import InvalidInputError
from selat.exchange.log_proofs import history, holds, leaf_range, log_state
from selat.exchange.shards import ShardKeeper
from selat.exchange.signing import CheckpointSigner, SignedHead
from selat.node.assembly import ignore_step
from selat.store.gate import GatedStore
from selat.store.port import Snapshot
from selat.store.values import Shard

#: Leaves of each of three shards besides those of the hand-overs.
FILLS = (300, 4, 5)


def verifiers(origin: str, _at_ms: int | None = None) -> Sequence[NoteVerifier]:
    return [signer.verifier for signer in signers_of(origin)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Our log with three shards, and its newest head."""

    store: GatedStore
    head: SignedHead
    shards: list[Shard]

    async def point(self, number: int, size: int) -> tuple[LogPoint, KnownState]:
        """Return a state of a shard by its name, and as a peer knows it."""
        origin = self.shards[number].origin
        root = await self.store.read(lambda s: root_at(size, s.shard_tiles(origin)))
        known = KnownState(origin=origin, size=size, root=root)
        return known.point, known


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[Log]:
    async with open_store(tmp_path / "node.db") as opened:
        store, clock = GatedStore(opened), FakeClock()
        signer = CheckpointSigner(
            store=store, mark=MemoryMark(), signers=signers_of, on_step=ignore_step
        )
        keeper = ShardKeeper(
            node=NAME,
            store=store,
            signer=signer,
            is_vouched=lambda: True,
            clock=clock,
            entropy=SeededEntropy(NAME),
            on_step=ignore_step,
        )
        shards: list[Shard] = []
        for fill in FILLS:
            await keeper.follow()
            leaves = [b"leaf %d of %d" % (n, clock()) for n in range(fill)]
            await store.write(lambda t, data=leaves: t.append_leaves(data))  # type: ignore[misc] # bound now
            shards = await store.read(lambda s: s.shards())
            clock.now_ms = end_ms(shards[-1].origin)
        head = await signer.at_least(shards[-1].end)
        yield Log(store=store, head=head, shards=shards)


@pytest.mark.parametrize(
    ("number", "size"), [(0, 1), (0, 301), (1, 1), (1, 3), (1, 6), (2, 1), (2, 6)]
)
async def test_newest_state_is_proven_from_each_older_one(
    log: Log, number: int, size: int
) -> None:
    point, known = await log.point(number, size)
    state = await log.store.read(lambda s: log_state(s, head=log.head, known=point))
    verified = verify_log_state(state, owner=NAME, verifiers=verifiers, known=known)
    assert verified.checkpoint == log.head.checkpoint
    assert len(state.hand_overs) == 2 - number
    assert [each.note for each in verified.states[:-1]] == [
        shard.final_note for shard in log.shards[number:-1]
    ]


async def test_newest_state_needs_no_proof_for_who_knows_nothing(log: Log) -> None:
    state = await log.store.read(
        lambda s: log_state(s, head=log.head, known=NOTHING_KNOWN)
    )
    assert (state.consistency_proof, state.hand_overs) == ((), ())
    verify_log_state(state, owner=NAME, verifiers=verifiers, known=None)


@pytest.mark.parametrize(("number", "first"), [(0, 0), (0, 299), (1, 301), (2, 307)])
@pytest.mark.parametrize("known_number", [None, 1, 2])
async def test_leaves_of_each_shard_are_proven_whatever_is_known(
    log: Log, number: int, first: int, known_number: int | None
) -> None:
    point, known = NOTHING_KNOWN, None
    if known_number is not None:
        point, known = await log.point(known_number, 2)
    leaves = await log.store.read(lambda s: leaf_range(s, first, 2, head=log.head))
    state = await log.store.read(
        lambda s: log_state(s, head=log.head, known=point, also=leaves.origin)
    )
    verified = verify_log_state(state, owner=NAME, verifiers=verifiers, known=known)
    expected = await log.store.read(lambda s: s.leaves(first, 2))
    assert verify_leaf_range(leaves, log=verified) == [*map(leaf_hash, expected)]
    assert leaves.first_index == first - log.shards[number].first_position
    assert leaves.origin == ("" if number == 2 else log.shards[number].origin)


@pytest.mark.parametrize(
    ("old", "new"),
    [((0, 2), (0, 300)), ((0, 2), (1, 1)), ((0, 301), (2, 3)), ((1, 6), (2, 6))],
)
async def test_two_states_are_joined(
    log: Log, old: tuple[int, int], new: tuple[int, int]
) -> None:
    old_point, old_known = await log.point(*old)
    new_point, new_known = await log.point(*new)
    proof = await log.store.read(lambda s: history(s, old=old_point, new=new_point))
    assert proof.checkpoint == b""
    verify_joined(proof, owner=NAME, verifiers=verifiers, old=old_known, new=new_known)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ((1, 2), (0, 2)),
        ((2, 4), (2, 3)),
        ((0, 2), (None, 3)),
        ((None, 2), (1, 3)),
    ],
)
async def test_states_in_another_order_or_of_another_log_are_refused(
    log: Log, old: tuple[int | None, int], new: tuple[int | None, int]
) -> None:
    def named(number: int | None, size: int) -> LogPoint:
        origin = "elsewhere" if number is None else log.shards[number].origin
        return LogPoint(origin=origin, size=size)

    def work(snapshot: Snapshot) -> object:
        return history(snapshot, old=named(*old), new=named(*new))

    with pytest.raises(InvalidInputError):
        await log.store.read(work)


async def test_log_holds_the_states_that_it_had(log: Log) -> None:
    newest, closed = log.shards[2], log.shards[0]
    points = {
        NOTHING_KNOWN: True,
        LogPoint(origin=newest.origin, size=newest.size): True,
        LogPoint(origin=newest.origin, size=newest.size + 1): False,
        LogPoint(origin=closed.origin, size=closed.size): True,
        LogPoint(origin=closed.origin, size=closed.size + 1): False,
        LogPoint(origin="elsewhere", size=1): False,
        LogPoint(origin="", size=1): False,
    }
    found = await log.store.read(lambda s: {each: holds(s, each) for each in points})
    assert found == points
