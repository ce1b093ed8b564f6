# SPDX-License-Identifier: Apache-2.0
"""``selat lifecycle`` and ``selat hold`` against a desk that answers as told."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from tests.fakes.command import Command
from tests.fakes.desk import FakeDesk

from selat.v1 import desk_service_pb2 as pb

ID = UUID("0198f2f0-7a3b-7c11-9a55-0242ac120002")


def info(number: int = 7, *, legal_hold: str = "") -> pb.MessageInfo:
    return pb.MessageInfo(
        number=number,
        id=ID.bytes,
        version=1,
        direction=pb.MESSAGE_DIRECTION_IN,
        originator="police.xb.example",
        category="terrorism",
        record_type="travel_document",
        status="current",
        holding="current",
        legal_hold=legal_hold,
    )


#: Where a leaf stands in its shard, other than in the log as a whole.
PLACE = pb.LogPlace(origin="police.xa.example/exchange/2027h1", index=1012)


def entry(
    reason: str = "EXPIRED", *, leaf_index: int = 0, on_its_way: bool = False
) -> pb.LifecycleEntry:
    made = pb.LifecycleEntry(
        info=info(), reason=reason, leaf_index=leaf_index, on_its_way=on_its_way
    )
    if leaf_index:
        made.at.FromDatetime(datetime(2027, 1, 31, 8, tzinfo=UTC))
        made.place.CopyFrom(PLACE)
    return made


# --- list ------------------------------------------------------------------
@pytest.mark.parametrize(
    ("option", "view"),
    [
        ("--due-review", pb.LIFECYCLE_VIEW_DUE_REVIEW),
        ("--erased", pb.LIFECYCLE_VIEW_ERASED),
        ("--held", pb.LIFECYCLE_VIEW_LEGAL_HOLD),
    ],
)
def test_each_view_is_listed(
    selat: Command, desk: FakeDesk, option: str, view: int
) -> None:
    made = entry("COURT-ORDER-17", leaf_index=41)
    made.officer = "rahim"
    desk.answers["ListLifecycle"] = pb.ListLifecycleResponse(entries=[made])

    human = selat("lifecycle", "list", option)
    program = selat("lifecycle", "list", option, "--json")

    assert [each.view for each in desk.asked(pb.ListLifecycleRequest)] == [view, view]
    for text in (
        str(ID),
        "travel document",
        "COURT-ORDER-17 by rahim",
        "1,012 of 2027h1",
        "2027-01-31 08:00Z",
    ):
        assert text in human.out, text
    [listed] = program.json["entries"]
    assert listed["info"]["id"] == str(ID)
    assert listed["leaf_index"] == 41
    assert listed["place"] == {"origin": PLACE.origin, "index": 1012}


def test_a_list_fits_a_narrow_terminal(
    selat: Command, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("selat.cli.output._PIPE_WIDTH", 80)
    desk.answers["ListLifecycle"] = pb.ListLifecycleResponse(entries=[entry()])

    ended = selat("lifecycle", "list", "--erased")

    assert str(ID) in ended.out
    assert "EXPIRED" in ended.out
    assert "travel document" in ended.out
    assert max(map(len, ended.out.splitlines())) <= 80


@pytest.mark.parametrize("options", [(), ("--erased", "--held")])
def test_a_list_names_one_view(selat: Command, options: tuple[str, ...]) -> None:
    ended = selat("lifecycle", "list", *options)

    assert ended.code == 2
    assert "--due-review, --erased and --held" in ended.err


def test_a_long_list_is_fetched_in_pages_and_cut(
    selat: Command, desk: FakeDesk
) -> None:
    desk.answers["ListLifecycle"] = lambda request: pb.ListLifecycleResponse(
        entries=[entry()] * request.page_size, next_page_token="more"
    )

    ended = selat("lifecycle", "list", "--erased", "--limit", "501")

    asked = desk.asked(pb.ListLifecycleRequest)
    assert [request.page_size for request in asked] == [500, 1]
    assert asked[1].page_token == "more"
    assert "These are the newest 501" in ended.err


def test_an_empty_list_says_so(selat: Command, desk: FakeDesk) -> None:
    desk.answers["ListLifecycle"] = pb.ListLifecycleResponse()

    assert selat("lifecycle", "list", "--erased").out == "There is no such message.\n"


# --- run -------------------------------------------------------------------
def test_a_dry_run_says_that_nothing_was_erased(selat: Command, desk: FakeDesk) -> None:
    desk.answers["RunLifecycle"] = pb.RunLifecycleResponse(
        entries=[entry("RETENTION", on_its_way=True)]
    )

    ended = selat("lifecycle", "run", "--dry-run")

    assert [request.dry_run for request in desk.asked(pb.RunLifecycleRequest)] == [True]
    assert "RETENTION after its receipt" in ended.out
    assert ended.out.endswith("1 message would be erased. Nothing was.\n")


def test_a_dry_run_of_many_is_cut(selat: Command, desk: FakeDesk) -> None:
    desk.answers["RunLifecycle"] = pb.RunLifecycleResponse(entries=[entry()], more=True)

    human = selat("lifecycle", "run", "--dry-run")
    program = selat("lifecycle", "run", "--dry-run", "--json")

    assert human.out.endswith("1 message and more would be erased. Nothing was.\n")
    assert program.json["dry_run"] is True
    assert program.json["more"] is True
    assert [each["reason"] for each in program.json["entries"]] == ["EXPIRED"]


def test_a_run_goes_on_until_nothing_is_due(selat: Command, desk: FakeDesk) -> None:
    answers = iter([True, True, False])
    desk.answers["RunLifecycle"] = lambda _: pb.RunLifecycleResponse(
        entries=[entry(leaf_index=4)], more=next(answers)
    )

    ended = selat("lifecycle", "run")

    assert len(desk.asked(pb.RunLifecycleRequest)) == 3
    assert ended.out.endswith("Erased 3 messages.\n")


def test_a_run_without_anything_due_says_so(selat: Command, desk: FakeDesk) -> None:
    desk.answers["RunLifecycle"] = pb.RunLifecycleResponse()

    assert selat("lifecycle", "run").out == "Nothing is due.\n"


# --- hold ------------------------------------------------------------------
def test_a_hold_is_set_and_released(selat: Command, desk: FakeDesk) -> None:
    held = [info(7, legal_hold="COURT-ORDER-17"), info(5, legal_hold="COURT-ORDER-17")]
    desk.answers["SetLegalHold"] = pb.SetLegalHoldResponse(messages=held)
    desk.answers["ReleaseLegalHold"] = pb.ReleaseLegalHoldResponse(messages=[info()])

    put = selat("hold", "set", str(ID), "--reason-code", "COURT-ORDER-17")
    released = selat("hold", "release", str(ID), "--version", "2", "--json")

    [asked] = desk.asked(pb.SetLegalHoldRequest)
    assert (asked.id, asked.version) == (ID.bytes, 0)
    assert asked.reason_code == "COURT-ORDER-17"
    assert put.out == "Holding 2 versions; nothing of it is erased.\n"
    [asked] = desk.asked(pb.ReleaseLegalHoldRequest)
    assert (asked.id, asked.version) == (ID.bytes, 2)
    assert [each["id"] for each in released.json["messages"]] == [str(ID)]


def test_a_hold_needs_a_code(selat: Command) -> None:
    assert selat("hold", "set", str(ID)).code == 2


# --- show ------------------------------------------------------------------
def test_show_tells_hold_and_review_date(selat: Command, desk: FakeDesk) -> None:
    shown = info(legal_hold="COURT-ORDER-17")
    shown.review_at.FromDatetime(datetime(2027, 3, 1, tzinfo=UTC))
    desk.answers["GetMessage"] = pb.GetMessageResponse(info=shown)

    ended = selat("show", str(ID))

    assert "COURT-ORDER-17" in ended.out
    assert "2027-03-01 00:00Z" in ended.out


def test_show_tells_when_and_why_a_message_was_erased(
    selat: Command, desk: FakeDesk
) -> None:
    erasure = pb.Erasure(reason="EXPIRED", leaf_index=41)
    erasure.erased_at.FromDatetime(datetime(2027, 1, 31, 8, tzinfo=UTC))
    shown = pb.GetMessageResponse(info=info(), erasure=erasure)

    desk.answers["GetMessage"] = shown
    older = selat("show", str(ID))
    shown.erasure.place.CopyFrom(PLACE)
    human = selat("show", str(ID))
    program = selat("show", str(ID), "--json")

    # A node that knows no places tells the position in all of its log.
    told = "erased on 2027-01-31 08:00Z (EXPIRED)"
    assert f"{told}; leaf 41 of our log says so" in older.out
    assert f"{told}; leaf 1,012 of {PLACE.origin} says so" in human.out
    assert program.json["erasure"]["leaf_index"] == 41
    assert program.json["message"] is None


def test_show_tells_where_the_log_says_what_a_person_decided(
    selat: Command, desk: FakeDesk
) -> None:
    review = pb.ReviewDecision(
        peer="police.xb.example",
        act=pb.REVIEW_ACT_APPROVE,
        officer="rahim",
        leaf_index=41,
        place=PLACE,
    )
    review.decided_at.FromDatetime(datetime(2027, 1, 31, 8, tzinfo=UTC))
    desk.answers["GetMessage"] = pb.GetMessageResponse(info=info(), reviews=[review])

    ended = selat("show", str(ID))

    told = f"on 2027-01-31 08:00Z, leaf 1,012 of {PLACE.origin}\n"
    assert f"rahim approved it from police.xb.example {told}" in ended.out


# --- erase -----------------------------------------------------------------
def test_a_message_is_erased_by_hand(selat: Command, desk: FakeDesk) -> None:
    made = entry("COURT-ORDER-17", leaf_index=41)
    made.officer = "host"
    desk.answers["EraseMessage"] = pb.EraseMessageResponse(entries=[made])
    order = ("lifecycle", "erase", ID, "--reason-code", "COURT-ORDER-17")

    human = selat(*order, "--version", "2")
    tried = selat(*order, "--dry-run")
    program = selat(*order, "--json")

    first, dry, _ = desk.asked(pb.EraseMessageRequest)
    assert (first.id, first.version, first.dry_run) == (ID.bytes, 2, False)
    assert first.reason_code == "COURT-ORDER-17"
    assert dry.dry_run
    assert "COURT-ORDER-17 by host" in human.out
    assert human.out.endswith("Erased 1 version.\n")
    assert tried.out.endswith("1 version would be erased. Nothing was.\n")
    assert program.json["dry_run"] is False
    assert program.json["entries"][0]["leaf_index"] == 41


def test_erasing_needs_a_reason_code(selat: Command) -> None:
    ended = selat("lifecycle", "erase", ID)

    assert ended.code == 2
    assert "--reason-code" in ended.err
