# SPDX-License-Identifier: Apache-2.0
"""Made-up values for tests of the store."""

from __future__ import annotations

from collections.abc import Callable

from selat.store.lifecycle import Erasure
from selat.store.port import Transaction
from selat.store.values import (
    Direction,
    Holding,
    IncomingBatch,
    Lane,
    MessageRow,
    NewMessage,
    Offered,
    OutgoingBatch,
)

ORIGIN = "police.xa.example/exchange/2026h2"
ALPHA = "police.aa.example"
BRAVO = "police.bb.example"
#: Origin of the shard of ALPHA's log that batches speak of.
ALPHAS = "police.aa.example/exchange/2026h2"
NOW = 1_790_000_000_000


def message_id(number: int) -> bytes:
    return number.to_bytes(16, "big")


def selector(number: int) -> bytes:
    return bytes([number]) * 16


def message(
    number: int = 1,
    *,
    version: int = 1,
    direction: Direction = Direction.IN,
    originator: str = ALPHA,
    category: str = "terrorism",
    record_type: str = "person",
    status: str = "current",
    stored_ms: int = NOW,
    holding: Holding = Holding.CURRENT,
    ciphertext: bytes = b"sealed",
    selectors: tuple[bytes, ...] = (),
    author: str = "",
    created_ms: int = NOW - 5,
    expires_ms: int | None = None,
    review_ms: int | None = None,
) -> NewMessage:
    return NewMessage(
        direction=direction,
        message_id=message_id(number),
        version=version,
        originator=originator,
        category=category,
        record_type=record_type,
        status=status,
        lane=Lane.URGENT,
        level="restricted",
        tlp="amber",
        created_ms=created_ms,
        expires_ms=expires_ms,
        stored_ms=stored_ms,
        holding=holding,
        wrapped_key=b"wrap of %d.%d" % (number, version),
        ciphertext=ciphertext,
        selectors=selectors,
        warnings=2,
        author=author,
        review_ms=review_ms,
    )


def row_of(kept: NewMessage, number: int) -> MessageRow:
    """Return what the store tells of a message that nobody touched."""
    return MessageRow(
        number=number,
        direction=kept.direction,
        message_id=kept.message_id,
        version=kept.version,
        originator=kept.originator,
        category=kept.category,
        record_type=kept.record_type,
        status=kept.status,
        lane=kept.lane,
        level=kept.level,
        tlp=kept.tlp,
        created_ms=kept.created_ms,
        expires_ms=kept.expires_ms,
        stored_ms=kept.stored_ms,
        holding=kept.holding,
        warnings=kept.warnings,
        author=kept.author,
        acknowledged_ms=None,
        acknowledged_by="",
        arrival=None,
        review_ms=kept.review_ms,
        legal_hold="",
    )


def erasure(leaf_index: int = 1) -> Erasure:
    return Erasure(reason="EXPIRED", erased_ms=NOW + 1, leaf_index=leaf_index)


def adding(*messages: NewMessage) -> Callable[[Transaction], list[int]]:
    """Return the work that keeps messages."""
    return lambda transaction: transaction.add_messages(messages)


def publish(transaction: Transaction, count: int, *peers: str) -> list[int]:
    """Keep messages of our own and queue them; return the entries of the last peer."""
    numbers = transaction.add_messages(
        [message(number, direction=Direction.OUT) for number in range(1, count + 1)]
    )
    transaction.enqueue([(number, Lane.ROUTINE) for number in numbers], peers, NOW)
    return [row.number for row in transaction.queued(peers[-1], limit=count)]


def form(
    transaction: Transaction,
    entries: list[int],
    *,
    sequence: int = 1,
    peer: str = ALPHA,
    redacted: tuple[str, ...] = (),
) -> OutgoingBatch:
    """Log one leaf for each entry and form a batch of them."""
    if not transaction.tree_head().origin:
        transaction.open_log(ORIGIN)
    first = transaction.append_leaves([b"offer %d" % entry for entry in entries])
    batch = OutgoingBatch(
        peer=peer,
        sequence=sequence,
        first_leaf=first,
        count=len(entries),
        offered_ms=NOW,
    )
    transaction.form_batch(
        batch,
        [
            Offered(entry=entry, leaf_index=index, redacted=redacted)
            for index, entry in enumerate(entries, first)
        ],
    )
    return batch


def incoming(
    *, sequence: int = 1, count: int = 2, first_offer: int = 10
) -> IncomingBatch:
    return IncomingBatch(
        peer=ALPHA,
        sequence=sequence,
        digest=b"d" * 32,
        first_receipt=4,
        count=count,
        origin=ALPHAS,
        first_offer=first_offer,
        proof=b"p" * 64,
        checkpoint_size=20,
        received_ms=NOW,
    )
