# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any
from uuid import UUID

import pytest

from selat.cli.contents import message_document, messages_of
from selat.errors import InvalidInputError
from selat.v1 import message_pb2 as pb

ID = UUID("0198f2f0-7a3b-7c11-9a55-0242ac120002")
BODY: dict[str, Any] = {"person": {"person": {"names": [{"full": "Jane Sample"}]}}}


def read(*documents: object, between: str = "\n") -> list[pb.Message]:
    text = between.join(json.dumps(each) for each in documents)
    return list(messages_of(text.encode(), source="test.json"))


def test_one_document_and_many_lines_are_read_alike() -> None:
    document = {"header": {"category": "terrorism"}, "body": BODY}

    [pretty] = messages_of(json.dumps(document, indent=4).encode(), source="x")
    several = read(document, document, document)

    assert several == [pretty] * 3
    assert read(document, document, between="") == several[:2]
    assert read() == []


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    document = {"header": {}, "body": BODY}

    assert list(messages_of(json.dumps(document).encode("utf-8-sig"), source="x"))


def test_identifiers_are_uuid_text_or_base64() -> None:
    text = {"header": {"id": str(ID), "answers": {"id": str(ID)}}, "body": BODY}
    coded = {"header": {"id": b64encode(ID.bytes).decode()}, "body": BODY}

    [one], [other] = read(text), read(coded)

    assert one.header.id == one.header.answers.id == other.header.id == ID.bytes


def test_what_is_written_can_be_read() -> None:
    message = pb.Message()
    message.header.id = ID.bytes
    message.header.supersedes.id = ID.bytes
    message.header.urgency = pb.URGENCY_FLASH
    message.body.person.person.names.add(full="Jane Sample")

    document = message_document(message)

    assert document["header"]["id"] == str(ID)
    assert document["header"]["supersedes"]["id"] == str(ID)
    assert read(document) == [message]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[]", "it is not an object"),
        ("{", "Expecting property name"),
        ('{"header": {}}', 'it needs a "header" and a "body"'),
        ('{"header": {}, "body": {}, "x": 1}', 'there is no field "x"'),
        ('{"header": {"urgency": "SOON"}, "body": {}}', '"SOON" is none of its'),
        ('{"header": {}, "header": {}, "body": {}}', "a key stands twice"),
        ('{"header": {"id": "!"}, "body": {}}', "an identifier in its header"),
        ('{"header": {"id": "AAAA"}, "body": {}}', "an identifier in its header"),
        ('{"header": {}, "body": {"person": {}, "event": {}}}', "more than one kind"),
        ("[" * 100_000, "it nests too deeply"),
        ("NaN", "it is not an object"),
    ],
)
def test_what_is_no_message_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(InvalidInputError, match=r"Message 1 of test\.json") as caught:
        list(messages_of(text.encode(), source="test.json"))

    assert why in caught.value.message


def test_the_message_that_fails_is_named_by_its_number() -> None:
    good = {"header": {}, "body": BODY}

    with pytest.raises(InvalidInputError, match=r"Message 3 of test\.json"):
        read(good, good, {"header": {}})


@pytest.mark.parametrize(
    ("header", "path"),
    [
        ({"version": "Jane Sample"}, "header.version"),
        ({"created_at": "Jane Sample"}, "header.created_at"),
        ({"title": ["Jane Sample"]}, "header.title"),
        ({"marking": {"level": "Jane Sample"}}, "header.marking.level"),
    ],
)
def test_errors_name_the_field_and_not_its_value(
    header: dict[str, object], path: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read({"header": header, "body": BODY})

    assert f"{path}: its value does not have the right form" in caught.value.message
    assert "Jane" not in str(caught.value)


def test_bytes_that_are_not_utf8_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="it is not UTF-8"):
        list(messages_of(b"\xff", source="test.json"))
