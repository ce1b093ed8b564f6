# SPDX-License-Identifier: Apache-2.0
"""The trust file: whom the auditor believes, and nothing that a node says.

TOML that the auditor wrote from what was compared by telephone::

    version = 1
    quorum = 1
    unexamined = ["police.xc.example"]

    [[node]]
    name = "police.xa.example"
    root = "fbaf 4ce5 …"
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from selat.core.fingerprints import Fingerprint
from selat.core.node_names import is_node_name
from selat.errors import MalformedError, UnsupportedVersionError

VERSION: Final = 1
TRUST_BYTES_MAX: Final = 1024 * 1024
NODES_MAX: Final = 1_000

_HEX: Final = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What the auditor pinned.

    Attributes:
        quorum: How many other pinned nodes must have cosigned the end of each
            log.
        roots: Fingerprint of the root keys of each node, by its name.
        unexamined: Peers that this audit leaves out: exchanges with them are
            counted, and not verified.
    """

    quorum: int
    roots: Mapping[str, Fingerprint]
    unexamined: frozenset[str]

    def __post_init__(self) -> None:
        """Refuse what no audit can work with."""
        names = {*self.roots, *self.unexamined}
        if not self.roots or len(names) > NODES_MAX:
            raise _malformed("pins no node, or too many")
        if not all(map(is_node_name, names)) or self.unexamined & self.roots.keys():
            raise _malformed("names what is no node, or pins a node and leaves it out")
        if not 0 <= self.quorum < len(self.roots):
            raise _malformed(
                f"asks for {self.quorum} cosigners and pins {len(self.roots)} nodes, "
                "of which none cosigns its own log"
            )


def parse_trust(data: bytes) -> Trust:
    """Read a trust file.

    Raises:
        UnsupportedVersionError: It is of another version.
        MalformedError: It has another form, or pins what cannot be.
    """
    if len(data) > TRUST_BYTES_MAX:
        raise _malformed(f"has more than {TRUST_BYTES_MAX} bytes")
    try:
        document = tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise _malformed("is not TOML in UTF-8") from error
    version = document.get("version")
    if type(version) is int and version != VERSION:
        raise UnsupportedVersionError(
            "The trust file has a version that is not known here.",
            remedy="Verify with a newer version of Selat.",
        )
    _check_keys(document, needed={"version", "quorum", "node"}, also={"unexamined"})
    nodes, quorum = document["node"], document["quorum"]
    unexamined = document.get("unexamined", [])
    if (
        type(version) is not int
        or type(quorum) is not int
        or not isinstance(nodes, list)
        or not isinstance(unexamined, list)
        or not all(isinstance(name, str) for name in unexamined)
    ):
        raise _malformed("has a value of another type")
    roots: dict[str, Fingerprint] = {}
    for node in nodes:
        name, root = _pin(node)
        if name in roots:
            raise _malformed(f"pins {name} twice")
        roots[name] = root
    return Trust(
        quorum=quorum,
        roots=MappingProxyType(roots),
        unexamined=frozenset(unexamined),
    )


def _pin(node: object) -> tuple[str, Fingerprint]:
    if not isinstance(node, dict):
        raise _malformed("has a value of another type")
    _check_keys(node, needed={"name", "root"}, also=set())
    name, root = node["name"], node["root"]
    if not isinstance(name, str) or not isinstance(root, str):
        raise _malformed("has a value of another type")
    compact = re.sub(r"[\s-]", "", root.lower())
    if _HEX.fullmatch(compact):
        return name, Fingerprint(bytes.fromhex(compact))
    return name, Fingerprint.parse(root)


def _check_keys(table: dict[str, Any], *, needed: set[str], also: set[str]) -> None:
    missing, unknown = needed - table.keys(), table.keys() - needed - also
    if missing:
        raise _malformed(f"lacks {', '.join(sorted(missing))}")
    if unknown:
        # A misspelt key would be no key.
        raise _malformed(f"has the unknown key {min(unknown)!a}")


def _malformed(what: str) -> MalformedError:
    return MalformedError(
        f"The trust file {what}.",
        remedy="Write it as docs/auditors.md shows, from what you compared yourself.",
    )
