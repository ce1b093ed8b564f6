# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.unit.importers.un_list.samples import (
    NOW,
    list_xml,
    open_list,
    persons_xml,
    some_publisher,
)

from selat.errors import MalformedError, NotFoundError, WrongStateError
from selat.importers.un_list.changes import Change
from selat.importers.un_list.importing import (
    Progress,
    Publication,
    plan_import,
    read_un_list,
    to_messages,
)
from selat.importers.un_list.reader import UnList
from selat.importers.un_list.report import ReadingReport, Rule
from selat.importers.un_list.state import ImportState
from selat.records.inspection import inspect
from selat.records.schema import Schema
from selat.v1 import message_pb2

LATER = "2026-03-06T00:00:00Z"


def run(
    xml: bytes,
    state: ImportState | None = None,
    *,
    now: datetime = NOW,
    force: bool = False,
    stop_after: int | None = None,
) -> tuple[list[Publication], ImportState]:
    """Import a list as a desk would; return what it published and the state."""
    un_list, publisher = open_list(xml), some_publisher()
    state = state or ImportState.empty()
    planned = plan_import(un_list, state, publisher, now=now, force=force)
    publications = []
    for publication in to_messages(un_list, planned, publisher):
        message = publication.message
        inspect(Schema(), message.header, message.body, strict=True)
        publications.append(publication)
        state = state.with_published(
            planned.generated, {publication.reference: publication.entry}
        )
        if len(publications) == stop_after:
            break
    # As a node keeps it.
    return publications, ImportState.from_json(state.to_json())


def test_list_is_opened_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "list.xml"
    path.write_bytes(list_xml())
    with read_un_list(path) as un_list:
        entries = list(un_list.entries(ReadingReport()))
    assert len(entries) == 2


def test_missing_file_is_told_with_a_remedy(tmp_path: Path) -> None:
    with (
        pytest.raises(NotFoundError, match="cannot be opened") as caught,
        read_un_list(tmp_path / "absent.xml"),
    ):
        pass
    assert caught.value.remedy


def test_first_import_publishes_all_and_the_second_nothing() -> None:
    first, state = run(list_xml())
    assert [each.reference for each in first] == ["QDi.901", "TAe.902"]
    assert {each.change for each in first} == {Change.NEW}
    again, _ = run(list_xml(generated=LATER), state)
    assert again == []


def test_changed_entry_is_published_alone_as_a_newer_version() -> None:
    _, state = run(list_xml())
    changed = list_xml(generated=LATER).replace(b"Made up", b"Thought up")
    [publication], _ = run(changed, state)
    header = publication.message.header
    assert publication.change is Change.CHANGED
    assert (header.version, header.supersedes.version) == (2, 1)
    assert header.supersedes.id == header.id == publication.entry.id


def test_entry_that_has_gone_is_published_as_delisted_without_its_data() -> None:
    _, state = run(persons_xml(12))
    [publication], state = run(persons_xml(11, generated=LATER), state)
    message = publication.message
    assert publication.change is Change.DELISTED
    assert message.header.status == message_pb2.RECORD_STATUS_DELISTED
    assert message.header.title == "QDi.012 PERSON QDi.012"
    person = message.body.person
    assert [name.full for name in person.person.names] == ["PERSON QDi.012"]
    assert person.listings[0].narrative == (
        "Not on the list that was generated on 2026-03-06."
    )
    assert not person.listings[0].delisted_on
    assert run(persons_xml(11, generated=LATER), state)[0] == []


def test_import_that_stopped_half_way_is_continued() -> None:
    first, state = run(persons_xml(12), stop_after=5)
    second, _ = run(persons_xml(12), state)
    references = [each.reference for each in first + second]
    assert references == [f"QDi.{n:03d}" for n in range(1, 13)]


def test_message_that_was_published_and_not_remembered_has_the_same_body() -> None:
    first, _ = run(list_xml())
    again, _ = run(list_xml(), now=NOW + timedelta(hours=1))
    for one, other in zip(first, again, strict=True):
        assert one.message.header.id == other.message.header.id
        assert one.message.header.version == other.message.header.version
        assert one.message.body == other.message.body


def test_older_list_is_refused_unless_forced() -> None:
    _, state = run(list_xml(generated=LATER))
    with pytest.raises(WrongStateError, match="a newer one"):
        run(list_xml(), state)
    assert run(list_xml(), state, force=True)[0] == []


def test_list_that_lost_a_regime_is_refused_unless_forced() -> None:
    _, state = run(persons_xml(30))
    with pytest.raises(WrongStateError, match="10 of 30"):
        run(persons_xml(20, generated=LATER), state)
    publications, _ = run(persons_xml(20, generated=LATER), state, force=True)
    assert len(publications) == 10


@pytest.mark.parametrize("force", [False, True])
def test_list_without_entries_is_refused_always(force: bool) -> None:  # noqa: FBT001 - parameter of a test
    _, state = run(persons_xml(2))
    for before in (None, state):
        with pytest.raises(MalformedError, match="no entry"):
            run(list_xml("", "", generated=LATER), before, force=force)


def test_record_is_renewed_before_it_expires() -> None:
    first, state = run(list_xml())
    expires = min(each.message.header.expires_at.ToDatetime(UTC) for each in first)
    early, _ = run(list_xml(), state, now=expires - timedelta(days=181))
    assert early == []
    renewed, _ = run(list_xml(), state, now=expires - timedelta(days=179))
    assert {each.change for each in renewed} == {Change.RENEWED}
    assert renewed[0].message.header.version == 2


def test_progress_counts_entries_and_messages() -> None:
    un_list, publisher = open_list(persons_xml(12)), some_publisher()
    planning: list[Progress] = []
    planned = plan_import(
        un_list, ImportState.empty(), publisher, now=NOW, on_progress=planning.append
    )
    assert [each.entries for each in planning] == list(range(1, 13))
    assert {each.messages for each in planning} == {0}
    making: list[Progress] = []
    for _ in to_messages(un_list, planned, publisher, on_progress=making.append):
        pass
    assert making[-1] == Progress(entries=12, messages=12)


def test_progress_counts_delistings_too() -> None:
    _, state = run(persons_xml(12))
    un_list, publisher = open_list(persons_xml(11, generated=LATER)), some_publisher()
    planned = plan_import(un_list, state, publisher, now=NOW)
    making: list[Progress] = []
    list(to_messages(un_list, planned, publisher, on_progress=making.append))
    assert making[-1] == Progress(entries=11, messages=1)


def test_report_tells_what_was_not_understood() -> None:
    un_list, publisher = open_list(list_xml()), some_publisher()
    planned = plan_import(un_list, ImportState.empty(), publisher, now=NOW)
    report = ReadingReport()
    list(to_messages(un_list, planned, publisher, report=report))
    assert {each.rule for each in report.findings} == {Rule.COUNTRY_WITHOUT_CODE}


@pytest.mark.parametrize(
    "later", [persons_xml(11), persons_xml(12).replace(b"N QDi", b"M QDi")]
)
def test_file_that_changes_under_the_import_is_noticed(later: bytes) -> None:
    source = io.BytesIO(persons_xml(12))
    un_list, publisher = UnList(source), some_publisher()
    planned = plan_import(un_list, ImportState.empty(), publisher, now=NOW)
    source.seek(0)
    source.truncate()
    source.write(later)
    with pytest.raises(WrongStateError, match="changed between"):
        list(to_messages(un_list, planned, publisher))


def test_recipients_are_those_of_the_publisher() -> None:
    un_list = open_list(list_xml())
    publisher = replace(some_publisher(), recipients=())
    planned = plan_import(un_list, ImportState.empty(), publisher, now=NOW)
    for publication in to_messages(un_list, planned, publisher):
        assert not publication.message.header.recipients
