# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest
from tests.fakes.bundles import (
    BEGIN_MS,
    MINUTE_MS,
    FakeNode,
    begin,
    blind,
    deliver,
    exchange,
    offers,
    receipt,
)
from tests.fakes.identities import Identity
from tests.fakes.leaves import OFFER
from tests.unit.audit.conftest import (
    Pair,
    Verify,
    failures,
    make_pair,
    message,
    resign,
)

from selat.audit.exchanges import CATCH_UP_MS_MAX, RECEIPT_LATE_MS
from selat.audit.findings import Code
from selat.audit.leaf_walk import CLOCK_DISORDER_MS_MAX


def test_receipt_whose_offer_differs_is_caught(
    xa: Identity, xb: Identity, verify: Verify
) -> None:
    pair = make_pair(xa, xb)
    at_ms = BEGIN_MS + 9 * MINUTE_MS
    (offer,) = offers(pair.xa, pair.xb, 1, at_ms)
    wrong = replace(receipt(offer, at_ms), id=UUID(int=7))
    deliver(pair.xa, pair.xb, [offer], [wrong], at_ms)
    resign(pair)
    result = verify(*pair.bundles())
    assert failures(result) == {Code.RECEIPT_DIFFERS}
    assert "speaks of another message" in message(result, Code.RECEIPT_DIFFERS)


def test_receipt_for_an_offer_that_was_replaced_is_caught(
    xa: Identity, xb: Identity, verify: Verify
) -> None:
    pair = make_pair(xa, xb)
    at_ms = BEGIN_MS + 9 * MINUTE_MS
    (offer,) = offers(pair.xa, pair.xb, 1, at_ms)
    other = replace(offer, category="piracy", blind=blind("other"))
    deliver(pair.xa, pair.xb, [offer], [receipt(other, at_ms)], at_ms)
    exchange(pair.xa, pair.xb, 1, at_ms + 1)
    resign(pair)
    result = verify(*pair.bundles())
    assert failures(result) == {Code.RECEIPT_DIFFERS, Code.OFFER_DENIED}
    assert "names another offer than the one at" in message(
        result, Code.RECEIPT_DIFFERS
    )


def test_exchange_that_the_recipient_denies_is_listed(
    xa: Identity, xb: Identity, verify: Verify
) -> None:
    pair = make_pair(xa, xb)
    at_ms = BEGIN_MS + 9 * MINUTE_MS
    deliver(pair.xa, pair.xb, offers(pair.xa, pair.xb, 2, at_ms), [], at_ms)
    pair.xa.sent -= 1
    exchange(pair.xa, pair.xb, 1, at_ms + 1)
    resign(pair)
    result = verify(*pair.bundles())
    assert failures(result) == {Code.OFFER_DENIED}
    assert result.findings.count(Code.OFFER_DENIED) == 2


def test_exchange_that_the_sender_denies_is_listed(
    xa: Identity, xb: Identity, verify: Verify
) -> None:
    pair = make_pair(xa, xb)
    at_ms = pair.xa.log.times[-1]
    (offer,) = offers(pair.xa, pair.xb, 1, at_ms)
    pair.xb.log.append(receipt(offer, at_ms))
    resign(pair)
    result = verify(*pair.bundles())
    assert failures(result) == {Code.RECEIPT_DENIED}
    assert message(result, Code.RECEIPT_DENIED) == (
        "The receipt of police.xb.example is of no offer in police.xa.example's log."
    )


def test_receipt_is_not_shown_without_its_offer(
    xa: Identity, xb: Identity, verify: Verify
) -> None:
    pair = make_pair(xa, xb)
    files = pair.bundles()[1]
    del files["peers/police.xa.example/2030h1/leaves.jsonl"]
    result = verify(files)
    assert failures(result) == {Code.RECEIPT_WITHOUT_OFFER, Code.RANGE_MISSING}
    assert result.findings.count(Code.RECEIPT_WITHOUT_OFFER) == 203


def test_offer_without_answer_is_pending_at_first(
    xa: Identity, xb: Identity, verify: Verify
) -> None:
    pair = make_pair(xa, xb)
    at_ms = pair.xa.log.times[-1]
    deliver(pair.xa, pair.xb, offers(pair.xa, pair.xb, 2, at_ms), [], at_ms)
    resign(pair)
    result = verify(*pair.bundles())
    assert result.holds
    assert result.findings.count(Code.OFFER_PENDING) == 2


def test_offer_without_answer_is_a_fault_after_the_catch_up(
    xa: Identity, xb: Identity, verify: Verify
) -> None:
    pair = make_pair(xa, xb)
    at_ms = pair.xa.log.times[-1]
    deliver(pair.xa, pair.xb, offers(pair.xa, pair.xb, 2, at_ms), [], at_ms)
    pair.xa.adopt("cd" * 32, at_ms + CATCH_UP_MS_MAX + 1, previous=OFFER.policy)
    resign(pair)
    result = verify(pair.bundles()[0])
    assert failures(result) == {Code.OFFER_UNANSWERED}
    assert message(result, Code.OFFER_UNANSWERED) == (
        "The offer to police.xb.example has no receipt."
    )


@pytest.mark.parametrize(
    ("after_ms", "code"),
    [
        (RECEIPT_LATE_MS, None),
        (RECEIPT_LATE_MS + 1, Code.RECEIPT_LATE),
        (CATCH_UP_MS_MAX, Code.RECEIPT_LATE),
        (CATCH_UP_MS_MAX + 1, Code.RECEIPT_OVERDUE),
        (-CLOCK_DISORDER_MS_MAX, None),
        (-CLOCK_DISORDER_MS_MAX - 1, Code.RECEIPT_BEFORE_OFFER),
    ],
)
def test_receipt_is_held_against_the_time_of_its_offer(
    after_ms: int, code: Code | None, xa: Identity, xb: Identity, verify: Verify
) -> None:
    nodes = FakeNode(xa), FakeNode(xb)
    for node in nodes:
        begin(node)
    at_ms = BEGIN_MS + 60 * MINUTE_MS
    batch = offers(nodes[0], nodes[1], 1, at_ms)
    answer = [receipt(batch[0], at_ms + after_ms)]
    deliver(nodes[0], nodes[1], batch, answer, at_ms + max(after_ms, 0))
    pair = Pair(*nodes, batch)
    resign(pair)
    result = verify(*pair.bundles())
    assert {each.code for each in result.findings} == ({code} if code else set())
    assert result.holds is (code in {None, Code.RECEIPT_LATE})


def test_two_receipts_for_one_offer_are_caught(
    xa: Identity, xb: Identity, verify: Verify
) -> None:
    pair = make_pair(xa, xb)
    at_ms = pair.xa.log.times[-1]
    batch = offers(pair.xa, pair.xb, 1, at_ms)
    deliver(pair.xa, pair.xb, batch, [receipt(batch[0], at_ms)], at_ms)
    pair.xb.log.append(receipt(batch[0], at_ms + 5, outcome="refused"))
    resign(pair)
    result = verify(*pair.bundles())
    assert failures(result) == {Code.RECEIPT_REPEATED}
    assert message(result, Code.RECEIPT_REPEATED) == (
        "One offer has 2 receipts that differ."
    )


def test_gap_between_batches_is_caught(
    xa: Identity, xb: Identity, verify: Verify
) -> None:
    pair = make_pair(xa, xb)
    pair.xa.sent += 1
    exchange(pair.xa, pair.xb, 1, pair.xa.log.times[-1])
    resign(pair)
    result = verify(*pair.bundles())
    assert failures(result) == {Code.SEQUENCE_GAP}
    assert message(result, Code.SEQUENCE_GAP) == (
        "No answer to batch 3 to 3 to police.xb.example was logged."
    )


def test_first_batch_may_not_be_missing_from_a_log_shown_from_its_beginning(
    xa: Identity, xb: Identity, verify: Verify
) -> None:
    nodes = FakeNode(xa), FakeNode(xb)
    for node in nodes:
        begin(node)
    nodes[0].sent = 1
    pair = Pair(*nodes, exchange(*nodes, 1, BEGIN_MS))
    resign(pair)
    result = verify(pair.bundles()[0])
    assert failures(result) == {Code.SEQUENCE_GAP}


def test_batch_that_was_answered_twice_is_caught(
    xa: Identity, xb: Identity, verify: Verify
) -> None:
    pair = make_pair(xa, xb)
    pair.xa.sent -= 1
    exchange(pair.xa, pair.xb, 1, pair.xa.log.times[-1])
    resign(pair)
    assert failures(verify(*pair.bundles())) == {Code.SEQUENCE_REPEATED}
