# SPDX-License-Identifier: Apache-2.0
import pytest

from selat.records.schema import Schema
from selat.v1 import message_pb2

MESSAGE_ID = bytes.fromhex("018bcfe5687b7fff8000000000000001")


@pytest.fixture
def schema() -> Schema:
    return Schema()


@pytest.fixture
def header() -> message_pb2.Header:
    header = message_pb2.Header(
        id=MESSAGE_ID,
        version=1,
        type=message_pb2.MESSAGE_TYPE_PERSON,
        category="terrorism",
        purposes=[message_pb2.PURPOSE_INVESTIGATION],
        recipients=["police.xb.example"],
        case_reference="CT/2024/118",
    )
    header.originator.node = "police.xa.example"
    header.originator.state = "XA"
    header.originator.agency = "National Police"
    header.created_at.seconds = 1_700_000_000
    header.review_at.seconds = 1_750_000_000
    header.expires_at.seconds = 1_800_000_000
    header.marking.level = message_pb2.LEVEL_RESTRICTED
    return header


@pytest.fixture
def body() -> message_pb2.Body:
    body = message_pb2.Body()
    person = body.person.person
    person.names.add(full="Doe, John", script="Latn")
    person.births.add(date="1984-03")
    document = person.documents.add(type=1, issuer="XA", number="L898902C3")
    document.mrz_lines.extend(
        [
            "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
            "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
        ]
    )
    person.contacts.phones.add(number="+65 9123 4567", imei="490154203237518")
    person.contacts.emails.append("j.doe@example.org")
    return body
