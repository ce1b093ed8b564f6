# SPDX-License-Identifier: Apache-2.0
"""`selat export` at a desk that answers as told."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import UUID

import pytest
from tests.fakes.command import Command, Ended
from tests.fakes.desk import FakeDesk
from tests.fakes.nodes import person

from selat.cli.contents import messages_of
from selat.errors import PolicyDeniedError
from selat.v1 import desk_service_pb2 as pb
from selat.v1 import message_pb2

ID = UUID("0198f2f0-7a3b-7c11-9a55-0242ac120002")


@pytest.fixture
def answered(desk: FakeDesk) -> FakeDesk:
    message = person()
    message.header.id = ID.bytes
    desk.answers["ExportMessage"] = pb.ExportMessageResponse(
        info=pb.MessageInfo(id=ID.bytes, version=1),
        message=message,
        leaf_index=7,
        policies=["rules/export"],
    )
    return desk


def export(selat: Command, file: Path, *more: str) -> Ended:
    options = ("--purpose", "investigation", "--output", file)
    return selat("export", ID, *options, *more)


def test_message_is_written_in_the_form_in_which_it_is_published(
    selat: Command, answered: FakeDesk, tmp_path: Path
) -> None:
    file = tmp_path / "out.json"
    ended = export(selat, file, "--version", "3", "--from", "police.xb.example")

    assert ended.code == 0, ended.err
    (asked,) = answered.asked(pb.ExportMessageRequest)
    assert (asked.id, asked.version) == (ID.bytes, 3)
    assert asked.originator == "police.xb.example"
    assert asked.purpose == message_pb2.PURPOSE_INVESTIGATION
    assert "leaf 7 of our log" in ended.out
    assert "rules/export" in ended.out
    assert file.stat().st_mode & 0o777 == 0o600
    (message,) = messages_of(file.read_bytes(), source="it")
    assert message.header.id == ID.bytes
    assert message.body.person.person.names[0].full == "Doe, John"


@pytest.mark.usefixtures("answered")
def test_program_is_told_where_and_by_which_policies(
    selat: Command, tmp_path: Path
) -> None:
    file = tmp_path / "out.json"
    document = export(selat, file, "--json").json

    assert document["id"] == str(ID)
    assert document["purpose"] == "investigation"
    assert document["leaf_index"] == 7
    assert document["policies"] == ["rules/export"]
    assert document["file"] == str(file)
    assert json.loads(file.read_text())["header"]["id"] == str(ID)


def test_file_that_is_there_is_not_written_over_and_nothing_is_asked(
    selat: Command, answered: FakeDesk, tmp_path: Path
) -> None:
    file = tmp_path / "out.json"
    file.write_text("ours")
    ended = export(selat, file)

    assert ended.code == 2
    assert "exists already" in ended.err
    assert file.read_text() == "ours"
    assert answered.asked(pb.ExportMessageRequest) == []


def test_purpose_that_is_none_is_told_with_those_there_are(
    selat: Command, answered: FakeDesk, tmp_path: Path
) -> None:
    file = tmp_path / "out.json"
    ended = selat("export", ID, "--purpose", "revenge", "--output", file)

    assert ended.code == 2
    assert "threat_to_life" in ended.err
    assert answered.asked(pb.ExportMessageRequest) == []


def test_denial_writes_no_file(selat: Command, desk: FakeDesk, tmp_path: Path) -> None:
    desk.answers["ExportMessage"] = PolicyDeniedError("Policy does not.")
    ended = export(selat, tmp_path / "out.json")

    assert ended.code == 4
    assert "POLICY_DENIED" in ended.err
    assert not (tmp_path / "out.json").exists()
