# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import pytest
from google.protobuf import json_format

from selat.core.selectors import SelectorKind
from selat.policy.catalogue import RECORD_TYPES
from selat.policy.catalogue_file import load_catalogue
from selat.records.inspection import Inspection, inspect
from selat.records.schema import Schema
from selat.v1 import message_pb2

RECORDS = Path(__file__).parents[2] / "scripts" / "demonstration" / "records.jsonl"
LINES = RECORDS.read_text(encoding="utf-8").splitlines()
MESSAGES = [json_format.Parse(line, message_pb2.Message()) for line in LINES]
WRITTEN_BY_THE_DESK = {
    *("id", "version", "originator", "created_at", "recipients"),
    *("expires_at", "review_at"),
}
# More would not be realistic; forged documents and invented numbers are few.
MAX_WITH_WARNINGS = 9


def published(message: message_pb2.Message) -> Inspection:
    """Inspect a record as its desk publishes it."""
    header = message_pb2.Header()
    header.CopyFrom(message.header)
    header.id = bytes.fromhex("0199c0ffee007abc8def0123456789ab")
    header.version = 1
    header.originator.node = "police.xa.example"
    header.originator.state = "XA"
    header.originator.agency = "National Police"
    header.created_at.FromJsonString("2026-11-23T00:00:00Z")
    return inspect(Schema(), header, message.body, strict=True)


@pytest.mark.parametrize(
    "message", MESSAGES, ids=[message.header.title for message in MESSAGES]
)
def test_demo_record_is_valid_and_of_the_catalogue(
    message: message_pb2.Message,
) -> None:
    category = load_catalogue().categories[message.header.category]
    purposes = [
        message_pb2.Purpose.Name(number).removeprefix("PURPOSE_").lower()
        for number in message.header.purposes
    ]

    published(message)  # raises if it is not valid
    assert category.allows_type(str(message.body.WhichOneof("record")))
    assert not category.disallowed_purposes(purposes)


def test_demo_records_leave_to_the_desk_what_the_desk_writes() -> None:
    written = {name for line in LINES for name in json.loads(line)["header"]}

    assert not written & WRITTEN_BY_THE_DESK


def test_demo_records_cover_every_kind_and_every_category() -> None:
    assert {message.body.WhichOneof("record") for message in MESSAGES} == RECORD_TYPES
    assert {message.header.category for message in MESSAGES} == set(
        load_catalogue().categories
    )


def test_few_demo_records_fail_a_check_digit_and_some_do() -> None:
    rules = {
        message.header.title: {warning.rule for warning in warnings}
        for message in MESSAGES
        if (warnings := published(message).warnings)
    }

    assert {"imo-check-digit", "casrn-check", "iso6346-check", "iban-check"} <= set[
        str
    ]().union(*rules.values())
    assert any(rule.startswith("mrz") for found in rules.values() for rule in found)
    assert len(rules) <= MAX_WITH_WARNINGS


def test_demo_records_give_every_kind_of_selector() -> None:
    kinds = {s.kind for message in MESSAGES for s in published(message).selectors}

    assert kinds == set(SelectorKind)


def test_demo_records_carry_names_in_many_scripts() -> None:
    scripts = {
        part["script"] for line in LINES for part in _tables(json.loads(line), "script")
    }

    assert {"Latn", "Arab", "Thai", "Hant", "Khmr", "Laoo", "Mymr", "Deva"} <= scripts


def _tables(value: object, key: str) -> list[dict[str, str]]:
    """Return every object inside a JSON value that has the key."""
    if isinstance(value, list):
        return [found for item in value for found in _tables(item, key)]
    if not isinstance(value, dict):
        return []
    own = [value] if key in value else []
    return own + [found for item in value.values() for found in _tables(item, key)]
