# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from selat.errors import ConfigurationError
from selat.node.configuration import (
    NodeConfiguration,
    format_configuration,
    read_configuration,
)
from selat.policy.release_list import format_release_list, parse_release_list

#: What a card takes as the name of an agency.
TEXTS = st.text(min_size=1, max_size=40).filter(str.isprintable)
NAMES = st.from_regex(r"[a-z0-9]+([.-][a-z0-9]+)*", fullmatch=True)


def read(data: bytes) -> NodeConfiguration:
    with tempfile.NamedTemporaryFile() as file:
        path = Path(file.name)
        path.write_bytes(data)
        return read_configuration(path)


@given(
    agency=TEXTS,
    name=NAMES,
    port=st.integers(min_value=0, max_value=65_535),
    hosts=st.lists(NAMES, max_size=3),
)
def test_any_configuration_is_read_back(
    agency: str, name: str, port: int, hosts: list[str]
) -> None:
    configuration = NodeConfiguration(
        name=name,
        state="XA",
        agency=agency,
        listen=f"{name}:{port}",
        desk_hosts=tuple(hosts),
    )
    assert read(format_configuration(configuration).encode()) == configuration


@given(data=st.binary(max_size=200))
def test_hostile_configuration_is_refused(data: bytes) -> None:
    with suppress(ConfigurationError):
        read(data)


RELEASED = st.dictionaries(
    NAMES, st.frozensets(NAMES | st.just("*"), max_size=4), max_size=4
)


@given(released=RELEASED)
def test_any_release_list_is_read_back(released: dict[str, frozenset[str]]) -> None:
    text = format_release_list(released)
    assert parse_release_list(text, source="release.toml") == released


@given(text=st.text(max_size=200) | st.text(alphabet='[]peers."=\n', max_size=60))
def test_hostile_release_list_is_refused(text: str) -> None:
    with suppress(ConfigurationError):
        parse_release_list(text, source="release.toml")
