# SPDX-License-Identifier: Apache-2.0
from contextlib import suppress

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from selat.errors import InvalidRecordError
from selat.records.inspection import inspect
from selat.records.redaction import redact_personal
from selat.records.schema import Schema
from selat.v1 import entities_pb2, message_pb2

SCHEMA = Schema()


@given(st.binary(max_size=400), st.binary(max_size=400), st.booleans())
def test_hostile_octets_are_refused_or_walked(
    header: bytes,
    body: bytes,
    strict: bool,  # noqa: FBT001 - a drawn value
) -> None:
    try:
        parsed = (
            message_pb2.Header.FromString(header),
            message_pb2.Body.FromString(body),
        )
    except DecodeError:
        return
    with suppress(InvalidRecordError):
        inspect(SCHEMA, *parsed, strict=strict)
    redact_personal(SCHEMA, parsed[1])


@given(full=st.text(max_size=600), email=st.text(max_size=400))
def test_any_text_in_a_person_is_taken_or_refused(full: str, email: str) -> None:
    person = message_pb2.Body()
    person.person.person.names.add(full=full)
    person.person.person.contacts.CopyFrom(entities_pb2.ContactChannels(emails=[email]))
    # The header is empty, so something is always refused.
    with pytest.raises(InvalidRecordError) as raised:
        inspect(SCHEMA, message_pb2.Header(), person, strict=True)
    roots = {v.path.split(".")[0] for v in raised.value.violations}
    assert roots <= {"header", "body"}
