# SPDX-License-Identifier: Apache-2.0
"""``selat policy``: read, test, explain, try and activate the state's policy."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from selat.cli.command import command, group
from selat.cli.context import Context
from selat.cli.display import counted
from selat.cli.plain import uuid_bytes
from selat.cli.policy_display import (
    answer_entry,
    category_entry,
    change_entry,
    difference_entry,
    failure_entry,
    show_categories,
    show_category,
    show_changes,
    show_differences,
    show_explanation,
    show_failures,
    summary,
)
from selat.cli.policy_questions import message_questions, recent_exchanges
from selat.core.times import to_ms
from selat.errors import InvalidInputError, NotFoundError, WrongStateError
from selat.node import policy_folder
from selat.node.folder import NodeFolder
from selat.policy.catalogue_file import load_catalogue
from selat.policy.comparison import diff, simulate
from selat.policy.explanation import explain
from selat.policy.policy_files import read_policy_files
from selat.policy.scenario_file import parse_scenarios
from selat.policy.scenarios import run_scenarios

app = group("Read, test, explain, try and activate the state's policy.")

_Draft = Annotated[Path, typer.Argument(help="A complete policy folder, edited.")]
_Folder = Annotated[
    Path | None,
    typer.Argument(help="A policy folder; the node's own unless given."),
]


@command(app, "categories")
async def categories(
    context: Context,
    *,
    name: Annotated[
        str, typer.Argument(metavar="CATEGORY", help="Only this one, in full.")
    ] = "",
) -> None:
    """Show the catalogue of categories."""
    home = context.local_home
    folder = NodeFolder(home=home).policy if home is not None else None
    own = folder if folder is not None and folder.is_dir() else None
    catalogue = load_catalogue(own)
    if name and name not in catalogue.categories:
        raise NotFoundError(
            "The catalogue has no such category.",
            remedy=f"It has: {', '.join(catalogue.categories)}.",
        )
    shown = [catalogue.categories[name]] if name else catalogue.categories.values()
    if context.output.as_json:
        context.output.document(
            {"categories": [category_entry(each) for each in shown]}
        )
    elif name:
        show_category(context.output, catalogue.categories[name])
    else:
        show_categories(context.output, catalogue)


@command(app, "check")
async def check(context: Context, *, folder: _Folder = None) -> None:
    """Check that a policy could come into force: files, rules and scenarios."""
    home = _home(context, "policy check")
    policy = policy_folder.prove(home, folder or home.policy, today=_today())
    output = context.output
    if output.as_json:
        output.document(summary(policy))
        return
    output.say("This policy can come into force.", style="ok")
    output.fields([(name, str(value)) for name, value in summary(policy).items()])


@command(app, "test")
async def run_tests(context: Context, *, folder: _Folder = None) -> None:
    """Run the scenario tables of a policy folder."""
    home = _home(context, "policy test")
    place = folder or home.policy
    files = read_policy_files(place)
    policy = policy_folder.draft_of(home, place)
    tables = [
        parse_scenarios(raw, source=name) for name, raw in files.below("scenarios")
    ]
    outcomes = run_scenarios(policy, tables, files)
    failed = [outcome for outcome in outcomes if outcome.wrong]
    output = context.output
    if output.as_json:
        output.document(
            {"cases": len(outcomes), "failed": [failure_entry(each) for each in failed]}
        )
    else:
        show_failures(output, failed)
    if failed:
        raise WrongStateError(
            f"{counted(len(failed), 'case')} of {len(outcomes)} came out otherwise.",
            remedy="Correct the rule, or the scenario that no longer holds.",
        )
    if not output.as_json:
        cases = counted(len(outcomes), "case")
        output.say(f"All {cases} came out as written.", style="ok")


@command(app, "explain")
async def explain_message(
    context: Context,
    *,
    message: Annotated[str, typer.Argument(metavar="ID", help="The message's UUID.")],
    peer: Annotated[str, typer.Option(help="Only for this peer.")] = "",
    version: Annotated[int, typer.Option(help="The newest unless given.", min=0)] = 0,
    originator: Annotated[
        str, typer.Option("--from", metavar="NODE", help="The node that published it.")
    ] = "",
) -> None:
    """Say why a message goes to each peer or not, and what would have to change.

    The policy that is in the folder now decides, at this moment, with what persons
    have approved; what was decided earlier stands in the log with its policies.
    """
    home = _home(context, "policy explain")
    policy = policy_folder.policy_in_force(home)
    async with context.desk() as desk:
        questions = await message_questions(
            desk,
            uuid_bytes(message),
            version=version,
            originator=originator,
            peer=peer,
            own=policy.identity.node,
            now_ms=_now_ms(),
        )
    answers = [
        (each, explain(policy, each.ask, ask_first=each.ask_first))
        for each in questions
    ]
    output = context.output
    if output.as_json:
        output.document(
            {"answers": [answer_entry(each, found) for each, found in answers]}
        )
        return
    for question, found in answers:
        show_explanation(output, question, found)


@command(app, "diff")
async def diff_draft(context: Context, *, draft: _Draft) -> None:
    """Show what a draft says otherwise than the policy of the node."""
    home = _home(context, "policy diff")
    found = diff(
        policy_folder.policy_in_force(home), policy_folder.draft_of(home, draft)
    )
    output = context.output
    if output.as_json:
        output.document({"differences": [difference_entry(each) for each in found]})
    elif found:
        show_differences(output, found)
    else:
        output.say("The draft says the same.", style="quiet")


@command(app, "simulate")
async def simulate_draft(
    context: Context,
    *,
    draft: _Draft,
    limit: Annotated[int, typer.Option(help="At most so many each way.", min=1)] = 200,
) -> None:
    """Decide recent exchanges again under a draft, and list what would change."""
    home = _home(context, "policy simulate")
    current = policy_folder.policy_in_force(home)
    new = policy_folder.draft_of(home, draft)
    async with context.desk() as desk:
        exchanges = await recent_exchanges(desk, limit=limit, now_ms=_now_ms())
    changes = simulate(current, new, exchanges)
    output = context.output
    if output.as_json:
        output.document(
            {
                "decided": len(exchanges),
                "changes": [change_entry(change) for change in changes],
            }
        )
        return
    if changes:
        show_changes(output, changes)
    decided = counted(len(exchanges), "decision")
    output.say(f"Of {decided}, {len(changes)} would come out otherwise.")


@command(app, "activate")
async def activate(
    context: Context,
    *,
    draft: Annotated[
        Path | None,
        typer.Argument(help="A complete policy folder, edited."),
    ] = None,
    restore_baseline: Annotated[
        bool,
        typer.Option(
            "--restore-baseline", help="Take the shipped baseline instead of a draft."
        ),
    ] = False,
) -> None:
    """Put a draft in the place of the node's policy, if it can come into force.

    A running node takes it up by itself, for the next message, and logs the old
    and the new digest. The old folder stays beside it.
    """
    home = _home(context, "policy activate")
    if (draft is None) is not restore_baseline:
        raise InvalidInputError(
            "Name either a draft or --restore-baseline.",
            remedy="A draft is a complete policy folder, edited.",
        )
    if draft is None:
        policy = policy_folder.restore_baseline(home, today=_today())
    else:
        policy = policy_folder.activate(home, draft, today=_today())
    output = context.output
    if output.as_json:
        output.document(summary(policy))
        return
    output.say(
        "The policy was put in place; a running node takes it up now.", style="ok"
    )
    output.fields([(name, str(value)) for name, value in summary(policy).items()])


# --- parts -----------------------------------------------------------------
def _home(context: Context, name: str) -> NodeFolder:
    context.require_local(name)
    return NodeFolder(home=context.home)


def _today() -> date:
    return datetime.now(UTC).date()


def _now_ms() -> int:
    return to_ms(datetime.now(UTC))
