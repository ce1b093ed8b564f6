# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.store.samples import ALPHA, ALPHAS, BRAVO, NOW

from selat.errors import CheckpointForkedError
from selat.store.port import Store, Transaction
from selat.store.values import Link, PeerCheckpoint, PeerRow, PeerState

ROW = PeerRow(
    name=ALPHA,
    envelope=b"\x00card",
    state=PeerState.ACCEPTED,
    accepted_ms=NOW,
    changed_ms=NOW + 1,
)
CHECKPOINT = PeerCheckpoint(
    origin=ALPHAS, size=7, root=b"r" * 32, note=b"signed note\n"
)
LINK = Link(
    peer=ALPHA,
    checkpoint=CHECKPOINT,
    acknowledged_size=5,
    received_sequence=3,
    sent_sequence=4,
    attempts=2,
    next_attempt_ms=NOW + 9,
    last_error="PEER_UNREACHABLE",
    last_contact_ms=NOW,
)


async def test_unknown_peer_is_none(store: Store) -> None:
    assert await store.read(lambda s: s.peer(ALPHA)) is None
    assert await store.read(lambda s: s.peers()) == []


async def test_peers_are_listed_by_name_also_removed_ones(store: Store) -> None:
    removed = replace(ROW, name=BRAVO, state=PeerState.REMOVED)

    def work(transaction: Transaction) -> None:
        transaction.put_peer(removed)
        transaction.put_peer(ROW)

    await store.write(work)

    assert await store.read(lambda s: s.peers()) == [ROW, removed]
    assert await store.read(lambda s: s.peer(BRAVO)) == removed


async def test_peer_is_replaced(store: Store) -> None:
    newer = replace(
        ROW, envelope=b"newer", state=PeerState.REMOVED, accepted_ms=1, changed_ms=2
    )
    await store.write(lambda t: t.put_peer(ROW))
    await store.write(lambda t: t.put_peer(newer))

    assert await store.read(lambda s: s.peers()) == [newer]


async def test_link_of_an_unknown_peer_is_new(store: Store) -> None:
    assert await store.read(lambda s: s.link(ALPHA)) == Link(peer=ALPHA)


async def test_link_comes_back_and_its_checkpoint_is_kept(store: Store) -> None:
    await store.write(lambda t: t.put_link(LINK))

    assert await store.read(lambda s: s.link(ALPHA)) == LINK
    assert await store.read(lambda s: s.peer_checkpoint(ALPHA, ALPHAS, 7)) == CHECKPOINT
    assert await store.read(lambda s: s.peer_checkpoint(ALPHA, ALPHAS, 8)) is None
    assert await store.read(lambda s: s.peer_checkpoint(BRAVO, ALPHAS, 7)) is None


async def test_link_without_checkpoint_comes_back(store: Store) -> None:
    link = replace(LINK, checkpoint=None, last_contact_ms=None)
    await store.write(lambda t: t.put_link(link))

    assert await store.read(lambda s: s.link(ALPHA)) == link


async def test_replaced_link_leaves_older_checkpoints(store: Store) -> None:
    newest = PeerCheckpoint(origin=ALPHAS, size=9, root=b"s" * 32, note=b"newer note\n")
    moved = Link(peer=ALPHA, checkpoint=newest, acknowledged_size=6)
    await store.write(lambda t: t.put_link(LINK))
    await store.write(lambda t: t.put_link(moved))

    assert await store.read(lambda s: s.link(ALPHA)) == moved
    assert await store.read(lambda s: s.peer_checkpoint(ALPHA, ALPHAS, 7)) == CHECKPOINT
    assert await store.read(lambda s: s.peer_checkpoint(ALPHA, ALPHAS, 9)) == newest


async def test_checkpoint_is_kept_beside_the_link(store: Store) -> None:
    await store.write(lambda t: t.keep_peer_checkpoint(ALPHA, CHECKPOINT))

    assert await store.read(lambda s: s.peer_checkpoint(ALPHA, ALPHAS, 7)) == CHECKPOINT
    assert await store.read(lambda s: s.link(ALPHA)) == Link(peer=ALPHA)


async def test_checkpoint_signed_again_is_replaced(store: Store) -> None:
    again = replace(CHECKPOINT, note=b"signed with another key\n")
    await store.write(lambda t: t.keep_peer_checkpoint(ALPHA, CHECKPOINT))
    await store.write(lambda t: t.keep_peer_checkpoint(ALPHA, again))

    assert await store.read(lambda s: s.peer_checkpoint(ALPHA, ALPHAS, 7)) == again


async def test_other_root_for_a_kept_size_is_a_fork_and_evidence_stays(
    store: Store,
) -> None:
    fork = replace(CHECKPOINT, root=b"f" * 32)
    await store.write(lambda t: t.put_link(LINK))

    with pytest.raises(CheckpointForkedError):
        await store.write(lambda t: t.keep_peer_checkpoint(ALPHA, fork))
    with pytest.raises(CheckpointForkedError):
        await store.write(lambda t: t.put_link(replace(LINK, checkpoint=fork)))

    assert await store.read(lambda s: s.link(ALPHA)) == LINK
