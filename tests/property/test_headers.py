# SPDX-License-Identifier: Apache-2.0
"""Headers that were seen before are judged like those that are new."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from selat.errors import InvalidRecordError
from selat.exchange.facts import _read_common, facts_of
from selat.records.inspection import Inspection, inspect
from selat.records.schema import Schema
from selat.store.values import Holding
from selat.v1 import message_pb2 as pb

SEEN = Schema()
FORGETFUL = Schema()
FORGETFUL.headers._is_clean = lambda *_: False  # type: ignore[assignment] # stands in for what remembers
UUID7 = bytes.fromhex("018bcfe5687b7fff8000000000000001")
NODES = ["police.xa.example", "police.xb.example", "nobody", ""]


def some(*values: object) -> SearchStrategy[Any]:
    return st.sampled_from(values)


@st.composite
def headers(draw: st.DrawFn) -> pb.Header:
    """Draw out of few values, right and wrong, so that parts come again."""
    header = pb.Header(
        id=draw(some(UUID7, bytes(16), b"")),
        version=draw(some(0, 1)),
        type=draw(some(0, pb.MESSAGE_TYPE_PERSON, 99)),
        category=draw(some("terrorism", "", "No category")),
        purposes=draw(st.lists(some(1, 2, 77), max_size=2)),
        urgency=draw(some(0, 3)),
        status=draw(some(0, 2)),
        recipients=draw(st.lists(st.sampled_from(NODES), max_size=2)),
        title=draw(some("", "Title", "two\nlines", "x" * 300)),
        case_reference=draw(some("", "CT/1", "CT/2", "\x07")),
        redacted=draw(st.lists(some("person.person.names"), max_size=1)),
    )
    header.originator.node = draw(st.sampled_from(NODES))
    header.originator.state, header.originator.agency = "XA", "Police"
    header.marking.level = draw(some(0, 2, 50))
    header.marking.handling.extend(draw(st.lists(some(1, 4, 60), max_size=2)))
    header.created_at.seconds = draw(some(0, 10, 2**60))
    if draw(st.booleans()):
        header.expires_at.seconds = draw(some(5, 20, -(2**60)))
    if draw(st.booleans()):
        header.review_at.seconds = draw(some(5, 15, 25))
    if draw(st.booleans()):
        header.supersedes.id = draw(some(UUID7, b"short"))
    if draw(st.booleans()):
        # Field 2000, varint 1: not known to the schema.
        part = header.marking if draw(st.booleans()) else header
        part.MergeFromString(b"\x80\x7d\x01")
    return header


def look(schema: Schema, header: pb.Header, *, strict: bool) -> object:
    body = pb.Body()
    body.person.person.names.add(full="Doe, John", script="Latn")
    try:
        found: Inspection = inspect(schema, header, body, strict=strict)
    except InvalidRecordError as error:
        return error.violations
    return found


@given(headers(), st.booleans())
def test_header_is_judged_alike_whatever_was_seen_before(
    header: pb.Header,
    strict: bool,  # noqa: FBT001 - a drawn value
) -> None:
    found = look(FORGETFUL, header, strict=strict)
    assert look(SEEN, header, strict=strict) == found
    assert look(SEEN, header, strict=strict) == found


@given(headers(), headers())
def test_facts_are_those_of_the_header_alone(one: pb.Header, other: pb.Header) -> None:
    facts_of(other)
    facts = facts_of(one)
    fresh = _read_common(one.SerializeToString(), Holding.CURRENT)
    assert facts.dated(expires_ms=None, created_ms=None) == fresh
    assert facts.created_ms == one.created_at.seconds * 1000
