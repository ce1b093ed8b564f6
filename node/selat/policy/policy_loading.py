# SPDX-License-Identifier: Apache-2.0
"""From files to a policy set that may come into force.

`load_policy_set` parses, validates against the schema, looks for permits that
anybody would pass, and runs the set's own scenarios. Whatever fails, nothing
comes out, and what was in force stays.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final

import cedarpy

from selat.errors import ConfigurationError
from selat.policy.agreement_rules import DUAL_CRIMINALITY
from selat.policy.agreements import Agreement, check_together, parse_agreement
from selat.policy.catalogue import Catalogue
from selat.policy.catalogue_file import (
    CATALOGUE_FILE,
    default_policy_folder,
    parse_catalogue,
)
from selat.policy.entities import DAY_MS
from selat.policy.evaluator import DENY_BY_DEFAULT
from selat.policy.groups import (
    GROUP_PREFIX,
    GROUPS_FILE,
    Groups,
    groups_of,
    parse_groups,
)
from selat.policy.policy_files import (
    RELEASE_FILE,
    SCHEMA_FILE,
    PolicyFiles,
    check_baseline,
    read_policy_files,
)
from selat.policy.policy_set import PolicySet
from selat.policy.policy_source import Identity, PolicySource
from selat.policy.port import (
    ANY_CATEGORY,
    Action,
    MessageFacts,
    OfficerFacts,
    PeerFacts,
)
from selat.policy.release_list import parse_release_list
from selat.policy.rules import Rule, line_of, parse_rules
from selat.policy.scenario_file import parse_scenarios
from selat.policy.scenarios import check_scenarios

#: Nobody: a node of a reserved name and a state that ISO never assigns.
_STRANGER: Final = PeerFacts(
    name="nobody.invalid", state="ZZ", categories=frozenset({ANY_CATEGORY})
)
_NOBODY: Final = OfficerFacts(officer_id="nobody", agency="", roles=frozenset())


def load_policy_set(
    files: PolicyFiles,
    identity: Identity,
    *,
    today: date | None = None,
    shipped: PolicyFiles | None = None,
) -> PolicySet:
    """Make the policy set of a node, or say why it cannot come into force.

    Args:
        files: The policy folder's files.
        identity: Whose policy it is.
        today: Refuse agreements that have ended by then; None takes them, for
            a node that starts again with what was in force.
        shipped: The shipped policy; read from the package when None.

    Raises:
        ConfigurationError: A file cannot be used, the baseline differs unsaid,
            a permit lets everybody pass, or a scenario fails.
    """
    policy = build_policy_set(files, identity, shipped=shipped)
    prove_policy_set(policy, files, today=today)
    return policy


def build_policy_set(
    files: PolicyFiles, identity: Identity, *, shipped: PolicyFiles | None = None
) -> PolicySet:
    """Parse and validate the files, and make a set of them that nobody has tried.

    Raises:
        ConfigurationError: A file cannot be used, or the baseline differs unsaid.
    """
    source = parse_source(files, shipped=shipped)
    for agreement in source.agreements:
        _check_party(agreement, identity, source.groups)
    try:
        return PolicySet(source, identity)
    except ValueError as error:
        raise ConfigurationError(
            f"Cedar cannot make a set of the policies: {error}.",
            remedy="Correct the folder; until then the policy in force stays.",
        ) from error


def prove_policy_set(
    policy: PolicySet, files: PolicyFiles, *, today: date | None = None
) -> None:
    """Raise unless a set may come into force.

    A set that was in force before needs no second proof: the digest covers all
    that this looks at but the date.

    Raises:
        ConfigurationError: An agreement has ended by today, a permit lets
            everybody pass, or a scenario fails.
    """
    for agreement in policy.source.agreements:
        _check_ended(agreement, today)
    _check_strangers(policy)
    tables = [
        parse_scenarios(raw, source=path) for path, raw in files.below("scenarios")
    ]
    check_scenarios(policy, tables, files)


def parse_source(
    files: PolicyFiles, *, shipped: PolicyFiles | None = None
) -> PolicySource:
    """Parse all files of a policy folder but its scenarios.

    Raises:
        ConfigurationError: A file cannot be used, or the baseline differs unsaid.
    """
    departures = check_baseline(files, shipped or read_shipped())
    catalogue = parse_catalogue(files.required(CATALOGUE_FILE), source=CATALOGUE_FILE)
    raw_groups = files.contents.get(GROUPS_FILE)
    groups = parse_groups(raw_groups, source=GROUPS_FILE) if raw_groups else {}
    rules = _rules(files)
    agreements = parse_agreements(
        files.below("agreements"), catalogue=catalogue, groups=groups
    )
    if not any(rule.id == DUAL_CRIMINALITY for rule in rules):
        _refuse_dual_criminality(agreements)
    raw_released = files.contents.get(RELEASE_FILE, b"")
    released = parse_release_list(_text(raw_released), source=RELEASE_FILE)
    return PolicySource(
        catalogue=catalogue,
        groups=groups,
        rules=rules,
        agreements=agreements,
        released=released,
        departures=departures,
        digests=files.digests(),
    )


def read_shipped() -> PolicyFiles:
    """Return the policy files that are shipped with the package."""
    return read_policy_files(default_policy_folder())


def parse_agreements(
    items: Iterable[tuple[str, bytes]], *, catalogue: Catalogue, groups: Groups
) -> tuple[Agreement, ...]:
    """Parse agreements, and hold them against each other.

    Raises:
        ConfigurationError: One cannot be used, or two contradict.
    """
    agreements = tuple(
        parse_agreement(raw, source=path, catalogue=catalogue, groups=groups)
        for path, raw in items
    )
    check_together(agreements)
    return agreements


def _rules(files: PolicyFiles) -> tuple[Rule, ...]:
    try:
        schema = cedarpy.Schema.from_str(files.required(SCHEMA_FILE).decode())
    except ValueError as error:
        raise ConfigurationError(
            f"{SCHEMA_FILE} is no Cedar schema: {error}.",
            remedy="Restore the one that is shipped.",
            file=SCHEMA_FILE,
        ) from error
    rules: dict[str, Rule] = {}
    for path, raw in [*files.below("baseline"), *files.below("rules")]:
        for rule in parse_rules(raw, source=path):
            if rule.id in rules:
                raise _refuse(
                    path, line_of(raw.decode(), rule.id), f"{rule.id} is there twice"
                )
            rules[rule.id] = rule
        _validate(raw.decode(), schema, path)
    return tuple(rules.values())


def _validate(text: str, schema: cedarpy.Schema, path: str) -> None:
    """Check a Cedar file against the schema: names, types, and possible actions."""
    result = cedarpy.validate_policies(text, schema)
    if result.validation_passed:
        return
    error = result.errors[0]
    names = result.id_annotations_by_policy_id
    name = names.get(error.policy_id, error.policy_id)
    what = error.error.replace(f"for policy `{error.policy_id}`, ", "")
    raise _refuse(path, line_of(text, name), f"{name}: {what}")


def _check_party(agreement: Agreement, identity: Identity, groups: Groups) -> None:
    path = f"agreements/{agreement.id}.toml"
    own = frozenset({identity.node, identity.state})
    ours = own | {GROUP_PREFIX + name for name in groups_of(own, groups)}
    if not ours & frozenset(agreement.parties):
        raise ConfigurationError(
            f"{path}: neither {identity.state} nor {identity.node} is a party.",
            remedy="Take the file out; an agreement of others binds nobody here.",
            file=path,
        )


def _check_ended(agreement: Agreement, today: date | None) -> None:
    if today is not None and agreement.valid_until < today:
        path = f"agreements/{agreement.id}.toml"
        raise ConfigurationError(
            f"{path}: the agreement ended on {agreement.valid_until}.",
            remedy="Take the file out, or put in the agreement that follows it.",
            file=path,
        )


def _refuse_dual_criminality(agreements: Iterable[Agreement]) -> None:
    for agreement in agreements:
        if any(clause.dual_criminality for clause in agreement.clauses):
            path = f"agreements/{agreement.id}.toml"
            raise ConfigurationError(
                f"{path} needs the rule {DUAL_CRIMINALITY}, which is not there.",
                remedy="Restore the baseline's file.",
                file=path,
            )


def _check_strangers(policy: PolicySet) -> None:
    """Refuse a set whose permits alone let nobody's friend have the worst.

    Forbids are left out, because what only a forbid holds back today is given
    away by the first message that the forbid does not name.
    """
    permits = [rule for rule in policy.source.rules if rule.permits]
    trial = policy.with_source(rules=tuple(permits), agreements=(), released={})
    for category in policy.source.catalogue.categories.values():
        message = MessageFacts(
            originator=policy.identity.node,
            category=category.id,
            record_type=min(category.record_types),
            level="secret",
            tlp="red",
            codes=("H1", "H2", "H3"),
            purposes=(min(category.purposes),),
            releasable_to=(),
            expires_ms=DAY_MS,
            created_ms=0,
        )
        decisions = [
            trial.cross(action, message, _STRANGER, now_ms=0)
            for action in (Action.RELEASE, Action.FORWARD, Action.ANSWER)
        ] + [
            trial.access(action, message, _NOBODY, now_ms=0)
            for action in (Action.PUBLISH, Action.VIEW, Action.EXPORT, Action.APPROVE)
        ]
        for decision in decisions:
            if DENY_BY_DEFAULT not in decision.policies:
                name = decision.policies[0]
                path = policy.rules[name].source if name in policy.rules else "rules"
                raise _refuse(
                    path, 1, f"{name} would let a stranger have a secret message"
                )


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refuse(RELEASE_FILE, 1, "the file is not UTF-8") from error


def _refuse(path: str, line: int, what: str) -> ConfigurationError:
    return ConfigurationError(
        f"{path}, line {line}: {what}.",
        remedy="Correct the file; until then the policy in force stays.",
        file=path,
        line=line,
    )
