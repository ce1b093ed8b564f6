# SPDX-License-Identifier: Apache-2.0
"""A peer that lies about what its people decided settles nothing by it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

import pytest
from tests.fakes.liars import MemoryLog
from tests.fakes.lying_recipients import LyingRecipient
from tests.fakes.nodes import Home, eventually, introduce, person, running

from selat.core.leaf_base import Leaf
from selat.core.leaves import ReceiptLeaf, ReviewLeaf
from selat.core.merkle import leaf_hash
from selat.exchange import review_keeper
from selat.v1 import desk_service_pb2 as pb
from selat.v1 import exchange_pb2
from selat.v1.peer_service_pb2 import GetReviewsResponse


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(review_keeper, "INTERVAL_S", 0.02)


class Reviewer(LyingRecipient):
    """Quarantines what comes, and tells what a test has its people decide."""

    receipt_leaves: tuple[ReceiptLeaf, ...] = ()

    def quarantine(self, batch: exchange_pb2.Batch) -> exchange_pb2.BatchReceipt:
        self.receipt_leaves = tuple(
            replace(
                self.receipt_leaf(offer),
                outcome="quarantined",
                effect="hold",
                reason="HELD_FOR_REVIEW",
            )
            for offer in batch.offers.leaves
        )
        return self.receipt(batch, [leaf.encode() for leaf in self.receipt_leaves])

    def review(self, **lies: object) -> ReviewLeaf:
        """Return the leaf that lets the first message in."""
        receipt = self.receipt_leaves[0]
        leaf = ReviewLeaf(
            node=self.name,
            peer=self.victim.name,
            id=receipt.id,
            version=receipt.version,
            answers=leaf_hash(receipt.encode()),
            act="approve",
            reason="",
            by="reviewer",
            policy="00" * 32,
            time_ms=self.now_ms,
            blind=os.urandom(32),
        )
        return replace(leaf, **lies)  # type: ignore[arg-type]  # any attribute


Lie = Callable[[Reviewer, int], GetReviewsResponse]


def told(leaf: Callable[[Reviewer], Leaf]) -> Lie:
    """Log a leaf and tell of it."""
    return lambda peer, size: peer.told_reviews([leaf(peer).encode()], size)


def not_in_the_log(peer: Reviewer, size: int) -> GetReviewsResponse:
    answer = peer.told_reviews([peer.review().encode()], size)
    answer.reviews[0].leaves[0] = peer.review(act="refuse", reason="X").encode()
    return answer


def without_a_signature(peer: Reviewer, size: int) -> GetReviewsResponse:
    answer = peer.told_reviews([peer.review().encode()], size)
    text, _, _ = answer.log.checkpoint.partition(b"\n\n")
    answer.log.checkpoint = text + b"\n\n"
    return answer


def of_another_history(peer: Reviewer, _size: int) -> GetReviewsResponse:
    size = peer.log.size
    peer.log = MemoryLog()
    peer.log.append([b"another history"] * size)
    return peer.told_reviews([peer.review().encode()], size)


LIES: dict[str, tuple[str, Lie]] = {
    "another receipt": (
        "RECEIPT_INVALID",
        told(lambda peer: peer.review(answers=os.urandom(32))),
    ),
    "another message": ("RECEIPT_INVALID", told(lambda peer: peer.review(id=uuid4()))),
    "another version": ("RECEIPT_INVALID", told(lambda peer: peer.review(version=2))),
    "another peer": (
        "RECEIPT_INVALID",
        told(lambda peer: peer.review(peer="police.xc.example")),
    ),
    "another node": (
        "RECEIPT_INVALID",
        told(lambda peer: peer.review(node="police.xc.example")),
    ),
    "another kind": ("RECEIPT_INVALID", told(lambda peer: peer.receipt_leaves[0])),
    "not in the log": ("RECEIPT_INVALID", not_in_the_log),
    "without a signature": ("BATCH_MALFORMED", without_a_signature),
    "of another history": ("CHECKPOINT_FORKED", of_another_history),
}


@pytest.mark.parametrize(("reason", "lie"), LIES.values(), ids=LIES)
async def test_lie_about_a_review_is_noticed_and_settles_nothing(
    reason: str, lie: Lie, xa: Home, xb: Home
) -> None:
    await introduce(xa, xb)
    peer = Reviewer(xb, xa)
    peer.reviews = lambda size: lie(peer, size)
    async with (
        peer.serving(lambda batch: [peer.quarantine(batch)]),
        running(xa) as sender,
    ):
        await sender.publish(person())

        async def is_noticed() -> bool:
            return (peer.name, reason) in await sender.incidents()

        await eventually(is_noticed)
        (entry,) = await sender.outbox()
        assert entry.state == pb.OUTBOX_STATE_QUARANTINED
    assert xa.inspect(lambda s: s.peer_review(entry.number)) is None


async def test_honest_review_settles(xa: Home, xb: Home) -> None:
    await introduce(xa, xb)
    peer = Reviewer(xb, xa)
    peer.reviews = lambda size: peer.told_reviews([peer.review().encode()], size)
    async with (
        peer.serving(lambda batch: [peer.quarantine(batch)]),
        running(xa) as sender,
    ):
        await sender.publish(person())

        async def is_accepted() -> bool:
            (entry,) = await sender.outbox()
            return entry.state == pb.OUTBOX_STATE_ACCEPTED

        await eventually(is_accepted)
        assert await sender.incidents() == {}
