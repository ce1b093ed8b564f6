# SPDX-License-Identifier: Apache-2.0
"""What ``selat policy`` prints, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.text import Text

from selat.cli.display import ABSENT, listed
from selat.cli.output import Output, styled
from selat.cli.policy_questions import Question
from selat.policy.catalogue import Catalogue, Category
from selat.policy.comparison import Change, Difference
from selat.policy.explanation import Explanation
from selat.policy.policy_set import PolicySet
from selat.policy.port import Effect
from selat.policy.scenarios import Outcome

_STYLES: Final = {Effect.PERMIT: "ok", Effect.HOLD: "warn", Effect.WITHHOLD: "fail"}


def summary(policy: PolicySet) -> dict[str, object]:
    """Return what a policy set is made of."""
    source = policy.source
    return {
        "digest": policy.digest,
        "rules": len(source.rules),
        "agreements": len(source.agreements),
        "groups": len(source.groups),
        "departures": list(source.departures),
    }


def category_entry(category: Category) -> dict[str, object]:
    """Return a category as a program reads it."""
    return {
        "id": category.id,
        "title": category.title,
        "measure": category.measure,
        "legal_bases": [each.title for each in category.legal_bases],
        "record_types": sorted(category.record_types),
        "level": category.marking.level,
        "handling": list(category.marking.handling),
        "tlp": category.marking.tlp,
        "purposes": sorted(category.purposes),
        "longest_retention_days": category.longest_retention_days,
    }


def show_category(output: Output, category: Category) -> None:
    """Print all that the catalogue says of a category."""
    output.fields(
        [
            (
                name.replace("_", " "),
                listed(value) if isinstance(value, list) else str(value),
            )
            for name, value in category_entry(category).items()
        ]
    )


def show_categories(output: Output, catalogue: Catalogue) -> None:
    """Print the catalogue as a table."""
    output.table(
        ("category", "measure", "about", "marking", "kept"),
        [
            (
                each.id,
                each.measure,
                each.title,
                f"{each.marking.level} {' '.join(each.marking.handling)}".strip(),
                f"{each.longest_retention_days} d",
            )
            for each in catalogue.categories.values()
        ],
        right=("kept",),
    )


def failure_entry(outcome: Outcome) -> dict[str, object]:
    """Return a case that came out otherwise as a program reads it."""
    return {
        "file": outcome.table.source,
        "line": outcome.case.line,
        "title": outcome.case.title,
        "wrong": outcome.wrong,
    }


def show_failures(output: Output, failed: Sequence[Outcome]) -> None:
    """Print the cases that came out otherwise."""
    for each in failed:
        output.say(
            f"{each.table.source}, line {each.case.line}: {each.case.title}",
            style="fail",
        )
        output.say(f"  {each.wrong}")


def answer_entry(question: Question, found: Explanation) -> dict[str, object]:
    """Return an explanation as a program reads it."""
    decision = found.decision
    return {
        "action": question.action.value,
        "peer": question.peer.name,
        "effect": decision.effect.value,
        "reason": decision.reason or None,
        "obligations": list(decision.obligations),
        "redact": list(decision.redact),
        "summary": found.summary,
        "policies": [
            {
                "id": ground.id,
                "title": ground.title,
                "principle": ground.principle,
                "source": ground.source or None,
            }
            for ground in found.grounds
        ],
        "changes": list(found.changes),
        "approved": [ground.id for ground in found.met],
        "standing": question.standing or None,
    }


def show_explanation(output: Output, question: Question, found: Explanation) -> None:
    """Print an explanation."""
    output.say(f"{question.words}", style="strong")
    output.say(f"  {found.summary}", style=_STYLES[found.decision.effect])
    for ground in found.grounds:
        output.say(f"  • {ground.title}.")
        output.say(f"    {ground.principle} [{ground.id}]", style="quiet")
    for ground in found.met:
        output.say(f"  ✓ {ground.title}: one has approved it.")
        output.say(f"    {ground.principle} [{ground.id}]", style="quiet")
    for number, change in enumerate(found.changes):
        output.say(f"  {'and' if number else '→'} {change}.")
    if question.standing:
        output.say(f"  Until now: {question.standing}")
    output.blank()


def difference_entry(each: Difference) -> dict[str, object]:
    """Return a difference as a program reads it."""
    return {
        "kind": each.kind,
        "name": each.name,
        "change": each.change,
        "title": each.title or None,
    }


def show_differences(output: Output, found: Sequence[Difference]) -> None:
    """Print differences as a table."""
    output.table(
        ("change", "kind", "name", "says"),
        [(each.change, each.kind, each.name, each.title or ABSENT) for each in found],
    )


def change_entry(change: Change) -> dict[str, object]:
    """Return a changed decision as a program reads it."""
    exchange = change.exchange
    return {
        "message": exchange.label,
        "action": exchange.action.value,
        "peer": getattr(exchange.who, "name", None),
        "category": exchange.message.category,
        "before": change.before.effect.value,
        "after": change.after.effect.value,
        "policies_before": list(change.before.policies),
        "policies_after": list(change.after.policies),
    }


def show_changes(output: Output, changes: Sequence[Change]) -> None:
    """Print changed decisions as a table."""

    def effect(value: Effect) -> Text:
        return styled(value.value, _STYLES[value])

    output.table(
        ("message", "action", "peer", "category", "now", "then", "by"),
        [
            (
                change.exchange.label,
                change.exchange.action.value,
                str(getattr(change.exchange.who, "name", ABSENT)),
                change.exchange.message.category,
                effect(change.before.effect),
                effect(change.after.effect),
                listed(change.after.policies),
            )
            for change in changes
        ],
    )
