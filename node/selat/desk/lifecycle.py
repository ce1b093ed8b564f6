# SPDX-License-Identifier: Apache-2.0
"""What administrators see of how messages end."""

from __future__ import annotations

from collections.abc import Sequence

from selat.desk import convert
from selat.desk.erasing import Erasing
from selat.desk.pages import PAGE_SIZE_MAX, number_from, page_size, token_for
from selat.errors import InvalidInputError
from selat.exchange.lifecycle import Ending, Lifecycle
from selat.exchange.local import LocalNode
from selat.store.port import Snapshot
from selat.store.values import MessageRow
from selat.v1 import desk_service_pb2 as pb

#: An entry of a page with the number below which the next page starts.
_Entry = tuple[int, pb.LifecycleEntry]


class LifecycleDesk:
    """Answer the calls about the end of messages.

    Args:
        local: Our node.
        lifecycle: Finds and erases what is due.
    """

    def __init__(self, *, local: LocalNode, lifecycle: Lifecycle) -> None:
        """Take where messages are kept and what ends them."""
        self._local = local
        self._lifecycle = lifecycle
        self._erasing = Erasing(local=local, lifecycle=lifecycle)

    async def run(self, request: pb.RunLifecycleRequest) -> pb.RunLifecycleResponse:
        """Erase what is due, a page at most, or tell what would be."""
        if request.dry_run:
            due = await self._lifecycle.due(limit=PAGE_SIZE_MAX + 1)
            entries, more = due[:PAGE_SIZE_MAX], len(due) > PAGE_SIZE_MAX
            return pb.RunLifecycleResponse(
                entries=await self._entries(entries), more=more
            )
        erased = await self._lifecycle.run(limit=PAGE_SIZE_MAX)
        at_ms = self._local.clock()
        return pb.RunLifecycleResponse(
            entries=await self._entries(erased, at_ms=at_ms),
            more=len(erased) == PAGE_SIZE_MAX,
        )

    async def erase(
        self, request: pb.EraseMessageRequest, *, by: str
    ) -> pb.EraseMessageResponse:
        """Erase a message before its time, or tell what would be erased.

        Raises:
            SelatError: As `Erasing.erase` says.
        """
        endings = await self._erasing.erase(
            request.id,
            request.version,
            code=request.reason_code,
            by=by,
            dry_run=request.dry_run,
        )
        at_ms = None if request.dry_run else self._local.clock()
        return pb.EraseMessageResponse(
            entries=await self._entries(endings, at_ms=at_ms)
        )

    async def _entries(
        self, endings: Sequence[Ending], *, at_ms: int | None = None
    ) -> list[pb.LifecycleEntry]:
        """Convert how messages end, or would."""
        return await self._local.store.read(
            lambda snapshot: [_ending(snapshot, each, at_ms=at_ms) for each in endings]
        )

    async def page(self, request: pb.ListLifecycleRequest) -> pb.ListLifecycleResponse:
        """Return one page of a view.

        Raises:
            InvalidInputError: The view is not stated.
        """
        views = {
            pb.LIFECYCLE_VIEW_DUE_REVIEW: self._due_for_review,
            pb.LIFECYCLE_VIEW_ERASED: _erased,
            pb.LIFECYCLE_VIEW_LEGAL_HOLD: _under_legal_hold,
        }
        view = views.get(request.view)
        if view is None:
            raise InvalidInputError(
                "The list names no view.",
                remedy="Ask for what is due for review, erased or under legal hold.",
            )
        before = number_from(request, request.page_token)
        size = page_size(request)
        found = await self._local.store.read(lambda s: view(s, before, size + 1))
        page = found[:size]
        return pb.ListLifecycleResponse(
            entries=[entry for _, entry in page],
            next_page_token=(
                token_for(request, page[-1][0]) if len(found) > size else ""
            ),
        )

    def _due_for_review(
        self, snapshot: Snapshot, before: int | None, limit: int
    ) -> list[_Entry]:
        rows = snapshot.due_for_review(
            now_ms=self._local.clock(), before=before, limit=limit
        )
        return [
            (row.number, pb.LifecycleEntry(info=convert.message_info(row)))
            for row in rows
        ]


def _ending(
    snapshot: Snapshot, ending: Ending, *, at_ms: int | None
) -> pb.LifecycleEntry:
    return pb.LifecycleEntry(
        info=convert.message_info(ending.row),
        reason=ending.reason,
        at=convert.timestamp(at_ms),
        leaf_index=ending.leaf_index or 0,
        place=_place(snapshot, ending.leaf_index),
        on_its_way=ending.is_on_its_way,
        officer=ending.officer,
    )


def _erased(snapshot: Snapshot, before: int | None, limit: int) -> list[_Entry]:
    found = snapshot.erasures(before=before, limit=limit)
    rows = [(each, snapshot.message(each.message)) for each in found]
    return [
        (
            each.number,
            pb.LifecycleEntry(
                info=convert.message_info(row),
                reason=each.erasure.reason,
                at=convert.timestamp(each.erasure.erased_ms),
                leaf_index=each.erasure.leaf_index,
                place=_place(snapshot, each.erasure.leaf_index),
                officer=each.erasure.officer,
            ),
        )
        for each, row in rows
        if row is not None
    ]


def _under_legal_hold(
    snapshot: Snapshot, before: int | None, limit: int
) -> list[_Entry]:
    rows = snapshot.under_legal_hold(before=before, limit=limit)
    return [(row.number, _held(snapshot, row)) for row in rows]


def _held(snapshot: Snapshot, row: MessageRow) -> pb.LifecycleEntry:
    hold = snapshot.legal_hold(row.number)
    return pb.LifecycleEntry(
        info=convert.message_info(row),
        reason=row.legal_hold,
        at=convert.timestamp(hold.at_ms if hold else None),
        leaf_index=hold.leaf_index if hold else 0,
        place=_place(snapshot, hold.leaf_index if hold else None),
        officer=hold.officer if hold else "",
    )


def _place(snapshot: Snapshot, position: int | None) -> pb.LogPlace | None:
    return None if position is None else convert.log_place(snapshot, position)
