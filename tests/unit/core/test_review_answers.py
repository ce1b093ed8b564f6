# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import pytest
from tests.fakes.exchanges import RECIPIENT, SENDER, FakeExchange
from tests.fakes.leaves import REVIEW

from selat.core.leaf_base import Leaf
from selat.core.leaves import ReviewLeaf
from selat.core.log_states import LeafRange
from selat.core.merkle import leaf_hash
from selat.core.review_answers import check_answers, read_review
from selat.errors import ProofError, ReceiptInvalidError

THIRD = "police.xc.example"
RECEIPT = b"the receipt"
OURS = replace(REVIEW, node=RECIPIENT, peer=SENDER, answers=leaf_hash(RECEIPT))


@pytest.fixture
def exchange() -> FakeExchange:
    return FakeExchange()


def told(exchange: FakeExchange, *leaves: Leaf | bytes) -> LeafRange:
    """Log leaves at the recipient's and give them with their proof."""
    first = exchange.recipient.append(*leaves)
    return exchange.recipient.range(first, len(leaves))


def read(exchange: FakeExchange, answer: LeafRange) -> ReviewLeaf:
    return read_review(
        answer,
        log=exchange.recipient.verified(),
        recipient=RECIPIENT,
        sender=SENDER,
    )


def test_review_in_the_log_of_the_peer_is_believed(exchange: FakeExchange) -> None:
    leaf = read(exchange, told(exchange, OURS))

    assert leaf == OURS
    check_answers(leaf, RECEIPT)


def test_review_is_one_leaf(exchange: FakeExchange) -> None:
    with pytest.raises(ReceiptInvalidError, match="is not one leaf"):
        read(exchange, told(exchange, OURS, OURS))
    with pytest.raises(ReceiptInvalidError, match="is not one leaf"):
        read(exchange, replace(told(exchange, OURS), leaves=()))


def test_review_that_is_not_in_the_log_is_refused(exchange: FakeExchange) -> None:
    better = replace(OURS, act="refuse", reason="FRIENDLY").encode()
    forged = replace(told(exchange, OURS), leaves=(better,))
    with pytest.raises(ReceiptInvalidError, match="not in the peer's log") as caught:
        read(exchange, forged)
    assert isinstance(caught.value.__cause__, ProofError)


@pytest.mark.parametrize("leaf", [b"", b"{}", b'{"kind":"review","v":2}', b"\xff"])
def test_review_that_cannot_be_read_is_refused(
    exchange: FakeExchange, leaf: bytes
) -> None:
    with pytest.raises(ReceiptInvalidError, match="cannot be read"):
        read(exchange, told(exchange, leaf))


def test_receipt_is_no_review(exchange: FakeExchange) -> None:
    (letter,) = exchange.letters(1)
    with pytest.raises(ReceiptInvalidError, match="another kind"):
        read(exchange, told(exchange, exchange.receipt(letter.leaf)))


@pytest.mark.parametrize(
    ("node", "peer"), [(THIRD, SENDER), (RECIPIENT, THIRD), (SENDER, RECIPIENT)]
)
def test_review_between_other_nodes_is_refused(
    exchange: FakeExchange, node: str, peer: str
) -> None:
    with pytest.raises(ReceiptInvalidError, match="names other nodes"):
        read(exchange, told(exchange, replace(OURS, node=node, peer=peer)))


@pytest.mark.parametrize("receipt", [None, b"another receipt"])
def test_review_of_another_receipt_is_refused(receipt: bytes | None) -> None:
    with pytest.raises(ReceiptInvalidError, match="answers no receipt") as caught:
        check_answers(OURS, receipt)
    assert caught.value.context == {"peer": RECIPIENT}
