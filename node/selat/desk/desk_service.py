# SPDX-License-Identifier: Apache-2.0
"""The desk API: what officers and case systems call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from functools import partial
from typing import Any, Final

from selat.desk import convert
from selat.desk.access import REVIEWER, Doorkeeper
from selat.desk.evidence import evidence_of
from selat.desk.exporting import Exporting
from selat.desk.pages import number_from, page_size, token_for
from selat.desk.publishing import Publisher
from selat.desk.reading import parse_message, query_from
from selat.desk.reviews import ReviewDesk
from selat.desk.sight import EntryPage, Seen, Sight, not_found
from selat.errors import InvalidInputError, ShuttingDownError
from selat.exchange.arrivals import Arrivals, Arrived
from selat.exchange.links import Links
from selat.exchange.local import LocalNode
from selat.policy.port import Action
from selat.store.port import Snapshot, Transaction
from selat.store.values import Direction, MessageRow, OutboxRow, OutboxState
from selat.v1 import desk_service_pb2 as pb
from selat.v1 import desk_service_pb2_grpc

#: A subscriber hears at least this often that the node is alive, in s.
HEARTBEAT_S: Final = 20.0
#: A subscriber's right to listen is looked up again after this time, in ms.
ADMISSION_MS: Final = 1_000
#: Messages of so many bytes are drafted without leaving the event loop, in less
#: than a millisecond.
_DRAFTED_AT_ONCE_BYTES_MAX: Final = 4 * 1024
_SUBSCRIBE_CHUNK: Final = 256
_OUTBOX_OF_ONE_MAX: Final = 500
_RETRY_MAX: Final = 500

Context = Any


class DeskService(desk_service_pb2_grpc.DeskServiceServicer):
    """Serve officers and systems; see ``desk_service.proto``."""

    def __init__(
        self,
        *,
        local: LocalNode,
        door: Doorkeeper,
        publisher: Publisher,
        reviews: ReviewDesk,
        exporting: Exporting,
        arrivals: Arrivals,
        links: Links,
    ) -> None:
        """Take the parts that the desk is made of."""
        self._local = local
        self._door = door
        self._publisher = publisher
        self._reviews = reviews
        self._exporting = exporting
        self._arrivals = arrivals
        self._links = links

    async def Publish(
        self, request: pb.PublishRequest, context: Context
    ) -> pb.PublishResponse:
        """Publish messages."""
        caller = await self._door.admit(context, "Publish")
        publisher = self._publisher
        draft = partial(
            publisher.draft_all, list(request.messages), author=caller.officer_id
        )
        is_small = request.ByteSize() <= _DRAFTED_AT_ONCE_BYTES_MAX
        drafts = draft() if is_small else await asyncio.to_thread(draft)
        self._local.on_step("publish.drafted")
        keeping = asyncio.ensure_future(publisher.keep(drafts))
        # Links that wait form behind it in the store's queue, before its writer can
        # have begun: what they release shares its commit.
        publisher.wake_all(drafts)
        published = await keeping
        self._local.on_step("publish.committed")
        return pb.PublishResponse(
            messages=[
                pb.PublishedMessage(
                    id=item.message_id,
                    version=item.version,
                    recipients=item.recipients,
                    warnings=[convert.record_warning(w) for w in item.warnings],
                    duplicate=item.duplicate,
                )
                for item in published
            ]
        )

    async def GetMessage(
        self, request: pb.GetMessageRequest, context: Context
    ) -> pb.GetMessageResponse:
        """Return one message."""
        caller = await self._door.admit(context, "GetMessage")
        sight = Sight(local=self._local, caller=caller)

        def work(snapshot: Snapshot) -> pb.GetMessageResponse:
            seen = sight.open(snapshot, request.id, request.version, request.originator)
            row = seen.row
            entries = (
                snapshot.outbox(message=row.number, limit=_OUTBOX_OF_ONE_MAX)
                if row.direction is Direction.OUT
                else []
            )
            return pb.GetMessageResponse(
                info=convert.message_info(row),
                message=seen.message,
                outbox=[convert.outbox_entry(entry) for entry in entries],
                erasure=convert.erasure(snapshot, snapshot.erasure(row.number)),
                reviews=_reviews_of(snapshot, row, entries),
            )

        return await self._local.store.read(work)

    async def SearchMessages(
        self, request: pb.SearchMessagesRequest, context: Context
    ) -> pb.SearchMessagesResponse:
        """Find messages."""
        caller = await self._door.admit(context, "SearchMessages")
        sight = Sight(local=self._local, caller=caller)
        query = query_from(self._local, request, quarantined=REVIEWER in caller.roles)
        before = number_from(request, request.page_token)
        size = page_size(request)

        def work(snapshot: Snapshot) -> pb.SearchMessagesResponse:
            page = sight.page(snapshot, query, before=before, size=size)
            following = page.next_before
            return pb.SearchMessagesResponse(
                messages=[
                    pb.FoundMessage(
                        info=convert.message_info(seen.row),
                        message=seen.message if request.with_contents else None,
                    )
                    for seen in page.seen
                ],
                next_page_token=token_for(request, following) if following else "",
            )

        return await self._local.store.read(work)

    async def Subscribe(
        self, request: pb.SubscribeRequest, context: Context
    ) -> AsyncIterator[pb.SubscribeResponse]:
        """Stream received messages in the order of their arrival."""
        caller = await self._door.admit(context, "Subscribe")
        cursor = request.after
        if request.only_new:
            cursor = await self._newest(request)
        wanted = frozenset(request.categories)
        admitted_ms = self._local.clock()
        ring = self._arrivals.next_ring()
        while True:
            if self._local.clock() - admitted_ms >= ADMISSION_MS:
                # Whoever was revoked in the meantime hears no more.
                caller = await self._door.admit(context, "Subscribe")
                admitted_ms = self._local.clock()
            arrived = self._arrivals.all_since(ring, cursor)
            ring = self._arrivals.next_ring()
            if self._arrivals.closed:
                raise ShuttingDownError(
                    "The node is stopping.",
                    remedy="Subscribe again after the last cursor when it runs again.",
                )
            sight = Sight(local=self._local, caller=caller)
            if arrived:
                responses, more = _at_hand(request, arrived, sight), False
                last = arrived[-1].row.cursor
            else:
                work = partial(_arrivals_after, request, cursor, sight)
                responses, more, last = await self._local.store.read(work)
            for response in responses:
                if not wanted or response.info.category in wanted:
                    yield response
            cursor = last
            if more:
                continue
            try:
                async with asyncio.timeout(HEARTBEAT_S):
                    await ring.wait()
            except TimeoutError:
                yield pb.SubscribeResponse(cursor=cursor)

    def end_subscriptions(self) -> None:
        """Tell every subscriber that the node is stopping."""
        self._arrivals.close()

    async def _newest(self, request: pb.SubscribeRequest) -> int:
        if request.after:
            raise InvalidInputError(
                "A subscription starts either after a cursor or with what is new.",
                remedy="Leave one of both out.",
            )
        return await self._local.store.read(lambda s: s.newest_arrival())

    async def AcknowledgeMessage(
        self, request: pb.AcknowledgeMessageRequest, context: Context
    ) -> pb.AcknowledgeMessageResponse:
        """Note that the caller has taken a message in hand."""
        caller = await self._door.admit(context, "AcknowledgeMessage")
        sight = Sight(local=self._local, caller=caller)
        now_ms, number = self._local.clock(), request.number

        def work(transaction: Transaction) -> pb.AcknowledgeMessageResponse:
            row = transaction.message(number)
            if row is None or row.holding.is_hidden:
                raise not_found()
            if not any(sight.visible(transaction, [row], Action.VIEW)):
                raise not_found()
            first = transaction.acknowledge(number, by=caller.officer_id, at_ms=now_ms)
            return pb.AcknowledgeMessageResponse(
                first=first,
                info=convert.message_info(transaction.message(number) or row),
            )

        return await self._local.store.write(work)

    async def ListOutbox(
        self, request: pb.ListOutboxRequest, context: Context
    ) -> pb.ListOutboxResponse:
        """List messages on their way."""
        caller = await self._door.admit(context, "ListOutbox")
        sight = Sight(local=self._local, caller=caller)
        state = convert.state_from(request.state)
        before = number_from(request, request.page_token)
        size = page_size(request)

        def work(snapshot: Snapshot) -> EntryPage:
            read = partial(snapshot.outbox, peer=request.peer, state=state)
            return sight.entries(snapshot, read, before=before, size=size)

        page = await self._local.store.read(work)
        following = page.next_before
        return pb.ListOutboxResponse(
            entries=[convert.outbox_entry(row) for row in page.entries],
            next_page_token=token_for(request, following) if following else "",
        )

    async def RetryOutbox(
        self, request: pb.RetryOutboxRequest, context: Context
    ) -> pb.RetryOutboxResponse:
        """Queue dead letters again."""
        caller = await self._door.admit(context, "RetryOutbox")
        sight = Sight(local=self._local, caller=caller)
        now_ms = self._local.clock()

        def requeue(transaction: Transaction) -> list[int]:
            numbers = list(request.numbers)
            for number in numbers:
                sight.check_entry(transaction, number)
            if not numbers:
                read = partial(
                    transaction.outbox, peer=request.peer, state=OutboxState.DEAD
                )
                dead = sight.entries(transaction, read, before=None, size=_RETRY_MAX)
                numbers = [row.number for row in dead.entries]
            for number in numbers:
                transaction.requeue(number, now_ms)
            return numbers

        numbers = await self._local.store.write(requeue)
        for peer in self._local.peers.accepted():
            self._links.wake(peer.name)
        return pb.RetryOutboxResponse(numbers=numbers)

    async def ListReviews(
        self, request: pb.ListReviewsRequest, context: Context
    ) -> pb.ListReviewsResponse:
        """List what waits for a person."""
        caller = await self._door.admit(context, "ListReviews")
        return await self._reviews.waiting(request, caller)

    async def DecideReview(
        self, request: pb.DecideReviewRequest, context: Context
    ) -> pb.DecideReviewResponse:
        """Approve or refuse what waits."""
        caller = await self._door.admit(context, "DecideReview")
        return await self._reviews.decide(request, caller)

    async def ExportMessage(
        self, request: pb.ExportMessageRequest, context: Context
    ) -> pb.ExportMessageResponse:
        """Take a message out for another system."""
        caller = await self._door.admit(context, "ExportMessage")
        exported = await self._exporting.export(request, caller)
        return pb.ExportMessageResponse(
            info=convert.message_info(exported.row),
            message=exported.message,
            leaf_index=exported.leaf_index,
            policies=exported.policies,
        )

    async def GetEvidence(
        self, request: pb.GetEvidenceRequest, context: Context
    ) -> pb.GetEvidenceResponse:
        """Return the proofs of one message's exchanges.

        An auditor need not be one who may view the message: leaves and proofs
        tell nothing of what is in it.
        """
        caller = await self._door.admit(context, "GetEvidence")
        sight = Sight(local=self._local, caller=caller)

        def work(snapshot: Snapshot) -> tuple[MessageRow, list[OutboxRow]]:
            row = sight.exchanged(snapshot, request.id, request.version)
            return row, snapshot.outbox(message=row.number, limit=_OUTBOX_OF_ONE_MAX)

        row, entries = await self._local.store.read(work)
        exchanges = await evidence_of(
            self._local, row, [e for e in entries if request.peer in ("", e.peer)]
        )
        return pb.GetEvidenceResponse(exchanges=exchanges)


def _arrivals_after(
    request: pb.SubscribeRequest, cursor: int, sight: Sight, snapshot: Snapshot
) -> tuple[list[pb.SubscribeResponse], bool, int]:
    """Return what arrived after a cursor, whether that is not all, and the next."""
    rows = snapshot.arrivals(after=cursor, limit=_SUBSCRIBE_CHUNK)
    shown = [row for row in rows if not row.holding.is_hidden]
    responses = _responses(request, sight.visible(snapshot, shown, Action.SEARCH))
    last = rows[-1].cursor if rows else cursor
    return responses, len(rows) == _SUBSCRIBE_CHUNK, last


def _at_hand(
    request: pb.SubscribeRequest, arrived: Sequence[Arrived], sight: Sight
) -> list[pb.SubscribeResponse]:
    """Return what a subscriber is shown of messages that came with a ring."""
    messages = [
        (each.row, parse_message(each.message))
        for each in arrived
        if not each.row.holding.is_hidden
    ]
    return _responses(request, sight.visible_of(messages, Action.SEARCH))


def _responses(
    request: pb.SubscribeRequest, visible: Iterable[Seen]
) -> list[pb.SubscribeResponse]:
    return [
        pb.SubscribeResponse(
            info=convert.message_info(seen.row),
            message=seen.message if request.with_contents else None,
            cursor=seen.row.cursor,
        )
        for seen in visible
    ]


def _reviews_of(
    snapshot: Snapshot, row: MessageRow, entries: Sequence[OutboxRow]
) -> list[pb.ReviewDecision]:
    """Return what persons decided about a message, the oldest first."""
    found = [
        convert.review_decision(snapshot, review, peer=row.originator)
        for review in snapshot.reviews_of_message(row.number)
    ]
    found += [
        convert.review_decision(snapshot, review, peer=entry.peer, entry=entry.number)
        for entry in entries
        for review in snapshot.reviews_of_entry(entry.number)
    ]
    return sorted(found, key=lambda each: each.leaf_index)
