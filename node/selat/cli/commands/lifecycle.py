# SPDX-License-Identifier: Apache-2.0
"""``selat lifecycle``: what is due for review, what was and will be erased."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

import typer
from rich.text import Text

from selat.cli.command import command, group
from selat.cli.context import Context
from selat.cli.display import ABSENT, counted, moment, number, printable
from selat.cli.listing import UUID_WIDTH, identity_of, place_of
from selat.cli.output import Output, styled
from selat.cli.paging import lifecycle_entries
from selat.cli.plain import plain, time_of, uuid_bytes
from selat.errors import InvalidInputError
from selat.v1 import desk_service_pb2 as pb

app = group("Show what is due for review, held or erased; erase what is due.")

_WIDE: Final = ("no.", "from", "category", "type", "reason", "when", "leaf", "id")
_NARROW: Final = ("no.", "reason", "id")


@command(app, "list")
async def list_entries(
    context: Context,
    *,
    due_review: Annotated[
        bool, typer.Option("--due-review", help="Those whose review date has come.")
    ] = False,
    erased: Annotated[
        bool, typer.Option("--erased", help="Those that were erased, the last first.")
    ] = False,
    held: Annotated[
        bool, typer.Option("--held", help="Those under legal hold.")
    ] = False,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 50,
) -> None:
    """List messages that are due for review, erased, or under legal hold."""
    if due_review + erased + held != 1:
        raise InvalidInputError(
            "Say which messages to list.",
            remedy="Name one of --due-review, --erased and --held.",
        )
    output = context.output
    request = pb.ListLifecycleRequest(view=_view(due_review=due_review, erased=erased))
    async with context.desk() as desk:
        entries = await lifecycle_entries(desk, request, limit=limit)
    if output.as_json:
        output.document({"entries": [plain(entry) for entry in entries]})
    elif entries:
        _show(output, entries)
        if len(entries) == limit:
            output.note(f"These are the newest {limit}; more with --limit.")
    else:
        output.say("There is no such message.", style="quiet")


@command(app, "run")
async def run(
    context: Context,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Erase nothing; show what would be.")
    ] = False,
) -> None:
    """Erase now what has expired or is kept no longer.

    The node does so by itself while it serves.
    """
    output = context.output
    entries: list[pb.LifecycleEntry] = []
    async with context.desk() as desk:
        while True:
            done = await desk.call(
                desk.admin.RunLifecycle, pb.RunLifecycleRequest(dry_run=dry_run)
            )
            entries += done.entries
            if dry_run or not done.more:
                break
    if output.as_json:
        output.document(
            {
                "dry_run": dry_run,
                "more": done.more,
                "entries": [plain(entry) for entry in entries],
            }
        )
        return
    if not entries:
        output.say("Nothing is due.", style="quiet")
        return
    _show(output, entries)
    count = counted(len(entries), "message")
    if not dry_run:
        output.say(f"Erased {count}.", style="ok")
    elif done.more:
        output.say(f"{count} and more would be erased. Nothing was.")
    else:
        output.say(f"{count} would be erased. Nothing was.")


@command(app, "erase")
async def erase(
    context: Context,
    *,
    message: Annotated[str, typer.Argument(metavar="ID", help="The message's UUID.")],
    reason_code: Annotated[
        str,
        typer.Option(
            metavar="CODE", help="Why: A-Z, 0-9, _ and -; it stands in the log."
        ),
    ],
    version: Annotated[
        int, typer.Option(help="Every version that is kept unless given.", min=0)
    ] = 0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Erase nothing; show what would be.")
    ] = False,
) -> None:
    """Erase a message before its time, on this node and for good.

    A legal hold stops it. Peers that have the message keep it.
    """
    request = pb.EraseMessageRequest(
        id=uuid_bytes(message),
        version=version,
        reason_code=reason_code,
        dry_run=dry_run,
    )
    async with context.desk() as desk:
        done = await desk.call(desk.admin.EraseMessage, request)
    output = context.output
    if output.as_json:
        entries = [plain(entry) for entry in done.entries]
        output.document({"dry_run": dry_run, "entries": entries})
        return
    _show(output, done.entries)
    count = counted(len(done.entries), "version")
    if dry_run:
        output.say(f"{count} would be erased. Nothing was.")
    else:
        output.say(f"Erased {count}.", style="ok")


def _view(*, due_review: bool, erased: bool) -> pb.LifecycleView.ValueType:
    if due_review:
        return pb.LIFECYCLE_VIEW_DUE_REVIEW
    return pb.LIFECYCLE_VIEW_ERASED if erased else pb.LIFECYCLE_VIEW_LEGAL_HOLD


def _show(output: Output, entries: Sequence[pb.LifecycleEntry]) -> None:
    """Print entries as a table; on a narrow terminal with two lines for each."""
    least = {"id": UUID_WIDTH}
    if output.is_narrow:
        output.table(_NARROW, map(_narrow_row, entries), right=("no.",), least=least)
    else:
        right = ("no.", "leaf")
        output.table(_WIDE, map(_wide_row, entries), right=right, least=least)


def _wide_row(entry: pb.LifecycleEntry) -> Sequence[str | Text]:
    info = entry.info
    return (
        str(info.number),
        info.originator,
        info.category,
        info.record_type.replace("_", " "),
        _reason_cell(entry),
        moment(time_of(entry, "at") or time_of(info, "review_at")),
        _leaf(entry),
        identity_of(info),
    )


def _leaf(entry: pb.LifecycleEntry) -> str:
    """Return index and shard of the leaf; the log is always our own."""
    if not entry.HasField("place") and not entry.leaf_index:
        return ABSENT
    index, log = place_of(entry)
    return f"{number(index)} of {printable(log.rpartition('/')[2])}"


def _narrow_row(entry: pb.LifecycleEntry) -> Sequence[str | Text]:
    info = entry.info
    kind = printable(f"{info.category} {info.record_type.replace('_', ' ')}")
    identity = Text(identity_of(info)).append(f"\n{kind}", style="dim")
    return str(info.number), _reason_cell(entry), identity


def _reason_cell(entry: pb.LifecycleEntry) -> Text:
    """Return the reason, who set a legal hold, and what still keeps it back."""
    text = Text(printable(entry.reason) or ABSENT)
    if entry.officer:
        text.append(f" by {printable(entry.officer)}")
    if entry.on_its_way:
        text.append_text(styled(" after its receipt", "warn"))
    return text
