# SPDX-License-Identifier: Apache-2.0
"""What the demonstration reads at the desks of its nodes."""

from __future__ import annotations

from collections.abc import Sequence

from scripts.demonstration.nodes import DemoNode

from selat.v1 import desk_service_pb2 as pb
from selat.v1 import desk_service_pb2_grpc as rpc

_PAGE_SIZE = 500


async def fingerprint(node: DemoNode) -> str:
    """Return the words of a node's own fingerprint."""
    async with node.desk() as (_, admin):
        card = await admin.GetOwnCard(pb.GetOwnCardRequest())
    words: str = card.fingerprint_words
    return words


async def published(node: DemoNode) -> list[tuple[bytes, int, str]]:
    """Return identifier, version and category of all that a node published."""
    return await _found(node, pb.MESSAGE_DIRECTION_OUT)


async def received(node: DemoNode) -> list[tuple[bytes, int, str]]:
    """Return identifier, version and category of all that a node received."""
    return await _found(node, pb.MESSAGE_DIRECTION_IN)


async def _found(
    node: DemoNode, direction: pb.MessageDirection.ValueType
) -> list[tuple[bytes, int, str]]:
    found: list[tuple[bytes, int, str]] = []
    async with node.desk() as (desk, _):
        request = pb.SearchMessagesRequest(
            direction=direction, include_past=True, page_size=_PAGE_SIZE
        )
        while True:
            page = await desk.SearchMessages(request)
            found += [
                (item.info.id, item.info.version, item.info.category)
                for item in page.messages
            ]
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token


async def outbox(node: DemoNode, peer: str) -> list[pb.OutboxEntry]:
    """Return every entry of a node's outbox for one peer."""
    found: list[pb.OutboxEntry] = []
    async with node.desk() as (desk, _):
        request = pb.ListOutboxRequest(peer=peer, page_size=_PAGE_SIZE)
        while True:
            page = await desk.ListOutbox(request)
            found += page.entries
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token


async def approve(node: DemoNode, officer: str, entries: Sequence[int]) -> None:
    """Approve what is held as an officer, over the desk's TLS address."""
    async with node.desk_as(officer) as channel:
        desk: rpc.DeskServiceAsyncStub = rpc.DeskServiceStub(channel)
        for number in entries:
            await desk.DecideReview(
                pb.DecideReviewRequest(
                    kind=pb.REVIEW_KIND_RELEASE,
                    number=number,
                    act=pb.REVIEW_ACT_APPROVE,
                )
            )
