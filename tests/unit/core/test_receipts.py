# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from tests.fakes.exchanges import RECIPIENT, SENDER, FakeExchange, Letter

from selat.core.leaf_base import Leaf
from selat.core.leaf_stencils import ReadLeaf
from selat.core.merkle import leaf_hash
from selat.core.receipts import ReceiptBatch, verify_receipts
from selat.errors import ProofError, ReceiptInvalidError

THIRD = "police.xc.example"


@pytest.fixture
def exchange() -> FakeExchange:
    return FakeExchange()


@pytest.fixture
def letters(exchange: FakeExchange) -> tuple[Letter, ...]:
    return exchange.letters(3)


def verify(
    exchange: FakeExchange, letters: Sequence[Letter], answer: ReceiptBatch
) -> tuple[Leaf, ...]:
    receipts = verify_receipts(
        answer,
        log=exchange.recipient.verified(),
        offer_hashes=[leaf_hash(letter.leaf.encode()) for letter in letters],
        recipient=RECIPIENT,
        sender=SENDER,
    )
    return tuple(ReadLeaf(b"", like, own).leaf for like, own in receipts)


def test_one_receipt_for_each_offer_is_believed(
    exchange: FakeExchange, letters: tuple[Letter, ...]
) -> None:
    receipts = (
        exchange.receipt(letters[0].leaf),
        replace(exchange.receipt(letters[1].leaf), outcome="refused", reason="POLICY"),
        replace(
            exchange.receipt(letters[2].leaf), outcome="quarantined", reason="REVIEW"
        ),
    )
    assert verify(exchange, letters, exchange.answer(*receipts)) == receipts


@pytest.mark.parametrize("count", [0, 2])
def test_missing_receipt_is_noticed(
    exchange: FakeExchange, letters: tuple[Letter, ...], count: int
) -> None:
    full = exchange.answer(*(exchange.receipt(letter.leaf) for letter in letters))
    fewer = replace(full, receipts=replace(full.receipts, leaves=()))
    if count:
        first = full.receipts.first_index
        fewer = replace(full, receipts=exchange.recipient.range(first, count))
    with pytest.raises(ReceiptInvalidError, match="does not answer every message"):
        verify(exchange, letters, fewer)


def test_one_receipt_too_many_is_refused(
    exchange: FakeExchange, letters: tuple[Letter, ...]
) -> None:
    answer = exchange.answer(*(exchange.receipt(letter.leaf) for letter in letters))
    with pytest.raises(ReceiptInvalidError, match="does not answer every message"):
        verify(exchange, letters[:2], answer)


def test_receipt_that_is_not_in_the_log_is_refused(
    exchange: FakeExchange, letters: tuple[Letter, ...]
) -> None:
    answer = exchange.answer(*(exchange.receipt(letter.leaf) for letter in letters))
    better = replace(exchange.receipt(letters[0].leaf), reason="FRIENDLY").encode()
    leaves = (better, *answer.receipts.leaves[1:])
    forged = replace(answer, receipts=replace(answer.receipts, leaves=leaves))
    with pytest.raises(ReceiptInvalidError, match="not in the peer's log") as caught:
        verify(exchange, letters, forged)
    assert isinstance(caught.value.__cause__, ProofError)


@pytest.mark.parametrize("leaf", [b"", b"{}", b'{"kind":"receipt","v":2}', b"\xff"])
def test_receipt_that_cannot_be_read_is_refused(
    exchange: FakeExchange, leaf: bytes
) -> None:
    with pytest.raises(ReceiptInvalidError, match="cannot be read"):
        verify(exchange, exchange.letters(1), exchange.answer(leaf))


def test_outcome_that_nobody_knows_is_refused(exchange: FakeExchange) -> None:
    (letter,) = exchange.letters(1)
    receipt = exchange.receipt(letter.leaf).encode()
    unknown = receipt.replace(b'"outcome":"accepted"', b'"outcome":"mislaid"')
    assert unknown != receipt
    with pytest.raises(ReceiptInvalidError, match="cannot be read"):
        verify(exchange, [letter], exchange.answer(unknown))


def test_offer_is_no_receipt(exchange: FakeExchange) -> None:
    (letter,) = exchange.letters(1)
    with pytest.raises(ReceiptInvalidError, match="another kind"):
        verify(exchange, [letter], exchange.answer(letter.leaf))


@pytest.mark.parametrize(
    ("author", "addressee"),
    [(THIRD, SENDER), (RECIPIENT, THIRD), (SENDER, RECIPIENT)],
)
def test_receipt_between_other_nodes_is_refused(
    exchange: FakeExchange, author: str, addressee: str
) -> None:
    (letter,) = exchange.letters(1)
    receipt = replace(exchange.receipt(letter.leaf), sender=author, recipient=addressee)
    with pytest.raises(ReceiptInvalidError, match="names other nodes"):
        verify(exchange, [letter], exchange.answer(receipt))


def test_receipts_in_another_order_are_refused(
    exchange: FakeExchange, letters: tuple[Letter, ...]
) -> None:
    receipts = [exchange.receipt(letter.leaf) for letter in reversed(letters)]
    with pytest.raises(ReceiptInvalidError, match="answers another offer") as caught:
        verify(exchange, letters, exchange.answer(*receipts))
    assert caught.value.context == {"peer": RECIPIENT, "sequence": 1}
