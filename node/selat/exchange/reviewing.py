# SPDX-License-Identifier: Apache-2.0
"""Let a person decide on what policy left to a person.

Two kinds of messages wait: our own that need a second person before they may
go to a peer, and received ones in quarantine. Nobody decides on a message of
their own. Each decision is a leaf that names the leaf it answers, the role of
who decided and no person; who it was and why stays in our store.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final
from uuid import UUID

from selat.core.leaves import HoldLeaf, ReceiptLeaf, ReviewLeaf, parse_leaf
from selat.core.merkle import leaf_hash
from selat.core.payloads import unpack
from selat.errors import (
    NotFoundError,
    PolicyDeniedError,
    SelfReviewError,
    StoreCorruptError,
    WrongStateError,
)
from selat.exchange.facts import facts_of
from selat.exchange.local import LocalNode
from selat.policy.port import Decision, Effect, OfficerFacts
from selat.store.port import Snapshot, Transaction
from selat.store.reviews import Act, Review
from selat.store.values import Holding, MessageRow, OutboxRow, OutboxState
from selat.v1 import message_pb2

#: Reason of what a person did not let go, or not let in.
REVIEW_REFUSED: Final = "REVIEW_REFUSED"
#: The role by which a leaf names who decided.
_BY: Final = "reviewer"
_WHERE: Final = "`selat review list` shows what waits."


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionOfPerson:
    """What a person decided.

    Attributes:
        act: Approve or refuse.
        note: Why, in words.
        officer: Who decided.
    """

    act: Act
    note: str
    officer: OfficerFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The leaf that a decision answers.

    Attributes:
        hash: Its RFC 6962 hash.
        reason: Stable reason why the message waits.
        policies: The policies that made it wait.
    """

    hash: bytes
    reason: str
    policies: tuple[str, ...]


class Reviewing:
    """Take the decisions of persons.

    Args:
        local: Our node.
        wake: Called with the name of a peer for which something was queued.
        arrived: Called after a message came out of quarantine.
    """

    def __init__(
        self,
        *,
        local: LocalNode,
        wake: Callable[[str], None],
        arrived: Callable[[], None],
    ) -> None:
        """Take what reviewing needs."""
        self._local = local
        self._wake = wake
        self._arrived = arrived

    async def decide_release(
        self, entry: int, decision: DecisionOfPerson
    ) -> tuple[OutboxRow, MessageRow]:
        """Decide whether a held message may go to its peer.

        Raises:
            NotFoundError: There is no such outbox entry.
            WrongStateError: It does not wait.
            SelfReviewError: The officer published the message.
            PolicyDeniedError: Policy does not let the officer approve it.
        """
        work = partial(self._decide_release, entry, decision)
        row, message = await self._local.store.write(work)
        self._local.on_step("review.committed")
        self._wake(row.peer)
        return row, message

    async def decide_intake(
        self, number: int, decision: DecisionOfPerson
    ) -> MessageRow:
        """Decide whether a quarantined message may be shown.

        Raises:
            NotFoundError: There is no such message.
            WrongStateError: It does not wait.
            PolicyDeniedError: Policy does not let the officer approve it, or the
                message in: it may have expired while it waited.
        """
        work = partial(self._decide_intake, number, decision)
        row = await self._local.store.write(work)
        self._local.on_step("review.committed")
        self._arrived()
        return row

    def _decide_release(
        self, entry: int, decision: DecisionOfPerson, transaction: Transaction
    ) -> tuple[OutboxRow, MessageRow]:
        row = transaction.outbox_entry(entry)
        message = None if row is None else transaction.message(row.message)
        if row is None or message is None:
            raise NotFoundError(f"There is no outbox entry {entry}.", remedy=_WHERE)
        if row.state is not OutboxState.HELD:
            raise WrongStateError(
                f"Outbox entry {entry} is {row.state.value}, not held.", remedy=_WHERE
            )
        self._check_person(transaction, message, decision)
        answered = answered_by_release(transaction, row)
        review = self._log(transaction, message, row.peer, answered, decision)
        return transaction.review_entry(entry, review), message

    def _decide_intake(
        self, number: int, decision: DecisionOfPerson, transaction: Transaction
    ) -> MessageRow:
        message = transaction.message(number)
        if message is None:
            raise NotFoundError(f"There is no message {number}.", remedy=_WHERE)
        if message.holding is not Holding.QUARANTINED:
            raise WrongStateError(
                f"Message {number} is not in quarantine.", remedy=_WHERE
            )
        header = self._check_person(transaction, message, decision)
        if decision.act is Act.APPROVE:
            self._check_intake(message, header)
        answered = answered_by_intake(transaction, message)
        review = self._log(transaction, message, message.originator, answered, decision)
        return transaction.review_message(number, review)

    def _check_person(
        self, snapshot: Snapshot, message: MessageRow, decision: DecisionOfPerson
    ) -> message_pb2.Header:
        """Hold that the officer may decide on the message; return its header."""
        officer = decision.officer
        if message.author and message.author == officer.officer_id:
            raise SelfReviewError(
                f"{officer.officer_id} published this message.",
                remedy="Ask another reviewer to decide.",
            )
        header = self._header(snapshot, message)
        facts, policy = facts_of(header, holding=message.holding), self._local.policy()
        _require(policy.approve(facts, officer, now_ms=self._local.clock()))
        return header

    def _check_intake(self, message: MessageRow, header: message_pb2.Header) -> None:
        """Ask again whether the message may enter, its obligations met."""
        local = self._local
        sender = next(
            peer for peer in local.peers.known() if peer.name == message.originator
        )
        policy, facts, now_ms = local.policy(), facts_of(header), local.clock()
        decision = policy.accept(facts, sender.facts, now_ms=now_ms)
        if decision.effect is Effect.HOLD:
            met = frozenset(decision.obligations)
            decision = policy.accept(facts, sender.facts, now_ms=now_ms, approved=met)
        _require(decision)

    def _header(self, snapshot: Snapshot, message: MessageRow) -> message_pb2.Header:
        payload = snapshot.payload(message.number)
        if payload is None:
            raise WrongStateError(
                "The contents of this message were erased.", remedy=_WHERE
            )
        stored = unpack(
            self._local.cipher.reveal(
                payload,
                originator=message.originator,
                message_id=message.message_id,
                version=message.version,
            )
        )
        return message_pb2.Header.FromString(stored.header)

    def _log(
        self,
        transaction: Transaction,
        message: MessageRow,
        peer: str,
        answered: Answered,
        decision: DecisionOfPerson,
    ) -> Review:
        local, now_ms = self._local, self._local.clock()
        reason = REVIEW_REFUSED if decision.act is Act.REFUSE else ""
        leaf = ReviewLeaf(
            node=local.name,
            peer=peer,
            id=UUID(bytes=message.message_id),
            version=message.version,
            answers=answered.hash,
            act=decision.act.value,
            reason=reason,
            by=_BY,
            policy=local.policy().digest,
            time_ms=now_ms,
            blind=local.entropy(32),
        )
        return Review(
            act=decision.act,
            officer=decision.officer.officer_id,
            reason=reason,
            note=decision.note,
            decided_ms=now_ms,
            leaf_index=transaction.append_leaves([leaf.encode()]),
        )


def answered_by_release(snapshot: Snapshot, row: OutboxRow) -> Answered:
    """Return the hold leaf of a held entry.

    Raises:
        StoreCorruptError: It has none.
    """
    return _answered(snapshot, row.leaf_index, row.reason)


def answered_by_intake(snapshot: Snapshot, message: MessageRow) -> Answered:
    """Return the receipt leaf that quarantined a message.

    Raises:
        StoreCorruptError: It has none.
    """
    found = snapshot.arrival_batch(message.number)
    index = None if found is None else found[0].first_receipt + found[1]
    return _answered(snapshot, index, "")


def _answered(snapshot: Snapshot, index: int | None, reason: str) -> Answered:
    if index is not None:
        (data,) = snapshot.leaves(index, 1)
        leaf = parse_leaf(data)
        if isinstance(leaf, ReceiptLeaf):
            reason = leaf.reason
        if isinstance(leaf, HoldLeaf | ReceiptLeaf):
            return Answered(hash=leaf_hash(data), reason=reason, policies=leaf.policies)
    raise StoreCorruptError(
        "A message waits for a decision without the leaf that says why.",
        remedy="Restore the database from a backup.",
    )


def _require(decision: Decision) -> None:
    if decision.effect is not Effect.PERMIT:
        raise PolicyDeniedError(
            f"Policy does not permit it: {decision.reason} by "
            f"{', '.join(decision.policies) or 'default'}.",
            remedy="Ask those who keep the policy what would have to change.",
        )
