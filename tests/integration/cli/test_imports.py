# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
from tests.fakes.command import Command
from tests.fakes.desk import FakeDesk
from tests.fakes.identities import make_identity
from tests.unit.importers.un_list.samples import list_xml, persons_xml

from selat.errors import StoreFullError
from selat.identity.card import SignedCard
from selat.v1 import desk_service_pb2 as pb


class Remembering:
    """Let a desk keep import states and take all that is published."""

    def __init__(self, desk: FakeDesk, card: SignedCard) -> None:
        self.state = b""
        self.states = 0
        desk.answers["GetOwnCard"] = pb.GetOwnCardResponse(envelope=card.envelope)
        desk.answers["GetImportState"] = lambda _: pb.GetImportStateResponse(
            state=self.state
        )
        desk.answers["PutImportState"] = self._put
        desk.answers["Publish"] = self.publish

    def _put(self, request: pb.PutImportStateRequest) -> pb.PutImportStateResponse:
        self.state = request.state
        self.states += 1
        return pb.PutImportStateResponse()

    def publish(self, request: pb.PublishRequest) -> pb.PublishResponse:
        return pb.PublishResponse(
            messages=[
                pb.PublishedMessage(id=uuid4().bytes, version=1)
                for _ in request.messages
            ]
        )


@pytest.fixture
def remembering(desk: FakeDesk, tmp_path: Path) -> Remembering:
    return Remembering(desk, make_identity(tmp_path / "keys").card)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "list.xml"
    path.write_bytes(list_xml())
    return path


@pytest.mark.usefixtures("remembering")
def test_a_list_is_published_once(selat: Command, desk: FakeDesk, file: Path) -> None:
    first = selat("import", "un-list", file, "--json", "--to", "police.xb.example")
    second = selat("import", "un-list", file, "--json")

    assert first.code == second.code == 0
    assert (first.json["new"], first.json["published"]) == (2, 2)
    assert (second.json["unchanged"], second.json["published"]) == (2, 0)
    assert first.json["generated"] == "2026-02-27T00:00:09.554Z"
    [request] = desk.asked(pb.PublishRequest)
    assert list(request.messages[0].header.recipients) == ["police.xb.example"]


def test_a_dry_run_publishes_and_remembers_nothing(
    selat: Command, desk: FakeDesk, remembering: Remembering, file: Path
) -> None:
    ended = selat("import", "un-list", file, "--dry-run")

    assert ended.code == 0
    assert "new        2\n" in ended.out
    assert "Nothing was published (--dry-run)." in ended.out
    assert not desk.asked(pb.PublishRequest)
    assert remembering.state == b""


@pytest.mark.usefixtures("remembering")
def test_what_was_not_understood_is_shown(selat: Command, file: Path) -> None:
    program = selat("import", "un-list", file, "--json", "--dry-run")
    human = selat("import", "un-list", file)

    assert "country-without-code" in human.out
    assert "Examplia" in human.out
    assert "Published 2 messages." in human.out
    [rule] = {
        each["rule"]
        for each in program.json["not_understood"]
        if "Examplia" in each["examples"]
    }
    assert rule == "country-without-code"


def test_an_import_that_stopped_goes_on_where_it_stopped(
    selat: Command, desk: FakeDesk, remembering: Remembering, tmp_path: Path
) -> None:
    file = tmp_path / "long.xml"
    file.write_bytes(persons_xml(150))

    def once(request: pb.PublishRequest) -> pb.PublishResponse:
        desk.answers["Publish"] = StoreFullError("The disk is full.")
        return remembering.publish(request)

    desk.answers["Publish"] = once

    stopped = selat("import", "un-list", file)
    desk.answers["Publish"] = remembering.publish
    went_on = selat("import", "un-list", file, "--json")

    assert stopped.code == 6
    assert remembering.states == 2
    assert went_on.json["published"] == 50
    assert went_on.json["unchanged"] == 100


@pytest.mark.usefixtures("remembering")
def test_an_older_list_needs_force(selat: Command, file: Path, tmp_path: Path) -> None:
    older = tmp_path / "older.xml"
    older.write_bytes(list_xml(generated="2025-02-27T00:00:00.000Z"))
    selat("import", "un-list", file)

    refused = selat("import", "un-list", older)
    forced = selat("import", "un-list", older, "--force")

    assert refused.code == 1
    assert "a newer one" in refused.err
    assert forced.code == 0


@pytest.mark.usefixtures("remembering")
def test_entries_left_out_are_counted_aloud(selat: Command, tmp_path: Path) -> None:
    file = tmp_path / "nameless.xml"
    nameless = "<INDIVIDUAL><DATAID>9</DATAID></INDIVIDUAL>"
    file.write_bytes(list_xml(persons=nameless))

    human = selat("import", "un-list", file, "--dry-run")

    assert "1 entry could not be read and were left out." in human.out


@pytest.mark.usefixtures("remembering")
def test_the_state_uses_its_own_catalogue(
    selat: Command, home: Path, file: Path
) -> None:
    (home / "policy").mkdir()
    (home / "policy" / "categories.toml").write_text("version = 0")

    assert selat("import", "un-list", file).code == 6


def test_a_file_that_is_no_list_is_refused(
    selat: Command, desk: FakeDesk, tmp_path: Path
) -> None:
    file = tmp_path / "no.xml"
    file.write_text("<html/>")

    assert selat("import", "un-list", file).code == 2
    assert selat("import", "un-list", tmp_path / "missing.xml").code == 1
    assert desk.requests == []
