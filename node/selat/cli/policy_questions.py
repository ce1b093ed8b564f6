# SPDX-License-Identifier: Apache-2.0
"""Questions to the policy about messages that the desk shows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from selat.cli.connection import Desk
from selat.cli.paging import found_messages, outbox_entries
from selat.cli.plain import uuid_text
from selat.core.leaves import ReceiptLeaf, parse_leaf
from selat.errors import NotFoundError
from selat.exchange.facts import facts_of
from selat.policy.comparison import Exchange
from selat.policy.policy_set import PolicySet
from selat.policy.port import (
    REVIEW,
    Action,
    Decision,
    MessageFacts,
    PeerFacts,
)
from selat.store.values import Holding
from selat.v1 import desk_service_pb2 as pb
from selat.v1 import message_pb2

#: Where an entry of the outbox stands, in words; ``{peer}`` and ``{why}`` are filled.
_STANDINGS: Final = {
    pb.OUTBOX_STATE_QUEUED: "It is queued for {peer}.",
    pb.OUTBOX_STATE_HELD: "It waits for a second person.",
    pb.OUTBOX_STATE_OFFERED: "It was offered, and {peer} has not answered yet.",
    pb.OUTBOX_STATE_ACCEPTED: "{peer} accepted it.",
    pb.OUTBOX_STATE_QUARANTINED: "{peer} keeps it in quarantine until a reviewer of "
    "its own has looked at it ({why}).",
    pb.OUTBOX_STATE_REFUSED: "{peer} refused it ({why}).",
    pb.OUTBOX_STATE_WITHHELD: "It was withheld ({why}).",
    pb.OUTBOX_STATE_DEAD: "Its delivery was given up ({why}).",
}
#: What the peer decided by rules of its own, which its receipt names.
_DECIDED_THERE: Final = frozenset(
    {pb.OUTBOX_STATE_REFUSED, pb.OUTBOX_STATE_QUARANTINED}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Whether a message may go to, or come from, a peer.

    Attributes:
        action: What is asked.
        message: What policies may know of the message.
        peer: The peer.
        now_ms: The present moment.
        approved: What persons have approved for this message and this peer.
        standing: What has become of it until now, in words; empty if nothing has.
    """

    action: Action
    message: MessageFacts
    peer: PeerFacts
    now_ms: int
    approved: frozenset[str] = frozenset()
    standing: str = ""

    @property
    def words(self) -> str:
        """Return the question in words."""
        way = "from" if self.action is Action.ACCEPT else "to"
        return f"{self.action} {way} {self.peer.name} ({self.peer.state})"

    def ask(self, policy: PolicySet) -> Decision:
        """Put it to a policy set, with what has been approved."""
        return policy.cross(
            self.action,
            self.message,
            self.peer,
            now_ms=self.now_ms,
            approved=self.approved,
        )

    def ask_first(self, policy: PolicySet) -> Decision:
        """Put it to a policy set as if nobody had approved anything."""
        return replace(self, approved=frozenset()).ask(policy)


async def message_questions(
    desk: Desk,
    identifier: bytes,
    *,
    version: int,
    originator: str,
    peer: str,
    own: str,
    now_ms: int,
) -> list[Question]:
    """Ask about one message: for each peer, or for the one that sent it.

    Raises:
        NotFoundError: The message's contents are gone, or there is no such peer.
    """
    request = pb.GetMessageRequest(
        id=identifier, version=version, originator=originator
    )
    found = await desk.call(desk.messages.GetMessage, request)
    if not found.HasField("message"):
        raise NotFoundError(
            "The contents of the message were erased; no policy can be asked.",
            remedy="The log still names the policies that decided.",
        )
    peers = await accepted_peers(desk)
    facts = _facts(found.message.header, found.info)
    incoming = found.info.direction == pb.MESSAGE_DIRECTION_IN
    entries = {entry.peer: entry for entry in found.outbox}
    asked = [
        each
        for each in peers.values()
        if not (incoming and each.name == found.info.originator)
        and peer in {"", each.name}
    ]
    questions = [
        Question(
            action=_way_out(facts, own),
            message=facts,
            peer=each,
            now_ms=now_ms,
            approved=frozenset(entries[each.name].approved)
            if each.name in entries
            else frozenset(),
            standing=await _standing(desk, entries.get(each.name)),
        )
        for each in asked
    ]
    if (
        incoming
        and found.info.originator in peers
        and (peer in {"", found.info.originator})
    ):
        questions.insert(
            0,
            Question(
                action=Action.ACCEPT,
                message=facts,
                peer=peers[found.info.originator],
                now_ms=now_ms,
                approved=_approved_intake(found),
                standing=_standing_here(found),
            ),
        )
    if not questions:
        raise NotFoundError(
            "There is no such peer.", remedy="`selat peer list` shows the names."
        )
    return questions


async def recent_exchanges(desk: Desk, *, limit: int, now_ms: int) -> list[Exchange]:
    """Return what was decided last, as questions: both ways, newest first.

    What persons have approved since stands in the log and counts.
    """
    peers = await accepted_peers(desk)
    exchanges: list[Exchange] = []
    for entry in await outbox_entries(desk, pb.ListOutboxRequest(), limit=limit):
        request = pb.GetMessageRequest(id=entry.id, version=entry.version)
        found = await desk.call(desk.messages.GetMessage, request)
        if entry.peer in peers and found.HasField("message"):
            exchanges.append(
                Exchange(
                    label=uuid_text(entry.id),
                    action=Action.RELEASE,
                    message=_facts(found.message.header, found.info),
                    who=peers[entry.peer],
                    now_ms=now_ms,
                    approved=frozenset(entry.approved),
                )
            )
    received = pb.SearchMessagesRequest(direction=pb.MESSAGE_DIRECTION_IN)
    for item in await found_messages(desk, received, limit=limit):
        info = item.info
        request = pb.GetMessageRequest(
            id=info.id, version=info.version, originator=info.originator
        )
        found = await desk.call(desk.messages.GetMessage, request)
        if info.originator in peers and found.HasField("message"):
            exchanges.append(
                Exchange(
                    label=uuid_text(info.id),
                    action=Action.ACCEPT,
                    message=_facts(found.message.header, info),
                    who=peers[info.originator],
                    now_ms=now_ms,
                    approved=_approved_intake(found),
                )
            )
    return exchanges


async def accepted_peers(desk: Desk) -> dict[str, PeerFacts]:
    """Return the accepted peers by name."""
    listed = await desk.call(desk.admin.ListPeers, pb.ListPeersRequest())
    return {
        peer.name: PeerFacts(
            name=peer.name,
            state=peer.state,
            categories=frozenset(peer.declared_categories),
        )
        for peer in listed.peers
        if peer.standing == "accepted"
    }


def _way_out(facts: MessageFacts, own: str) -> Action:
    return Action.RELEASE if facts.originator == own else Action.FORWARD


def _facts(header: message_pb2.Header, info: pb.MessageInfo) -> MessageFacts:
    holding = Holding(info.holding) if info.holding else Holding.CURRENT
    return facts_of(header, holding=holding)


def _approved_intake(found: pb.GetMessageResponse) -> frozenset[str]:
    """Return what a reviewer has approved of a message that came in."""
    approved = any(
        review.act == pb.REVIEW_ACT_APPROVE and not review.entry
        for review in found.reviews
    )
    return frozenset({REVIEW} if approved else ())


async def _standing(desk: Desk, entry: pb.OutboxEntry | None) -> str:
    """Say what has become of a message for one peer."""
    if entry is None or entry.state not in _STANDINGS:
        return ""
    why = entry.reason
    if entry.state in _DECIDED_THERE:
        policies = await _policies_there(desk, entry)
        why = f"{entry.reason} by its {', '.join(policies)}" if policies else why
    return _STANDINGS[entry.state].format(peer=entry.peer, why=why)


async def _policies_there(desk: Desk, entry: pb.OutboxEntry) -> tuple[str, ...]:
    """Return the rules that a peer's receipt names."""
    request = pb.GetEvidenceRequest(id=entry.id, version=entry.version, peer=entry.peer)
    evidence = await desk.call(desk.messages.GetEvidence, request)
    leaves = [parse_leaf(each.receipt.leaf) for each in evidence.exchanges]
    return next((leaf.policies for leaf in leaves if isinstance(leaf, ReceiptLeaf)), ())


def _standing_here(found: pb.GetMessageResponse) -> str:
    """Say what has become of a message that came in."""
    if found.info.holding == Holding.QUARANTINED.value:
        return "It is in quarantine until a reviewer has looked at it."
    if found.info.holding == Holding.REFUSED.value:
        return "A reviewer refused it."
    return "It was accepted."
