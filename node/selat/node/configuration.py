# SPDX-License-Identifier: Apache-2.0
"""The node's configuration file: strict, small, readable by its owner."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from selat.errors import ConfigurationError
from selat.node.witness_settings import (
    WitnessSettings,
    format_witness_settings,
    read_witness_settings,
)

VERSION: Final = 1
_ADDRESS: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z.-]+):([0-9]{1,5})")
_KEYS: Final = frozenset(
    {
        "version",
        "name",
        "state",
        "agency",
        "listen",
        "desk_listen",
        "desk_hosts",
        "publish_listen",
        "witness",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConfiguration:
    """What an operator may set.

    Attributes:
        name: Node name, a lower-case DNS name.
        state: ISO 3166-1 alpha-2 code.
        agency: The agency that runs the node.
        listen: Address of the peer API, ``host:port``.
        desk_listen: Address of the desk API over mutual TLS; empty for the
            unix socket alone.
        desk_hosts: Names and addresses that the desk's certificate carries
            besides ``localhost``.
        publish_listen: Address at which auditors read the log over HTTP with
            mutual TLS; empty for none.
        witness: How nodes vouch for each other.
    """

    name: str
    state: str
    agency: str
    listen: str
    desk_listen: str = ""
    desk_hosts: tuple[str, ...] = ()
    publish_listen: str = ""
    witness: WitnessSettings = field(default_factory=WitnessSettings)

    def __post_init__(self) -> None:
        """Refuse addresses that no server could listen on."""
        check_address("listen", self.listen)
        if self.desk_listen:
            check_address("desk_listen", self.desk_listen)
        if self.publish_listen:
            check_address("publish_listen", self.publish_listen)


def check_address(key: str, address: str) -> None:
    """Raise unless an address is ``host:port``.

    Raises:
        ConfigurationError: It is not.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None or int(match[2]) > 65_535:  # noqa: PLR2004 - the ports of TCP
        raise ConfigurationError(
            f"'{key}' must be an address of the form host:port.",
            remedy="For example 0.0.0.0:7400, or [::]:7400.",
            key=key,
        )


def read_configuration(path: Path) -> NodeConfiguration:
    """Read the configuration file.

    Raises:
        ConfigurationError: It is missing, no TOML, or has other keys.
    """
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _bad(path, f"cannot be read: {error}") from error
    unknown = set(document) - _KEYS
    if unknown:
        raise _bad(path, f"has unknown keys: {', '.join(sorted(unknown))}")
    if document.get("version") != VERSION:
        raise _bad(path, f"needs version = {VERSION}")
    hosts = document.get("desk_hosts", [])
    if not isinstance(hosts, list) or not all(isinstance(h, str) for h in hosts):
        raise _bad(path, "needs 'desk_hosts' to be a list of texts")
    return NodeConfiguration(
        name=_text(path, document, "name"),
        state=_text(path, document, "state"),
        agency=_text(path, document, "agency"),
        listen=_text(path, document, "listen"),
        desk_listen=_text(path, document, "desk_listen", default=""),
        desk_hosts=tuple(hosts),
        publish_listen=_text(path, document, "publish_listen", default=""),
        witness=read_witness_settings(document),
    )


def format_configuration(configuration: NodeConfiguration) -> str:
    """Write a configuration that `read_configuration` reads back."""
    quoted = json.dumps
    hosts = ", ".join(quoted(host) for host in configuration.desk_hosts)
    return "\n".join(
        [
            "# The configuration of a Selat node. Restart the node after a change.",
            f"version = {VERSION}",
            f"name = {quoted(configuration.name)}",
            f"state = {quoted(configuration.state)}",
            f"agency = {quoted(configuration.agency, ensure_ascii=False)}",
            "# Where peers call; the card names the address that they see.",
            f"listen = {quoted(configuration.listen)}",
            "# Where officers and case systems call over mutual TLS; empty for the",
            "# unix socket in this folder alone.",
            f"desk_listen = {quoted(configuration.desk_listen)}",
            f"desk_hosts = [{hosts}]",
            "# Where auditors read the log over HTTP; empty for nowhere.",
            f"publish_listen = {quoted(configuration.publish_listen)}",
            "",
            *format_witness_settings(configuration.witness),
            "",
        ]
    )


def _text(
    path: Path, document: dict[str, Any], key: str, *, default: str | None = None
) -> str:
    value = document.get(key, default)
    if not isinstance(value, str) or (default is None and not value):
        raise _bad(path, f"needs a text '{key}'")
    return value


def _bad(path: Path, what: str) -> ConfigurationError:
    return ConfigurationError(
        f"The configuration {path} {what}.",
        remedy="Correct the file; `selat doctor` checks it.",
        file=str(path),
    )
