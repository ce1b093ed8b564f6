# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.fakes.local_nodes import (
    ORIGIN,
    FakeClock,
    local_node,
    open_store,
    signers_of,
)
from tests.unit.store.samples import message, message_id

from selat.core.checkpoints import open_checkpoint
from selat.core.log_states import (
    NOTHING_KNOWN,
    LogPoint,
    SignedState,
    VerifiedLog,
    verify_leaf_range,
)
from selat.errors import CheckpointRolledBackError, InvalidInputError
from selat.exchange.local import LocalNode
from selat.exchange.review_proofs import ASKED_MAX, review_answer
from selat.store.port import Transaction
from selat.store.reviews import Act, Review
from selat.store.values import Direction, Holding

PEER = "police.aa.example"
#: A state of our log that it never had.
BEYOND = LogPoint(origin=ORIGIN, size=10**6)


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[LocalNode]:
    async with open_store(tmp_path / "store.db") as store:
        yield local_node(store, clock=FakeClock())


def decide(transaction: Transaction) -> None:
    """Keep three quarantined messages and decide on the second."""
    numbers = transaction.add_messages(
        [message(n, holding=Holding.QUARANTINED) for n in (1, 2, 3)]
    )
    first = transaction.append_leaves([b"receipt", b"review"])
    review = Review(
        act=Act.APPROVE,
        officer="b.tan",
        reason="",
        note="",
        decided_ms=1,
        leaf_index=first + 1,
    )
    transaction.review_message(numbers[1], review)


async def test_what_was_decided_is_proven_and_what_waits_is_left_out(
    local: LocalNode,
) -> None:
    await local.store.write(decide)
    asked = [(message_id(number), 1) for number in (1, 2, 3, 4)]

    answer = await review_answer(local, PEER, asked, known=NOTHING_KNOWN)

    assert answer is not None
    (review,) = answer.reviews
    assert review.leaves == (b"review",)
    checkpoint = open_checkpoint(
        answer.log.checkpoint,
        origin=ORIGIN,
        verifiers=[signer.verifier for signer in signers_of(ORIGIN)],
    )
    state = SignedState(checkpoint=checkpoint, note=answer.log.checkpoint)
    verify_leaf_range(review, log=VerifiedLog(states=(state,)))


async def test_nothing_decided_is_no_answer(local: LocalNode) -> None:
    assert (
        await review_answer(local, PEER, [(message_id(1), 1)], known=NOTHING_KNOWN)
        is None
    )
    assert await review_answer(local, PEER, [], known=BEYOND) is None


async def test_another_peer_learns_nothing(local: LocalNode) -> None:
    await local.store.write(decide)
    asked = [(message_id(2), 1)]
    other = await review_answer(local, "police.xd.example", asked, known=NOTHING_KNOWN)
    assert other is None


async def test_our_own_message_is_not_told_of(local: LocalNode) -> None:
    own = message(2, direction=Direction.OUT)
    await local.store.write(lambda t: t.add_messages([own]))
    assert (
        await review_answer(local, PEER, [(message_id(2), 1)], known=NOTHING_KNOWN)
        is None
    )


@pytest.mark.parametrize(
    "asked", [[(message_id(1), 1)] * (ASKED_MAX + 1), [(b"short", 1)]]
)
async def test_question_without_bounds_is_refused(
    local: LocalNode, asked: list[tuple[bytes, int]]
) -> None:
    with pytest.raises(InvalidInputError, match="may ask about"):
        await review_answer(local, PEER, asked, known=NOTHING_KNOWN)


async def test_peer_that_knows_more_of_our_log_than_there_is_is_refused(
    local: LocalNode,
) -> None:
    await local.store.write(decide)
    with pytest.raises(CheckpointRolledBackError):
        await review_answer(local, PEER, [(message_id(2), 1)], known=BEYOND)
