# SPDX-License-Identifier: Apache-2.0
"""The policy set of a node: immutable, and the one that answers.

`PolicySource` is what the files say; `PolicySet` is what one node makes of it. It
asks Cedar about each kind of question once and remembers the answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

import cedarpy

from selat.policy.agreement_rules import (
    Link,
    compile_agreement,
    compile_release_list,
)
from selat.policy.answers import Principal
from selat.policy.catalogue import Category
from selat.policy.entities import (
    DAY_MS,
    PROFILE,
    category_entities,
    facts_of,
    officer_entities,
    officer_type,
    peer_entities,
    term_of,
    today_number,
)
from selat.policy.evaluator import Evaluator, Request
from selat.policy.groups import GROUP_PREFIX, groups_of
from selat.policy.memory import keep
from selat.policy.policy_source import Identity, PolicySource, digest_of
from selat.policy.port import (
    ANY_CATEGORY,
    Action,
    Decision,
    Effect,
    MessageFacts,
    OfficerFacts,
    PeerFacts,
)
from selat.policy.rules import Rule

#: Decisions that are remembered; some 2 KiB each.
CACHE_ENTRIES_MAX: Final = 8_192
#: Principals, for an action and a category, that are remembered.
PRINCIPALS_MAX: Final = 1_024
#: Named where the catalogue does not know the category.
CATEGORY_UNKNOWN: Final = "default/category-unknown"


class PolicySet:
    """Decide by Cedar, and remember decisions by all that policies can see.

    Args:
        source: What the files say.
        identity: Whose policy it is.
        remember: False to ask Cedar each time.

    Raises:
        ValueError: Cedar cannot make a set of the rules.
    """

    def __init__(
        self, source: PolicySource, identity: Identity, *, remember: bool = True
    ) -> None:
        """Compile agreements and release list, and compute the digest."""
        self.source = source
        self.identity = identity
        self._evaluator = _evaluator(source, identity, remember=remember)
        self._digest = digest_of(source, identity)
        self._remember = remember
        self._categories = source.catalogue.categories
        self._decisions: dict[tuple[Any, ...], Decision] = {}
        self._principals: dict[tuple[Any, ...], Principal] = {}
        self._day = (-1, 0)

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the set in hexadecimal."""
        return self._digest

    @property
    def rules(self) -> Mapping[str, Rule]:
        """Return the rules by the identifiers that decisions name."""
        return self._evaluator.rules

    @property
    def departures(self) -> tuple[str, ...]:
        """Return how the set departs from the shipped baseline."""
        return self.source.departures

    def with_source(self, **changes: object) -> PolicySet:
        """Return the set with parts of its source replaced, for a trial."""
        return PolicySet(replace(self.source, **changes), self.identity)  # type: ignore[arg-type]  # names and types are those of PolicySource

    def release(
        self,
        message: MessageFacts,
        peer: PeerFacts,
        *,
        now_ms: int,
        approved: frozenset[str] = frozenset(),
    ) -> Decision:
        """Decide whether a message may go to a peer."""
        own = message.originator == self.identity.node
        action = Action.RELEASE if own else Action.FORWARD
        return self.cross(action, message, peer, now_ms=now_ms, approved=approved)

    def accept(
        self,
        message: MessageFacts,
        peer: PeerFacts,
        *,
        now_ms: int,
        approved: frozenset[str] = frozenset(),
    ) -> Decision:
        """Decide whether a peer's message may enter."""
        return self.cross(
            Action.ACCEPT, message, peer, now_ms=now_ms, approved=approved
        )

    def publish(
        self, message: MessageFacts, officer: OfficerFacts, *, now_ms: int
    ) -> Decision:
        """Decide whether an officer may hand a message in."""
        return self.access(Action.PUBLISH, message, officer, now_ms=now_ms)

    def view(
        self, message: MessageFacts, officer: OfficerFacts, *, now_ms: int
    ) -> Decision:
        """Decide whether an officer may see a message."""
        return self.access(Action.VIEW, message, officer, now_ms=now_ms)

    def search(
        self, message: MessageFacts, officer: OfficerFacts, *, now_ms: int
    ) -> Decision:
        """Decide whether a message may show in an officer's searches and counts."""
        return self.access(Action.SEARCH, message, officer, now_ms=now_ms)

    def export(
        self, message: MessageFacts, officer: OfficerFacts, *, purpose: str, now_ms: int
    ) -> Decision:
        """Decide whether an officer may take a message out for a purpose."""
        return self.access(
            Action.EXPORT, message, officer, now_ms=now_ms, purpose=purpose
        )

    def approve(
        self, message: MessageFacts, officer: OfficerFacts, *, now_ms: int
    ) -> Decision:
        """Decide whether an officer may meet an obligation on a message."""
        return self.access(Action.APPROVE, message, officer, now_ms=now_ms)

    def cross(
        self,
        action: Action,
        message: MessageFacts,
        peer: PeerFacts,
        *,
        now_ms: int,
        approved: frozenset[str] = frozenset(),
    ) -> Decision:
        """Decide on an action between us and a peer."""
        category = self._categories.get(message.category)
        if category is None:
            return _UNKNOWN_CATEGORY
        is_over, days = term_of(message, category, now_ms)
        today, named = self._today(now_ms), peer.name in message.recipients
        key = (action, peer, approved, today, named, is_over, days, message[PROFILE])
        decision = self._decisions.get(key)
        if decision is None:
            request = Request(
                principal=self._peer(action, peer, category),
                facts=facts_of(message, (is_over, days), today=today, named=named),
                approved=approved,
            )
            decision = self._decide(key, request)
        return decision

    def access(
        self,
        action: Action,
        message: MessageFacts,
        officer: OfficerFacts,
        *,
        now_ms: int,
        purpose: str = "",
    ) -> Decision:
        """Decide on an action of an officer or system of our own desk."""
        category = self._categories.get(message.category)
        if category is None:
            return _UNKNOWN_CATEGORY
        is_over, days = term_of(message, category, now_ms)
        today = self._today(now_ms)
        key = (action, officer, purpose, today, is_over, days, message[PROFILE])
        decision = self._decisions.get(key)
        if decision is None:
            request = Request(
                principal=self._own(action, officer, category),
                facts=facts_of(
                    message,
                    (is_over, days),
                    today=today,
                    is_author=officer.is_author,
                    purpose=purpose,
                ),
                approved=frozenset(),
            )
            decision = self._decide(key, request)
        return decision

    def _decide(self, key: tuple[Any, ...], request: Request) -> Decision:
        decision = self._evaluator.decide(request)
        if self._remember:
            keep(self._decisions, key, decision, limit=CACHE_ENTRIES_MAX)
        return decision

    def _peer(self, action: Action, peer: PeerFacts, category: Category) -> Principal:
        """Return a peer as principal."""
        key = (action, peer, category.id)
        principal = self._principals.get(key)
        if principal is None:
            names = frozenset({peer.name, peer.state})
            groups = groups_of(names, self.source.groups) | peer.groups
            principal = self._evaluator.principal(
                action,
                uid={"type": "Node", "id": peer.name},
                entities=_parse(
                    self._category(category) + peer_entities(peer, category.id, groups)
                ),
                category=category.id,
                names=names,
                groups=frozenset(GROUP_PREFIX + group for group in groups),
            )
            keep(self._principals, key, principal, limit=PRINCIPALS_MAX)
        return principal

    def _own(
        self, action: Action, officer: OfficerFacts, category: Category
    ) -> Principal:
        """Return an officer as principal."""
        key = (action, officer, category.id)
        principal = self._principals.get(key)
        if principal is None:
            principal = self._evaluator.principal(
                action,
                uid={"type": officer_type(officer), "id": officer.officer_id},
                entities=_parse(self._category(category) + officer_entities(officer)),
                category=category.id,
            )
            keep(self._principals, key, principal, limit=PRINCIPALS_MAX)
        return principal

    def _category(self, category: Category) -> list[dict[str, Any]]:
        received = self.identity.received
        return category_entities(
            category, received=category.id in received or ANY_CATEGORY in received
        )

    def _today(self, now_ms: int) -> int:
        """Return the date of a moment; it is computed once a day."""
        day = now_ms // DAY_MS
        known, number = self._day
        if day != known:
            number = today_number(now_ms)
            self._day = (day, number)
        return number


_UNKNOWN_CATEGORY: Final = Decision(
    effect=Effect.WITHHOLD, policies=(CATEGORY_UNKNOWN,), reason="CATEGORY_UNKNOWN"
)


def _parse(entities: list[dict[str, Any]]) -> cedarpy.Entities:
    return cedarpy.Entities.from_json_str(json.dumps(entities))


def _evaluator(
    source: PolicySource, identity: Identity, *, remember: bool
) -> Evaluator:
    own = frozenset({identity.node, identity.state})
    rules = {rule.id: rule for rule in source.rules}
    links: list[Link] = []
    compiled = [compile_agreement(each, own=own) for each in source.agreements]
    compiled.append(compile_release_list(source.released))
    for part in compiled:
        rules |= {rule.id: rule for rule in part.rules}
        links += part.links
    return Evaluator(
        rules=MappingProxyType(rules),
        links=[link for link in links if link.template in rules],
        retentions=frozenset(
            category.longest_retention_days
            for category in source.catalogue.categories.values()
        ),
        remember=remember,
    )
