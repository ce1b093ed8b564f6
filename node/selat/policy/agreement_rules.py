# SPDX-License-Identifier: Apache-2.0
"""Compile agreements and the release list to linked Cedar templates.

Each clause becomes one template that holds its terms, linked once for every
partner and category. Cedar has slots for principal and resource only, so that
the other terms are conditions of the clause's own template.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import cedarpy

from selat.policy.agreements import Agreement, Clause
from selat.policy.entities import LEVEL_RANKS, date_number
from selat.policy.groups import GROUP_PREFIX, is_state
from selat.policy.port import TWO_PERSON
from selat.policy.rules import Rule

#: The baseline's template that clauses with dual criminality link.
DUAL_CRIMINALITY: Final = "baseline/dual-criminality"
#: The template behind the release list.
RELEASE_LIST: Final = "release/listed"

_TEMPLATE: Final = """
permit (
  principal in ?principal,
  action in Action::"leave",
  resource in ?resource
)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A template filled in for one party and one category.

    Attributes:
        id: Name of the policy that it makes.
        template: The template.
        party: State, node name, or group with its prefix.
        category: Category, or ``*``.
    """

    id: str
    template: str
    party: str
    category: str

    def values(self) -> dict[str, Any]:
        """Return the link as Cedar takes it."""
        return {
            "template_id": self.template,
            "new_id": self.id,
            "values": {
                "?principal": party_entity(self.party),
                "?resource": {"type": "Category", "id": self.category},
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """Templates and their links."""

    rules: tuple[Rule, ...]
    links: tuple[Link, ...]


def party_entity(party: str) -> dict[str, str]:
    """Return the Cedar entity that a party stands for."""
    if party.startswith(GROUP_PREFIX):
        return {"type": "Group", "id": party.removeprefix(GROUP_PREFIX)}
    return {"type": "State" if is_state(party) else "Node", "id": party}


def compile_agreement(agreement: Agreement, *, own: frozenset[str]) -> Compiled:
    """Compile an agreement from the point of view of one node.

    Args:
        agreement: The agreement.
        own: The node's name and its state.
    """
    rules: list[Rule] = []
    links: list[Link] = []
    for number, clause in enumerate(agreement.clauses, 1):
        template = f"agreements/{agreement.id}/{number}"
        rules.append(_clause_rule(template, agreement, clause))
        needed = [template]
        needed += [DUAL_CRIMINALITY] if clause.dual_criminality else []
        for party in agreement.partners(own):
            links += [
                Link(
                    id=_link_id(name, template, party, category),
                    template=name,
                    party=party,
                    category=category,
                )
                for category in clause.categories
                for name in needed
            ]
    return Compiled(rules=tuple(rules), links=tuple(links))


def compile_release_list(released: Mapping[str, frozenset[str]]) -> Compiled:
    """Compile the release list: the simplest agreement there is."""
    rule = _rule(
        RELEASE_LIST,
        body=_TEMPLATE,
        title="The release list names this peer and this category",
        principle="The state's own decision",
        source="release.toml",
    )
    links = tuple(
        Link(
            id=f"{RELEASE_LIST}/{peer}/{category}",
            template=RELEASE_LIST,
            party=peer,
            category=category,
        )
        for peer, categories in sorted(released.items())
        for category in sorted(categories)
    )
    return Compiled(rules=(rule,), links=links)


def _link_id(name: str, clause: str, party: str, category: str) -> str:
    place = clause if name == clause else f"{name}/{clause}"
    return f"{place}/{party}/{category}"


def _clause_rule(template: str, agreement: Agreement, clause: Clause) -> Rule:
    return _rule(
        template,
        body=f"{_TEMPLATE}when {{ {' && '.join(_terms(agreement, clause))} }}",
        title=f"{agreement.title}: {clause.title}",
        principle=agreement.reference,
        source=f"agreements/{agreement.id}.toml",
        obligations=frozenset({TWO_PERSON} if clause.two_person else ()),
        redact=frozenset(clause.redact),
    )


def _terms(agreement: Agreement, clause: Clause) -> Iterator[str]:
    """Give the conditions of a clause, from names that the loader has checked."""
    yield f"context.today >= {date_number(agreement.valid_from)}"
    yield f"context.today <= {date_number(agreement.valid_until)}"
    yield f"resource.level <= {LEVEL_RANKS[clause.up_to_level]}"
    yield f"{json.dumps(clause.purposes)}.containsAll(resource.purposes)"
    if clause.record_types:
        yield f"{json.dumps(clause.record_types)}.contains(resource.record_type)"


def _rule(
    identifier: str,
    *,
    body: str,
    title: str,
    principle: str,
    source: str,
    obligations: frozenset[str] = frozenset(),
    redact: frozenset[str] = frozenset(),
) -> Rule:
    templates = json.loads(cedarpy.policies_to_json_str(f"{body};"))["templates"]
    (policy,) = templates.values()
    return Rule(
        id=identifier,
        title=title,
        principle=principle,
        source=source,
        permits=True,
        reason="",
        remedy="",
        obligations=obligations,
        redact=redact,
        notify=frozenset(),
        is_template=True,
        policy=policy,
    )
