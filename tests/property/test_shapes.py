# SPDX-License-Identifier: Apache-2.0
"""Messages that are built like one before are judged as a walk judges them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from google.protobuf.message import DecodeError
from hypothesis import example, given
from hypothesis import strategies as st

from selat.errors import InvalidRecordError, Violation
from selat.records.headings import HeadingShapes, heading_of
from selat.records.inspection import ParsedMessage, inspect_all, parse
from selat.records.schema import Schema
from selat.records.shapes import (
    KEYS_MAX,
    LEARN_EVERY,
    SHAPES_MAX,
    Recent,
    Shapes,
)
from selat.v1 import entities_pb2 as entities
from selat.v1 import message_pb2 as pb

HEADER = pb.Header(
    id=bytes.fromhex("018bcfe5687b7fff8000000000000001"),
    version=1,
    type=pb.MESSAGE_TYPE_PERSON,
    category="terrorism",
    purposes=[pb.PURPOSE_INVESTIGATION],
)
HEADER.originator.node, HEADER.originator.state = "police.xa.example", "XA"
HEADER.originator.agency = "Police"
HEADER.marking.level = pb.LEVEL_RESTRICTED
HEADER.created_at.seconds = 10

KIND = (HEADER.type, frozenset[str]())

TEXTS = st.sampled_from(
    [
        *("Doe, John", "สมชาย ใจดี", "x", "two\nlines", "bell\x07", "zero\x00", ""),
        *("x" * 127, "x" * 128, "é" * 127, "x" * 257, "x" * 20_000, "\u200b", "A1"),
    ]
)
DATES = st.sampled_from(["1970", "1970-02", "1970-02-30", "2001-12-24", "", "soon"])
SECONDS = st.sampled_from([0, 1, 1_790_000_000, -(2**60), 2**60])


def person(
    *,
    name: str = "Doe, John",
    number: str = "A1234567",
    date: str = "1970-02-01",
    summary: str = "Seen at the pier.",
    phone: str = "+999170000001",
    email: str = "j.doe@example.org",
    lei: str = "5493001KJTIIGC8Y1R12",
    seconds: int = 1_790_000_000,
    document: entities.DocumentType.ValueType = entities.DOCUMENT_TYPE_PASSPORT,
) -> bytes:
    body = pb.Body()
    record = body.person
    record.person.names.add(full=name, script="Latn", kind=entities.NAME_KIND_PRIMARY)
    record.person.births.add(date=date).place.country = "XA"
    record.person.documents.add(type=document, issuer="XA", number=number)
    record.person.contacts.phones.add(number=phone)
    record.person.contacts.emails.append(email)
    record.affiliations.add(lei=lei).names.add(full="Pier Trading")
    record.person.nationalities.extend(["XA", "XB"])
    record.last_seen_at.seconds = seconds
    record.last_seen_location.country = "XA"
    record.summary = summary
    return body.SerializeToString(deterministic=True)


PERSON = person()
UNREADABLE = (
    Violation(path="body", rule="decode", message="is no body that can be read"),
)
SEEN = Schema()
FORGETFUL = Schema()  # is given no octets, so that it walks


def judge(schema: Schema, data: bytes, *, octets: bytes) -> object:
    """Judge a body, by its octets as well when there are some."""
    body = None if octets else pb.Body.FromString(data)
    message = ParsedMessage(heading_of(HEADER), None, HEADER, body, (b"", octets))
    (found,) = inspect_all(schema, [message], strict=False)
    return found.violations if isinstance(found, InvalidRecordError) else found


def assert_alike(data: bytes) -> None:
    SEEN.shapes = Shapes(SEEN.shapes._look)
    judge(SEEN, PERSON, octets=PERSON)
    assert SEEN.shapes.read(PERSON, KIND) is not None
    expected = judge(FORGETFUL, data, octets=b"")
    for _ in range(2):
        assert judge(SEEN, data, octets=data) == expected


@given(
    name=TEXTS,
    number=TEXTS,
    date=DATES,
    summary=TEXTS,
    phone=TEXTS,
    seconds=SECONDS,
)
def test_bodies_of_one_shape_are_judged_as_a_walk_judges_them(
    *, name: str, number: str, date: str, summary: str, phone: str, seconds: int
) -> None:
    assert_alike(
        person(
            name=name,
            number=number,
            date=date,
            summary=summary,
            phone=phone,
            seconds=seconds,
        )
    )


@pytest.mark.parametrize("email", ["j.doe@example.org", "nobody", ""])
@pytest.mark.parametrize(
    "lei", ["5493001KJTIIGC8Y1R12", "5493001KJTIIGC8Y1R13", "?", ""]
)
def test_checks_are_made_as_a_walk_makes_them(email: str, lei: str) -> None:
    assert_alike(person(email=email, lei=lei))


@given(
    position=st.integers(0, len(PERSON)),
    removed=st.integers(0, 3),
    added=st.binary(max_size=3),
)
@example(position=len(PERSON), removed=0, added=b"\x80\x7d\x01")
@example(position=1, removed=1, added=b"\x7f")
@example(position=3, removed=1, added=bytes([PERSON[3] + 128, 0]))
def test_changed_octets_are_judged_as_a_walk_judges_them(
    position: int, removed: int, added: bytes
) -> None:
    data = PERSON[:position] + added + PERSON[position + removed :]
    try:
        pb.Body.FromString(data)
    except DecodeError:
        SEEN.shapes = Shapes(SEEN.shapes._look)
        judge(SEEN, PERSON, octets=PERSON)
        assert SEEN.shapes.read(data, KIND) is None
        assert judge(SEEN, data, octets=data) == UNREADABLE
    else:
        assert_alike(data)


def test_body_of_one_shape_is_read_without_a_walk() -> None:
    schema = Schema()
    judge(schema, PERSON, octets=PERSON)
    other = person(name="Tan, Mei", number="B7", seconds=5, summary="y" * 300)
    selectors = schema.shapes.read(other, KIND)
    assert selectors is not None
    assert {each.value for each in selectors} >= {"mei tan", "B7"}
    assert schema.shapes.read(other, (pb.MESSAGE_TYPE_VESSEL, frozenset())) is None
    unnamed = person(document=entities.DOCUMENT_TYPE_UNSPECIFIED)
    assert schema.shapes.read(unnamed, KIND) is None


def test_time_with_much_behind_it_is_left_to_a_walk() -> None:
    body = pb.Body.FromString(PERSON)
    seen = body.person.last_seen_at
    seen.MergeFromString(b"\x22\x7f" + bytes(0x7F))  # a field that nobody knows
    data = body.SerializeToString(deterministic=True)
    assert_alike(data)
    assert SEEN.shapes.read(data, KIND) is None


def test_body_without_what_was_withheld_is_read_where_that_was_withheld() -> None:
    header = pb.Header()
    header.CopyFrom(HEADER)
    header.redacted.append("person.person.names")
    body = pb.Body.FromString(PERSON)
    body.person.person.ClearField("names")
    data = body.SerializeToString(deterministic=True)
    schema = Schema()
    message = ParsedMessage(heading_of(header), None, header, None, (b"", data))
    (walked,) = inspect_all(schema, [message], strict=False)
    assert not isinstance(walked, InvalidRecordError)
    assert inspect_all(schema, [message], strict=False) == [walked]
    kind = (header.type, frozenset({"body.person.person.names"}))
    assert schema.shapes.read(data, kind) is not None
    assert schema.shapes.read(data, KIND) is None
    assert isinstance(judge(schema, data, octets=data), tuple)
    assert judge(schema, data, octets=data) == judge(FORGETFUL, data, octets=b"")


REFERENCES = st.sampled_from(
    ["XA-CT-2026-000001", "CT/7", " ", "bell\x07", "", "x" * 600]
)
TITLES = st.sampled_from(
    ["Believed to travel", "two\nlines", "two\u2028lines", "สมชาย", "", "x" * 2000]
)
MOMENTS = st.sampled_from([None, 0, 10, 11, 20, 30, -(2**60), 2**60])
CREATED, EXPIRES, REVIEW = 10, 30, 20


def header(
    *,
    identifier: bytes = HEADER.id,
    created: int | None = CREATED,
    expires: int | None = EXPIRES,
    review: int | None = REVIEW,
    collected: int | None = 5,
    reference: str = "XA-CT-2026-000001",
    title: str = "Believed to travel",
    category: str = "terrorism",
    nanos: int = 0,
) -> bytes:
    message = pb.Header()
    message.CopyFrom(HEADER)
    message.ClearField("created_at")
    message.id, message.category = identifier, category
    moments: Mapping[str, int | None] = {
        "created_at": created,
        "collected_at": collected,
        "expires_at": expires,
        "review_at": review,
    }
    for name, seconds in moments.items():
        if seconds is not None:
            getattr(message, name).seconds = seconds
    if created is not None:
        message.created_at.nanos = nanos
    message.case_reference, message.title = reference, title
    message.legal_basis.append("UNSCR 2396 (2017), para. 11")
    return message.SerializeToString(deterministic=True)


LEARNT = header()


def judged(schema: Schema, data: bytes) -> object:
    """Judge a header, with what is read off it."""
    message = parse(schema, data, PERSON)
    (found,) = inspect_all(schema, [message], strict=False)
    if isinstance(found, InvalidRecordError):
        return found.violations
    return found, message.heading


def assert_headers_alike(data: bytes) -> None:
    SEEN.headings = HeadingShapes(SEEN.headings._look)
    judged(SEEN, LEARNT)
    assert SEEN.headings.read(LEARNT) is not None
    FORGETFUL.headings = HeadingShapes(FORGETFUL.headings._look)
    expected = judged(FORGETFUL, data)
    for _ in range(2):
        assert judged(SEEN, data) == expected


@given(created=MOMENTS, expires=MOMENTS, review=MOMENTS, collected=MOMENTS)
def test_times_of_headers_are_judged_as_a_walk_judges_them(
    *,
    created: int | None,
    expires: int | None,
    review: int | None,
    collected: int | None,
) -> None:
    assert_headers_alike(
        header(created=created, expires=expires, review=review, collected=collected)
    )


@given(reference=REFERENCES, title=TITLES, nanos=st.sampled_from([0, 1, 10**9, -1]))
def test_texts_of_headers_are_judged_as_a_walk_judges_them(
    *, reference: str, title: str, nanos: int
) -> None:
    assert_headers_alike(header(reference=reference, title=title, nanos=nanos))


@pytest.mark.parametrize(
    "identifier",
    [
        *(b"", HEADER.id[:15], HEADER.id + b"\x00", bytes(16)),
        *(HEADER.id[:8] + b"\x00" + HEADER.id[9:], HEADER.id[:15] + b"\x09"),
    ],
)
def test_identifiers_of_headers_are_judged_as_a_walk_judges_them(
    identifier: bytes,
) -> None:
    assert_headers_alike(header(identifier=identifier))


@given(
    position=st.integers(0, len(LEARNT)),
    removed=st.integers(0, 3),
    added=st.binary(max_size=3),
)
@example(position=len(LEARNT), removed=0, added=b"\x80\x7d\x01")
@example(position=1, removed=1, added=b"\x7f")
def test_changed_octets_of_headers_are_judged_as_a_walk_judges_them(
    position: int, removed: int, added: bytes
) -> None:
    data = LEARNT[:position] + added + LEARNT[position + removed :]
    try:
        pb.Header.FromString(data)
    except DecodeError:
        SEEN.headings = HeadingShapes(SEEN.headings._look)
        judged(SEEN, LEARNT)
        assert SEEN.headings.read(data) is None
    else:
        assert_headers_alike(data)


def test_header_of_one_shape_is_read_without_a_walk() -> None:
    schema = Schema()
    judged(schema, LEARNT)
    other = header(identifier=HEADER.id[:15] + b"\x09", created=12, title="Another")
    read = schema.headings.read(other)
    assert read is not None
    assert read.heading == heading_of(pb.Header.FromString(other))
    assert read.heading.created_ms == 12_000
    assert [each.value for each in read.selectors] == ["XA-CT-2026-000001"]
    assert schema.headings.read(header(category="cybercrime")) is None


def test_header_that_is_not_clean_is_not_learnt() -> None:
    schema = Schema()
    judged(schema, header(review=5))
    assert schema.headings.read(LEARNT) is None


def test_as_many_shapes_are_remembered_as_there_is_room_for() -> None:
    recent = Recent[int, str]()
    assert recent.of(0) == ()
    due = [recent.is_due(0) for _ in range(LEARN_EVERY + 1)]
    assert due == [True, *[False] * (LEARN_EVERY - 1), True]
    for number in range(SHAPES_MAX + 1):
        recent.add(0, str(number))
    assert recent.of(0) == tuple(str(n) for n in range(SHAPES_MAX, 0, -1))
    for key in range(1, KEYS_MAX):
        assert recent.is_due(key)
    assert recent.of(0)
    assert recent.is_due(KEYS_MAX)
    assert recent.of(0) == ()
