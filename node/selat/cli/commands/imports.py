# SPDX-License-Identifier: Apache-2.0
"""``selat import``: official lists become messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Annotated, Final

import typer

from selat.cli.command import command, group
from selat.cli.commands.publish import CALL_MESSAGES_MAX, publish_all
from selat.cli.connection import Desk
from selat.cli.context import Context
from selat.cli.display import ABSENT, counted, number
from selat.cli.output import Output
from selat.cli.plain import rfc3339
from selat.identity.card import parse_card
from selat.importers.un_list.changes import Change, Plan
from selat.importers.un_list.importing import (
    Publication,
    plan_import,
    read_un_list,
    to_messages,
)
from selat.importers.un_list.mapping import Publisher
from selat.importers.un_list.reader import UnList
from selat.importers.un_list.report import ReadingReport
from selat.importers.un_list.state import IMPORT_SOURCE, ImportState
from selat.policy.catalogue_file import CATALOGUE_FILE, load_catalogue
from selat.v1 import desk_service_pb2 as pb

app = group("Publish the entries of an official list.")

# What people are shown of one kind of thing that was not understood.
_EXAMPLES_SHOWN: Final = 3


@app.callback()
def imports() -> None:
    """Publish the entries of an official list."""


@command(app, "un-list")
async def un_list(
    context: Context,
    file: Annotated[
        Path, typer.Argument(help="The Security Council's consolidated list, XML.")
    ],
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be published.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Also an older list, or one from which much has gone."
        ),
    ] = False,
    to: Annotated[
        list[str] | None,
        typer.Option(metavar="NODE", help="Recipient; every accepted peer if none."),
    ] = None,
) -> None:
    """Publish what is new, changed or gone on the UN consolidated list.

    The node remembers what it published: the same list again publishes
    nothing, and an import that stopped half-way goes on where it stopped.
    """
    output = context.output
    report = ReadingReport()
    with read_un_list(file) as source:
        async with context.desk() as desk:
            publisher = await _publisher(desk, context.home, recipients=to or [])
            state = await _remembered(desk)
            planned = _plan(source, state, publisher, force=force, output=output)
            with output.progress("publishing", len(planned.steps)) as advance:
                publications = to_messages(source, planned, publisher, report=report)
                if dry_run:
                    published = _counted(publications, advance)
                else:
                    published = await _publish(
                        desk, publications, state, planned, advance=advance
                    )
    _report(output, planned, report, published=published, dry_run=dry_run)


async def _publisher(desk: Desk, home: Path, *, recipients: list[str]) -> Publisher:
    own_card = await desk.call(desk.admin.GetOwnCard, pb.GetOwnCardRequest())
    card = parse_card(own_card.envelope).card
    policy = home / "policy"
    own = policy if (policy / CATALOGUE_FILE).is_file() else None
    return Publisher(
        node=card.name,
        state=card.state,
        agency=card.agency,
        recipients=tuple(recipients),
        catalogue=load_catalogue(own),
    )


async def _remembered(desk: Desk) -> ImportState:
    kept = await desk.call(
        desk.admin.GetImportState, pb.GetImportStateRequest(source=IMPORT_SOURCE)
    )
    return ImportState.from_json(kept.state)


def _plan(
    source: UnList,
    state: ImportState,
    publisher: Publisher,
    *,
    force: bool,
    output: Output,
) -> Plan:
    with output.progress("reading") as advance:
        return plan_import(
            source,
            state,
            publisher,
            now=datetime.now(UTC),
            force=force,
            on_progress=lambda _progress: advance(1),
        )


def _counted(
    publications: Iterable[Publication], advance: Callable[[int], None]
) -> int:
    """Make every message, which finds what cannot be said, and publish none."""
    for _publication in publications:
        advance(1)
    return 0


async def _publish(
    desk: Desk,
    publications: Iterator[Publication],
    state: ImportState,
    planned: Plan,
    *,
    advance: Callable[[int], None],
) -> int:
    """Publish chunk by chunk, and remember each before the next."""
    kept: list[pb.PublishedMessage] = []
    while chunk := list(islice(publications, CALL_MESSAGES_MAX)):
        messages = [publication.message for publication in chunk]
        await publish_all(desk, messages, keep=kept, advance=advance)
        entries = {publication.reference: publication.entry for publication in chunk}
        state = state.with_published(planned.generated, entries)
        await desk.call(
            desk.admin.PutImportState,
            pb.PutImportStateRequest(source=IMPORT_SOURCE, state=state.to_json()),
        )
    return len(kept)


def _report(
    output: Output,
    planned: Plan,
    report: ReadingReport,
    *,
    published: int,
    dry_run: bool,
) -> None:
    changes = {change: len(planned.references(change)) for change in Change}
    if output.as_json:
        output.document(
            {
                "generated": rfc3339(planned.generated),
                "dry_run": dry_run,
                "published": published,
                "unchanged": planned.unchanged,
                **{change.value: count for change, count in changes.items()},
                "entries_left_out": report.entries_left_out,
                "not_understood": [
                    {
                        "rule": finding.rule.value,
                        "path": finding.path,
                        "count": finding.count,
                        "references": list(finding.references),
                        "examples": list(finding.examples),
                    }
                    for finding in report.findings
                ],
            }
        )
        return
    _print_findings(output, report)
    output.say(f"The list of {planned.generated:%Y-%m-%d %H:%M}Z:", style="strong")
    output.fields(
        [(change.value, number(count)) for change, count in changes.items()]
        + [("unchanged", number(planned.unchanged))]
    )
    if dry_run:
        output.say("Nothing was published (--dry-run).", style="warn")
    else:
        output.say(f"Published {counted(published, 'message')}.", style="ok")


def _print_findings(output: Output, report: ReadingReport) -> None:
    if not report.findings:
        return
    output.say(
        "Not understood; kept as text, unless an entry was left out:", style="warn"
    )
    output.table(
        ("rule", "where", "times", "for example"),
        [
            (
                finding.rule.value,
                finding.path,
                number(finding.count),
                "; ".join([*finding.examples, *finding.references][:_EXAMPLES_SHOWN])
                or ABSENT,
            )
            for finding in report.findings
        ],
        right=("times",),
    )
    if report.entries_left_out:
        entries = counted(report.entries_left_out, "entry", "entries")
        output.say(f"{entries} could not be read and were left out.", style="fail")
