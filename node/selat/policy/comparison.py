# SPDX-License-Identifier: Apache-2.0
"""Compare two policy sets: by what they say, and by what they would decide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from selat.policy.policy_set import PolicySet
from selat.policy.port import (
    Action,
    Decision,
    MessageFacts,
    OfficerFacts,
    PeerFacts,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A part of the policy that one set has otherwise than the other.

    Attributes:
        kind: ``rule``, ``agreement``, ``release list``, ``group``, ``category``,
            ``departure`` or ``file``.
        name: Which one.
        change: ``added``, ``removed`` or ``changed``.
        title: What it says, where it says something.
    """

    kind: str
    name: str
    change: str
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A question that was decided once.

    Attributes:
        label: Name of the message, for the reader.
        action: What was asked.
        message: What policies could know of the message.
        who: The peer or officer.
        now_ms: The moment of the new decision, ms since the epoch.
        approved: Obligations that persons had met.
    """

    label: str
    action: Action
    message: MessageFacts
    who: PeerFacts | OfficerFacts
    now_ms: int
    approved: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An exchange that the draft would decide otherwise."""

    exchange: Exchange
    before: Decision
    after: Decision


def diff(old: PolicySet, new: PolicySet) -> tuple[Difference, ...]:
    """Return what differs between two sets, part by part."""
    return tuple(_differences(old, new))


def simulate(
    current: PolicySet, draft: PolicySet, exchanges: Iterable[Exchange]
) -> tuple[Change, ...]:
    """Decide exchanges by both sets and return those that come out otherwise.

    That other policies make the same decision is no change.
    """
    changes = []
    for exchange in exchanges:
        before, after = decide(current, exchange), decide(draft, exchange)
        if _outcome(before) != _outcome(after):
            changes.append(Change(exchange=exchange, before=before, after=after))
    return tuple(changes)


def decide(policy: PolicySet, exchange: Exchange) -> Decision:
    """Put an exchange to a policy set."""
    if isinstance(exchange.who, OfficerFacts):
        return policy.access(
            exchange.action, exchange.message, exchange.who, now_ms=exchange.now_ms
        )
    return policy.cross(
        exchange.action,
        exchange.message,
        exchange.who,
        now_ms=exchange.now_ms,
        approved=exchange.approved,
    )


def _outcome(decision: Decision) -> tuple[object, ...]:
    return decision.effect, decision.obligations, decision.redact, decision.reason


def _differences(old: PolicySet, new: PolicySet) -> Iterator[Difference]:
    before, after = old.source, new.source
    yield from _parts(
        "rule",
        {rule.id: rule for rule in before.rules},
        {rule.id: rule for rule in after.rules},
    )
    yield from _parts(
        "agreement",
        {agreement.id: agreement for agreement in before.agreements},
        {agreement.id: agreement for agreement in after.agreements},
    )
    yield from _parts("release list", before.released, after.released)
    yield from _parts("group", before.groups, after.groups)
    yield from _parts(
        "category", before.catalogue.categories, after.catalogue.categories
    )
    yield from _parts(
        "departure",
        dict.fromkeys(before.departures, ""),
        dict.fromkeys(after.departures, ""),
    )
    yield from _parts("file", before.digests, after.digests)


def _parts(
    kind: str, before: Mapping[str, object], after: Mapping[str, object]
) -> Iterator[Difference]:
    for name in sorted(before.keys() | after.keys()):
        if name in before and name in after and before[name] == after[name]:
            continue
        change = "changed"
        if name not in before:
            change = "added"
        elif name not in after:
            change = "removed"
        title = getattr(after.get(name, before.get(name)), "title", "")
        yield Difference(
            kind=kind,
            name=name,
            change=change,
            title=title if isinstance(title, str) else "",  # a text has a method
        )
