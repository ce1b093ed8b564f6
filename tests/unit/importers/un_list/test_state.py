# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.importers.un_list.samples import NOW

from selat.errors import MalformedError, TooLargeError, UnsupportedVersionError
from selat.importers.un_list import state as state_module
from selat.importers.un_list.dates import PartialDate
from selat.importers.un_list.entries import EntryKind
from selat.importers.un_list.state import ImportState, PublishedEntry

MOMENTS = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    timezones=st.just(UTC),
)
TEXTS = st.text(min_size=1, max_size=40).filter(
    lambda text: text.encode("utf-8", "ignore").decode() == text
)
ENTRIES = st.builds(
    PublishedEntry,
    id=st.binary(min_size=16, max_size=16),
    version=st.integers(1, 2**32 - 1),
    digest=st.binary(min_size=32, max_size=32).map(bytes.hex),
    published_at=MOMENTS,
    kind=st.sampled_from(EntryKind),
    list_type=TEXTS,
    name=TEXTS,
    listed_on=st.sampled_from([None, PartialDate("2019"), PartialDate("2019-04-02")]),
    delisted=st.booleans(),
)


def some_state() -> ImportState:
    entry = PublishedEntry(
        id=bytes(range(16)),
        version=2,
        digest="ab" * 32,
        published_at=NOW,
        kind=EntryKind.ENTITY,
        list_type="Taliban",
        name="EXAMPLE FUND",
        listed_on=PartialDate("2012-06-29"),
    )
    return ImportState(generated=NOW, entries={"TAe.902": entry})


def document() -> dict[str, Any]:
    loaded = json.loads(some_state().to_json())
    assert isinstance(loaded, dict)
    return loaded


@given(
    st.builds(
        ImportState,
        generated=st.none() | MOMENTS,
        entries=st.dictionaries(TEXTS, ENTRIES, max_size=4),
    )
)
def test_state_survives_being_kept(state: ImportState) -> None:
    assert ImportState.from_json(state.to_json()) == state


def test_same_state_has_the_same_bytes() -> None:
    assert some_state().to_json() == some_state().to_json()


def test_no_bytes_are_the_state_before_the_first_import() -> None:
    assert ImportState.from_json(b"") == ImportState.empty()


def test_times_are_kept_in_utc() -> None:
    changed = document()
    changed["generated"] = "2026-03-01T14:00:00+02:00"
    state = ImportState.from_json(json.dumps(changed).encode())
    assert state.generated == NOW
    assert state.generated.tzinfo is UTC


def test_entries_are_added_and_the_date_moves_at_once() -> None:
    before = some_state()
    [entry] = before.entries.values()
    later = datetime(2026, 3, 8, tzinfo=UTC)
    after = before.with_published(later, {"TAe.903": entry})
    assert set(after.entries) == {"TAe.902", "TAe.903"}
    assert after.generated == later
    assert set(before.entries) == {"TAe.902"}


@pytest.mark.parametrize(
    "encoded",
    [
        b"{",
        b"[]",
        b"null",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        b'{"version":1,"version":1,"generated":null,"entries":{}}',
        b'{"version":1,"generated":null,"entries":{},"more":1}',
        b'{"version":1,"generated":null,"entries":[]}',
        b'{"version":1,"generated":5,"entries":{}}',
        b'{"version":1,"generated":"2026-03-01","entries":{}}',
        b'{"version":1,"generated":null,"entries":{}}x',
    ],
)
def test_bytes_that_no_import_wrote_are_refused(encoded: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        ImportState.from_json(encoded)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("id", "00"),
        ("id", "zz" * 16),
        ("id", 7),
        ("version", 0),
        ("version", 2**32),
        ("version", "1"),
        ("version", True),
        ("digest", "AB" * 32),
        ("digest", "ab"),
        ("published_at", "yesterday"),
        ("published_at", "2026-03-01T12:00:00"),
        ("kind", "ship"),
        ("list_type", None),
        ("name", ""),
        ("listed_on", "2019-02-30"),
        ("listed_on", "2012-12-31-05:00"),
        ("listed_on", 2019),
        ("delisted", 1),
        ("more", 1),
    ],
)
def test_entry_that_no_import_wrote_is_refused(key: str, value: object) -> None:
    changed = document()
    changed["entries"]["TAe.902"][key] = value
    with pytest.raises(MalformedError):
        ImportState.from_json(json.dumps(changed).encode())


def test_entry_without_a_field_is_refused() -> None:
    changed = document()
    del changed["entries"]["TAe.902"]["delisted"]
    with pytest.raises(MalformedError):
        ImportState.from_json(json.dumps(changed).encode())


def test_state_of_a_newer_version_is_refused() -> None:
    changed = document() | {"version": 2, "more": {}}
    with pytest.raises(UnsupportedVersionError, match="another version"):
        ImportState.from_json(json.dumps(changed).encode())


def test_state_over_the_limit_is_neither_written_nor_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    encoded = some_state().to_json()
    monkeypatch.setattr(state_module, "MAX_STATE_BYTES", len(encoded) - 1)
    with pytest.raises(TooLargeError):
        some_state().to_json()
    with pytest.raises(TooLargeError):
        ImportState.from_json(encoded)


def test_state_cannot_be_changed_in_place() -> None:
    state = some_state()
    with pytest.raises(TypeError):
        state.entries["TAe.903"] = state.entries["TAe.902"]  # type: ignore[index] # the point
