# SPDX-License-Identifier: Apache-2.0
"""Send messages, and hold that cards alone prove that they were exchanged."""

from __future__ import annotations

from collections.abc import Iterable

from tests.fakes.nodes import Running, person

from selat.cli.evidence import verify_exchange
from selat.identity.card import SignedCard
from selat.v1 import desk_service_pb2 as pb


async def send(sender: Running, recipient: Running, count: int = 1) -> list[bytes]:
    """Send messages; return their ids when all of them are settled."""
    before = len(await sender.outbox(recipient.name))
    ids = await sender.publish(*(person(f"Doe {n}") for n in range(count)))
    entries = await sender.settled(recipient.name, before + count)
    assert {entry.state for entry in entries} == {pb.OUTBOX_STATE_ACCEPTED}
    return ids


async def assert_proven(
    node: Running, ids: Iterable[bytes], *cards: SignedCard, act: str = ""
) -> None:
    """Hold that the cards of both nodes alone verify each exchange.

    Args:
        node: Whose evidence.
        ids: The messages.
        cards: Of both nodes.
        act: What a reviewer did, where the messages were in quarantine.
    """
    by_name = {card.card.name: card for card in cards}
    for message_id in ids:
        request = pb.GetEvidenceRequest(id=message_id)
        (evidence,) = (await node.desk.GetEvidence(request)).exchanges
        verified = verify_exchange(evidence, by_name, message_id=message_id, version=1)
        assert verified.outcome == ("quarantined" if act else "accepted")
        assert verified.act == act
