# SPDX-License-Identifier: Apache-2.0
"""Pages of the desk API, as many as a person asked for."""

from __future__ import annotations

from typing import Final

from selat.cli.connection import Desk
from selat.v1 import desk_service_pb2 as pb

#: What the desk gives in one page at most.
_PAGE_MAX: Final = 500


async def found_messages(
    desk: Desk, request: pb.SearchMessagesRequest, *, limit: int
) -> list[pb.FoundMessage]:
    """Return up to ``limit`` matches of a search, newest first."""
    found: list[pb.FoundMessage] = []
    while len(found) < limit:
        request.page_size = min(limit - len(found), _PAGE_MAX)
        page = await desk.call(desk.messages.SearchMessages, request)
        found.extend(page.messages)
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break
    return found


async def outbox_entries(
    desk: Desk, request: pb.ListOutboxRequest, *, limit: int
) -> list[pb.OutboxEntry]:
    """Return up to ``limit`` entries of the outbox, newest first."""
    found: list[pb.OutboxEntry] = []
    while len(found) < limit:
        request.page_size = min(limit - len(found), _PAGE_MAX)
        page = await desk.call(desk.messages.ListOutbox, request)
        found.extend(page.entries)
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break
    return found


async def waiting_reviews(
    desk: Desk, request: pb.ListReviewsRequest, *, limit: int
) -> list[pb.Review]:
    """Return up to ``limit`` messages that wait for a decision, oldest first."""
    found: list[pb.Review] = []
    while len(found) < limit:
        request.page_size = min(limit - len(found), _PAGE_MAX)
        page = await desk.call(desk.messages.ListReviews, request)
        found.extend(page.reviews)
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break
    return found


async def lifecycle_entries(
    desk: Desk, request: pb.ListLifecycleRequest, *, limit: int
) -> list[pb.LifecycleEntry]:
    """Return up to ``limit`` entries of a view of how messages end."""
    found: list[pb.LifecycleEntry] = []
    while len(found) < limit:
        request.page_size = min(limit - len(found), _PAGE_MAX)
        page = await desk.call(desk.admin.ListLifecycle, request)
        found.extend(page.entries)
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break
    return found
