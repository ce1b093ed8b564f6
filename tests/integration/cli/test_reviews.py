# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from tests.fakes.command import Command
from tests.fakes.desk import FakeDesk

from selat.errors import SelfReviewError
from selat.v1 import desk_service_pb2 as pb
from selat.v1 import message_pb2

ID = UUID("01932e5c-5c00-7abc-8def-0123456789ab")


def review(
    number: int = 7,
    *,
    kind: pb.ReviewKind.ValueType = pb.REVIEW_KIND_RELEASE,
    own: bool = False,
) -> pb.Review:
    made = pb.Review(
        kind=kind,
        number=number,
        info=pb.MessageInfo(
            number=3,
            id=ID.bytes,
            version=1,
            category="human-trafficking",
            record_type="trafficking_victim",
            level="restricted",
            holding="current",
        ),
        peer="police.xb.example",
        author="a.lim",
        own=own,
        reason="HELD_FOR_REVIEW",
        policies=["baseline/victims-held"],
        obligations=["two-person"],
    )
    made.waiting_since.FromDatetime(datetime.now(UTC) - timedelta(hours=26, minutes=5))
    return made


def intake() -> pb.Review:
    made = review(12, kind=pb.REVIEW_KIND_INTAKE)
    made.ClearField("author")
    made.ClearField("obligations")
    return made


def test_what_waits_is_listed_with_how_long(
    selat: Command, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.answers["ListReviews"] = pb.ListReviewsResponse(
        reviews=[review(), review(8, own=True), intake()]
    )
    monkeypatch.setenv("COLUMNS", "200")
    wide = selat("review", "list")
    for shown in (
        "release/7",
        "release/8",
        "intake/12",
        "police.xb.example",
        "a.lim",
        "you",
        "1 d 2 h",
        "two-person",
        "HELD_FOR_REVIEW",
        "baseline/victims-held",
        "trafficking victim",
        str(ID),
    ):
        assert shown in wide.out
    assert "selat review approve|refuse" in wide.err

    monkeypatch.setenv("COLUMNS", "80")
    narrow = selat("review", "list")
    assert "release/7" in narrow.out
    assert str(ID) in narrow.out


def test_what_waits_as_json_has_stable_keys(selat: Command, desk: FakeDesk) -> None:
    full = review()
    full.message.header.title = "A title"
    desk.answers["ListReviews"] = pb.ListReviewsResponse(reviews=[full, intake()])
    first, second = selat("review", "list", "--contents", "--json").json["reviews"]
    assert first["review"] == "release/7"
    assert (first["kind"], first["own"]) == ("release", False)
    assert first["info"]["id"] == str(ID)
    assert first["title"] == "A title"
    assert first["message"]["header"]["title"] == "A title"
    assert (second["review"], second["message"]) == ("intake/12", None)
    [request] = desk.asked(pb.ListReviewsRequest)
    assert request.with_contents


def test_one_kind_is_listed_alone_and_in_pages(selat: Command, desk: FakeDesk) -> None:
    def page(request: pb.ListReviewsRequest) -> pb.ListReviewsResponse:
        count = min(request.page_size, 400)
        return pb.ListReviewsResponse(
            reviews=[review(n) for n in range(count)], next_page_token="more"
        )

    desk.answers["ListReviews"] = page
    ended = selat("review", "list", "--kind", "intake", "--limit", 700, "--json")
    assert len(ended.json["reviews"]) == 700
    requests = desk.asked(pb.ListReviewsRequest)
    assert {each.kind for each in requests} == {pb.REVIEW_KIND_INTAKE}
    assert [each.page_token for each in requests] == ["", "more"]


def test_nothing_that_waits_is_good_news(selat: Command, desk: FakeDesk) -> None:
    desk.answers["ListReviews"] = pb.ListReviewsResponse()
    assert selat("review", "list").out == "Nothing waits for a decision.\n"
    assert selat("review", "list", "--json").json == {"reviews": []}


def decided(*, with_entry: bool) -> pb.DecideReviewResponse:
    answer = pb.DecideReviewResponse(info=review().info)
    if with_entry:
        answer.entry.peer = "police.xb.example"
    return answer


def test_a_release_is_approved(selat: Command, desk: FakeDesk) -> None:
    desk.answers["DecideReview"] = decided(with_entry=True)
    ended = selat("review", "approve", "release/7", "--reason", "agreed by telephone")
    assert ended.code == 0
    said = " ".join(ended.out.split())
    assert said.startswith(f"Approved: {ID} may go to police.xb.example if policy")
    [request] = desk.asked(pb.DecideReviewRequest)
    assert request == pb.DecideReviewRequest(
        kind=pb.REVIEW_KIND_RELEASE,
        number=7,
        act=pb.REVIEW_ACT_APPROVE,
        note="agreed by telephone",
    )


def test_an_intake_is_approved(selat: Command, desk: FakeDesk) -> None:
    desk.answers["DecideReview"] = decided(with_entry=False)
    ended = selat("review", "approve", "intake/12")
    assert ended.out == f"Approved: {ID} is shown now.\n"
    [request] = desk.asked(pb.DecideReviewRequest)
    assert (request.kind, request.number) == (pb.REVIEW_KIND_INTAKE, 12)
    assert not request.note


def test_a_refusal_says_why(selat: Command, desk: FakeDesk) -> None:
    desk.answers["DecideReview"] = decided(with_entry=True)
    unsaid = selat("review", "refuse", "release/7")
    assert unsaid.code == 2
    assert desk.requests == []
    ended = selat("review", "refuse", "release/7", "--reason", "not needed")
    assert ended.out == f"Refused: {ID}\n"
    program = selat("review", "refuse", "release/7", "--reason", "no", "--json")
    assert program.json["info"]["id"] == str(ID)


@pytest.mark.parametrize("name", ["7", "release", "release/", "release/x", "other/7"])
def test_a_review_has_a_kind_and_a_number(
    selat: Command, desk: FakeDesk, name: str
) -> None:
    ended = selat("review", "approve", name)
    assert ended.code == 2
    assert "for example release/7" in ended.err
    assert desk.requests == []


def test_nobody_decides_on_a_message_of_their_own(
    selat: Command, desk: FakeDesk
) -> None:
    desk.answers["DecideReview"] = SelfReviewError(
        "a.lim published this message.", remedy="Ask another reviewer to decide."
    )
    ended = selat("review", "approve", "release/7", "--json")
    assert ended.code == 4
    assert ended.error["reason"] == "SELF_REVIEW"


def test_status_shows_what_waits_and_since_when(selat: Command, desk: FakeDesk) -> None:
    state = pb.GetStatusResponse(name="police.xa.example", held=2, quarantined=1)
    state.oldest_held_at.FromDatetime(datetime.now(UTC) - timedelta(minutes=75))
    state.oldest_quarantined_at.FromDatetime(datetime.now(UTC) - timedelta(minutes=9))
    desk.answers["GetStatus"] = state
    shown = selat("status").out
    assert "2 held (oldest 1 h 15 min), 1 quarantined (oldest 9 min)" in shown

    state.oldest_held_at.FromDatetime(datetime.now(UTC) - timedelta(hours=25))
    desk.answers["GetStatus"] = state
    assert "quarantined (oldest 9 min), overdue" in selat("status").out

    desk.answers["GetStatus"] = pb.GetStatusResponse(name="police.xa.example")
    assert "none" in selat("status").out


def test_held_entries_can_be_asked_for(selat: Command, desk: FakeDesk) -> None:
    desk.answers["ListOutbox"] = pb.ListOutboxResponse(
        entries=[pb.OutboxEntry(number=7, id=ID.bytes, state=pb.OUTBOX_STATE_HELD)]
    )
    assert "held" in selat("outbox", "list", "--state", "held").out
    [request] = desk.asked(pb.ListOutboxRequest)
    assert request.state == pb.OUTBOX_STATE_HELD


def test_contents_are_not_shown_unasked(selat: Command, desk: FakeDesk) -> None:
    full = review()
    full.message.CopyFrom(message_pb2.Message())
    full.message.header.title = "A title"
    desk.answers["ListReviews"] = pb.ListReviewsResponse(reviews=[full])
    [entry] = selat("review", "list", "--json").json["reviews"]
    assert entry["message"] is None
