# SPDX-License-Identifier: Apache-2.0
"""What waits for a person, as the desk API shows and decides it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from selat.desk import convert
from selat.desk.access import Caller
from selat.desk.pages import number_from, page_size, token_for
from selat.desk.sight import Sight
from selat.errors import InvalidInputError
from selat.exchange.local import LocalNode
from selat.exchange.reviewing import (
    DecisionOfPerson,
    Reviewing,
    answered_by_intake,
    answered_by_release,
)
from selat.policy.port import Action
from selat.store.port import Snapshot
from selat.store.reviews import Act
from selat.store.values import MessageRow, OutboxRow
from selat.v1 import desk_service_pb2 as pb
from selat.v1 import message_pb2

#: Longest note on a decision, in characters.
NOTE_LENGTH_MAX: Final = 1_024

_ACTS: Final = {
    pb.REVIEW_ACT_APPROVE: Act.APPROVE,
    pb.REVIEW_ACT_REFUSE: Act.REFUSE,
}


class ReviewDesk:
    """List what waits and take decisions."""

    def __init__(self, *, local: LocalNode, reviewing: Reviewing) -> None:
        """Take what decides."""
        self._local = local
        self._reviewing = reviewing

    async def waiting(
        self, request: pb.ListReviewsRequest, caller: Caller
    ) -> pb.ListReviewsResponse:
        """Return one page: what is to leave first, then what came in.

        What policy does not let the caller view is left out.

        Raises:
            BadCursorError: The page token is not one of ours.
        """
        start = number_from(request, request.page_token) or 0
        size = page_size(request)
        sight = Sight(local=self._local, caller=caller)

        def work(snapshot: Snapshot) -> pb.ListReviewsResponse:
            found = _found(snapshot, request, start, size + 1)
            page = found[:size]
            return pb.ListReviewsResponse(
                reviews=[
                    _review(
                        snapshot,
                        item,
                        message=seen.message if request.with_contents else None,
                        caller=caller,
                    )
                    for item in page
                    for seen in sight.visible(snapshot, [item.row], Action.VIEW)
                ],
                next_page_token=(
                    token_for(request, page[-1].place) if len(found) > size else ""
                ),
            )

        return await self._local.store.read(work)

    async def decide(
        self, request: pb.DecideReviewRequest, caller: Caller
    ) -> pb.DecideReviewResponse:
        """Approve or refuse.

        Raises:
            InvalidInputError: Kind, act or note is missing, or the note is long.
            SelatError: As `Reviewing` says.
        """
        officer = Sight(local=self._local, caller=caller).officer("")
        decision = DecisionOfPerson(
            act=_act(request), note=request.note.strip(), officer=officer
        )
        if request.kind == pb.REVIEW_KIND_INTAKE:
            row = await self._reviewing.decide_intake(request.number, decision)
            return pb.DecideReviewResponse(info=convert.message_info(row))
        if request.kind != pb.REVIEW_KIND_RELEASE:
            raise InvalidInputError(
                "A decision names what it is about: a release or an intake.",
                remedy="Set the kind as ListReviews gave it.",
            )
        entry, row = await self._reviewing.decide_release(request.number, decision)
        return pb.DecideReviewResponse(
            entry=convert.outbox_entry(entry), info=convert.message_info(row)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    """A message that waits; the entry is None when it came in."""

    entry: OutboxRow | None
    row: MessageRow

    @property
    def place(self) -> int:
        """Return where it stands; the low bit tells the two lists apart."""
        if self.entry is None:
            return self.row.number << 1 | 1
        return self.entry.number << 1


def _found(
    snapshot: Snapshot, request: pb.ListReviewsRequest, start: int, limit: int
) -> list[_Waiting]:
    """Return what waits after a place, of both lists or of one."""
    after, is_intake = start >> 1, start & 1
    found: list[_Waiting] = []
    if not is_intake and request.kind != pb.REVIEW_KIND_INTAKE:
        for entry in snapshot.held(after=after, limit=limit):
            row = snapshot.message(entry.message)
            if row is not None:
                found.append(_Waiting(entry=entry, row=row))
    if len(found) < limit and request.kind != pb.REVIEW_KIND_RELEASE:
        rows = snapshot.quarantined(
            after=after if is_intake else 0, limit=limit - len(found)
        )
        found += [_Waiting(entry=None, row=row) for row in rows]
    return found


def _act(request: pb.DecideReviewRequest) -> Act:
    act = _ACTS.get(request.act)
    if act is None:
        raise InvalidInputError(
            "A decision approves or refuses.", remedy="Set the act to one of both."
        )
    if act is Act.REFUSE and not request.note.strip():
        raise InvalidInputError(
            "A refusal needs a reason in words.", remedy="Say why in the note."
        )
    if len(request.note) > NOTE_LENGTH_MAX:
        raise InvalidInputError(
            f"A note has at most {NOTE_LENGTH_MAX} characters.",
            remedy="Say it in fewer words.",
        )
    return act


def _review(
    snapshot: Snapshot,
    item: _Waiting,
    *,
    message: message_pb2.Message | None,
    caller: Caller,
) -> pb.Review:
    entry, row = item.entry, item.row
    if entry is None:
        answered = answered_by_intake(snapshot, row)
        return pb.Review(
            kind=pb.REVIEW_KIND_INTAKE,
            number=row.number,
            info=convert.message_info(row),
            message=message,
            peer=row.originator,
            reason=answered.reason,
            policies=answered.policies,
            waiting_since=convert.timestamp(row.stored_ms),
        )
    answered = answered_by_release(snapshot, entry)
    return pb.Review(
        kind=pb.REVIEW_KIND_RELEASE,
        number=entry.number,
        info=convert.message_info(row),
        message=message,
        peer=entry.peer,
        author=row.author,
        own=row.author == caller.officer_id,
        reason=answered.reason,
        policies=answered.policies,
        obligations=entry.obligations,
        waiting_since=convert.timestamp(entry.held_ms),
    )
