# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from selat.errors import ConfigurationError
from selat.policy.catalogue import (
    MAX_DEADLINE_MINUTES,
    MAX_RETENTION_DAYS,
    RECORD_TYPES,
    Catalogue,
    Category,
    Deadline,
    Instrument,
    ProposedMarking,
)
from selat.v1 import message_pb2

TREATY = Instrument(id="treaty", title="A treaty (2001)")
CATEGORY = Category(
    id="drugs",
    title="Drugs",
    measure="9",
    legal_bases=(TREATY,),
    record_types=frozenset({"seizure", "person"}),
    marking=ProposedMarking(level="restricted", handling=("H0",), tlp="amber"),
    purposes=frozenset({"investigation", "border_check"}),
    longest_retention_days=365,
    deadlines={"normal": Deadline(answer_minutes=60)},
)


def changed(key: str, value: Any) -> Category:  # noqa: ANN401 - of any wrong type
    return dataclasses.replace(CATEGORY, **{key: value})


def test_every_kind_of_body_has_its_message_type_with_the_same_number() -> None:
    fields = message_pb2.Body.DESCRIPTOR.oneofs_by_name["record"].fields
    types = message_pb2.MessageType.items()

    assert {f"MESSAGE_TYPE_{f.name.upper()}": f.number for f in fields} == {
        name: number for name, number in types if number
    }


def test_category_allows_its_record_types_and_no_other() -> None:
    allowed = {name for name in RECORD_TYPES if CATEGORY.allows_type(name)}

    assert allowed == {"seizure", "person"}


def test_category_names_the_purposes_that_it_does_not_allow() -> None:
    asked = ["investigation", "research", "sanctions"]

    assert CATEGORY.disallowed_purposes(asked) == {"research", "sanctions"}
    assert not CATEGORY.disallowed_purposes(["border_check"])


def test_catalogue_lists_the_categories_of_a_record_type() -> None:
    other = dataclasses.replace(
        CATEGORY, id="firearms", record_types=frozenset({"firearm", "person"})
    )
    catalogue = Catalogue(
        categories={"drugs": CATEGORY, "firearms": other}, instruments={}
    )

    assert catalogue.categories_of("person") == (CATEGORY, other)
    assert catalogue.categories_of("firearm") == (other,)
    assert catalogue.categories_of("study") == ()


def test_catalogue_does_not_change_with_the_mapping_it_was_made_from() -> None:
    categories = {"drugs": CATEGORY}
    catalogue = Catalogue(categories=categories, instruments={})
    categories.clear()

    assert list(catalogue.categories) == ["drugs"]
    with pytest.raises(TypeError):
        catalogue.categories["drugs"] = CATEGORY  # type: ignore[index] # on purpose


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("id", ""),
        ("id", "Drugs"),
        ("id", "9drugs"),
        ("id", "drugs-"),
        ("id", "drugs--x"),
        ("id", "drugs\n"),
        ("id", "d" * 65),
        ("title", " "),
        ("title", "two\nlines"),
        ("measure", "0"),
        ("measure", "13"),
        ("measure", "p"),
        ("legal_bases", ()),
        ("record_types", frozenset[str]()),
        ("record_types", frozenset({"seizures"})),
        ("purposes", frozenset[str]()),
        ("purposes", frozenset({"PREVENTION"})),
        ("longest_retention_days", 0),
        ("longest_retention_days", MAX_RETENTION_DAYS + 1),
        ("deadlines", {}),
        ("deadlines", {"soon": Deadline()}),
    ],
)
def test_category_with_a_wrong_value_cannot_exist(key: str, value: object) -> None:
    with pytest.raises(ConfigurationError) as caught:
        changed(key, value)

    assert caught.value.context["key"] == key


@pytest.mark.parametrize(
    ("level", "handling", "tlp"),
    [
        ("top_secret", ("H0",), "amber"),
        ("unspecified", ("H0",), "amber"),
        ("restricted", ("H9",), "amber"),
        ("restricted", ("H3",), "amber"),
        ("restricted", ("H0",), "AMBER"),
    ],
)
def test_marking_that_the_schema_does_not_know_cannot_exist(
    level: str, handling: tuple[str, ...], tlp: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        ProposedMarking(level=level, handling=handling, tlp=tlp)

    assert caught.value.context["key"] == "marking"


@pytest.mark.parametrize(
    ("acknowledge", "answer"),
    [(0, 5), (None, 0), (None, MAX_DEADLINE_MINUTES + 1), (61, 60)],
)
def test_deadline_that_nobody_can_keep_cannot_exist(
    acknowledge: int | None, answer: int
) -> None:
    with pytest.raises(ConfigurationError):
        Deadline(acknowledge_minutes=acknowledge, answer_minutes=answer)


def test_deadline_may_be_left_to_a_treaty() -> None:
    assert Deadline().answer_minutes is None
