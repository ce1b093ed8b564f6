# SPDX-License-Identifier: Apache-2.0
"""Read each opened message, ask policy, and answer it with a receipt leaf.

A message that cannot be accepted is refused by itself, with a signed reason,
so that one bad message never holds up the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from google.protobuf.message import DecodeError

from selat.core.at_rest import KEY_BYTES, NONCE_BYTES
from selat.core.batches import Offer
from selat.core.leaf_json import identifier_text
from selat.core.payloads import Packed, unpack
from selat.core.selectors import selector_bytes
from selat.errors import (
    AlreadyExistsError,
    CommitmentMismatchError,
    InvalidRecordError,
)
from selat.exchange.facts import facts_of, lane_of, review_ms
from selat.exchange.inspector import Inspector
from selat.exchange.local import LocalNode
from selat.exchange.peer_book import KnownPeer
from selat.exchange.receipt_leaves import ReceiptWriter
from selat.policy.port import Decision, Effect, MessageFacts, Policy
from selat.records.header import common_part
from selat.store.port import Snapshot, Transaction
from selat.store.values import Direction, Holding, MessageRow, NewMessage
from selat.v1 import message_pb2

_BLIND_BYTES: Final = 32
#: What is said again of a message that is kept already, by what it is held as.
_EFFECTS: Final = {
    Holding.QUARANTINED: Effect.HOLD,
    Holding.REFUSED: Effect.WITHHOLD,
    Holding.DISCARDED: Effect.WITHHOLD,
}

#: Policy id of what is refused because it breaks the schema.
_SCHEMA: Final = Decision(
    effect=Effect.WITHHOLD, policies=("intake/schema",), reason="INVALID_RECORD"
)
_ONCE: Final = "intake/once"
#: Policy id of a version that was accepted before with other contents.
_CONFLICT: Final = Decision(
    effect=Effect.WITHHOLD, policies=(_ONCE,), reason="VERSION_CONFLICT"
)
#: Reason of an answer that changes nothing: the message was here before.
DUPLICATE: Final = "DUPLICATE"


class Judged(NamedTuple):
    """A message with the decision on it; ``message`` is None when refused."""

    offer: Offer
    opened: Packed
    decision: Decision
    message: NewMessage | None


class _Terms(NamedTuple):
    """Whose messages are judged, by which policy set, and when."""

    peer: KnownPeer
    policy: Policy
    now_ms: int


class _Answer(NamedTuple):
    """How a message is answered; its arrival number when it was kept."""

    decision: Decision
    reason: str
    number: int | None


class Judge:
    """Decide on opened messages and build their receipts.

    Args:
        local: Our node.
        inspector: Reads messages by the schema's rules.
    """

    def __init__(self, *, local: LocalNode, inspector: Inspector) -> None:
        """Take what judging needs."""
        self._local = local
        self._inspector = inspector

    def judge_all(
        self,
        peer: KnownPeer,
        offers: Sequence[Offer],
        messages: Sequence[Packed],
    ) -> tuple[Judged, ...]:
        """Step 12: read and decide every message of a batch.

        Raises:
            CommitmentMismatchError: A leaf describes another message than the
                one it commits to.
        """
        secrets = self._local.draw(len(offers), KEY_BYTES + NONCE_BYTES)
        terms = _Terms(peer, self._local.policy(), self._local.clock())
        return tuple(
            [
                self._judge(terms, offer, opened, secret)
                for offer, opened, secret in zip(offers, messages, secrets, strict=True)
            ]
        )

    def _judge(
        self, terms: _Terms, offer: Offer, opened: Packed, secret: bytes
    ) -> Judged:
        peer, policy, now_ms = terms
        try:
            header = message_pb2.Header.FromString(opened.header)
            body = message_pb2.Body.FromString(opened.body)
        except DecodeError:
            return Judged(offer, opened, _SCHEMA, None)
        common = common_part(header)
        facts = facts_of(header, common=common)
        _check_leaf(offer, header, facts, peer=peer.name)
        try:
            inspection = self._inspector.inspect(
                header, body, strict=False, common=common
            )
        except InvalidRecordError:
            return Judged(offer, opened, _SCHEMA, None)
        decision = policy.accept(facts, peer.facts, now_ms=now_ms)
        if decision.effect is Effect.WITHHOLD:
            return Judged(offer, opened, decision, None)
        cipher = self._local.cipher
        protected = cipher.protect(
            opened.data,
            originator=peer.name,
            message_id=header.id,
            version=header.version,
            data_key=secret[:KEY_BYTES],
            nonce=secret[KEY_BYTES:],
        )
        message = NewMessage(
            direction=Direction.IN,
            message_id=header.id,
            version=header.version,
            originator=peer.name,
            category=facts.category,
            record_type=facts.record_type,
            status=facts.status,
            lane=lane_of(header),
            level=facts.level,
            tlp=facts.tlp,
            created_ms=facts.created_ms or 0,
            expires_ms=facts.expires_ms,
            stored_ms=now_ms,
            wrapped_key=protected.wrapped_key,
            ciphertext=protected.ciphertext,
            selectors=tuple(
                [
                    cipher.selector_index(selector_bytes(selector))
                    for selector in inspection.selectors
                ]
            ),
            warnings=len(inspection.warnings),
            review_ms=review_ms(header),
            holding=(
                Holding.CURRENT
                if decision.effect is Effect.PERMIT
                else Holding.QUARANTINED
            ),
        )
        return Judged(offer, opened, decision, message)

    def keep_all(
        self,
        transaction: Transaction,
        peer: KnownPeer,
        judged: Sequence[Judged],
        *,
        now_ms: int,
    ) -> tuple[list[bytes], list[int | None]]:
        """Keep what is accepted or quarantined, once.

        Returns:
            The receipt leaves, and the arrival numbers of what was kept (None
            for what was not), both in the batch's order.
        """
        try:
            answers = _keep(transaction, judged)
        except AlreadyExistsError:
            # Rare: a message of this batch was here before, or stands in it twice.
            answers = self._keep_unknown(transaction, peer.name, judged)
        blinds = self._local.draw(len(judged), _BLIND_BYTES)
        writer = ReceiptWriter(
            sender=self._local.name,
            recipient=peer.name,
            policy=self._local.policy().digest,
            now_ms=now_ms,
        )
        receipts = [
            writer.write(item.offer, answer.decision, reason=answer.reason, blind=blind)
            for item, answer, blind in zip(judged, answers, blinds, strict=True)
        ]
        return receipts, [answer.number for answer in answers]

    def _keep_unknown(
        self, transaction: Transaction, originator: str, judged: Sequence[Judged]
    ) -> list[_Answer]:
        """Keep what was not here before; compare the rest with what is kept."""
        first_of: dict[tuple[bytes, int], Judged] = {}
        answers: dict[int, _Answer] = {}
        for position, item in enumerate(judged):
            if item.message is None:
                continue
            key = (item.message.message_id, item.message.version)
            first = first_of.get(key)
            row = None if first else _kept(transaction, originator, item.message)
            if first is not None:
                answers[position] = _answer_again(
                    item, item.message.holding, same=_contents(first) == _contents(item)
                )
            elif row is not None:
                same = self._is_same(transaction, row, item)
                answers[position] = _answer_again(item, row.holding, same=same)
            else:
                first_of[key] = item
        fresh = [
            (position, item)
            for position, item in enumerate(judged)
            if position not in answers
        ]
        kept = _keep(transaction, [item for _, item in fresh])
        answers |= {
            position: answer for (position, _), answer in zip(fresh, kept, strict=True)
        }
        return [answers[position] for position in range(len(judged))]

    def _is_same(self, snapshot: Snapshot, kept: MessageRow, item: Judged) -> bool:
        payload = snapshot.payload(kept.number)
        if payload is None:
            return True  # erased: it was here, and it must not come back
        stored = unpack(
            self._local.cipher.reveal(
                payload,
                originator=kept.originator,
                message_id=kept.message_id,
                version=kept.version,
            )
        )
        return (stored.header, stored.body) == _contents(item)


def _kept(
    snapshot: Snapshot, originator: str, message: NewMessage
) -> MessageRow | None:
    """Return what is kept of that version, if anything is."""
    for row in snapshot.find(message.message_id, message.version, originator):
        if row.direction is Direction.IN:
            return row
    return None


def _answer_again(item: Judged, holding: Holding, *, same: bool) -> _Answer:
    """Answer a message whose version is here, as what it is held as now."""
    if not same:
        return _Answer(decision=_CONFLICT, reason=_CONFLICT.reason, number=None)
    decision, effect = item.decision, _EFFECTS.get(holding, Effect.PERMIT)
    if decision.effect is not effect:
        decision = replace(decision, effect=effect, policies=(_ONCE,))
    return _Answer(decision=decision, reason=DUPLICATE, number=None)


def _keep(transaction: Transaction, judged: Sequence[Judged]) -> list[_Answer]:
    """Keep what may enter or waits, of messages that were not here before.

    Raises:
        AlreadyExistsError: One of them was; then none of them is kept.
    """
    numbers = iter(
        transaction.add_messages(
            [item.message for item in judged if item.message is not None]
        )
    )
    return [
        _Answer(
            decision=item.decision,
            reason=item.decision.reason,
            number=None if item.message is None else next(numbers),
        )
        for item in judged
    ]


def _contents(item: Judged) -> tuple[bytes, bytes]:
    return item.opened.header, item.opened.body


def _check_leaf(
    offer: Offer, header: message_pb2.Header, facts: MessageFacts, *, peer: str
) -> None:
    """Refuse a leaf that tells another story than the message it commits to."""
    like = offer.like
    same = (
        offer.own["id"] == identifier_text(header.id),
        like.version == header.version,
        like.type == facts.record_type,
        like.category == facts.category,
        like.level == facts.level,
        like.codes == facts.codes,
        like.tlp == facts.tlp,
        like.purposes == facts.purposes,
        facts.originator == peer,
    )
    if not all(same):
        raise CommitmentMismatchError(
            "An offer leaf describes another message than the one it commits to.",
            remedy="Stop and call the peer: its log does not say what it sends.",
            peer=peer,
        )
