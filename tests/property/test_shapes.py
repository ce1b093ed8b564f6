# SPDX-License-Identifier: Apache-2.0
"""Bodies that are built like one before are judged as a walk judges them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from google.protobuf.message import DecodeError
from hypothesis import example, given
from hypothesis import strategies as st

from selat.errors import InvalidRecordError
from selat.records.header import common_part
from selat.records.inspection import ParsedMessage, inspect_all
from selat.records.schema import Schema
from selat.records.shapes import Shapes
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
SEEN = Schema()
FORGETFUL = Schema()  # is given no octets, so that it walks


def judge(schema: Schema, data: bytes, *, octets: bytes) -> object:
    """Judge a body, by its octets as well when there are some."""
    body = pb.Body.FromString(data)
    message = ParsedMessage(HEADER, body, common_part(HEADER), octets)
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
    with suppress(DecodeError):
        pb.Body.FromString(data)
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


def test_body_without_what_was_withheld_is_read_where_that_was_withheld() -> None:
    header = pb.Header()
    header.CopyFrom(HEADER)
    header.redacted.append("person.person.names")
    body = pb.Body.FromString(PERSON)
    body.person.person.ClearField("names")
    data = body.SerializeToString(deterministic=True)
    schema = Schema()
    message = ParsedMessage(header, body, common_part(header), data)
    (walked,) = inspect_all(schema, [message], strict=False)
    assert not isinstance(walked, InvalidRecordError)
    assert inspect_all(schema, [message], strict=False) == [walked]
    kind = (header.type, frozenset({"body.person.person.names"}))
    assert schema.shapes.read(data, kind) is not None
    assert schema.shapes.read(data, KIND) is None
    assert isinstance(judge(schema, data, octets=data), tuple)
    assert judge(schema, data, octets=data) == judge(FORGETFUL, data, octets=b"")
