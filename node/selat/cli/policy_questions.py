# SPDX-License-Identifier: Apache-2.0
"""Questions to the policy about messages that the desk shows."""

from __future__ import annotations

from dataclasses import dataclass

from selat.cli.connection import Desk
from selat.cli.paging import found_messages, outbox_entries
from selat.cli.plain import uuid_text
from selat.errors import NotFoundError
from selat.exchange.facts import facts_of
from selat.policy.comparison import Exchange
from selat.policy.policy_set import PolicySet
from selat.policy.port import Action, Decision, MessageFacts, PeerFacts
from selat.store.values import Holding
from selat.v1 import desk_service_pb2 as pb
from selat.v1 import message_pb2


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Whether a message may go to, or come from, a peer."""

    action: Action
    message: MessageFacts
    peer: PeerFacts
    now_ms: int

    @property
    def words(self) -> str:
        """Return the question in words."""
        way = "from" if self.action is Action.ACCEPT else "to"
        return f"{self.action} {way} {self.peer.name} ({self.peer.state})"

    def ask(self, policy: PolicySet) -> Decision:
        """Put it to a policy set."""
        return policy.cross(self.action, self.message, self.peer, now_ms=self.now_ms)


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
    questions = [
        Question(action=_way_out(facts, own), message=facts, peer=each, now_ms=now_ms)
        for each in peers.values()
        if not (incoming and each.name == found.info.originator)
    ]
    if incoming and found.info.originator in peers:
        sender = peers[found.info.originator]
        questions.insert(
            0,
            Question(action=Action.ACCEPT, message=facts, peer=sender, now_ms=now_ms),
        )
    chosen = [each for each in questions if peer in {"", each.peer.name}]
    if not chosen:
        raise NotFoundError(
            "There is no such peer.", remedy="`selat peer list` shows the names."
        )
    return chosen


async def recent_exchanges(desk: Desk, *, limit: int, now_ms: int) -> list[Exchange]:
    """Return what was decided last, as questions: both ways, newest first."""
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
                )
            )
    received = pb.SearchMessagesRequest(
        direction=pb.MESSAGE_DIRECTION_IN, with_contents=True
    )
    exchanges += [
        Exchange(
            label=uuid_text(item.info.id),
            action=Action.ACCEPT,
            message=_facts(item.message.header, item.info),
            who=peers[item.info.originator],
            now_ms=now_ms,
        )
        for item in await found_messages(desk, received, limit=limit)
        if item.info.originator in peers and item.HasField("message")
    ]
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
