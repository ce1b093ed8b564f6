# SPDX-License-Identifier: Apache-2.0
"""The receipt leaves of one batch."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from selat.core.batches import Offer
from selat.core.leaf_json import moment_text
from selat.core.leaf_stencils import Stencil
from selat.core.leaves import ReceiptLeaf
from selat.policy.port import Decision, Effect

_OUTCOMES: Final = {
    Effect.PERMIT: "accepted",
    Effect.HOLD: "quarantined",
    Effect.WITHHOLD: "refused",
}


class ReceiptWriter:
    """Write receipt leaves.

    Args:
        sender: Our node.
        recipient: The node that made the offers.
        policy: Digest of the policy set that decided.
        now_ms: When it was decided.
    """

    def __init__(
        self, *, sender: str, recipient: str, policy: str, now_ms: int
    ) -> None:
        """Take what all of them say."""
        self._sender = sender
        self._recipient = recipient
        self._policy = policy
        self._now_ms = now_ms
        self._time = moment_text(now_ms)
        self._stencils: dict[tuple[object, ...], Stencil] = {}

    def write(
        self, offer: Offer, decision: Decision, *, reason: str, blind: bytes
    ) -> bytes:
        """Return the exact bytes of the receipt for one offer.

        Args:
            offer: The offer.
            decision: What was decided.
            reason: Stable reason code; empty for what was simply accepted.
            blind: 32 random bytes.
        """
        like = offer.like
        alike = (like.version, decision.effect, decision.policies, reason)
        stencil = self._stencils.get(alike)
        if stencil is None:
            receipt = ReceiptLeaf(
                offer=offer.hash,
                id=UUID(offer.own["id"]),
                time_ms=self._now_ms,
                blind=blind,
                version=like.version,
                sender=self._sender,
                recipient=self._recipient,
                outcome=_OUTCOMES[decision.effect],
                reason=reason,
                policy=self._policy,
                effect=decision.effect.value,
                policies=decision.policies,
            )
            stencil = self._stencils[alike] = Stencil(receipt)
            return stencil.data
        return stencil.encode(
            offer=offer.hash.hex(),
            id=offer.own["id"],
            time_ms=self._time,
            blind=blind.hex(),
        )
