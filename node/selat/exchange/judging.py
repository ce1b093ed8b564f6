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

from selat.core.at_rest import KEY_BYTES, NONCE_BYTES, ProtectedPayload
from selat.core.batches import Offer
from selat.core.leaf_json import identifier_text
from selat.core.payloads import Packed, unpack
from selat.core.selectors import selector_bytes
from selat.errors import AlreadyExistsError, CommitmentMismatchError
from selat.exchange.facts import facts_of_heading, lane_of
from selat.exchange.inspector import Inspector
from selat.exchange.local import LocalNode
from selat.exchange.peer_book import KnownPeer
from selat.exchange.receipt_leaves import ReceiptWriter
from selat.policy.port import Decision, Effect, MessageFacts, Policy
from selat.records.headings import Heading
from selat.records.inspection import Inspection, ParsedMessage, parse
from selat.records.schema import Schema
from selat.store.port import Snapshot, Transaction
from selat.store.values import Direction, Holding, MessageRow, NewMessage

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
    """A message with the decision on it; ``message`` is None when refused.

    ``policy`` is the digest of the set that decided the whole batch, whatever is
    in force when the receipts are written.
    """

    offer: Offer
    opened: Packed
    decision: Decision
    message: NewMessage | None
    policy: str


class _Case:
    """A message on its way through the stages of judging.

    Each stage does one thing to all messages of a batch, and the next one only
    sees those that have passed it. A message that passes no further is refused
    because it breaks the schema.

    Attributes:
        offer: Its offer.
        opened: Its bytes.
        parsed: What they say.
        facts: What policy may know of it.
        inspection: What was found in it.
        decision: What was decided.
        message: The message as it is kept; None when it is not.
    """

    __slots__ = (
        *("offer", "opened", "parsed", "facts", "inspection"),
        *("decision", "message"),
    )

    parsed: ParsedMessage
    facts: MessageFacts
    inspection: Inspection

    def __init__(self, offer: Offer, opened: Packed) -> None:
        self.offer = offer
        self.opened = opened
        self.decision = _SCHEMA
        self.message: NewMessage | None = None


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
        cases = [
            _Case(offer, opened) for offer, opened in zip(offers, messages, strict=True)
        ]
        read = _read_all(self._local.schema, cases, peer.name)
        policy, now_ms = self._local.policy(), self._local.clock()
        valid = self._inspect_all(read)
        kept = _decide_all(valid, peer, policy, now_ms)
        self._protect_all(kept, peer, now_ms)
        digest = policy.digest
        return tuple(
            [
                Judged(case.offer, case.opened, case.decision, case.message, digest)
                for case in cases
            ]
        )

    def _inspect_all(self, cases: Sequence[_Case]) -> list[_Case]:
        """Read messages by the schema; return those that are valid."""
        findings = self._inspector.inspect_all(
            [case.parsed for case in cases], strict=False
        )
        valid: list[_Case] = []
        for case, found in zip(cases, findings, strict=True):
            if isinstance(found, Inspection):
                case.inspection = found
                valid.append(case)
        return valid

    def _protect_all(
        self, cases: Sequence[_Case], peer: KnownPeer, now_ms: int
    ) -> None:
        """Make messages ready to be kept."""
        cipher = self._local.cipher
        secrets = self._local.draw(len(cases), KEY_BYTES + NONCE_BYTES)
        payloads = [
            cipher.protect(
                case.opened.data,
                originator=peer.name,
                message_id=case.parsed.heading.id,
                version=case.parsed.heading.version,
                data_key=secret[:KEY_BYTES],
                nonce=secret[KEY_BYTES:],
            )
            for case, secret in zip(cases, secrets, strict=True)
        ]
        selectors = [
            tuple([cipher.selector_index(selector_bytes(each)) for each in found])
            for found in [case.inspection.selectors for case in cases]
        ]
        for case, payload, indexes in zip(cases, payloads, selectors, strict=True):
            case.message = _new_message(case, payload, indexes, now_ms=now_ms)

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
            policy=judged[0].policy,
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


def _read_all(schema: Schema, cases: Sequence[_Case], peer: str) -> list[_Case]:
    """Parse messages and compare them with their leaves; return those that parse.

    Raises:
        CommitmentMismatchError: A leaf describes another message than its own.
    """
    read: list[_Case] = []
    for case in cases:
        try:
            case.parsed = parse(schema, case.opened.header, case.opened.body)
        except DecodeError:
            continue
        read.append(case)
    for case in read:
        case.facts = facts_of_heading(case.parsed.heading)
    for case in read:
        _check_leaf(case.offer, case.parsed.heading, case.facts, peer=peer)
    return read


def _new_message(
    case: _Case,
    payload: ProtectedPayload,
    selectors: tuple[bytes, ...],
    *,
    now_ms: int,
) -> NewMessage:
    heading, facts = case.parsed.heading, case.facts
    permitted = case.decision.effect is Effect.PERMIT
    # By position: there are thousands, and names would cost four times as much.
    return NewMessage._make(
        (
            Direction.IN,
            heading.id,
            heading.version,
            *(facts.originator, facts.category, facts.record_type, facts.status),
            lane_of(heading),
            *(facts.level, facts.tlp),
            *(facts.created_ms, facts.expires_ms, now_ms),
            *payload,
            Holding.CURRENT if permitted else Holding.QUARANTINED,
            selectors,
            len(case.inspection.warnings),
            "",
            heading.review_ms,
        )
    )


def _decide_all(
    cases: Sequence[_Case], peer: KnownPeer, policy: Policy, now_ms: int
) -> list[_Case]:
    """Ask policy; return the messages that are kept."""
    facts = peer.facts
    for case in cases:
        case.decision = policy.accept(case.facts, facts, now_ms=now_ms)
    return [case for case in cases if case.decision.effect is not Effect.WITHHOLD]


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
    offer: Offer, heading: Heading, facts: MessageFacts, *, peer: str
) -> None:
    """Refuse a leaf that tells another story than the message it commits to."""
    like = offer.like
    same = (
        offer.own["id"] == identifier_text(heading.id),
        like.version == heading.version,
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
