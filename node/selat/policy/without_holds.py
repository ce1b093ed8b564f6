# SPDX-License-Identifier: Apache-2.0
"""Ask a policy on behalf of callers that can neither hold nor redact."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from selat.policy.port import (
    HELD_FOR_REVIEW,
    Decision,
    Effect,
    MessageFacts,
    PeerFacts,
    Policy,
)

_NOBODY: Final[frozenset[str]] = frozenset()


class WithoutHolds:
    """Withhold what a policy holds for a person, or lets go only redacted.

    Args:
        policy: The policy that decides.
    """

    def __init__(self, policy: Policy) -> None:
        """Take the policy."""
        self._policy = policy

    @property
    def digest(self) -> str:
        """Return the digest of the policy that decides."""
        return self._policy.digest

    def release(
        self,
        message: MessageFacts,
        peer: PeerFacts,
        *,
        now_ms: int,
        approved: frozenset[str] = _NOBODY,
    ) -> Decision:
        """Decide whether a message may go to a peer as it is, and now."""
        return _plain(
            self._policy.release(message, peer, now_ms=now_ms, approved=approved)
        )

    def accept(
        self,
        message: MessageFacts,
        peer: PeerFacts,
        *,
        now_ms: int,
        approved: frozenset[str] = _NOBODY,
    ) -> Decision:
        """Decide whether a peer's message may enter at once."""
        return _plain(
            self._policy.accept(message, peer, now_ms=now_ms, approved=approved)
        )


def _plain(decision: Decision) -> Decision:
    if decision.effect is Effect.WITHHOLD:
        return decision
    if decision.effect is Effect.HOLD or decision.redact:
        return replace(decision, effect=Effect.WITHHOLD, reason=HELD_FOR_REVIEW)
    return decision
