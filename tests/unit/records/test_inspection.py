# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable

import pytest
from google.protobuf.message import Message

from selat.core.selectors import Selector, SelectorKind
from selat.errors import InvalidRecordError
from selat.records.inspection import inspect, selectors_of, validate
from selat.records.schema import Schema
from selat.records.walk import MAX_VIOLATIONS
from selat.v1 import entities_pb2, message_pb2, options_pb2

Change = Callable[[message_pb2.Header, message_pb2.Body], object]


def broken(
    schema: Schema,
    header: message_pb2.Header,
    body: message_pb2.Body,
    *,
    strict: bool = True,
) -> set[tuple[str, str]]:
    with pytest.raises(InvalidRecordError) as raised:
        inspect(schema, header, body, strict=strict)
    return {(v.path, v.rule) for v in raised.value.violations}


def with_unknown_field(message: Message) -> None:
    # Field 2000, varint 1.
    message.MergeFromString(b"\x80\x7d\x01")


def append(message: Message, field: str, *numbers: int) -> None:
    getattr(message, field).extend(numbers)


def test_kinds_of_selectors_are_those_of_the_proto() -> None:
    prefix = "SELECTOR_KIND_"
    kinds = {f"{prefix}{kind.name}": kind.value for kind in SelectorKind}
    assert kinds | {f"{prefix}UNSPECIFIED": 0} == dict(options_pb2.SelectorKind.items())


def test_valid_record_has_its_selectors_and_no_warnings(
    schema: Schema, header: message_pb2.Header, body: message_pb2.Body
) -> None:
    inspection = inspect(schema, header, body, strict=True)
    assert inspection.warnings == ()
    assert inspection.selectors == (
        Selector(SelectorKind.CASE, "CT-2024-118"),
        Selector(SelectorKind.PERSON_NAME, "doe john"),
        Selector(SelectorKind.DOCUMENT, "L898902C3"),
        Selector(SelectorKind.PHONE, "+6591234567"),
        Selector(SelectorKind.IMEI, "49015420323751"),
        Selector(SelectorKind.EMAIL, "j.doe@example.org"),
    )


def test_same_selector_is_given_once(schema: Schema, body: message_pb2.Body) -> None:
    body.person.person.names.add(full="john DOE")
    kinds = [selector.kind for selector in selectors_of(schema, body)]
    assert kinds.count(SelectorKind.PERSON_NAME) == 1


HEADER_CHANGES: list[tuple[Change, str, str]] = [
    (lambda h, _: h.ClearField("id"), "header.id", "required"),
    (lambda h, _: setattr(h, "id", bytes(16)), "header.id", "uuid7"),
    (lambda h, _: setattr(h, "id", h.id[:15]), "header.id", "uuid7"),
    (lambda h, _: setattr(h, "id", h.id + b"0"), "header.id", "max-length"),
    (
        lambda h, _: setattr(h, "id", h.id[:8] + b"\xc0" + h.id[9:]),
        "header.id",
        "uuid7",
    ),
    (lambda h, _: setattr(h, "version", 0), "header.version", "required"),
    (lambda h, _: setattr(h, "type", 4), "body.person", "type"),
    (lambda h, _: setattr(h, "type", 9999), "header.type", "enum"),
    (lambda h, _: setattr(h, "category", "Terror"), "header.category", "category"),
    (lambda h, _: h.ClearField("originator"), "header.originator", "required"),
    (
        lambda h, _: setattr(h.originator, "node", "Police.XA.example"),
        "header.originator.node",
        "node-name",
    ),
    (
        lambda h, _: setattr(h.originator, "state", "xa"),
        "header.originator.state",
        "country",
    ),
    (
        lambda h, _: setattr(h.created_at, "seconds", 253_402_300_800),
        "header.created_at",
        "timestamp",
    ),
    (
        lambda h, _: setattr(h.created_at, "nanos", -1),
        "header.created_at",
        "timestamp",
    ),
    (
        lambda h, _: setattr(h.expires_at, "seconds", 1_700_000_000),
        "header.expires_at",
        "order",
    ),
    (
        lambda h, _: setattr(h.review_at, "seconds", 1_700_000_000),
        "header.review_at",
        "order",
    ),
    (
        lambda h, _: setattr(h.review_at, "seconds", 1_800_000_001),
        "header.review_at",
        "order",
    ),
    (lambda h, _: h.ClearField("purposes"), "header.purposes", "required"),
    (lambda h, _: append(h, "purposes", 99), "header.purposes[1]", "enum"),
    (lambda h, _: append(h, "purposes", 0), "header.purposes[1]", "enum"),
    (lambda h, _: append(h, "purposes", *[1] * 8), "header.purposes", "max-items"),
    (
        lambda h, _: h.recipients.append("police.xb.example"),
        "header.recipients",
        "unique",
    ),
    (lambda h, _: h.recipients.append("XB"), "header.recipients[1]", "node-name"),
    (lambda h, _: setattr(h, "title", "a\nb"), "header.title", "one-line"),
    (lambda h, _: setattr(h, "title", "\x1b[2J"), "header.title", "control-character"),
    (lambda h, _: setattr(h, "title", "a" * 257), "header.title", "max-length"),
    (lambda h, _: h.redacted.append("person"), "header.redacted", "reserved"),
    (
        lambda h, _: h.marking.handling.append(message_pb2.HANDLING_CODE_H3),
        "header.marking.handling_note",
        "required",
    ),
    (
        lambda h, _: h.marking.releasable_to.extend(["XB", "nobody"]),
        "header.marking.releasable_to",
        "state-or-node",
    ),
    (
        lambda h, _: setattr(h.answers, "id", b"1"),
        "header.answers.id",
        "uuid7",
    ),
    (lambda h, _: h.recalls.SetInParent(), "header.recalls.id", "required"),
    (lambda h, _: with_unknown_field(h), "header", "unknown-field"),
    (
        lambda h, _: setattr(h, "case_reference", "a" * 129),
        "header.case_reference",
        "max-length",
    ),
    (
        lambda h, _: setattr(h, "case_reference", "a\x00"),
        "header.case_reference",
        "control-character",
    ),
]

PERSON = "body.person.person"
BODY_CHANGES: list[tuple[Change, str, str]] = [
    (lambda _, b: b.Clear(), "body", "required"),
    (lambda _, b: b.person.ClearField("person"), PERSON, "required"),
    (
        lambda _, b: b.person.person.ClearField("names"),
        f"{PERSON}.names",
        "required",
    ),
    (
        lambda _, b: b.person.person.names.add(full=""),
        f"{PERSON}.names[1].full",
        "required",
    ),
    (
        lambda _, b: b.person.person.names.extend(
            [entities_pb2.PersonName(full="a")] * 64
        ),
        f"{PERSON}.names",
        "max-items",
    ),
    (
        lambda _, b: setattr(b.person.person.births[0], "date", "1984-13"),
        f"{PERSON}.births[0].date",
        "partial-date",
    ),
    (
        lambda _, b: setattr(b.person.person.births[0], "date", "1" * 1025),
        f"{PERSON}.births[0].date",
        "max-length",
    ),
    (
        lambda _, b: setattr(b.person.person, "photograph_sha256", bytes(31)),
        f"{PERSON}.photograph_sha256",
        "sha256",
    ),
    (
        lambda _, b: b.person.person.nationalities.extend(["XA", "xb"]),
        f"{PERSON}.nationalities[1]",
        "country",
    ),
    (
        lambda _, b: b.person.person.contacts.phones.add(imei="12"),
        f"{PERSON}.contacts.phones[1].imei",
        "structure",
    ),
    (
        lambda _, b: b.person.person.contacts.emails.append("nobody"),
        f"{PERSON}.contacts.emails[1]",
        "structure",
    ),
    (
        lambda _, b: setattr(
            b.person.person.locations.add().coordinates, "latitude", 90.5
        ),
        f"{PERSON}.locations[0].coordinates.latitude",
        "range",
    ),
    (
        lambda _, b: setattr(
            b.person.person.locations.add().coordinates, "longitude", float("nan")
        ),
        f"{PERSON}.locations[0].coordinates.longitude",
        "range",
    ),
    (
        lambda _, b: with_unknown_field(b.person.person.names[0]),
        f"{PERSON}.names[0]",
        "unknown-field",
    ),
    (
        lambda _, b: b.person.person.documents[0].mrz_lines.extend(["", ""]),
        f"{PERSON}.documents[0].mrz_lines",
        "max-items",
    ),
    (
        lambda _, b: b.person.person.documents[0].mrz_lines.append("\x07"),
        f"{PERSON}.documents[0].mrz_lines[2]",
        "control-character",
    ),
]


@pytest.mark.parametrize("case", HEADER_CHANGES + BODY_CHANGES)
def test_broken_rule_is_named(
    schema: Schema,
    header: message_pb2.Header,
    body: message_pb2.Body,
    case: tuple[Change, str, str],
) -> None:
    change, path, rule = case
    change(header, body)
    assert (path, rule) in broken(schema, header, body)


def test_every_broken_rule_is_named_at_once(
    schema: Schema, header: message_pb2.Header, body: message_pb2.Body
) -> None:
    header.version = 0
    header.category = "?"
    body.person.person.ClearField("names")
    assert broken(schema, header, body) == {
        ("header.version", "required"),
        ("header.category", "category"),
        (f"{PERSON}.names", "required"),
    }


def test_violations_and_warnings_hold_no_values(
    schema: Schema, header: message_pb2.Header, body: message_pb2.Body
) -> None:
    secret = "Qx7\x00"
    header.category = header.title = secret
    body.person.person.contacts.emails.append(secret.strip("\x00"))
    with pytest.raises(InvalidRecordError) as raised:
        inspect(schema, header, body, strict=True)
    assert "Qx7" not in str(raised.value)
    assert "Qx7" not in repr(raised.value.violations)


def test_number_of_violations_is_bounded(
    schema: Schema, header: message_pb2.Header, body: message_pb2.Body
) -> None:
    for _ in range(63):
        name = body.person.person.names.add()
        name.script = name.language = "?"
    with pytest.raises(InvalidRecordError) as raised:
        inspect(schema, header, body, strict=True)
    assert len(raised.value.violations) == MAX_VIOLATIONS


def test_times_that_are_absent_are_not_compared(
    schema: Schema, header: message_pb2.Header, body: message_pb2.Body
) -> None:
    header.ClearField("expires_at")
    inspect(schema, header, body, strict=True)
    header.ClearField("review_at")
    inspect(schema, header, body, strict=True)


def test_restriction_that_is_said_and_names_that_are_known_are_valid(
    schema: Schema, header: message_pb2.Header, body: message_pb2.Body
) -> None:
    header.marking.handling.append(message_pb2.HANDLING_CODE_H3)
    header.marking.handling_note = "Not to be shown to the subject."
    header.marking.releasable_to.extend(["XB", "police.xc.example"])
    header.supersedes.id = header.id
    header.recipients.append("police.xc.example")
    inspect(schema, header, body, strict=True)


def test_unknown_fields_of_a_peer_are_tolerated(
    schema: Schema, header: message_pb2.Header, body: message_pb2.Body
) -> None:
    with_unknown_field(header)
    with_unknown_field(body.person)
    assert inspect(schema, header, body, strict=False).selectors


def test_unknown_enumeration_value_of_a_peer_is_refused(
    schema: Schema, header: message_pb2.Header, body: message_pb2.Body
) -> None:
    append(header.marking, "handling", 77)
    assert broken(schema, header, body, strict=False) == {
        ("header.marking.handling[0]", "enum")
    }


def test_required_field_that_a_peer_withheld_may_be_absent(
    schema: Schema, header: message_pb2.Header, body: message_pb2.Body
) -> None:
    body.person.person.ClearField("names")
    body.person.person.documents[0].ClearField("number")
    header.redacted.append("person.person.names")
    assert broken(schema, header, body, strict=False) == {
        (f"{PERSON}.documents[0].number", "required")
    }
    header.redacted.append("person.person.documents.number")
    inspect(schema, header, body, strict=False)


def test_required_field_of_a_header_cannot_be_withheld(
    schema: Schema, header: message_pb2.Header, body: message_pb2.Body
) -> None:
    header.ClearField("category")
    header.redacted.extend(["category", "header.category"])
    assert broken(schema, header, body, strict=False) == {
        ("header.category", "required")
    }


def test_wrong_check_digits_warn_and_are_searched_by(
    schema: Schema, header: message_pb2.Header, body: message_pb2.Body
) -> None:
    phone = body.person.person.contacts.phones[0]
    phone.imei = "490154203237519"
    document = body.person.person.documents[0]
    document.mrz_lines[1] = document.mrz_lines[1][:-1] + "9"
    inspection = inspect(schema, header, body, strict=True)
    assert [(w.path, w.rule) for w in inspection.warnings] == [
        (f"{PERSON}.documents[0].mrz_lines", "mrz-composite-check-digit"),
        (f"{PERSON}.contacts.phones[0].imei", "imei-check"),
    ]
    assert Selector(SelectorKind.IMEI, "49015420323751") in inspection.selectors


def test_zone_of_another_format_warns(
    schema: Schema, header: message_pb2.Header, body: message_pb2.Body
) -> None:
    del body.person.person.documents[0].mrz_lines[1]
    inspection = inspect(schema, header, body, strict=True)
    assert [w.rule for w in inspection.warnings] == ["mrz-format"]


def test_identifiers_that_nobody_searches_by_are_checked(schema: Schema) -> None:
    organisation = entities_pb2.Organisation(lei="213800KUD8LAJWSQ9D16")
    organisation.names.add(full="Acme Holding")
    (warning,) = validate(schema, organisation, strict=True)
    assert (warning.path, warning.rule) == ("lei", "lei-check")
    organisation.lei = "?"
    with pytest.raises(InvalidRecordError, match="LEI"):
        validate(schema, organisation, strict=True)


def test_empty_text_with_a_selector_gives_none(schema: Schema) -> None:
    channels = entities_pb2.ContactChannels(emails=[""])
    assert validate(schema, channels, strict=True) == ()
    assert selectors_of(schema, channels) == ()


def test_octets_over_their_bound_are_refused(schema: Schema) -> None:
    person = entities_pb2.Article(description="a", photograph_sha256=bytes(33))
    with pytest.raises(InvalidRecordError, match="32 octets"):
        validate(schema, person, strict=True)
