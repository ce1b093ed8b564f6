# SPDX-License-Identifier: Apache-2.0
"""Decide whether one message may go to one peer, and in which form.

A message is permitted, perhaps without some of its fields, or it waits for a
person, or it is withheld. Each decision is a leaf. What cannot be redacted as
policy asks is withheld: it never leaves as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, TypeAlias
from uuid import UUID

from selat.core.leaf_json import identifier_text, moment_text
from selat.core.leaf_stencils import Stencil
from selat.core.leaves import DecisionLeaf, HoldLeaf, OfferLeaf, WithholdLeaf
from selat.core.payloads import Packed, offer_salt, pack
from selat.core.sealing import commitment
from selat.errors import InvalidInputError
from selat.exchange.facts import facts_of
from selat.exchange.local import LocalNode
from selat.exchange.peer_book import KnownPeer
from selat.policy.port import PERSONAL, Decision, Effect, MessageFacts, Policy
from selat.records.redaction import redact, redact_again
from selat.store.values import OutboxRow
from selat.v1 import message_pb2

_BLIND_BYTES: Final = 32
#: Reason of a message that could not be redacted as policy asks.
REDACTION_FAILED: Final = "REDACTION_FAILED"


class Prepared(NamedTuple):
    """A message that may leave, with its leaf.

    A tuple, because a node prepares thousands in a second.

    Attributes:
        row: Its outbox entry.
        leaf: The offer leaf, exact bytes.
        message: The message as the peer gets it, with the salt of its commitment.
        redacted: Paths of the fields that the peer does not get.
    """

    row: OutboxRow
    leaf: bytes
    message: Packed
    redacted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """A message that may not leave; the leaf says by which policies."""

    row: OutboxRow
    leaf: bytes
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A message that waits for a person to meet obligations."""

    row: OutboxRow
    leaf: bytes
    reason: str
    obligations: tuple[str, ...]


Outcome: TypeAlias = Prepared | Denied | Waiting

_KINDS: Final[dict[Effect, type[DecisionLeaf]]] = {
    Effect.PERMIT: OfferLeaf,
    Effect.HOLD: HoldLeaf,
    Effect.WITHHOLD: WithholdLeaf,
}


class _Case:
    """A message on its way through the stages of a decision.

    Attributes:
        row: Its outbox entry.
        kept: The message with the seed of its salts, as much as may leave.
        blind: 32 random bytes for the leaf.
        header: Its header.
        facts: What policy may know of it.
        decision: What was decided.
        redacted: Paths of the fields that were taken out.
    """

    __slots__ = ("blind", "decision", "facts", "header", "kept", "redacted", "row")

    header: message_pb2.Header
    facts: MessageFacts
    decision: Decision

    def __init__(self, row: OutboxRow, kept: Packed, blind: bytes) -> None:
        self.row = row
        self.kept = kept
        self.blind = blind
        self.redacted: tuple[str, ...] = ()


class Releaser:
    """Decide messages for one peer under one policy set, at one moment.

    Args:
        local: Our node.
        peer: The recipient.
    """

    def __init__(self, local: LocalNode, peer: KnownPeer) -> None:
        """Take the policy set and the moment that count for all of them."""
        self._local = local
        self._peer = peer
        self._policy: Policy = local.policy()
        self._now_ms = local.clock()
        self._time = moment_text(self._now_ms)
        self._stencils: dict[tuple[object, ...], Stencil] = {}

    def decide_all(self, entries: Sequence[tuple[OutboxRow, Packed]]) -> list[Outcome]:
        """Decide messages, each by itself.

        Args:
            entries: Outbox entries with their messages as they are kept, with the
                seed of their salts.
        """
        blinds = self._local.draw(len(entries), _BLIND_BYTES)
        cases = [
            _Case(row, kept, blind)
            for (row, kept), blind in zip(entries, blinds, strict=True)
        ]
        # Stage by stage, each for all messages: see ``records.inspection``.
        for case in cases:
            case.header = message_pb2.Header.FromString(case.kept.header)
        for case in cases:
            case.facts = facts_of(case.header, holding=case.row.holding)
        for case in cases:
            case.decision = self._policy.release(
                case.facts,
                self._peer.facts,
                now_ms=self._now_ms,
                approved=frozenset(case.row.approved),
            )
        for case in cases:
            if case.decision.redact and case.decision.effect is Effect.PERMIT:
                self._redact(case)
        name = self._peer.name
        messages = [_salted(c.kept, recipient=name, blind=c.blind) for c in cases]
        commits = [commitment(message) for message in messages]
        return [
            _outcome(case, message, self._leaf(case, commit))
            for case, message, commit in zip(cases, messages, commits, strict=True)
        ]

    def _redact(self, case: _Case) -> None:
        """Take out what the peer must not get; deny what that cannot be done to."""
        decision = case.decision
        try:
            copy, redacted = redact(
                self._local.schema,
                _parse(case.kept),
                personal=PERSONAL in decision.redact,
                paths=[path for path in decision.redact if path != PERSONAL],
            )
        except InvalidInputError:
            case.decision = replace(
                decision, effect=Effect.WITHHOLD, reason=REDACTION_FAILED, redact=()
            )
            return
        if redacted:
            case.kept = _with(case.kept, copy)
            case.redacted = redacted

    def _leaf(self, case: _Case, commit: bytes) -> bytes:
        row, facts, decision = case.row, case.facts, case.decision
        alike = (
            *(row.version, decision.effect, decision.policies),
            *(facts.record_type, facts.category, facts.purposes),
            *(facts.level, facts.codes, facts.tlp),
        )
        stencil = self._stencils.get(alike)
        if stencil is None:
            leaf = _KINDS[decision.effect](
                id=UUID(bytes=row.message_id),
                version=row.version,
                time_ms=self._now_ms,
                type=facts.record_type,
                category=facts.category,
                level=facts.level,
                codes=facts.codes,
                tlp=facts.tlp,
                purposes=facts.purposes,
                sender=self._local.name,
                recipient=self._peer.name,
                policy=self._policy.digest,
                effect=decision.effect.value,
                policies=decision.policies,
                commit=commit,
                blind=case.blind,
            )
            stencil = self._stencils[alike] = Stencil(leaf)
            return stencil.data
        return stencil.encode(
            id=identifier_text(row.message_id),
            time_ms=self._time,
            commit=commit.hex(),
            blind=case.blind.hex(),
        )


def _outcome(case: _Case, message: Packed, leaf: bytes) -> Outcome:
    row, decision = case.row, case.decision
    if decision.effect is Effect.PERMIT:
        return Prepared(row, leaf, message, case.redacted)
    if decision.effect is Effect.HOLD:
        return Waiting(
            row=row,
            leaf=leaf,
            reason=decision.reason,
            obligations=decision.obligations,
        )
    return Denied(row=row, leaf=leaf, reason=decision.reason)


def prepare_again(row: OutboxRow, kept: Packed, leaf: OfferLeaf) -> Prepared | None:
    """Prepare a message again as it was offered, fields withheld and all.

    Args:
        row: Its outbox entry.
        kept: The message as it is kept, with the seed of its salts.
        leaf: The offer leaf that is in the log.

    Returns:
        The message; None when it is not the one that the leaf commits to.
    """
    if row.redacted:
        try:
            kept = _with(kept, redact_again(_parse(kept), row.redacted))
        except InvalidInputError:
            return None
    message = _salted(kept, recipient=leaf.recipient, blind=leaf.blind)
    if commitment(message) != leaf.commit:
        return None
    return Prepared(row, leaf.encode(), message, row.redacted)


def _salted(kept: Packed, *, recipient: str, blind: bytes) -> Packed:
    """Return a message with the salt of its commitment to one recipient."""
    return kept.salted(offer_salt(kept.salt, recipient=recipient, blind=blind))


def _parse(kept: Packed) -> message_pb2.Message:
    message = message_pb2.Message()
    message.header.MergeFromString(kept.header)
    message.body.MergeFromString(kept.body)
    return message


def _with(kept: Packed, message: message_pb2.Message) -> Packed:
    return pack(
        salt=kept.salt,
        header=message.header.SerializeToString(deterministic=True),
        body=message.body.SerializeToString(deterministic=True),
    )
