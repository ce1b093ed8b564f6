# SPDX-License-Identifier: Apache-2.0
"""Take messages out of the node for other systems, as policy lets an officer.

What has left the node is out of its hands: no expiry erases it there and no
recall reaches it. So the purpose is named, policy decides, and both a permit
and a denial are leaves of our log.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Final
from uuid import UUID

from selat.core.leaves import ExportLeaf
from selat.desk.access import OFFICER, REVIEWER, SYSTEM, Caller
from selat.desk.sight import Sight
from selat.errors import InvalidInputError, PolicyDeniedError, WrongStateError
from selat.exchange.facts import PURPOSES, facts_of
from selat.exchange.local import LocalNode
from selat.policy.port import PERSONAL, Decision, Effect
from selat.records.redaction import redact
from selat.store.port import Transaction
from selat.store.values import MessageRow
from selat.v1 import desk_service_pb2 as pb
from selat.v1 import message_pb2

_BLIND_BYTES: Final = 32
#: Roles that may export, in the order in which a leaf names one.
_ROLES: Final = (OFFICER, REVIEWER, SYSTEM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A message that was to be taken out, without what policy takes out of it."""

    row: MessageRow
    message: message_pb2.Message
    purposes: tuple[str, ...]
    policies: tuple[str, ...]
    leaf_index: int


class Exporting:
    """Decide on exports and log them.

    Args:
        local: Our node.
    """

    def __init__(self, *, local: LocalNode) -> None:
        """Take what exporting needs."""
        self._local = local

    async def export(
        self, request: pb.ExportMessageRequest, caller: Caller
    ) -> Exported:
        """Return a message for another system, and log that it was taken out.

        Raises:
            InvalidInputError: No purpose, or one that nobody knows.
            NotFoundError: There is no such message that the caller may view.
            WrongStateError: Its contents were erased.
            PolicyDeniedError: Policy does not let the caller take it out.
        """
        purpose = PURPOSES.get(request.purpose, "")
        if not purpose:
            raise InvalidInputError(
                "An export names what it is for.",
                remedy="Name one of the purposes that the message itself names.",
            )
        work = partial(self._export, request, purpose, caller)
        decision, exported = await self._local.store.write(work)
        if decision.effect is not Effect.PERMIT:
            named = ", ".join(exported.purposes)
            raise PolicyDeniedError(
                f"Policy does not let this message be taken out for {purpose}: "
                f"{decision.reason} by {', '.join(decision.policies)}.",
                remedy=f"The message is for: {named or 'no purpose'}. Ask those who "
                "keep the policy what would have to change.",
                denial=decision.reason,
            )
        return exported

    def _export(
        self,
        request: pb.ExportMessageRequest,
        purpose: str,
        caller: Caller,
        transaction: Transaction,
    ) -> tuple[Decision, Exported]:
        """Decide and log, in one transaction."""
        local, policy, now_ms = self._local, self._local.policy(), self._local.clock()
        sight = Sight(local=local, caller=caller)
        seen = sight.open(transaction, request.id, request.version, request.originator)
        if seen.message is None:
            raise WrongStateError(
                "The contents of this message were erased.",
                remedy="There is nothing left to take out.",
            )
        facts = facts_of(seen.message.header, holding=seen.row.holding)
        decision = policy.export(
            facts, sight.officer(seen.row.author), purpose=purpose, now_ms=now_ms
        )
        decision, message = self._redacted(decision, seen.message)
        leaf = ExportLeaf(
            node=local.name,
            id=UUID(bytes=seen.row.message_id),
            version=seen.row.version,
            purpose=purpose,
            by=next(role for role in _ROLES if role in caller.roles),
            policy=policy.digest,
            effect=decision.effect.value,
            policies=decision.policies,
            time_ms=now_ms,
            blind=local.entropy(_BLIND_BYTES),
        )
        return decision, Exported(
            row=seen.row,
            message=message,
            purposes=facts.purposes,
            policies=decision.policies,
            leaf_index=transaction.append_leaves([leaf.encode()]),
        )

    def _redacted(
        self, decision: Decision, message: message_pb2.Message
    ) -> tuple[Decision, message_pb2.Message]:
        """Take out what policy asks for; deny what that cannot be done to."""
        if decision.effect is not Effect.PERMIT or not decision.redact:
            return decision, message
        try:
            copy, _ = redact(
                self._local.schema,
                message,
                personal=PERSONAL in decision.redact,
                paths=[path for path in decision.redact if path != PERSONAL],
            )
        except InvalidInputError:
            denied = replace(
                decision, effect=Effect.WITHHOLD, reason="REDACTION_FAILED", redact=()
            )
            return denied, message
        return decision, copy
