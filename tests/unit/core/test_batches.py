# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.fakes.exchanges import (
    BATCH_KEY,
    NOW_MS,
    RECIPIENT,
    SEAL_KEY,
    SENDER,
    FakeExchange,
    Letter,
    seal,
)

from selat.core.batches import (
    CLOCK_SKEW_MS_MAX,
    PROOF_HASHES_MAX,
    SEQUENCE_MAX,
    Offer,
    SealedBatch,
    check_bounds,
    check_clock,
    open_messages,
    verify_log_state,
    verify_offers,
)
from selat.core.leaf_base import LEAF_BYTES_MAX, Leaf
from selat.core.leaf_stencils import ReadLeaf
from selat.core.leaves import WithholdLeaf, parse_leaf
from selat.core.merkle import leaf_hash
from selat.core.sealing import (
    BATCH_BYTES_MAX,
    BATCH_MESSAGES_MAX,
    SEAL_OVERHEAD_BYTES,
    BatchOpener,
    unwrap_batch_key,
)
from selat.errors import (
    BatchMalformedError,
    BatchTooLargeError,
    CiphertextError,
    ClockSkewError,
    CommitmentMismatchError,
    LeafMalformedError,
    LeafMisaddressedError,
    LeafNotInTreeError,
    LeafVersionError,
    ProofError,
)

THIRD = "police.xc.example"


@pytest.fixture
def exchange() -> FakeExchange:
    return FakeExchange()


@pytest.fixture
def letters(exchange: FakeExchange) -> tuple[Letter, ...]:
    return exchange.letters(3)


@pytest.fixture
def batch(exchange: FakeExchange, letters: tuple[Letter, ...]) -> SealedBatch:
    return exchange.batch(*letters)


def verified(exchange: FakeExchange, batch: SealedBatch) -> tuple[Offer, ...]:
    return verify_offers(
        batch.offers,
        log=exchange.sender.verified(),
        sender=SENDER,
        recipient=RECIPIENT,
    )


def test_honest_batch_passes_every_step(
    exchange: FakeExchange, letters: tuple[Letter, ...]
) -> None:
    known = exchange.sender.known(5)
    batch = exchange.batch(*letters, known_size=5)
    check_bounds(batch)
    log = verify_log_state(
        batch.log, owner=SENDER, verifiers=exchange.sender.verifiers, known=known
    )
    offers = verify_offers(batch.offers, log=log, sender=SENDER, recipient=RECIPIENT)
    check_clock(offers, now_ms=NOW_MS, sender=SENDER)
    key = unwrap_batch_key(
        batch.wrapped_key,
        private_key=SEAL_KEY,
        sender=SENDER,
        recipient=RECIPIENT,
        sequence=batch.sequence,
    )
    messages = open_messages(batch, offers, opener=BatchOpener(key))
    for letter, offer, message in zip(letters, offers, messages, strict=True):
        assert ReadLeaf(offer.data, offer.like, offer.own).leaf == letter.leaf
        assert offer.data == letter.leaf.encode()
        assert offer.hash == leaf_hash(offer.data)
        assert (message.header, message.body) == (letter.header, letter.body)
        assert message.salt == letter.salt


# --- step 2: bounds ----------------------------------------------------------


def test_batch_at_every_limit_is_within_bounds(batch: SealedBatch) -> None:
    most = BATCH_BYTES_MAX // BATCH_MESSAGES_MAX + SEAL_OVERHEAD_BYTES
    hashes = (bytes(32),) * PROOF_HASHES_MAX
    check_bounds(
        replace(
            batch,
            sequence=SEQUENCE_MAX,
            offers=replace(
                batch.offers, leaves=(b"",) * BATCH_MESSAGES_MAX, proof=hashes
            ),
            log=replace(batch.log, consistency_proof=hashes),
            sealed_messages=(bytes(most),) * BATCH_MESSAGES_MAX,
        )
    )


def test_too_many_messages_or_leaves_are_refused(batch: SealedBatch) -> None:
    many = (b"",) * (BATCH_MESSAGES_MAX + 1)
    for changed in (
        replace(batch, sealed_messages=many),
        replace(batch, offers=replace(batch.offers, leaves=many)),
    ):
        with pytest.raises(BatchTooLargeError, match="256 messages"):
            check_bounds(changed)


def test_too_many_bytes_are_refused(batch: SealedBatch) -> None:
    large = bytes(BATCH_BYTES_MAX + SEAL_OVERHEAD_BYTES - 1)
    sealed = (large, bytes(SEAL_OVERHEAD_BYTES + 1), bytes(SEAL_OVERHEAD_BYTES + 1))
    with pytest.raises(BatchTooLargeError, match="1048576 bytes"):
        check_bounds(replace(batch, sealed_messages=sealed))


@pytest.mark.parametrize("count", [0, 2, 4])
def test_each_leaf_needs_its_message(batch: SealedBatch, count: int) -> None:
    with pytest.raises(BatchMalformedError, match="one leaf for each message"):
        check_bounds(replace(batch, sealed_messages=(b"",) * count))


def test_batch_without_messages_is_refused(batch: SealedBatch) -> None:
    empty = replace(batch.offers, leaves=())
    with pytest.raises(BatchMalformedError, match="one leaf for each message"):
        check_bounds(replace(batch, offers=empty, sealed_messages=()))


def test_proof_longer_than_any_tree_needs_is_refused(batch: SealedBatch) -> None:
    hashes = (bytes(32),) * (PROOF_HASHES_MAX + 1)
    for changed in (
        replace(batch, offers=replace(batch.offers, proof=hashes)),
        replace(batch, log=replace(batch.log, consistency_proof=hashes)),
    ):
        with pytest.raises(BatchMalformedError, match="128 hashes"):
            check_bounds(changed)


def test_number_that_no_store_can_keep_is_refused(batch: SealedBatch) -> None:
    with pytest.raises(BatchMalformedError, match="number"):
        check_bounds(replace(batch, sequence=SEQUENCE_MAX + 1))


# --- step 5: the leaves stand in the log -------------------------------------


def changed_leaf(batch: SealedBatch) -> SealedBatch:
    leaves = (batch.offers.leaves[0] + b" ", *batch.offers.leaves[1:])
    return replace(batch, offers=replace(batch.offers, leaves=leaves))


def swapped_leaves(batch: SealedBatch) -> SealedBatch:
    leaves = batch.offers.leaves[::-1]
    return replace(batch, offers=replace(batch.offers, leaves=leaves))


def shifted_range(batch: SealedBatch) -> SealedBatch:
    first = batch.offers.first_index + 1
    return replace(batch, offers=replace(batch.offers, first_index=first))


def beyond_the_log(batch: SealedBatch) -> SealedBatch:
    return replace(batch, offers=replace(batch.offers, first_index=2**64 - 1))


def without_proof(batch: SealedBatch) -> SealedBatch:
    return replace(batch, offers=replace(batch.offers, proof=()))


@pytest.mark.parametrize(
    "change",
    [changed_leaf, swapped_leaves, shifted_range, beyond_the_log, without_proof],
)
def test_leaves_that_the_log_does_not_hold_are_refused(
    exchange: FakeExchange,
    batch: SealedBatch,
    change: Callable[[SealedBatch], SealedBatch],
) -> None:
    with pytest.raises(LeafNotInTreeError) as caught:
        verified(exchange, change(batch))
    assert isinstance(caught.value.__cause__, ProofError)


def test_log_of_another_size_does_not_prove_the_leaves(
    exchange: FakeExchange, batch: SealedBatch
) -> None:
    exchange.sender.fill(1)
    with pytest.raises(LeafNotInTreeError):
        verified(exchange, batch)


# --- step 6: the leaves are offers to us -------------------------------------


def logged(exchange: FakeExchange, leaf: bytes | Leaf) -> SealedBatch:
    """Return a batch whose only leaf is in the log, whatever it is."""
    batch = exchange.batch(exchange.letter())
    index = exchange.sender.append(leaf)
    return replace(batch, offers=exchange.sender.range(index, 1))


def test_leaf_of_another_version_is_refused(exchange: FakeExchange) -> None:
    with pytest.raises(LeafVersionError):
        verified(exchange, logged(exchange, b'{"kind":"offer","v":2}'))


@pytest.mark.parametrize(
    "leaf", [b"", b"{}", b"\xff", b"[" * LEAF_BYTES_MAX, b" " * (LEAF_BYTES_MAX + 1)]
)
def test_leaf_that_cannot_be_read_is_refused(
    exchange: FakeExchange, leaf: bytes
) -> None:
    with pytest.raises(LeafMalformedError, match="cannot be read"):
        verified(exchange, logged(exchange, leaf))


def test_receipt_is_no_offer(exchange: FakeExchange) -> None:
    receipt = exchange.receipt(exchange.letter().leaf)
    with pytest.raises(LeafMalformedError, match="no offer"):
        verified(exchange, logged(exchange, receipt))


def test_what_was_withheld_is_no_offer(exchange: FakeExchange) -> None:
    offer = exchange.letter().leaf.encode()
    withheld = offer.replace(b'"kind":"offer"', b'"kind":"withhold"')
    assert isinstance(parse_leaf(withheld), WithholdLeaf)
    with pytest.raises(LeafMalformedError, match="no offer"):
        verified(exchange, logged(exchange, withheld))


@pytest.mark.parametrize(
    ("sender", "recipient"),
    [(THIRD, RECIPIENT), (SENDER, THIRD), (RECIPIENT, SENDER)],
)
def test_leaf_between_other_nodes_is_refused(
    exchange: FakeExchange, sender: str, recipient: str
) -> None:
    leaf = replace(exchange.letter().leaf, sender=sender, recipient=recipient)
    with pytest.raises(LeafMisaddressedError):
        verified(exchange, logged(exchange, leaf))


# --- step 8: clocks ----------------------------------------------------------


def dated(letter: Letter, time_ms: int) -> Letter:
    return replace(letter, leaf=replace(letter.leaf, time_ms=time_ms))


def test_clocks_may_differ_by_five_minutes(exchange: FakeExchange) -> None:
    ahead = dated(exchange.letter(), NOW_MS + CLOCK_SKEW_MS_MAX)
    offers = verified(exchange, exchange.batch(ahead))
    check_clock(offers, now_ms=NOW_MS, sender=SENDER)


def test_old_leaf_is_no_matter_of_clocks(exchange: FakeExchange) -> None:
    offers = verified(exchange, exchange.batch(dated(exchange.letter(), 0)))
    check_clock(offers, now_ms=NOW_MS, sender=SENDER)


def test_one_leaf_from_the_future_is_refused(exchange: FakeExchange) -> None:
    ahead = dated(exchange.letter(2), NOW_MS + CLOCK_SKEW_MS_MAX + 1)
    offers = verified(exchange, exchange.batch(exchange.letter(1), ahead))
    with pytest.raises(ClockSkewError, match="more than 300 s ahead"):
        check_clock(offers, now_ms=NOW_MS, sender=SENDER)


# --- steps 10 and 11: what is inside -----------------------------------------

OPENER = BatchOpener(BATCH_KEY)


@pytest.mark.parametrize(
    "sealed",
    [
        b"",
        bytes(SEAL_OVERHEAD_BYTES - 1),
        bytes(SEAL_OVERHEAD_BYTES + 20),
    ],
)
def test_message_that_does_not_open_is_refused(
    exchange: FakeExchange, batch: SealedBatch, sealed: bytes
) -> None:
    offers = verified(exchange, batch)
    messages = (*batch.sealed_messages[:2], sealed)
    with pytest.raises(CiphertextError, match="Message 2 of batch 1") as caught:
        open_messages(replace(batch, sealed_messages=messages), offers, opener=OPENER)
    assert caught.value.context == {"sequence": 1, "position": 2}


def test_messages_do_not_open_with_the_leaves_of_others(
    exchange: FakeExchange, batch: SealedBatch
) -> None:
    offers = verified(exchange, batch)
    messages = batch.sealed_messages[::-1]
    with pytest.raises(CiphertextError):
        open_messages(replace(batch, sealed_messages=messages), offers, opener=OPENER)


def test_message_that_the_leaf_does_not_commit_to_is_refused(
    exchange: FakeExchange, letters: tuple[Letter, ...]
) -> None:
    batch = exchange.batch(*letters)
    offers = verified(exchange, batch)
    for other in (
        replace(letters[1], body=b"another body"),
        replace(letters[1], header=b"another header"),
        replace(letters[1], salt=bytes(32)),
    ):
        sealed = seal((letters[0], other, letters[2]))
        with pytest.raises(CommitmentMismatchError) as caught:
            open_messages(replace(batch, sealed_messages=sealed), offers, opener=OPENER)
        assert caught.value.context == {"sequence": 1, "position": 1}
