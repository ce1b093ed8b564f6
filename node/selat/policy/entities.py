# SPDX-License-Identifier: Apache-2.0
"""What policies see: facts as Cedar entities, and the key of a decision.

What policies can see of a message comes in two parts. The profile is its marking
and subject, which many messages share, and becomes the resource. The term is what
differs from message to message and from moment to moment, and goes into the
context. Two messages with equal profile and term, for the same principal and day,
are decided alike: that is what makes the memory of decisions correct.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from selat.policy.catalogue import Category
from selat.policy.port import ANY_CATEGORY, MessageFacts, OfficerFacts, PeerFacts

DAY_MS: Final = 86_400_000
#: Levels in ascending order, as ``Record.level`` of the schema counts them.
LEVEL_RANKS: Final = MappingProxyType(
    {"unclassified": 1, "restricted": 2, "confidential": 3, "secret": 4}
)
#: A level that this node does not know is above all that it knows.
_UNKNOWN_LEVEL: Final = 99
_SYSTEM: Final = "system"
#: Attributes whose JSON is remembered.
_ATTRIBUTES_MAX: Final = 4_096

#: How long a message lives: whether its own date, or its category's retention, has
#: ended, and the days from its creation to its expiry, rounded up.
Term: TypeAlias = tuple[bool, int]
#: Where in the facts of a message its profile stands, marking and subject: what
#: policies can see of it at any moment. Recipients and dates come behind.
PROFILE: Final = slice(MessageFacts._fields.index("recipients"))

#: The record's entity; the identifier is no fact, so that one name serves all.
_RECORD: Final = (
    '[{{"uid":{{"type":"Record","id":"message"}},"parents":'
    '[{{"type":"Category","id":{category}}}],"attrs":{{"category":'
    '{{"__entity":{{"type":"Category","id":{category}}}}}{others}}}}}]'
)


def term_of(message: MessageFacts, category: Category, now_ms: int) -> Term:
    """Return the term of a message at a moment.

    Without dates of its own a message ends with the retention of its category.
    """
    created, expires = message.created_ms, message.expires_ms
    if created is None:
        return expires is not None and expires <= now_ms, 0
    longest = created + category.longest_retention_days * DAY_MS
    if expires is None:
        expires = longest
    is_over = expires <= now_ms or longest <= now_ms
    return is_over, -((created - expires) // DAY_MS)


def facts_of(
    message: MessageFacts,
    term: Term,
    *,
    today: int,
    named: bool | None = None,
    is_author: bool | None = None,
    purpose: str | None = None,
) -> tuple[Any, ...]:
    """Return all that policies can see of a message at a moment.

    Args:
        message: The message.
        term: Its term at that moment.
        today: The date, as `today_number` gives it.
        named: Whether its author named the peer in question.
        is_author: Whether the officer in question published it.
        purpose: What it would be taken out for.

    Returns:
        Values of what `selat.policy.reads` names, before what rounds change; None
        for what the context does not have.
    """
    return (
        *message[PROFILE],  # type: ignore[misc] # a slice is a tuple
        message.emergency,
        today,
        *term,
        named,
        is_author,
        purpose,
    )


def record_json(
    category: str, names: tuple[str, ...], values: tuple[object, ...]
) -> str:
    """Return a message's entity as Cedar reads it.

    Args:
        category: The category of the message.
        names: Names of its other attributes.
        values: Their values: facts, and whether it is an emergency.
    """
    others = "".join(map(_attribute, names, values))
    return _RECORD.format(category=json.dumps(category), others=others)


@lru_cache(maxsize=_ATTRIBUTES_MAX)
def _attribute(name: str, value: object) -> str:
    """Return an attribute as JSON; the same few come again and again."""
    if name == "level":
        value = LEVEL_RANKS.get(str(value), _UNKNOWN_LEVEL)
    return f',"{name}":{json.dumps(value)}'


def today_number(now_ms: int) -> int:
    """Return the date in UTC as a number, for example 20261231."""
    return date_number(datetime.fromtimestamp(now_ms / 1000, tz=UTC).date())


def date_number(day: date) -> int:
    """Return a date as policies compare it, for example 20261231."""
    return day.year * 10_000 + day.month * 100 + day.day


def peer_entities(
    peer: PeerFacts, category: str, groups: frozenset[str]
) -> list[dict[str, Any]]:
    """Return the peer's node with its state and groups, as entities.

    Args:
        peer: The peer.
        category: The category of the message.
        groups: All groups that the peer is in, at any depth.
    """
    parents = [("State", peer.state), *(("Group", name) for name in sorted(groups))]
    is_declared = category in peer.categories or ANY_CATEGORY in peer.categories
    attributes = {
        "name": peer.name,
        "state": peer.state,
        # Others decide nothing about this message, and make the entity long.
        "categories": [_reference("Category", category)] if is_declared else [],
    }
    return [
        _entity("Node", peer.name, attributes, parents),
        *(_entity(kind, name, {}, []) for kind, name in parents),
    ]


def officer_entities(officer: OfficerFacts) -> list[dict[str, Any]]:
    """Return an officer, or a system, as an entity."""
    attributes = {
        "agency": officer.agency,
        "roles": sorted(officer.roles),
        "functions": sorted(officer.functions),
    }
    return [_entity(officer_type(officer), officer.officer_id, attributes, [])]


def officer_type(officer: OfficerFacts) -> str:
    """Return the kind of principal that an officer is."""
    only_system = _SYSTEM in officer.roles and len(officer.roles) == 1
    return "System" if only_system else "Officer"


def category_entities(category: Category, *, received: bool) -> list[dict[str, Any]]:
    """Return a category, and what stands for all of them, as entities."""
    attributes = {
        "purposes": sorted(category.purposes),
        "record_types": sorted(category.record_types),
        "longest_retention_days": category.longest_retention_days,
        "received": received,
    }
    every = {**attributes, "purposes": [], "record_types": []}
    return [
        _entity("Category", category.id, attributes, [("Category", ANY_CATEGORY)]),
        _entity("Category", ANY_CATEGORY, every, []),
    ]


def _entity(
    kind: str, name: str, attributes: dict[str, Any], parents: list[tuple[str, str]]
) -> dict[str, Any]:
    return {
        "uid": {"type": kind, "id": name},
        "attrs": attributes,
        "parents": [{"type": each, "id": parent} for each, parent in parents],
    }


def _reference(kind: str, name: str) -> dict[str, Any]:
    return {"__entity": {"type": kind, "id": name}}
