# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.fakes.command import Command
from tests.fakes.desk import FakeDesk

from selat.errors import (
    InvalidRecordError,
    NotFoundError,
    RoleMissingError,
    StoreFullError,
    Violation,
)
from selat.v1 import desk_service_pb2 as pb
from selat.v1 import message_pb2, options_pb2

ID = UUID("0198f2f0-7a3b-7c11-9a55-0242ac120002")
MESSAGE: dict[str, Any] = {
    "header": {"category": "terrorism", "title": "A made-up person"},
    "body": {"person": {"person": {"names": [{"full": "Jane Sample"}]}}},
}


def info(number: int = 7, **changes: Any) -> pb.MessageInfo:  # noqa: ANN401 - any field
    made = pb.MessageInfo(
        number=number,
        id=ID.bytes,
        version=1,
        direction=pb.MESSAGE_DIRECTION_IN,
        originator="police.xb.example",
        category="terrorism",
        record_type="person",
        status="current",
        urgency="routine",
        level="restricted",
        tlp="amber",
        holding="current",
    )
    made.stored_at.FromDatetime(datetime(2026, 1, 31, 8, tzinfo=UTC))
    made.MergeFrom(pb.MessageInfo(**changes))
    return made


def message(title: str = "A made-up person") -> message_pb2.Message:
    made = message_pb2.Message()
    made.header.id = ID.bytes
    made.header.title = title
    made.body.person.person.names.add(full="Jane Sample")
    return made


def found(number: int = 7, title: str = "A made-up person") -> pb.FoundMessage:
    return pb.FoundMessage(info=info(number), message=message(title))


def published(request: pb.PublishRequest) -> pb.PublishResponse:
    return pb.PublishResponse(
        messages=[
            pb.PublishedMessage(
                id=ID.bytes, version=1, recipients=["police.xb.example"]
            )
            for _ in request.messages
        ]
    )


# --- publish -----------------------------------------------------------------


def test_one_message_is_published_from_a_file(
    selat: Command, desk: FakeDesk, tmp_path: Path
) -> None:
    desk.answers["Publish"] = published
    file = tmp_path / "message.json"
    file.write_text(json.dumps(MESSAGE, indent=2))

    ended = selat("publish", file)

    assert ended.code == 0
    assert ended.out == f"{ID} → police.xb.example\n"
    [request] = desk.asked(pb.PublishRequest)
    [sent] = request.messages
    assert sent.header.title == "A made-up person"
    assert sent.body.person.person.names[0].full == "Jane Sample"


def test_messages_are_published_from_standard_input_as_json_lines(
    selat: Command, desk: FakeDesk
) -> None:
    desk.answers["Publish"] = published
    lines = "\n".join(json.dumps(MESSAGE) for _ in range(3))

    ended = selat("publish", "-", "--json", stdin=lines)

    assert ended.code == 0
    assert (
        ended.json["messages"]
        == [
            {
                "id": str(ID),
                "version": 1,
                "recipients": ["police.xb.example"],
                "warnings": [],
                "duplicate": False,
            }
        ]
        * 3
    )


def test_many_messages_are_published_in_calls_of_a_hundred(
    selat: Command, desk: FakeDesk
) -> None:
    desk.answers["Publish"] = published

    ended = selat("publish", "-", stdin=json.dumps(MESSAGE) * 230)

    sizes = [len(each.messages) for each in desk.asked(pb.PublishRequest)]
    assert sizes == [100, 100, 30]
    assert ended.out == (
        "Published 230 messages for 1 peer; 0 duplicates, 0 warnings.\n"
    )


def test_a_failure_midway_tells_what_was_published(
    selat: Command, desk: FakeDesk
) -> None:
    full = StoreFullError("The disk is full.", remedy="Free some space.")

    def once(request: pb.PublishRequest) -> pb.PublishResponse:
        desk.answers["Publish"] = full
        return published(request)

    desk.answers["Publish"] = once

    ended = selat("publish", "-", stdin=json.dumps(MESSAGE) * 150)

    assert ended.code == 6
    assert ended.out.startswith("Published 100 messages")
    assert "50 messages of 150 were not published." in ended.err
    assert "error: The disk is full. [STORE_FULL]\n→ Free some space." in ended.err


def test_a_duplicate_a_message_for_nobody_and_warnings_are_told(
    selat: Command, desk: FakeDesk
) -> None:
    warning = pb.RecordWarning(
        path="body.person.documents[0].number",
        rule="mrz-check-digit",
        message="The check digit does not hold.",
    )
    desk.answers["Publish"] = pb.PublishResponse(
        messages=[
            pb.PublishedMessage(id=ID.bytes, version=2, duplicate=True),
            pb.PublishedMessage(id=ID.bytes, version=1, warnings=[warning]),
        ]
    )

    ended = selat("publish", "-", stdin=json.dumps(MESSAGE) * 2)

    assert f"{ID} v2 was published before; nothing was done." in ended.out
    assert f"{ID} is kept; no peer is to receive it." in ended.out
    assert "body.person.documents[0].number: The check digit" in ended.err


def test_broken_rules_are_listed_field_by_field(selat: Command, desk: FakeDesk) -> None:
    desk.answers["Publish"] = InvalidRecordError(
        (Violation(path="header.category", rule="required", message="It is missing."),)
    )

    human = selat("publish", "-", stdin=json.dumps(MESSAGE))
    program = selat("publish", "-", "--json", stdin=json.dumps(MESSAGE))

    assert human.code == program.code == 2
    assert "  header.category: It is missing.\n" in human.err
    assert program.error["reason"] == "INVALID_RECORD"
    assert program.error["violations"] == [
        {"path": "header.category", "rule": "required", "message": "It is missing."}
    ]


def test_a_file_that_is_no_message_is_refused_before_any_call(
    selat: Command, desk: FakeDesk
) -> None:
    ended = selat("publish", "-", stdin='{"header": {"urgency": "SOON"}}')

    assert ended.code == 2
    assert 'header.urgency: "SOON" is none of its values' in ended.err
    assert desk.requests == []


# --- inbox and watch ---------------------------------------------------------


def test_the_inbox_shows_what_nobody_has_in_hand(
    selat: Command, desk: FakeDesk
) -> None:
    desk.answers["SearchMessages"] = pb.SearchMessagesResponse(messages=[found()])

    ended = selat("inbox")

    [request] = desk.asked(pb.SearchMessagesRequest)
    assert request.unacknowledged
    assert request.direction == pb.MESSAGE_DIRECTION_IN
    assert ended.code == 0
    for shown in (
        "7",
        "2026-01-31 08:00Z",
        "police.xb.example",
        "terrorism",
        "restricted tlp:amber",
        "A made-up person",
        str(ID),
    ):
        assert shown in ended.out


def test_the_inbox_as_json_has_stable_keys(selat: Command, desk: FakeDesk) -> None:
    desk.answers["SearchMessages"] = pb.SearchMessagesResponse(messages=[found()])

    [entry] = selat("inbox", "--all", "--json").json["messages"]
    [full] = selat("inbox", "--contents", "--json").json["messages"]

    assert entry["number"] == 7
    assert entry["id"] == str(ID)
    assert entry["direction"] == "in"
    assert entry["stored_at"] == "2026-01-31T08:00:00.000Z"
    assert entry["acknowledged_at"] is None
    assert "message" not in entry
    assert full["message"]["header"]["id"] == str(ID)
    assert not desk.asked(pb.SearchMessagesRequest)[0].unacknowledged


def test_pages_are_read_until_the_limit(selat: Command, desk: FakeDesk) -> None:
    def page(request: pb.SearchMessagesRequest) -> pb.SearchMessagesResponse:
        count = min(request.page_size, 400)
        return pb.SearchMessagesResponse(
            messages=[found(number) for number in range(count)], next_page_token="more"
        )

    desk.answers["SearchMessages"] = page

    ended = selat("search", "--limit", 700, "--json")

    assert len(ended.json["messages"]) == 700
    requests = desk.asked(pb.SearchMessagesRequest)
    assert [each.page_token for each in requests] == ["", "more"]
    assert [each.page_size for each in requests] == [500, 300]


def test_an_empty_inbox_says_so(selat: Command, desk: FakeDesk) -> None:
    desk.answers["SearchMessages"] = pb.SearchMessagesResponse()

    assert selat("inbox").out == "Nothing waits. All of it: --all\n"
    assert selat("inbox", "--all").out == "Nothing has arrived.\n"
    assert selat("inbox", "--json").json == {"messages": []}


def test_a_message_is_taken_in_hand_once(selat: Command, desk: FakeDesk) -> None:
    taken = info(acknowledged_by="jane")
    taken.acknowledged_at.FromDatetime(datetime(2026, 1, 31, 9, tzinfo=UTC))
    desk.answers["AcknowledgeMessage"] = pb.AcknowledgeMessageResponse(
        first=True, info=taken
    )
    first = selat("inbox", "--ack", 7)
    desk.answers["AcknowledgeMessage"] = pb.AcknowledgeMessageResponse(
        first=False, info=taken
    )
    second = selat("inbox", "--ack", 7)
    program = selat("inbox", "--ack", 7, "--json")

    assert first.out == "Message 7 is in your hands.\n"
    assert second.out == "jane has had message 7 in hand since 2026-01-31 09:00Z.\n"
    assert program.json["first"] is False
    assert program.json["info"]["acknowledged_by"] == "jane"


def test_watch_prints_messages_and_no_signs_of_life(
    selat: Command, desk: FakeDesk
) -> None:
    desk.answers["Subscribe"] = [
        pb.SubscribeResponse(cursor=6),
        pb.SubscribeResponse(cursor=7, info=info(), message=message()),
        pb.SubscribeResponse(cursor=8, info=info(8, urgency="flash")),
    ]

    human = selat("watch", "--after", 5)
    program = selat("watch", "--json", "--category", "terrorism", "--count", 1)

    assert human.code == program.code == 0
    first, second = human.out.splitlines()
    assert first.split()[0] == "7"
    assert "A made-up person" in first
    assert "FLASH" in second
    [line] = program.lines
    assert line["cursor"] == 7
    requests = desk.asked(pb.SubscribeRequest)
    assert requests[0].after == 5
    assert list(requests[1].categories) == ["terrorism"]


def test_watch_refuses_a_cursor_for_what_is_new(selat: Command) -> None:
    ended = selat("watch", "--new", "--after", 3)

    assert ended.code == 2
    assert "exclude each other" in ended.err


# --- search and show ---------------------------------------------------------


def test_search_sends_values_kind_and_conditions(
    selat: Command, desk: FakeDesk
) -> None:
    desk.answers["SearchMessages"] = pb.SearchMessagesResponse(messages=[found()])

    ended = selat(
        *("search", "P1234567", "--kind", "passport", "--category", "terrorism"),
        *("--type", "travel-document", "--from", "police.xb.example"),
        *("--since", "2026-01-31", "--past", "--limit", 1),
        *("--until", "2026-02-28", "--status", "Delisted"),
    )

    [request] = desk.asked(pb.SearchMessagesRequest)
    [selector] = request.selectors
    assert selector.kind == options_pb2.SELECTOR_KIND_DOCUMENT
    assert selector.value == "P1234567"
    assert request.record_type == "travel_document"
    assert request.originator == "police.xb.example"
    assert request.include_past
    assert request.stored_from.ToDatetime() == datetime(2026, 1, 31)  # noqa: DTZ001 - protobuf's own
    assert request.stored_until.ToDatetime() == datetime(2026, 2, 28)  # noqa: DTZ001 - protobuf's own
    assert request.status == "delisted"
    assert "These are the newest 1; more with --limit." in ended.err


def test_search_reads_values_from_standard_input(
    selat: Command, desk: FakeDesk
) -> None:
    desk.answers["SearchMessages"] = pb.SearchMessagesResponse()

    ended = selat("search", "-", stdin="P1234567\n\n +60 12 \n")

    [request] = desk.asked(pb.SearchMessagesRequest)
    assert [each.value for each in request.selectors] == ["P1234567", "+60 12"]
    assert ended.out == "No message matches.\n"


def test_an_unknown_kind_of_selector_is_refused_with_the_known_ones(
    selat: Command,
) -> None:
    ended = selat("search", "x", "--kind", "religion")

    assert ended.code == 2
    assert "There is no kind of selector 'religion'." in ended.err
    assert "passport" in ended.err


def test_show_prints_header_body_and_outbox(selat: Command, desk: FakeDesk) -> None:
    shown = message()
    shown.header.originator.agency = "Police of XB"
    shown.header.marking.handling.append(message_pb2.HANDLING_CODE_H2)
    shown.header.purposes.append(message_pb2.PURPOSE_BORDER_CHECK)
    shown.header.evaluation.source = message_pb2.SOURCE_CODE_B
    shown.header.evaluation.information_grade = message_pb2.INFORMATION_GRADE_3
    desk.answers["GetMessage"] = pb.GetMessageResponse(
        info=info(warning_count=1),
        message=shown,
        outbox=[
            pb.OutboxEntry(
                number=3,
                id=ID.bytes,
                version=1,
                peer="police.xc.example",
                state=pb.OUTBOX_STATE_REFUSED,
                reason="POLICY_DENIED",
            )
        ],
    )

    ended = selat("show", str(ID).upper(), "--from", "police.xb.example")

    assert ended.code == 0
    for text in (
        "A made-up person",
        "Police of XB",
        "H2",
        "border check",
        "4x4 B?, 6x6 ?3",
        "nobody",
        "1 check digit or the like do not hold",
        "Jane Sample",
        "police.xc.example",
        "refused",
        "POLICY_DENIED",
    ):
        assert text in ended.out, text
    [request] = desk.asked(pb.GetMessageRequest)
    assert request.id == ID.bytes
    assert request.originator == "police.xb.example"


def test_what_show_prints_as_json_can_be_published(
    selat: Command, desk: FakeDesk
) -> None:
    desk.answers["GetMessage"] = pb.GetMessageResponse(info=info(), message=message())
    desk.answers["Publish"] = published

    document = selat("show", ID, "--json").json
    selat("publish", "-", stdin=json.dumps(document["message"]))

    assert document["outbox"] == []
    assert document["verified_exchanges"] is None
    assert desk.asked(pb.PublishRequest)[0].messages[0] == message()


def test_show_says_that_contents_were_erased(selat: Command, desk: FakeDesk) -> None:
    desk.answers["GetMessage"] = pb.GetMessageResponse(info=info(holding="erased"))

    human = selat("show", ID)
    program = selat("show", ID, "--json")

    assert "Its contents were erased" in human.out
    assert program.json["message"] is None


def test_a_peer_cannot_write_to_the_terminal(selat: Command, desk: FakeDesk) -> None:
    hostile = "\x1b[2Jgone\u202ereversed\x9b"
    desk.answers["GetMessage"] = pb.GetMessageResponse(
        info=info(), message=message(hostile)
    )
    desk.answers["SearchMessages"] = pb.SearchMessagesResponse(
        messages=[found(title=hostile)]
    )

    for ended in (selat("show", ID), selat("inbox")):
        assert "gone" in ended.out
        assert not {"\x1b", "\u202e", "\x9b"} & set(ended.out)


def test_markup_of_a_peer_is_text(selat: Command, desk: FakeDesk) -> None:
    desk.answers["SearchMessages"] = pb.SearchMessagesResponse(
        messages=[found(title="[bold red]urgent[/]")]
    )

    assert "[bold red]urgent[/]" in selat("inbox").out


def test_an_identifier_must_be_a_uuid(selat: Command) -> None:
    for text in ("7", str(ID)[:-1], ID.hex, "{" + str(ID) + "}"):
        ended = selat("show", text)
        assert ended.code == 2
        assert "That is no message identifier. [MALFORMED]" in ended.err


# --- outbox ------------------------------------------------------------------


def entry(state: pb.OutboxState.ValueType, **changes: Any) -> pb.OutboxEntry:  # noqa: ANN401 - any field
    return pb.OutboxEntry(
        number=11,
        id=ID.bytes,
        version=2,
        category="terrorism",
        record_type="travel_document",
        peer="police.xb.example",
        state=state,
        urgency="routine",
        **changes,
    )


def test_the_outbox_lists_entries(selat: Command, desk: FakeDesk) -> None:
    desk.answers["ListOutbox"] = pb.ListOutboxResponse(
        entries=[
            entry(pb.OUTBOX_STATE_DEAD, attempts=3, reason="CARD_EXPIRED"),
            entry(pb.OUTBOX_STATE_QUEUED),
        ]
    )

    human = selat("outbox", "list", "--state", "dead", "--peer", "police.xb.example")
    program = selat("outbox", "list", "--json")

    [request, _] = desk.asked(pb.ListOutboxRequest)
    assert request.state == pb.OUTBOX_STATE_DEAD
    assert request.peer == "police.xb.example"
    assert "dead after 3 attempts" in human.out
    assert "CARD_EXPIRED" in human.out
    assert f"{ID} v2" in human.out
    assert [each["state"] for each in program.json["entries"]] == ["dead", "queued"]


def test_an_empty_outbox_says_so(selat: Command, desk: FakeDesk) -> None:
    desk.answers["ListOutbox"] = pb.ListOutboxResponse()
    desk.answers["GetMessage"] = pb.GetMessageResponse(info=info())

    assert selat("outbox", "list").out == "Nothing is on its way.\n"
    assert selat("outbox", "show", ID).out == "This message was not published here.\n"


def test_outbox_show_tells_where_one_message_stands(
    selat: Command, desk: FakeDesk
) -> None:
    desk.answers["GetMessage"] = pb.GetMessageResponse(
        info=info(), outbox=[entry(pb.OUTBOX_STATE_ACCEPTED)]
    )

    assert "accepted" in selat("outbox", "show", ID).out
    [shown] = selat("outbox", "show", ID, "--json").json["entries"]
    assert shown["sequence"] == 0
    assert shown["settled_at"] is None


def test_dead_letters_are_retried_by_number_or_by_peer(
    selat: Command, desk: FakeDesk
) -> None:
    desk.answers["RetryOutbox"] = pb.RetryOutboxResponse(numbers=[11, 12])

    by_number = selat("outbox", "retry", 11, 12)
    by_peer = selat("outbox", "retry", "--peer", "police.xb.example", "--json")
    neither = selat("outbox", "retry")

    assert by_number.out == "Queued 2 entries again.\n"
    assert by_peer.json == {"numbers": [11, 12]}
    assert neither.code == 2
    first, second = desk.asked(pb.RetryOutboxRequest)
    assert list(first.numbers) == [11, 12]
    assert second.peer == "police.xb.example"


# --- errors ------------------------------------------------------------------


def test_what_the_node_answers_becomes_the_exit_code(
    selat: Command, desk: FakeDesk
) -> None:
    for error, code in (
        (NotFoundError("There is no such message."), 1),
        (RoleMissingError("The caller is no officer."), 4),
    ):
        desk.answers["GetMessage"] = error
        ended = selat("show", ID, "--json")
        assert ended.code == code
        assert ended.out == ""
        assert ended.error == {
            "reason": error.reason,
            "message": error.message,
            "remedy": "",
            "exit_code": code,
            "context": {},
        }


def test_a_node_that_does_not_answer_has_an_exit_code_of_its_own(
    selat: Command, tmp_path: Path
) -> None:
    for name in ("officer.pem", "officer.key", "officer.ca.pem"):
        (tmp_path / name).write_text("-----BEGIN CERTIFICATE-----\n")

    ended = selat(
        *("--desk", "127.0.0.1:9", "--certificate", tmp_path / "officer.pem"),
        *("--key", tmp_path / "officer.key", "--ca", tmp_path / "officer.ca.pem"),
        *("show", ID),
    )

    assert ended.code == 3
    assert "error: The node does not answer. [NODE_UNREACHABLE]" in ended.err


# --- narrow terminals --------------------------------------------------------


def test_lists_fit_a_narrow_terminal_and_keep_identifiers_whole(
    selat: Command, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("selat.cli.output._PIPE_WIDTH", 80)
    desk.answers["SearchMessages"] = pb.SearchMessagesResponse(
        messages=[pb.FoundMessage(info=info(urgency="flash", status="delisted"))]
    )
    desk.answers["ListOutbox"] = pb.ListOutboxResponse(
        entries=[entry(pb.OUTBOX_STATE_DEAD, reason="CARD_EXPIRED")]
    )

    messages = selat("inbox")
    outbox = selat("outbox", "list")

    for ended in (messages, outbox):
        assert max(map(len, ended.out.splitlines())) <= 80
        assert str(ID) in ended.out
    assert "flash delisted" in messages.out
    assert "CARD_EXPIRED" in outbox.out


def test_a_limit_that_was_reached_is_said(selat: Command, desk: FakeDesk) -> None:
    desk.answers["SearchMessages"] = pb.SearchMessagesResponse(messages=[found()])
    desk.answers["ListOutbox"] = pb.ListOutboxResponse(
        entries=[entry(pb.OUTBOX_STATE_QUEUED)]
    )

    for arguments in (["inbox"], ["outbox", "list"], ["search"]):
        ended = selat(*arguments, "--limit", 1)
        assert "These are the newest 1; more with --limit." in ended.err


def test_no_dead_letters_are_said_to_be_none(selat: Command, desk: FakeDesk) -> None:
    desk.answers["RetryOutbox"] = pb.RetryOutboxResponse()

    ended = selat("outbox", "retry", "--peer", "police.xb.example")

    assert ended.out == "There was no dead letter.\n"


# --- desks elsewhere ---------------------------------------------------------


def test_a_desk_elsewhere_needs_all_three_files(selat: Command, tmp_path: Path) -> None:
    ended = selat("--desk", "127.0.0.1:9", "--ca", tmp_path / "ca", "inbox")

    assert ended.code == 2
    assert "needs --certificate, --key and --ca" in ended.err


def test_files_that_are_no_certificates_are_named(
    selat: Command, tmp_path: Path
) -> None:
    no_pem = tmp_path / "no.pem"
    no_pem.write_text("nothing")

    for file, why in (
        (no_pem, "is not a PEM file"),
        (tmp_path / "missing", "cannot be read: No such file"),
    ):
        ended = selat(
            *("--desk", "127.0.0.1:9", "--certificate", file, "--key", file),
            *("--ca", file, "inbox"),
        )
        assert ended.code == 6
        assert why in ended.err
