# SPDX-License-Identifier: Apache-2.0
"""The policy set of a node: immutable, and the one that answers.

`PolicySource` is what the files say; `PolicySet` is what one node makes of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final, TypeVar

import cedarpy

from selat.policy.agreement_rules import (
    Link,
    compile_agreement,
    compile_release_list,
)
from selat.policy.agreements import Agreement
from selat.policy.catalogue import Catalogue, Category
from selat.policy.entities import (
    DAY_MS,
    View,
    category_entities,
    officer_entities,
    officer_type,
    peer_entities,
    record_json,
    today_number,
    view_of,
)
from selat.policy.evaluator import Evaluator, Request
from selat.policy.groups import Groups
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

_T = TypeVar("_T")

#: Form of the digest: a change of how rules are read is a change of policy.
DIGEST_VERSION: Final = 2
#: Decisions that are remembered; some 2 KiB each.
CACHE_ENTRIES_MAX: Final = 8_192
#: Principals with their category that are remembered as entities.
PRINCIPALS_MAX: Final = 4_096
#: Messages with their principal that are remembered as entities.
VIEWS_MAX: Final = 1_024
#: Named where the catalogue does not know the category.
CATEGORY_UNKNOWN: Final = "default/category-unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySource:
    """What the files of a policy folder say.

    Attributes:
        catalogue: The categories.
        groups: The groups of states and nodes.
        rules: Rules of the baseline and of the state.
        agreements: The agreements.
        released: The release list: categories by node name.
        departures: Declared departures from the baseline.
        digests: SHA-256 of each file, hexadecimal, by path.
    """

    catalogue: Catalogue
    groups: Groups
    rules: tuple[Rule, ...]
    agreements: tuple[Agreement, ...]
    released: Mapping[str, frozenset[str]]
    departures: tuple[str, ...]
    digests: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whose policy it is.

    Attributes:
        node: Our node name.
        state: Our state.
        received: Categories that our card declares; ``*`` for all.
    """

    node: str
    state: str
    received: frozenset[str]


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
        self._evaluator = _evaluator(source, identity)
        self._digest = _digest(source, identity)
        self._remember = remember
        self._decisions: dict[tuple[Any, ...], Decision] = {}
        self._principals: dict[tuple[Any, ...], cedarpy.Entities] = {}
        self._views: dict[tuple[Any, ...], cedarpy.Entities] = {}
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
        category = self.source.catalogue.categories.get(message.category)
        if category is None:
            return _UNKNOWN_CATEGORY
        view = view_of(message, category, now_ms=now_ms)
        today = self._today(now_ms)
        key = (action, peer, approved, today, view)
        decision = self._decisions.get(key)
        if decision is None:
            request = Request(
                action=action,
                principal={"type": "Node", "id": peer.name},
                entities=self._entities(
                    (peer, category.id), view, lambda: self._peer(peer, category)
                ),
                context=(("today", today),),
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
        category = self.source.catalogue.categories.get(message.category)
        if category is None:
            return _UNKNOWN_CATEGORY
        view = view_of(message, category, now_ms=now_ms)
        today = self._today(now_ms)
        key = (action, officer, purpose, today, view)
        decision = self._decisions.get(key)
        if decision is None:
            request = Request(
                action=action,
                principal={"type": officer_type(officer), "id": officer.officer_id},
                entities=self._entities(
                    (officer, category.id), view, lambda: self._own(officer, category)
                ),
                context=(
                    ("today", today),
                    ("author", officer.is_author),
                    ("purpose", purpose),
                ),
                approved=frozenset(),
            )
            decision = self._decide(key, request)
        return decision

    def _decide(self, key: tuple[Any, ...], request: Request) -> Decision:
        decision = self._evaluator.decide(request)
        if self._remember:
            _keep(self._decisions, key, decision, limit=CACHE_ENTRIES_MAX)
        return decision

    def _entities(
        self,
        key: tuple[Any, ...],
        view: View,
        build: Callable[[], list[dict[str, Any]]],
    ) -> cedarpy.Entities:
        """Return principal, message and what they belong to.

        One message is asked about again for another action, another day or after
        an approval, so that its entities are remembered as well.
        """
        known = self._views.get((key, view))
        if known is not None:
            return known
        base = self._principals.get(key)
        if base is None:
            base = cedarpy.Entities.from_json_str(json.dumps(build()))
            _keep(self._principals, key, base, limit=PRINCIPALS_MAX)
        entities = base.with_added_json_str(record_json(view))
        if self._remember:
            _keep(self._views, (key, view), entities, limit=VIEWS_MAX)
        return entities

    def _peer(self, peer: PeerFacts, category: Category) -> list[dict[str, Any]]:
        known = self._category(category)
        return known + peer_entities(
            peer,
            category.id,
            catalogue=self.source.catalogue,
            groups=self.source.groups,
        )

    def _own(self, officer: OfficerFacts, category: Category) -> list[dict[str, Any]]:
        return self._category(category) + officer_entities(officer)

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


def _keep(
    cache: dict[tuple[Any, ...], _T], key: tuple[Any, ...], value: _T, *, limit: int
) -> None:
    """Keep a value; a full cache begins anew, which costs little and stays simple."""
    if len(cache) >= limit:
        cache.clear()
    cache[key] = value


def _evaluator(source: PolicySource, identity: Identity) -> Evaluator:
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
    )


def _digest(source: PolicySource, identity: Identity) -> str:
    """Return the SHA-256 of all that the set consists of, in one canonical form.

    RFC 8785 needs nothing that `json.dumps` with these options does not give for
    texts without surrogates, which no file read as UTF-8 has.
    """
    document = {
        "version": DIGEST_VERSION,
        "node": identity.node,
        "state": identity.state,
        "received": sorted(identity.received),
        "departures": list(source.departures),
        "files": dict(source.digests),
        "released": {peer: sorted(names) for peer, names in source.released.items()},
    }
    canonical = json.dumps(
        document, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    return hashlib.sha256(canonical.encode()).hexdigest()
