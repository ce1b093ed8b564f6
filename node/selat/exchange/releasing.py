# SPDX-License-Identifier: Apache-2.0
"""Decide whether one message may go to one peer, and in which form.

A message is permitted, perhaps without some of its fields, or it waits for a
person, or it is withheld. Each decision is a leaf. What cannot be redacted as
policy asks is withheld: it never leaves as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias
from uuid import UUID

from selat.core.leaf_stencils import Stencil
from selat.core.leaves import DecisionLeaf, HoldLeaf, OfferLeaf, WithholdLeaf
from selat.core.payloads import offer_salt
from selat.core.sealing import commitment
from selat.errors import InvalidInputError
from selat.exchange.facts import facts_of
from selat.exchange.local import LocalNode
from selat.exchange.peer_book import KnownPeer
from selat.policy.port import PERSONAL, Decision, Effect, MessageFacts, Policy
from selat.records.redaction import redact, redact_again
from selat.store.values import OutboxRow
from selat.v1 import message_pb2

#: Reason of a message that could not be redacted as policy asks.
REDACTION_FAILED: Final = "REDACTION_FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A message as it is committed to: exact bytes.

    Attributes:
        seed: 32 random bytes from which the salts of its offers follow.
        header: The header.
        body: The body.
    """

    seed: bytes
    header: bytes
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A message that may leave, with its leaf.

    Attributes:
        row: Its outbox entry.
        leaf: The offer leaf, exact bytes.
        salt: Salt of the commitment.
        header: The header as the peer gets it.
        body: The body as the peer gets it.
        redacted: Paths of the fields that the peer does not get.
    """

    row: OutboxRow
    leaf: bytes
    salt: bytes
    header: bytes
    body: bytes
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
        self._stencils: dict[tuple[object, ...], Stencil] = {}

    def decide(self, row: OutboxRow, content: Content, *, blind: bytes) -> Outcome:
        """Decide one message.

        Args:
            row: Its outbox entry.
            content: The message as it is kept.
            blind: 32 random bytes for the leaf.
        """
        header = message_pb2.Header.FromString(content.header)
        facts = facts_of(header, holding=row.holding)
        decision = self._policy.release(
            facts,
            self._peer.facts,
            now_ms=self._now_ms,
            approved=frozenset(row.approved),
        )
        redacted: tuple[str, ...] = ()
        if decision.effect is Effect.PERMIT and decision.redact:
            decision, content, redacted = self._redact(decision, content)
        salt = offer_salt(content.seed, recipient=self._peer.name, blind=blind)
        leaf = self._leaf(row, facts, decision, content, salt=salt, blind=blind)
        if decision.effect is Effect.PERMIT:
            return Prepared(
                row=row,
                leaf=leaf,
                salt=salt,
                header=content.header,
                body=content.body,
                redacted=redacted,
            )
        if decision.effect is Effect.HOLD:
            return Waiting(
                row=row,
                leaf=leaf,
                reason=decision.reason,
                obligations=decision.obligations,
            )
        return Denied(row=row, leaf=leaf, reason=decision.reason)

    def _redact(
        self, decision: Decision, content: Content
    ) -> tuple[Decision, Content, tuple[str, ...]]:
        """Take out what the peer must not get; deny what that cannot be done to."""
        try:
            copy, redacted = redact(
                self._local.schema,
                _parse(content),
                personal=PERSONAL in decision.redact,
                paths=[path for path in decision.redact if path != PERSONAL],
            )
        except InvalidInputError:
            failed = replace(
                decision, effect=Effect.WITHHOLD, reason=REDACTION_FAILED, redact=()
            )
            return failed, content, ()
        return decision, _with(content, copy) if redacted else content, redacted

    def _leaf(
        self,
        row: OutboxRow,
        facts: MessageFacts,
        decision: Decision,
        content: Content,
        *,
        salt: bytes,
        blind: bytes,
    ) -> bytes:
        own: dict[str, Any] = {
            "id": UUID(bytes=row.message_id),
            "time_ms": self._now_ms,
            "commit": commitment(salt=salt, header=content.header, body=content.body),
            "blind": blind,
        }
        alike = (
            *(row.version, decision.effect, decision.policies),
            *(facts.record_type, facts.category, facts.purposes),
            *(facts.level, facts.codes, facts.tlp),
        )
        stencil = self._stencils.get(alike)
        if stencil is None:
            leaf = _KINDS[decision.effect](
                version=row.version,
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
                **own,
            )
            stencil = self._stencils[alike] = Stencil(leaf)
        return stencil.encode(**own)


def prepare_again(row: OutboxRow, content: Content, leaf: OfferLeaf) -> Prepared | None:
    """Prepare a message again as it was offered, fields withheld and all.

    Args:
        row: Its outbox entry.
        content: The message as it is kept.
        leaf: The offer leaf that is in the log.

    Returns:
        The message; None when it is not the one that the leaf commits to.
    """
    if row.redacted:
        try:
            content = _with(content, redact_again(_parse(content), row.redacted))
        except InvalidInputError:
            return None
    salt = offer_salt(content.seed, recipient=leaf.recipient, blind=leaf.blind)
    commit = commitment(salt=salt, header=content.header, body=content.body)
    if commit != leaf.commit:
        return None
    return Prepared(
        row=row,
        leaf=leaf.encode(),
        salt=salt,
        header=content.header,
        body=content.body,
        redacted=row.redacted,
    )


def _parse(content: Content) -> message_pb2.Message:
    return message_pb2.Message(
        header=message_pb2.Header.FromString(content.header),
        body=message_pb2.Body.FromString(content.body),
    )


def _with(content: Content, message: message_pb2.Message) -> Content:
    return Content(
        seed=content.seed,
        header=message.header.SerializeToString(deterministic=True),
        body=message.body.SerializeToString(deterministic=True),
    )
