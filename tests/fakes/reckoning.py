# SPDX-License-Identifier: Apache-2.0
"""What must be true of two nodes when everything was delivered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from itertools import pairwise
from typing import TypeVar

from tests.fakes.nodes import Home

from selat.core.hand_overs import check_hand_over
from selat.core.leaf_base import Leaf
from selat.core.leaves import OfferLeaf, ReceiptLeaf, WithholdLeaf, parse_leaf
from selat.core.merkle import EMPTY_FRONTIER, leaf_hash
from selat.core.tiles import root_at
from selat.core.tree_heads import Checkpoint, parse_tree_head
from selat.store.port import Snapshot
from selat.store.values import Direction, MessageQuery, OutboxState

L = TypeVar("L", bound=Leaf)

MORE_THAN_ANY = 1_000


def assert_delivered(sender: Home, recipient: Home, ids: Collection[bytes]) -> None:
    """Hold that messages went from one node to the other, each exactly once."""
    wanted = Counter(ids)
    assert set(wanted.values()) <= {1}
    assert Counter(recipient.inspect(_received)) == wanted
    assert Counter(sender.inspect(_accepted)) == wanted
    offers = {
        leaf.id.bytes: data
        for data, leaf in leaves_of(sender, OfferLeaf)
        if leaf.recipient == recipient.name and not isinstance(leaf, WithholdLeaf)
    }
    receipts = [
        leaf
        for _, leaf in leaves_of(recipient, ReceiptLeaf)
        if leaf.recipient == sender.name
    ]
    assert Counter(leaf.id.bytes for leaf in receipts) == wanted
    assert {leaf.offer for leaf in receipts} == {
        leaf_hash(offers[message_id]) for message_id in wanted
    }
    assert sender.inspect(_receipts_kept) == {leaf.encode() for leaf in receipts}
    for home, peer in ((sender, recipient), (recipient, sender)):
        assert_log_holds(home)
        assert_saw_one_history(home, peer)


def leaves_of(home: Home, kind: type[L]) -> Iterator[tuple[bytes, L]]:
    """Return the leaves of one kind in a node's log, with their bytes."""
    for data in home.inspect(_leaves):
        leaf = parse_leaf(data)
        if isinstance(leaf, kind):
            yield data, leaf


def assert_log_holds(home: Home) -> None:
    """Hold that leaves, tiles and head of each shard are one tree, and the next's."""

    def work(snapshot: Snapshot) -> None:
        shards = snapshot.shards()
        assert all(shard.closed and shard.final_note for shard in shards[:-1])
        end = 0
        for shard in shards:
            assert shard.first_position == end
            end = shard.end
            data = snapshot.leaves(shard.first_position, shard.size)
            assert EMPTY_FRONTIER.extend(map(leaf_hash, data)) == shard.frontier
            tiles = snapshot.shard_tiles(shard.origin)
            assert root_at(shard.size, tiles) == shard.frontier.root()
        for older, newer in pairwise(shards):
            close_leaf, open_leaf = snapshot.leaves(older.end - 1, 2)
            check_hand_over(
                final_note=older.final_note, close_leaf=close_leaf, open_leaf=open_leaf
            )
            assert parse_tree_head(older.final_note.partition(b"\n\n")[0] + b"\n") == (
                Checkpoint(
                    origin=older.origin, size=older.size, root=older.frontier.root()
                )
            )
            assert newer.origin > older.origin

    home.inspect(work)


def assert_saw_one_history(home: Home, peer: Home) -> None:
    """Hold that each checkpoint of a peer that a node keeps is of its log."""

    shards = peer.inspect(lambda snapshot: snapshot.shards())
    points = [(each.origin, size) for each in shards for size in range(each.size + 1)]

    def seen(snapshot: Snapshot) -> dict[tuple[str, int], bytes]:
        kept = [snapshot.peer_checkpoint(peer.name, *point) for point in points]
        return {
            (each.origin, each.size): each.root for each in kept if each is not None
        }

    roots = home.inspect(seen)
    assert roots, "no checkpoint was kept"
    assert roots == peer.inspect(
        lambda s: {
            (origin, size): root_at(size, s.shard_tiles(origin))
            for origin, size in roots
        }
    )
    link = home.inspect(lambda snapshot: snapshot.link(peer.name))
    assert link.checkpoint is not None
    assert (link.checkpoint.origin, link.checkpoint.size) == max(roots)


def _leaves(snapshot: Snapshot) -> list[bytes]:
    return snapshot.leaves(0, snapshot.tree_head().end)


def _received(snapshot: Snapshot) -> list[bytes]:
    query = MessageQuery(direction=Direction.IN, current_only=False)
    rows = snapshot.search(query, before=None, limit=MORE_THAN_ANY)
    return [row.message_id for row in rows]


def _accepted(snapshot: Snapshot) -> list[bytes]:
    rows = snapshot.outbox(state=OutboxState.ACCEPTED, limit=MORE_THAN_ANY)
    return [row.message_id for row in rows]


def _receipts_kept(snapshot: Snapshot) -> set[bytes | None]:
    rows = snapshot.outbox(limit=MORE_THAN_ANY)
    return {snapshot.receipt(row.number) for row in rows}
