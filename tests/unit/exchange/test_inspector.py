# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from tests.fakes.local_nodes import NOW_MS
from tests.fakes.nodes import person

from selat.errors import InvalidRecordError
from selat.exchange.inspector import Inspector
from selat.policy.catalogue_file import load_catalogue
from selat.records.schema import Schema
from selat.v1 import message_pb2 as pb

CATALOGUE = load_catalogue()
INSPECTOR = Inspector(schema=Schema(), catalogue=CATALOGUE)


def complete(message: pb.Message) -> pb.Message:
    """Fill a header in as a publishing node does."""
    header = message.header
    header.id = bytes.fromhex("0192f0c1a2b37c3d8e4f5a6b7c8d9e0f")
    header.version = 1
    header.type = header.type or pb.MESSAGE_TYPE_PERSON
    header.status = pb.RECORD_STATUS_CURRENT
    header.originator.node = "police.xa.example"
    header.originator.state = "XA"
    header.originator.agency = "Police of XA"
    header.created_at.FromMilliseconds(NOW_MS)
    return message


def violations(message: pb.Message, *, strict: bool = True) -> dict[str, str]:
    with pytest.raises(InvalidRecordError) as caught:
        INSPECTOR.inspect(message.header, message.body, strict=strict)
    return {each.path: each.message for each in caught.value.violations}


@pytest.mark.parametrize("strict", [True, False])
def test_message_of_the_catalogue_is_taken(*, strict: bool) -> None:
    message = complete(person())
    message.body.person.person.contacts.emails.append("j.doe@example.org")
    found = INSPECTOR.inspect(message.header, message.body, strict=strict)
    assert found.selectors


@pytest.mark.parametrize("strict", [True, False])
def test_unknown_category_is_refused_with_those_that_are(*, strict: bool) -> None:
    found = violations(complete(person(category="chess")), strict=strict)
    assert set(found) == {"header.category"}
    assert "terrorism" in found["header.category"]


def test_record_type_that_the_category_does_not_allow_is_refused() -> None:
    name, category = next(
        (name, each)
        for name, each in CATALOGUE.categories.items()
        if not each.allows_type("person")
    )
    found = violations(complete(person(category=name)))
    assert all(each in found["header.type"] for each in category.record_types)


def test_purpose_that_the_category_does_not_allow_is_refused() -> None:
    message = complete(person())
    every = [number for number in pb.Purpose.values() if number]
    allowed = CATALOGUE.categories["terrorism"].purposes
    del message.header.purposes[:]
    message.header.purposes.extend(
        number
        for number in every
        if pb.Purpose.Name(number).removeprefix("PURPOSE_").lower() not in allowed
    )
    found = violations(message)
    assert set(found) == {"header.purposes"}
    assert all(purpose in found["header.purposes"] for purpose in allowed)


def test_every_rule_of_the_catalogue_that_is_broken_is_named() -> None:
    name = next(
        name
        for name, each in CATALOGUE.categories.items()
        if not each.allows_type("person")
        and len(each.purposes) < len(pb.Purpose.keys()) - 1
    )
    message = complete(person(category=name))
    del message.header.purposes[:]
    message.header.purposes.extend(number for number in pb.Purpose.values() if number)
    assert {"header.type", "header.purposes"} <= set(violations(message))


def test_rules_of_the_schema_come_first() -> None:
    message = complete(person(category="chess"))
    message.header.id = b"short"
    assert "header.id" in violations(message)
