# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from selat.errors import ConfigurationError
from selat.policy.release_list import format_release_list, parse_release_list

RELEASED = {
    "police.xb.example": frozenset({"terrorism", "drugs"}),
    "police.xa.example": frozenset({"*"}),
    "police.xc.example": frozenset[str](),
}


def test_what_is_written_is_read_back() -> None:
    text = format_release_list(RELEASED)
    assert parse_release_list(text, source="release.toml") == RELEASED


def test_list_is_written_in_one_order() -> None:
    turned = dict(reversed(RELEASED.items()))
    assert format_release_list(turned) == format_release_list(RELEASED)


@pytest.mark.parametrize("text", ["", "[peers]", format_release_list({})])
def test_empty_list_releases_nothing(text: str) -> None:
    assert parse_release_list(text, source="release.toml") == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[peers", "is not valid TOML"),
        ("version = 1", "has tables other than"),
        ("[peers]\n[groups]", "has tables other than"),
        ("peers = 1", "a 'peers' that is not a table"),
        ("[peers]\nx = 1", "one list 'categories' for x"),
        ("[peers.x]", "one list 'categories' for x"),
        ("[peers.x]\ncategories = '*'", "one list 'categories' for x"),
        ("[peers.x]\ncategories = [1]", "one list 'categories' for x"),
        ("[peers.x]\ncategories = []\ncategory = []", "one list 'categories' for x"),
        ("[[peers.x]]\ncategories = []", "one list 'categories' for x"),
    ],
)
def test_list_of_another_form_is_refused(text: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told) as caught:
        parse_release_list(text, source="release.toml")
    assert caught.value.context == {"file": "release.toml"}
    assert "the list in force stays" in caught.value.remedy
