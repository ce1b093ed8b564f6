# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from selat.v1 import entities_pb2, message_pb2, options_pb2, records_pb2

SCHEMA = (entities_pb2, message_pb2, records_pb2)

# What the protocol never asks of anybody (docs: no selector exists for it).
NEVER_ASKED = ("religio", "belief", "ethnic", "race", "caste", "opinion", "union")

# Selectors that lead to a natural person, whoever else they lead to.
OF_PERSONS = frozenset(
    {
        options_pb2.SELECTOR_KIND_PERSON_NAME,
        options_pb2.SELECTOR_KIND_DOCUMENT,
        options_pb2.SELECTOR_KIND_NATIONAL_ID,
        options_pb2.SELECTOR_KIND_PHONE,
        options_pb2.SELECTOR_KIND_EMAIL,
        options_pb2.SELECTOR_KIND_ONLINE_HANDLE,
        options_pb2.SELECTOR_KIND_ACCOUNT,
        options_pb2.SELECTOR_KIND_WALLET,
        options_pb2.SELECTOR_KIND_PLATE,
        options_pb2.SELECTOR_KIND_VIN,
        options_pb2.SELECTOR_KIND_IMEI,
        options_pb2.SELECTOR_KIND_IMSI,
    }
)


def messages() -> Iterator[Descriptor]:
    for module in SCHEMA:
        yield from module.DESCRIPTOR.message_types_by_name.values()


def fields() -> Iterator[tuple[FieldDescriptor, options_pb2.FieldRules]]:
    for message in messages():
        for field in message.fields:
            yield field, field.GetOptions().Extensions[options_pb2.field]


def test_no_field_asks_for_religion_ethnicity_or_opinion() -> None:
    asked = {
        field.full_name
        for field, _ in fields()
        if any(word in field.name for word in NEVER_ASKED)
    }

    assert not asked


def test_what_leads_to_a_person_is_personal() -> None:
    open_fields = {
        field.full_name
        for field, rules in fields()
        if rules.selector in OF_PERSONS and not rules.personal
    }

    assert not open_fields


def test_selectors_and_forms_belong_to_texts() -> None:
    others = {
        field.full_name
        for field, rules in fields()
        if (rules.selector or rules.form) and field.type != FieldDescriptor.TYPE_STRING
    }

    assert not others


def test_every_kind_of_selector_has_a_field() -> None:
    used = {rules.selector for _, rules in fields()} - {0}

    assert used == set(options_pb2.SelectorKind.values()) - {0}


def test_victim_of_trafficking_has_no_field_that_identifies() -> None:
    victim = records_pb2.TraffickingVictimRecord.DESCRIPTOR
    rules = [f.GetOptions().Extensions[options_pb2.field] for f in victim.fields]
    inner = {f.message_type.name for f in victim.fields if f.message_type}

    assert not any(rule.selector for rule in rules)
    assert inner == {"Route"}


@pytest.mark.parametrize(
    "name", ["Header", "Marking", "Originator", "MessageReference"]
)
def test_header_has_no_personal_field_but_its_title(name: str) -> None:
    message = message_pb2.DESCRIPTOR.message_types_by_name[name]
    personal = {
        field.name
        for field in message.fields
        if field.GetOptions().Extensions[options_pb2.field].personal
    }

    assert personal <= {"title"}
