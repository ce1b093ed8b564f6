# SPDX-License-Identifier: Apache-2.0
from collections.abc import Iterator

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from selat.records import checks
from selat.records.schema import Schema
from selat.v1 import entities_pb2, message_pb2, options_pb2


def fields(descriptor: Descriptor, seen: set[str]) -> Iterator[FieldDescriptor]:
    if descriptor.full_name in seen:
        return
    seen.add(descriptor.full_name)
    for field in descriptor.fields:
        yield field
        if field.message_type is not None:
            yield from fields(field.message_type, seen)


ALL = {f.full_name: f for f in fields(message_pb2.Message.DESCRIPTOR, set())}


def test_plan_is_built_once(schema: Schema) -> None:
    plan = schema.plan(message_pb2.Body())
    assert schema.plan(message_pb2.Body()) is plan
    person = schema.plan(entities_pb2.Person())
    assert plan.children["person"].children["person"] is person


def test_new_plan_uses_those_that_are_known(schema: Schema) -> None:
    name = schema.plan(entities_pb2.PersonName())
    assert schema.plan(entities_pb2.Person()).children["names"] is name


def test_every_kind_of_record_has_a_plan(schema: Schema) -> None:
    plan = schema.plan(message_pb2.Body())
    assert plan.children.keys() == {f.name for f in message_pb2.Body.DESCRIPTOR.fields}


def test_fields_with_checks_of_their_own_exist() -> None:
    assert {*checks.BY_FIELD, *checks.OF_ALL_ITEMS} <= ALL.keys()


def test_only_texts_have_selectors_and_forms_and_never_both() -> None:
    for field in ALL.values():
        rules = field.GetOptions().Extensions[options_pb2.field]
        if rules.selector or rules.form:
            assert field.type == FieldDescriptor.TYPE_STRING, field.full_name
        assert not (rules.selector and rules.form), field.full_name


def test_personal_fields_are_known(schema: Schema) -> None:
    assert "full" in schema.plan(entities_pb2.PersonName()).personal
    assert schema.plan(entities_pb2.Money()).personal == set()
