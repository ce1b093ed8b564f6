# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import uuid
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.unit.importers.un_list.samples import (
    GROUP,
    NOW,
    list_xml,
    read_list,
    some_entry,
)

from selat.errors import WrongStateError
from selat.importers.un_list.changes import (
    Change,
    ImportTimes,
    Plan,
    check_newer,
    check_plausible,
    digest_of,
    plan,
)
from selat.importers.un_list.dates import PartialDate
from selat.importers.un_list.entries import Alias, AliasQuality, ListEntry
from selat.importers.un_list.record_ids import record_id
from selat.importers.un_list.report import ReadingReport, Rule
from selat.importers.un_list.state import ImportState

GENERATED = datetime(2026, 2, 27, tzinfo=UTC)
LATER = GENERATED + timedelta(days=7)
NODE = "police.aa.example"


def times(generated: datetime = GENERATED, now: datetime = NOW) -> ImportTimes:
    return ImportTimes(
        generated=generated, now=now, renew_before=now - timedelta(days=100)
    )


def entries(count: int) -> list[ListEntry]:
    return [
        some_entry(reference=f"QDi.{n:03d}", name=f"NAME {n}") for n in range(count)
    ]


def published(planned: Plan, state: ImportState | None = None) -> ImportState:
    """Return the state once everything in a plan was published."""
    steps = {reference: step.entry for reference, step in planned.steps.items()}
    return (state or ImportState.empty()).with_published(planned.generated, steps)


def first_import(listed: list[ListEntry]) -> ImportState:
    return published(plan({}, listed, times(), node=NODE))


def next_plan(state: ImportState, listed: list[ListEntry]) -> Plan:
    moment = NOW + timedelta(days=7)
    return plan(state.entries, listed, times(LATER, moment), node=NODE)


def test_first_import_publishes_every_entry() -> None:
    planned = plan({}, entries(3), times(), node=NODE)
    assert planned.references(Change.NEW) == ("QDi.000", "QDi.001", "QDi.002")
    assert {step.entry.version for step in planned.steps.values()} == {1}
    assert planned.unchanged == 0


def test_same_list_again_publishes_nothing() -> None:
    planned = next_plan(first_import(entries(3)), entries(3))
    assert not planned.steps
    assert planned.unchanged == 3


def test_changed_entry_is_published_as_the_next_version_of_its_record() -> None:
    state = first_import(entries(3))
    listed = entries(3)
    listed[1] = replace(listed[1], comments="Now said to be elsewhere.")
    planned = next_plan(state, listed)
    [(reference, step)] = planned.steps.items()
    before = state.entries[reference]
    assert (reference, step.change) == ("QDi.001", Change.CHANGED)
    assert (step.entry.version, step.entry.id) == (2, before.id)
    assert step.entry.digest != before.digest


def test_new_entry_is_published_alone() -> None:
    planned = next_plan(first_import(entries(3)), entries(4))
    assert planned.references(Change.NEW) == ("QDi.003",)
    assert len(planned.steps) == 1


def test_entry_that_has_gone_is_delisted_once() -> None:
    state = first_import(entries(12))
    planned = next_plan(state, entries(11))
    [(reference, step)] = planned.steps.items()
    assert (reference, step.change) == ("QDi.011", Change.DELISTED)
    assert step.entry.delisted
    assert step.entry.version == 2
    after = published(planned, state)
    assert not next_plan(after, entries(11)).steps


def test_entry_that_comes_back_is_published_again_unchanged_or_not() -> None:
    state = first_import(entries(12))
    gone = published(next_plan(state, entries(11)), state)
    planned = next_plan(gone, entries(12))
    [(reference, step)] = planned.steps.items()
    assert (reference, step.change) == ("QDi.011", Change.CHANGED)
    assert (step.entry.version, step.entry.delisted) == (3, False)


def test_entry_that_the_list_itself_calls_delisted_is_published_once() -> None:
    state = first_import(entries(12))
    listed = entries(12)
    listed[0] = replace(listed[0], delisted_on=PartialDate("2026-03-01"))
    planned = next_plan(state, listed)
    assert planned.steps["QDi.000"].entry.delisted
    after = published(planned, state)
    assert not next_plan(after, listed).steps
    assert not next_plan(after, listed[1:]).steps


def test_entry_whose_record_would_expire_is_renewed() -> None:
    state = first_import(entries(2))
    later = NOW + timedelta(days=101)
    planned = plan(state.entries, entries(2), times(LATER, later), node=NODE)
    assert planned.references(Change.RENEWED) == ("QDi.000", "QDi.001")
    assert planned.steps["QDi.000"].entry.version == 2
    assert planned.steps["QDi.000"].entry.published_at == later


def test_delisted_entry_is_not_renewed() -> None:
    listed = [some_entry(delisted_on="2026-01-01")]
    state = first_import(listed)
    later = NOW + timedelta(days=500)
    assert not plan(state.entries, listed, times(LATER, later), node=NODE).steps


def test_plan_does_not_depend_on_the_order_of_the_list() -> None:
    state = first_import(entries(5))
    assert not next_plan(state, entries(5)[::-1]).steps


def test_digest_does_not_depend_on_the_order_of_aliases() -> None:
    aliases = tuple(Alias(name=n, quality=AliasQuality.GOOD) for n in ("A", "B", "C"))
    assert digest_of(some_entry(aliases=aliases)) == digest_of(
        some_entry(aliases=aliases[::-1])
    )


def test_digest_leaves_out_the_numbers_of_the_database() -> None:
    assert digest_of(some_entry(data_id="2", version="9")) == digest_of(some_entry())


def test_digest_covers_every_other_field() -> None:
    [entry, _], _ = read_list(list_xml())
    before = digest_of(entry)
    for field in fields(ListEntry):
        if field.name in {"data_id", "version", "kind", "delisted_on", "submitted_by"}:
            continue
        value = getattr(entry, field.name)
        other: Any = value[:-1] if isinstance(value, tuple) else f"{value}x"
        assert digest_of(replace(entry, **{field.name: other})) != before, field.name


def test_digest_tells_text_from_its_neighbour() -> None:
    first = some_entry(titles=("A",), designations=())
    second = some_entry(titles=(), designations=("A",))
    assert digest_of(first) != digest_of(second)


def test_digest_stays_the_same_from_version_to_version() -> None:
    # A new digest publishes the whole list again, at every node.
    assert digest_of(some_entry()) == (
        "b5f9343366aa958cd08510aa1df581542294ee7d1d5f8fee1a290a32e041ac8b"
    )


def test_record_id_is_a_uuid7_that_stays() -> None:
    identifier = record_id(NODE, "QDi.901")
    parsed = uuid.UUID(bytes=identifier)
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert parsed == uuid.UUID("00dad91f-a400-7554-9e09-f6b0310f57e0")


def test_record_ids_differ_by_node_and_by_reference() -> None:
    ids = {
        record_id(node, reference)
        for node in (NODE, "police.bb.example")
        for reference in ("QDi.901", "QDi.902", "QDe.901")
    }
    assert len(ids) == 6


def test_record_keeps_its_identifier_when_the_state_is_lost() -> None:
    state = first_import(entries(2))
    again = plan({}, entries(2), times(LATER), node=NODE)
    assert again.steps["QDi.001"].entry.id == state.entries["QDi.001"].id


def test_older_list_is_refused_unless_forced() -> None:
    state = first_import(entries(1))
    with pytest.raises(WrongStateError, match="a newer one") as caught:
        check_newer(state, GENERATED - timedelta(hours=1), force=False)
    assert "Download" in caught.value.remedy
    check_newer(state, GENERATED - timedelta(hours=1), force=True)
    check_newer(state, GENERATED, force=False)
    check_newer(ImportState.empty(), GENERATED, force=False)


def test_list_that_lost_more_than_a_tenth_is_refused_unless_forced() -> None:
    state = first_import(entries(20))
    planned = next_plan(state, entries(17))
    with pytest.raises(WrongStateError, match="3 of 20 published entries") as caught:
        check_plausible(state, planned, ReadingReport(), force=False)
    assert "Force" in caught.value.remedy
    check_plausible(state, planned, ReadingReport(), force=True)


def test_list_that_lost_a_tenth_is_believed() -> None:
    state = first_import(entries(20))
    check_plausible(state, next_plan(state, entries(18)), ReadingReport(), force=False)


def test_many_delistings_inside_the_list_are_refused_as_well() -> None:
    state = first_import(entries(20))
    listed = [replace(e, delisted_on=PartialDate("2026-03-01")) for e in entries(20)]
    with pytest.raises(WrongStateError, match="20 of 20"):
        check_plausible(state, next_plan(state, listed), ReadingReport(), force=False)


def test_delisted_entries_do_not_count_as_standing() -> None:
    state = first_import(entries(20))
    state = published(next_plan(state, entries(18)), state)
    planned = next_plan(state, entries(16))
    with pytest.raises(WrongStateError, match="2 of 18"):
        check_plausible(state, planned, ReadingReport(), force=False)


def test_nothing_is_delisted_while_entries_cannot_be_read() -> None:
    state = first_import(entries(20))
    report = ReadingReport()
    report.note(Rule.NO_REFERENCE, "INDIVIDUAL")
    with pytest.raises(WrongStateError, match="1 of its entries could not be read"):
        check_plausible(state, next_plan(state, entries(19)), report, force=False)
    check_plausible(state, next_plan(state, entries(20)), report, force=False)


def test_group_and_person_have_different_digests() -> None:
    listed, _ = read_list(list_xml(groups=GROUP))
    assert len({digest_of(entry) for entry in listed}) == 2
