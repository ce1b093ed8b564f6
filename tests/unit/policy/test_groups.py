# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from tests.fakes.policies import load, refused


def group(identifier: str, *members: str) -> str:
    listed = ", ".join(f'"{member}"' for member in members)
    return f'[[group]]\nid = "{identifier}"\ntitle = "g"\nmembers = [{listed}]\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (group("a", "group:a"), "contains itself: a → a"),
        (group("a", "group:b") + group("b", "group:a"), "a → b → a"),
        (group("a", "group:b"), "no group 'group:b'"),
        (group("a", "ZQ"), "no state or node 'ZQ'"),
        (group("a", "xa"), "no state or node 'xa'"),
        (group("a", "UNO"), "no state or node 'UNO'"),
        (group("A", "XA"), "lower-case"),
        (group("a", "XA") * 2, "same name"),
        (group("a", "XA", "XA"), "twice"),
        ('[[group]]\nid = "a"\n', "is missing"),
        ("groups = 1", "no key"),
        ("group = []", "at least one"),
    ],
)
def test_hostile_group_is_refused(text: str, says: str) -> None:
    assert says in refused({"groups.toml": f"version = 1\n{text}"})


def test_groups_of_another_version_are_refused() -> None:
    assert "reads version 1" in refused({"groups.toml": "version = 2"})


def test_no_groups_are_no_fault() -> None:
    assert load({"groups.toml": "version = 1"}).source.groups == {}
