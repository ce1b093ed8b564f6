# SPDX-License-Identifier: Apache-2.0
"""Groups of states and nodes, for example a sub-regional arrangement.

``groups.toml`` of the policy folder holds them::

    version = 1

    [[group]]
    id = "straits"
    title = "States of the made-up straits"
    members = ["XA", "XB", "police.cc.example", "group:islands"]
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from selat.core.identifiers.countries import COUNTRIES
from selat.core.node_names import is_node_name
from selat.errors import ConfigurationError
from selat.policy.strict_toml import (
    Part,
    as_integer,
    as_line,
    as_tables,
    as_texts,
    check_keys,
    fault,
    read_toml,
    shown,
)

GROUPS_FILE: Final = "groups.toml"
GROUPS_VERSION: Final = 1
#: Marks the name of a group where a state or node could stand as well.
GROUP_PREFIX: Final = "group:"

_GROUP_ID: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_MAX_ID_LENGTH: Final = 64
_ALPHA_2: Final = 2
_KEYS: Final = frozenset({"id", "title", "members"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """States and nodes that make arrangements together.

    Attributes:
        id: Name, for example ``straits``.
        title: What it is.
        members: States, node names, and groups with the prefix ``group:``.
    """

    id: str
    title: str
    members: tuple[str, ...]


Groups = Mapping[str, Group]


def is_state(code: str) -> bool:
    """Tell whether a code is one of ISO 3166-1 alpha-2, or XA to XZ."""
    return len(code) == _ALPHA_2 and code in COUNTRIES


def parse_groups(raw: bytes, *, source: str) -> dict[str, Group]:
    """Parse the groups that a state keeps.

    Raises:
        ConfigurationError: It is not TOML, names an unknown state, node or
            group, or a group is a member of itself.
    """
    text, document = read_toml(raw, source=source, what="list of groups")
    whole = Part(source=source, text=text, names="group")
    with whole.locating():
        check_keys(document, frozenset({"version", "group"}), frozenset({"version"}))
        if as_integer("version", document["version"]) != GROUPS_VERSION:
            raise fault("version", f"this Selat reads version {GROUPS_VERSION}")
        tables = as_tables("group", document["group"]) if "group" in document else ()
    groups: dict[str, Group] = {}
    for index, table in enumerate(tables):
        with whole.within("[[group]]", index).locating():
            check_keys(table, _KEYS, _KEYS)
            group = Group(
                id=_group_id(as_line("id", table["id"])),
                title=as_line("title", table["title"]),
                members=as_texts("members", table["members"]),
            )
            if group.id in groups:
                raise fault("id", "another group has the same name")
        groups[group.id] = group
    for index, group in enumerate(groups.values()):
        with whole.within("[[group]]", index).locating():
            for member in group.members:
                check_party("members", member, groups)
            if trail := _cycle(group.id, groups):
                raise fault("members", f"a group contains itself: {' → '.join(trail)}")
    return groups


def check_party(key: str, party: str, groups: Groups) -> None:
    """Refuse what is neither a state, a node name nor a known group.

    Raises:
        ConfigurationError: It names ``key`` and what would do.
    """
    if party.startswith(GROUP_PREFIX):
        if party.removeprefix(GROUP_PREFIX) in groups:
            return
        known = ", ".join(sorted(groups)) or "none"
        what = f"there is no group {shown(party)}; groups.toml has: {known}"
        raise fault(key, what)
    if not is_state(party) and not is_node_name(party):
        raise ConfigurationError(
            f"there is no state or node {shown(party)}.",
            remedy="Give a state as ISO 3166-1 alpha-2, a node by its name, or a "
            "group as group:NAME.",
            key=key,
        )


def groups_of(members: frozenset[str], groups: Groups) -> frozenset[str]:
    """Return the groups that any of these states and nodes is in, at any depth."""
    found: set[str] = set()
    waiting = set(members)
    while waiting:
        name = waiting.pop()
        for group in groups.values():
            if name in group.members and group.id not in found:
                found.add(group.id)
                waiting.add(GROUP_PREFIX + group.id)
    return frozenset(found)


def _group_id(value: str) -> str:
    if len(value) > _MAX_ID_LENGTH or not _GROUP_ID.fullmatch(value):
        raise fault("id", "a group's name is lower-case letters, digits and hyphens")
    return value


def _cycle(start: str, groups: Groups) -> list[str]:
    """Return a way from a group back to itself, or nothing."""
    ways = [[start]]
    seen: set[str] = set()
    while ways:
        way = ways.pop()
        for member in groups[way[-1]].members:
            name = member.removeprefix(GROUP_PREFIX)
            if not member.startswith(GROUP_PREFIX) or name not in groups:
                continue
            if name == start:
                return [*way, start]
            if name not in seen:
                seen.add(name)
                ways.append([*way, name])
    return []
