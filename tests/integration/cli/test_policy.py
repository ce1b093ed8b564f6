# SPDX-License-Identifier: Apache-2.0
"""`selat policy` on a real node's folder, with a desk that answers as told."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from tests.fakes.command import Command
from tests.fakes.desk import FakeDesk
from tests.fakes.leaves import RECEIPT
from tests.fakes.nodes import make_home

from selat.v1 import desk_service_pb2 as pb
from selat.v1 import message_pb2

ID = UUID("0198f2f0-7a3b-7c11-9a55-0242ac120002")
AGREEMENT = """\
version = 1
reference = "Treaty 1"
title = "Agreement on drugs"
parties = ["XA", "XB"]
valid_from = 2020-01-01
valid_until = 2999-12-31

[[clause]]
title = "seizures"
categories = ["drugs"]
up_to_level = "restricted"
purposes = ["investigation"]
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_home(tmp_path, "xa").path


@pytest.fixture
def draft(tmp_path: Path, home: Path) -> Path:
    place = tmp_path / "draft"
    shutil.copytree(home / "policy", place)
    (place / "agreements").mkdir(exist_ok=True)
    (place / "agreements" / "xa-xb.toml").write_text(AGREEMENT)
    return place


def found(*, incoming: bool = False, **header: object) -> pb.GetMessageResponse:
    message = message_pb2.Message(
        header=message_pb2.Header(
            id=ID.bytes,
            type=message_pb2.MESSAGE_TYPE_SEIZURE,
            category="drugs",
            marking=message_pb2.Marking(level=message_pb2.LEVEL_RESTRICTED),
            purposes=[message_pb2.PURPOSE_INVESTIGATION],
        )
    )
    message.header.originator.node = (
        "police.xb.example" if incoming else "police.xa.example"
    )
    message.header.created_at.FromDatetime(datetime.now(UTC))
    message.header.MergeFrom(message_pb2.Header(**header))  # type: ignore[arg-type]  # any field
    info = pb.MessageInfo(
        id=ID.bytes,
        direction=pb.MESSAGE_DIRECTION_IN if incoming else pb.MESSAGE_DIRECTION_OUT,
        originator=message.header.originator.node,
        holding="current",
    )
    return pb.GetMessageResponse(info=info, message=message)


def peers() -> pb.ListPeersResponse:
    return pb.ListPeersResponse(
        peers=[
            pb.Peer(
                name=f"police.{code}.example",
                state=code.upper(),
                standing=standing,
                declared_categories=["drugs"],
            )
            for code, standing in (
                ("xb", "accepted"),
                ("xc", "accepted"),
                ("xd", "removed"),
            )
        ]
    )


def test_categories_are_listed_and_one_is_shown_in_full(selat: Command) -> None:
    assert len(selat("policy", "categories", "--json").json["categories"]) == 17
    assert "Piracy and armed robbery" in selat("policy", "categories").out
    shown = selat("policy", "categories", "judicial").out
    assert "torture" in shown.lower()
    assert selat("policy", "categories", "gossip").code == 1


def test_policy_of_a_new_node_can_come_into_force(selat: Command) -> None:
    ended = selat("policy", "check", "--json")

    assert ended.code == 0, ended.err
    assert ended.json["departures"] == []
    assert ended.json["rules"] > 30
    assert "can come into force" in selat("policy", "check").out


def test_check_says_file_line_and_remedy(selat: Command, draft: Path) -> None:
    (draft / "rules" / "bad.cedar").write_text("permit (principal, action, resource);")
    ended = selat("policy", "check", draft, "--json")

    assert ended.code == 6
    assert ended.error["message"].startswith("rules/bad.cedar, line 1: ")


def test_scenarios_are_run_and_failures_are_told(selat: Command, draft: Path) -> None:
    assert selat("policy", "test").code == 0
    assert selat("policy", "test", "--json").json["failed"] == []
    table = draft / "scenarios" / "1-categories.toml"
    table.write_text(table.read_text().replace('"permit"', '"hold"', 1))

    ended = selat("policy", "test", draft)
    assert ended.code == 1
    assert "hold was expected, and it is permit" in ended.out
    assert len(selat("policy", "test", draft, "--json").json["failed"]) == 1


def test_message_is_explained_for_each_peer(selat: Command, desk: FakeDesk) -> None:
    desk.answers = {"GetMessage": found(), "ListPeers": peers()}
    ended = selat("policy", "explain", str(ID), "--json")

    assert ended.code == 0, ended.err
    answers = ended.json["answers"]
    assert [answer["peer"] for answer in answers] == [
        "police.xb.example",
        "police.xc.example",
    ]
    assert {answer["reason"] for answer in answers} == {"CATEGORY_NOT_LISTED"}
    assert "release list" in answers[0]["changes"][0]
    words = selat("policy", "explain", str(ID), "--peer", "police.xb.example").out
    assert "release to police.xb.example (XB)" in words
    assert "Nothing permits it." in words
    assert "→ An agreement, the release list" in words


def test_message_that_came_in_is_explained_from_its_sender(
    selat: Command, desk: FakeDesk
) -> None:
    political = [message_pb2.SAFEGUARD_POLITICAL_OFFENCE]
    desk.answers = {
        "GetMessage": found(incoming=True, safeguards=political),
        "ListPeers": peers(),
    }
    answers = selat("policy", "explain", str(ID), "--json").json["answers"]

    assert [(answer["action"], answer["peer"]) for answer in answers] == [
        ("accept", "police.xb.example"),
        ("forward", "police.xc.example"),
    ]
    assert answers[0]["policies"][0]["id"] == "baseline/political-offence"


def entry(
    state: pb.OutboxState.ValueType, *, reason: str = "", approved: str = ""
) -> pb.OutboxEntry:
    return pb.OutboxEntry(
        number=7,
        id=ID.bytes,
        version=1,
        peer="police.xb.example",
        state=state,
        reason=reason,
        approved=[approved] if approved else [],
    )


@pytest.mark.parametrize(
    ("state", "reason", "says"),
    [
        (pb.OUTBOX_STATE_QUEUED, "", "queued for police.xb.example"),
        (pb.OUTBOX_STATE_HELD, "HELD_FOR_REVIEW", "waits for a second person"),
        (pb.OUTBOX_STATE_OFFERED, "", "has not answered yet"),
        (pb.OUTBOX_STATE_ACCEPTED, "", "police.xb.example accepted it"),
        (pb.OUTBOX_STATE_WITHHELD, "EXPIRED", "It was withheld (EXPIRED)"),
        (pb.OUTBOX_STATE_DEAD, "BATCH_MALFORMED", "given up (BATCH_MALFORMED)"),
    ],
)
def test_explanation_ends_with_what_has_become_of_the_message(
    selat: Command,
    desk: FakeDesk,
    state: pb.OutboxState.ValueType,
    reason: str,
    says: str,
) -> None:
    answer = found()
    answer.outbox.append(entry(state, reason=reason))
    desk.answers = {"GetMessage": answer, "ListPeers": peers()}

    words = selat("policy", "explain", ID, "--peer", "police.xb.example").out

    assert says in words.partition("Until now: ")[2]
    document = selat("policy", "explain", ID, "--json").json
    assert says in document["answers"][0]["standing"]
    assert document["answers"][1]["standing"] is None


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        (pb.OUTBOX_STATE_REFUSED, "refused"),
        (pb.OUTBOX_STATE_QUARANTINED, "quarantined"),
    ],
)
def test_rules_of_the_peer_that_refused_it_are_told(
    selat: Command, desk: FakeDesk, state: pb.OutboxState.ValueType, outcome: str
) -> None:
    answer = found()
    answer.outbox.append(entry(state, reason="NOT_RATIFIED"))
    leaf = replace(RECEIPT, outcome=outcome, policies=("rules/not-yet",))
    receipt = pb.LeafEvidence(leaf=leaf.encode())
    desk.answers = {
        "GetMessage": answer,
        "ListPeers": peers(),
        "GetEvidence": pb.GetEvidenceResponse(
            exchanges=[pb.ExchangeEvidence(receipt=receipt)]
        ),
    }

    words = selat("policy", "explain", ID, "--peer", "police.xb.example").out
    assert "(NOT_RATIFIED by its rules/not-yet)" in words
    (asked,) = desk.asked(pb.GetEvidenceRequest)
    assert asked.peer == "police.xb.example"

    desk.answers["GetEvidence"] = pb.GetEvidenceResponse()
    words = selat("policy", "explain", ID, "--peer", "police.xb.example").out
    assert "(NOT_RATIFIED)" in words


def test_approval_that_stands_in_the_log_is_counted(
    selat: Command, desk: FakeDesk, draft: Path
) -> None:
    minor = found(safeguards=[message_pb2.SAFEGUARD_MINOR])
    minor.outbox.append(entry(pb.OUTBOX_STATE_ACCEPTED, approved="two-person"))
    incoming = found(incoming=True)
    incoming.message.header.marking.handling.append(message_pb2.HANDLING_CODE_H3)
    incoming.reviews.add(act=pb.REVIEW_ACT_APPROVE, officer="b.tan")
    desk.answers = {
        "GetMessage": lambda request: incoming if request.originator else minor,
        "ListPeers": peers(),
        "ListOutbox": pb.ListOutboxResponse(entries=minor.outbox),
        "SearchMessages": pb.SearchMessagesResponse(
            messages=[pb.FoundMessage(info=incoming.info)]
        ),
    }
    selat("policy", "activate", draft)
    shutil.rmtree(draft)
    shutil.copytree(selat.home / "policy", draft)
    (draft / "rules" / "no-minors.cedar").write_text(
        '@id("rules/no-minors") @title("No child") @principle("Ours")'
        'forbid (principal, action in Action::"leave", resource)'
        'when { resource.safeguards.contains("minor") };'
    )

    (change,) = selat("policy", "simulate", draft, "--json").json["changes"]
    assert (change["before"], change["after"]) == ("permit", "withhold")
    answer = selat("policy", "explain", ID, "--json").json["answers"][0]
    assert (answer["effect"], answer["approved"]) == (
        "permit",
        ["baseline/minors-held"],
    )
    assert "✓ What tells of a child waits for a second person: one has" in (
        selat("policy", "explain", ID).out
    )


@pytest.mark.parametrize(
    ("holding", "says"),
    [
        ("current", "It was accepted."),
        ("quarantined", "It is in quarantine"),
        ("refused", "A reviewer refused it."),
    ],
)
def test_explanation_of_what_came_in_ends_with_what_became_of_it(
    selat: Command, desk: FakeDesk, holding: str, says: str
) -> None:
    answer = found(incoming=True)
    answer.info.holding = holding
    desk.answers = {"GetMessage": answer, "ListPeers": peers()}

    words = selat("policy", "explain", ID, "--peer", "police.xb.example").out
    assert f"Until now: {says}" in words


def test_peer_that_is_none_is_not_explained(selat: Command, desk: FakeDesk) -> None:
    desk.answers = {"GetMessage": found(), "ListPeers": peers()}

    assert selat("policy", "explain", str(ID), "--peer", "police.xd.example").code == 1


def test_erased_message_cannot_be_explained(selat: Command, desk: FakeDesk) -> None:
    desk.answers = {"GetMessage": pb.GetMessageResponse(), "ListPeers": peers()}
    ended = selat("policy", "explain", str(ID))

    assert ended.code == 1
    assert "were erased" in ended.err


def test_draft_is_compared(selat: Command, draft: Path, home: Path) -> None:
    assert "says the same" in selat("policy", "diff", home / "policy").out
    assert "Agreement on drugs" in selat("policy", "diff", draft).out
    found_ = selat("policy", "diff", draft, "--json").json["differences"]
    assert {(each["kind"], each["change"]) for each in found_} == {
        ("agreement", "added"),
        ("file", "added"),
    }


def test_draft_is_tried_on_recent_exchanges(
    selat: Command, desk: FakeDesk, draft: Path
) -> None:
    desk.answers = {
        "GetMessage": found(),
        "ListPeers": peers(),
        "ListOutbox": pb.ListOutboxResponse(
            entries=[
                pb.OutboxEntry(id=ID.bytes, version=1, peer=f"police.{code}.example")
                for code in ("xb", "xc", "xd")
            ]
        ),
        "SearchMessages": pb.SearchMessagesResponse(
            messages=[
                pb.FoundMessage(info=each.info, message=each.message)
                for each in [found(incoming=True)]
            ]
        ),
    }
    document = selat("policy", "simulate", draft, "--json").json

    assert document["decided"] == 3
    (change,) = document["changes"]
    assert (change["peer"], change["before"], change["after"]) == (
        "police.xb.example",
        "withhold",
        "permit",
    )
    assert change["policies_after"] == ["agreements/xa-xb/1/XB/drugs"]
    assert "Of 3 decisions, 1 would" in selat("policy", "simulate", draft).out


def test_draft_is_put_in_place_with_the_release_list_of_the_node(
    selat: Command, draft: Path, home: Path
) -> None:
    (draft / "release.toml").unlink()
    (home / "policy" / "notes.txt").write_text("ours")
    ended = selat("policy", "activate", draft, "--json")

    assert ended.code == 0, ended.err
    assert ended.json["agreements"] == 1
    assert (home / "policy" / "agreements" / "xa-xb.toml").read_text() == AGREEMENT
    assert (home / "policy" / "release.toml").is_file()
    assert (home / "policy" / "notes.txt").read_text() == "ours"
    assert not list((home / "policy.before" / "agreements").iterdir())
    assert selat("policy", "check", "--json").json["digest"] == ended.json["digest"]


def test_draft_that_fails_changes_nothing(
    selat: Command, draft: Path, home: Path
) -> None:
    (draft / "baseline" / "5-persons.cedar").unlink()
    ended = selat("policy", "activate", draft)

    assert ended.code == 6
    assert "5-persons.cedar is missing" in ended.err
    assert not list((home / "policy" / "agreements").iterdir())


def test_draft_that_is_not_there_is_named(selat: Command, tmp_path: Path) -> None:
    ended = selat("policy", "activate", tmp_path / "nothing")

    assert ended.code == 2
    assert "There is no policy folder" in ended.err


def test_baseline_is_restored(selat: Command, home: Path) -> None:
    persons = home / "policy" / "baseline" / "5-persons.cedar"
    persons.write_text("")
    (home / "policy" / "baseline" / "own.cedar").write_text("")
    assert selat("policy", "check").code == 6

    ended = selat("policy", "activate", "--restore-baseline")
    assert ended.code == 0, ended.err
    assert "victims-held" in persons.read_text()
    assert selat("policy", "check").code == 0


def test_activation_needs_a_draft_or_the_baseline(selat: Command, draft: Path) -> None:
    assert selat("policy", "activate").code == 2
    assert selat("policy", "activate", draft, "--restore-baseline").code == 2


def test_policy_of_another_host_is_not_worked_on(selat: Command) -> None:
    ended = selat("policy", "check", "--desk", "127.0.0.1:1")

    assert ended.code == 2
    assert "folder of this host" in ended.err
