# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from selat.errors import ConfigurationError
from selat.node.configuration import (
    NodeConfiguration,
    check_address,
    format_configuration,
    read_configuration,
)

WHOLE = NodeConfiguration(
    name="police.xa.example",
    state="XA",
    agency='Polícia "Federal" \\ 警察',
    listen="[::]:7400",
    desk_listen="0.0.0.0:7401",
    desk_hosts=("desk.xa.example", "192.0.2.7"),
    publish_listen="0.0.0.0:7402",
)
PLAIN = NodeConfiguration(
    name="police.xa.example", state="XA", agency="Police of XA", listen="node:1"
)
MINIMAL = """
version = 1
name = "police.xa.example"
state = "XA"
agency = "Police of XA"
listen = "node:1"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "node.toml"


@pytest.mark.parametrize("configuration", [WHOLE, PLAIN], ids=["whole", "plain"])
def test_what_is_written_is_read_back(
    configuration: NodeConfiguration, path: Path
) -> None:
    path.write_text(format_configuration(configuration), "utf-8")
    assert read_configuration(path) == configuration


def test_what_the_desk_needs_may_be_left_out(path: Path) -> None:
    path.write_text(MINIMAL, "utf-8")
    assert read_configuration(path) == PLAIN


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("version = ", "cannot be read"),
        ("", "needs version = 1"),
        (MINIMAL.replace("version = 1", "version = 2"), "needs version = 1"),
        (MINIMAL + "colour = 1", "unknown keys: colour"),
        (MINIMAL.replace('"XA"', "7"), "needs a text 'state'"),
        (MINIMAL.replace('"XA"', '""'), "needs a text 'state'"),
        (MINIMAL.replace('state = "XA"', ""), "needs a text 'state'"),
        (MINIMAL.replace("listen", "desk_listen"), "needs a text 'listen'"),
        (MINIMAL + "desk_listen = false", "needs a text 'desk_listen'"),
        (MINIMAL + 'desk_hosts = "a"', "'desk_hosts' to be a list"),
        (MINIMAL + 'desk_hosts = ["a", 1]', "'desk_hosts' to be a list"),
        (MINIMAL.replace("node:1", "node"), "'listen' must be an address"),
        (MINIMAL + 'desk_listen = "7401"', "'desk_listen' must be an address"),
        (MINIMAL + 'publish_listen = ":7402"', "'publish_listen' must be an address"),
    ],
)
def test_configuration_that_says_something_else_is_refused(
    text: str, told: str, path: Path
) -> None:
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigurationError, match=told) as caught:
        read_configuration(path)
    assert caught.value.remedy


def test_configuration_that_is_no_text_is_refused(path: Path) -> None:
    path.write_bytes(b"\xff")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_configuration(path)


def test_missing_configuration_is_named(path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"node\.toml cannot be read"):
        read_configuration(path)


@pytest.mark.parametrize(
    "address",
    ["node:1", "node.xa.example:7400", "192.0.2.7:65535", "[2001:db8::7]:7400", "h:0"],
)
def test_address_is_host_and_port(address: str) -> None:
    check_address("listen", address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "node",
        ":7400",
        "node:",
        "node:65536",
        "node:123456",
        "node:-1",
        "node:\u0667",  # a digit, but not of ASCII
        "2001:db8::7:7400",
        "[node]:7400",
        "http://node:7400",
        "node:7400\n",
        "unix:desk.sock",
    ],
)
def test_what_no_server_can_listen_on_is_refused(address: str) -> None:
    with pytest.raises(ConfigurationError, match="'listen'"):
        check_address("listen", address)
