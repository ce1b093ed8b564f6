# SPDX-License-Identifier: Apache-2.0
import pytest

from selat.records.inspection import inspect, selectors_of
from selat.records.redaction import redact_personal
from selat.records.schema import Schema
from selat.v1 import message_pb2, options_pb2, records_pb2


@pytest.fixture
def event() -> message_pb2.Body:
    body = message_pb2.Body()
    event = body.event.event
    event.window.start_at.seconds = 1_700_000_000
    event.location.city = "Port Example"
    event.location.street = "12 Example Street"
    event.description = "A named person was seen."
    body.event.threat = records_pb2.THREAT_LEVEL_MODERATE
    body.event.parties.add().person.names.add(full="Doe, John")
    body.event.articles.add(description="battery")
    return body


def test_personal_fields_are_withheld_and_named(
    schema: Schema, event: message_pb2.Body
) -> None:
    copy, withheld = redact_personal(schema, event)
    assert withheld == (
        "event.event.location.street",
        "event.event.description",
        "event.parties",
    )
    assert copy.event.event.location.city == "Port Example"
    assert copy.event.articles[0].description == "battery"
    assert selectors_of(schema, copy) == ()


def test_message_itself_is_left_as_it_is(
    schema: Schema, event: message_pb2.Body
) -> None:
    before = event.SerializeToString(deterministic=True)
    redact_personal(schema, event)
    assert event.SerializeToString(deterministic=True) == before


def test_no_personal_field_is_left_at_any_depth(
    schema: Schema, body: message_pb2.Body
) -> None:
    copy, withheld = redact_personal(schema, body)
    assert withheld
    assert not copy.person.person.names
    for field, _ in copy.person.person.ListFields():
        assert not field.GetOptions().Extensions[options_pb2.field].personal


def test_repeated_message_is_named_once(schema: Schema) -> None:
    body = message_pb2.Body()
    for point in ("a", "b"):
        body.smuggling_route.route.points.add(note=point, city=point)
    copy, withheld = redact_personal(schema, body)
    assert withheld.count("smuggling_route.route.points.note") == 1
    assert [p.city for p in copy.smuggling_route.route.points] == ["a", "b"]


def test_redacted_record_is_valid_for_its_recipient(
    schema: Schema, header: message_pb2.Header, event: message_pb2.Body
) -> None:
    header.type = message_pb2.MESSAGE_TYPE_EVENT
    copy, withheld = redact_personal(schema, event)
    header.redacted.extend(withheld)
    inspect(schema, header, copy, strict=False)
