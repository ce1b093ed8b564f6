# SPDX-License-Identifier: Apache-2.0
"""Scenarios: cases that a policy set must decide as a person wrote them down.

They are run each time before a set comes into force. `selat.policy.scenario_file`
reads them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from selat.errors import ConfigurationError
from selat.policy.agreement_rules import RELEASE_LIST
from selat.policy.agreements import parse_agreement
from selat.policy.groups import parse_groups
from selat.policy.policy_files import PolicyFiles
from selat.policy.policy_set import PolicySet
from selat.policy.policy_source import Identity
from selat.policy.port import (
    Action,
    Decision,
    Effect,
    MessageFacts,
    OfficerFacts,
    PeerFacts,
)

#: Failures that an error tells in full.
_SHOWN_MAX: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a case must come to.

    Attributes:
        effect: The decision.
        by: Identifiers of exactly the policies that decide; None for any.
        reason: Reason code; None for any.
        obligations: Exactly these.
        redact: Exactly these.
    """

    effect: Effect
    by: frozenset[str] | None
    reason: str | None
    obligations: tuple[str, ...]
    redact: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One question with its answer.

    Attributes:
        title: What it shows, one line.
        line: Where it stands in its file.
        action: What is asked.
        message: The message.
        who: The peer, or the officer.
        now_ms: The moment.
        approved: Obligations that persons have met.
        purpose: What an export is for.
        expected: What must come out.
    """

    title: str
    line: int
    action: Action
    message: MessageFacts
    who: PeerFacts | OfficerFacts
    now_ms: int
    approved: frozenset[str]
    purpose: str
    expected: Expected

    def ask(self, policy: PolicySet) -> Decision:
        """Put the case to a policy set."""
        if isinstance(self.who, OfficerFacts):
            return policy.access(
                self.action,
                self.message,
                self.who,
                now_ms=self.now_ms,
                purpose=self.purpose,
            )
        return policy.cross(
            self.action,
            self.message,
            self.who,
            now_ms=self.now_ms,
            approved=self.approved,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a table assumes in the place of the node's own settings.

    Attributes:
        identity: Whose policy; None for the node's own.
        released: Release list; None for the node's own.
        agreements: Files of the policy folder, as if they were in force; None
            for the node's own.
        groups: File of the policy folder to take the groups from; None for the
            node's own.
    """

    identity: Identity | None = None
    released: Mapping[str, frozenset[str]] | None = None
    agreements: tuple[str, ...] | None = None
    groups: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioTable:
    """The cases of one file."""

    source: str
    given: Given
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a case; ``wrong`` is empty when it is as expected."""

    table: ScenarioTable
    case: Case
    decision: Decision
    wrong: str


def run_scenarios(
    policy: PolicySet, tables: Iterable[ScenarioTable], files: PolicyFiles
) -> tuple[Outcome, ...]:
    """Put every case of every table to a policy set.

    Args:
        policy: The set.
        tables: The cases.
        files: The policy folder's files, for what tables assume.

    Raises:
        ConfigurationError: A table assumes an agreement that cannot be used.
    """
    outcomes: list[Outcome] = []
    for table in tables:
        trial = arrange(policy, table.given, files)
        for case in table.cases:
            decision = case.ask(trial)
            outcomes.append(
                Outcome(
                    table=table,
                    case=case,
                    decision=decision,
                    wrong=_difference(case.expected, decision),
                )
            )
    return tuple(outcomes)


def check_scenarios(
    policy: PolicySet, tables: Iterable[ScenarioTable], files: PolicyFiles
) -> None:
    """Raise unless every case comes out as written.

    Args:
        policy: The set.
        tables: The cases.
        files: The policy folder's files, for what tables assume.

    Raises:
        ConfigurationError: Some do not; it names the first of them.
    """
    failed = [
        outcome for outcome in run_scenarios(policy, tables, files) if outcome.wrong
    ]
    if not failed:
        return
    lines = [
        f"{each.table.source}, line {each.case.line}, '{each.case.title}': {each.wrong}"
        for each in failed[:_SHOWN_MAX]
    ]
    raise ConfigurationError(
        f"The policy fails {len(failed)} of its scenarios: {'; '.join(lines)}.",
        remedy="Correct the rule, or the scenario that no longer says what you want.",
        file=failed[0].table.source,
        line=failed[0].case.line,
    )


def arrange(policy: PolicySet, given: Given, files: PolicyFiles) -> PolicySet:
    """Return the policy set with what a table assumes."""
    source = policy.source
    if given.groups is not None:
        groups = parse_groups(files.required(given.groups), source=given.groups)
        source = replace(source, groups=groups)
    if given.released is not None:
        source = replace(source, released=given.released)
    if given.agreements is not None:
        agreements = tuple(
            parse_agreement(
                files.required(path),
                source=path,
                catalogue=source.catalogue,
                groups=source.groups,
            )
            for path in given.agreements
        )
        source = replace(source, agreements=agreements)
    return PolicySet(source, given.identity or policy.identity)


def _difference(expected: Expected, decision: Decision) -> str:
    if decision.effect is not expected.effect:
        return (
            f"{expected.effect} was expected, and it is {decision.effect} "
            f"by {', '.join(decision.policies)}"
        )
    if expected.by is not None and _names(decision) != expected.by:
        return (
            f"it was to be decided by {', '.join(sorted(expected.by))}, and it is "
            f"by {', '.join(decision.policies)}"
        )
    for name in ("reason", "obligations", "redact"):
        wanted, found = getattr(expected, name), getattr(decision, name)
        if wanted is not None and wanted != found:
            return f"{name} was to be {wanted!r}, and it is {found!r}"
    return ""


def _names(decision: Decision) -> frozenset[str]:
    """Return the deciding policies; any line of the release list is the list."""
    return frozenset(
        RELEASE_LIST if name.startswith(f"{RELEASE_LIST}/") else name
        for name in decision.policies
    )
