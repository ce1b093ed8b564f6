# SPDX-License-Identifier: Apache-2.0
"""A policy that decides as a test says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from selat.policy.port import Decision, Effect, MessageFacts, OfficerFacts, PeerFacts

Answer: TypeAlias = Decision | Callable[[frozenset[str]], Decision]

PERMIT = Decision(effect=Effect.PERMIT, policies=("test/permit",))
DENY = Decision(effect=Effect.WITHHOLD, policies=("test/deny",), reason="NOT_TODAY")


def hold(*obligations: str, then: Decision = PERMIT) -> Answer:
    """Hold until every obligation is met, then decide otherwise."""
    held = Decision(
        effect=Effect.HOLD,
        policies=("test/hold",),
        reason="HELD_FOR_REVIEW",
        obligations=obligations,
    )
    return lambda approved: then if approved >= set(obligations) else held


def redacting(*what: str) -> Decision:
    """Permit without some fields."""
    return Decision(effect=Effect.PERMIT, policies=("test/redact",), redact=what)


@dataclass
class ScriptedPolicy:
    """Answers each kind of question as it was told to; keeps the questions."""

    release_answer: Answer = PERMIT
    accept_answer: Answer = PERMIT
    approve_answer: Decision = PERMIT
    digest: str = "cd" * 32
    asked: list[MessageFacts] = field(default_factory=list)
    officers: list[OfficerFacts] = field(default_factory=list)

    def release(
        self,
        message: MessageFacts,
        peer: PeerFacts,
        *,
        now_ms: int,
        approved: frozenset[str] = frozenset(),
    ) -> Decision:
        del peer, now_ms
        self.asked.append(message)
        return _answer(self.release_answer, approved)

    def accept(
        self,
        message: MessageFacts,
        peer: PeerFacts,
        *,
        now_ms: int,
        approved: frozenset[str] = frozenset(),
    ) -> Decision:
        del peer, now_ms
        self.asked.append(message)
        return _answer(self.accept_answer, approved)

    def approve(
        self, message: MessageFacts, officer: OfficerFacts, *, now_ms: int
    ) -> Decision:
        del now_ms
        self.asked.append(message)
        self.officers.append(officer)
        return self.approve_answer

    def publish(
        self, message: MessageFacts, officer: OfficerFacts, *, now_ms: int
    ) -> Decision:
        del message, officer, now_ms
        return PERMIT

    view = search = publish

    def export(
        self, message: MessageFacts, officer: OfficerFacts, *, purpose: str, now_ms: int
    ) -> Decision:
        del message, officer, purpose, now_ms
        return PERMIT


def _answer(answer: Answer, approved: frozenset[str]) -> Decision:
    return answer if isinstance(answer, Decision) else answer(approved)
