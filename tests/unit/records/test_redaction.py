# SPDX-License-Identifier: Apache-2.0
import pytest

from selat.errors import InvalidInputError
from selat.records.inspection import inspect, selectors_of
from selat.records.redaction import redact, redact_again, redact_personal
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


@pytest.fixture
def message(header: message_pb2.Header, event: message_pb2.Body) -> message_pb2.Message:
    header.type = message_pb2.MESSAGE_TYPE_EVENT
    header.title = "Doe seen at Port Example"
    return message_pb2.Message(header=header, body=event)


def test_personal_fields_of_header_and_body_are_listed_in_the_header(
    schema: Schema, message: message_pb2.Message
) -> None:
    copy, withheld = redact(schema, message, personal=True, paths=())
    assert withheld == (
        "header.title",
        "event.event.location.street",
        "event.event.description",
        "event.parties",
    )
    assert not copy.header.title
    assert tuple(copy.header.redacted) == withheld
    assert message.header.title
    assert not message.header.redacted
    inspect(schema, copy.header, copy.body, strict=False)


def test_named_fields_are_withheld_wherever_they_stand(
    schema: Schema, message: message_pb2.Message
) -> None:
    message.body.event.articles.add(description="timer", hs_code="9106")
    paths = (
        "event.articles.description",
        "event.event.location",
        "event.event.location.city",
        "person.person.names",
    )
    copy, withheld = redact(schema, message, personal=False, paths=paths)
    assert withheld == paths[:2]
    assert [each.hs_code for each in copy.body.event.articles] == ["", "9106"]
    assert not any(each.description for each in copy.body.event.articles)
    assert not copy.body.event.event.HasField("location")
    assert copy.header.title


def test_nothing_to_withhold_leaves_the_message_as_it_was(
    schema: Schema, message: message_pb2.Message
) -> None:
    copy, withheld = redact(
        schema, message, personal=False, paths=("person.person.names",)
    )
    assert withheld == ()
    assert copy == message


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "title",
        "event.nothing",
        "event.threat.level",
        "person.person.nothing",
        "event.event.description.more",
    ],
)
def test_path_that_names_no_field_is_refused(
    schema: Schema, message: message_pb2.Message, path: str
) -> None:
    with pytest.raises(InvalidInputError):
        redact(schema, message, personal=True, paths=(path,))


def test_message_of_which_nothing_would_be_left_is_refused(
    schema: Schema, message: message_pb2.Message
) -> None:
    with pytest.raises(InvalidInputError, match="Nothing would be left"):
        redact(schema, message, personal=False, paths=("event",))


def test_field_that_this_version_does_not_know_is_withheld(
    schema: Schema, message: message_pb2.Message
) -> None:
    unknown = b"\xfa\xff\x07\x04John"
    body = message_pb2.Body.FromString(message.body.SerializeToString())
    body.event.MergeFromString(unknown)
    assert unknown in body.SerializeToString()
    message.body.CopyFrom(body)
    copy, _ = redact(schema, message, personal=True, paths=())
    assert b"John" not in copy.SerializeToString()


def test_same_fields_are_withheld_again_with_the_same_bytes(
    schema: Schema, message: message_pb2.Message
) -> None:
    first, withheld = redact(
        schema, message, personal=True, paths=("event.articles.description",)
    )
    again = redact_again(message, withheld)
    assert again.SerializeToString(deterministic=True) == first.SerializeToString(
        deterministic=True
    )
