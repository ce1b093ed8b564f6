# SPDX-License-Identifier: Apache-2.0
"""``selat outbox``: messages on their way to peers."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Final

import typer
from rich.text import Text

from selat.cli.command import command, group
from selat.cli.context import Context
from selat.cli.display import ABSENT, counted, moment, printable
from selat.cli.listing import UUID_WIDTH, identity_of
from selat.cli.output import Output, styled
from selat.cli.paging import outbox_entries
from selat.cli.plain import enum_name, plain, time_of, uuid_bytes
from selat.errors import InvalidInputError
from selat.v1 import desk_service_pb2 as pb

app = group("Show what is on its way; retry dead letters.")

_WIDE: Final = ("entry", "peer", "state", "category", "type", "queued", "reason", "id")
_NARROW: Final = ("entry", "peer", "state", "id")

_STYLES: Final = {
    "accepted": "ok",
    "refused": "fail",
    "dead": "fail",
    "quarantined": "warn",
    "withheld": "warn",
    "held": "warn",
}


class State(StrEnum):
    """Where a message stands on its way to one peer."""

    QUEUED = "queued"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    QUARANTINED = "quarantined"
    WITHHELD = "withheld"
    DEAD = "dead"
    HELD = "held"


@command(app, "list")
async def list_entries(
    context: Context,
    *,
    peer: Annotated[str, typer.Option(help="Only entries for this peer.")] = "",
    state: Annotated[State | None, typer.Option(help="Only in this state.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 50,
) -> None:
    """List messages on their way to peers, newest first."""
    output = context.output
    request = pb.ListOutboxRequest(peer=peer)
    if state is not None:
        request.state = pb.OutboxState.Value(f"OUTBOX_STATE_{state.name}")
    async with context.desk() as desk:
        entries = await outbox_entries(desk, request, limit=limit)
    if output.as_json:
        output.document({"entries": [plain(entry) for entry in entries]})
    elif entries:
        show_entries(output, entries)
        if len(entries) == limit:
            output.note(f"These are the newest {limit}; more with --limit.")
    else:
        output.say("Nothing is on its way.", style="quiet")


@command(app, "show")
async def show(
    context: Context,
    *,
    message: Annotated[str, typer.Argument(metavar="ID", help="The message's UUID.")],
    version: Annotated[int, typer.Option(help="The newest unless given.", min=0)] = 0,
) -> None:
    """Show where one message stands with each peer."""
    output = context.output
    request = pb.GetMessageRequest(id=uuid_bytes(message), version=version)
    async with context.desk() as desk:
        found = await desk.call(desk.messages.GetMessage, request)
    if output.as_json:
        output.document({"entries": [plain(entry) for entry in found.outbox]})
    elif found.outbox:
        show_entries(output, found.outbox)
    else:
        output.say("This message was not published here.", style="quiet")


@command(app, "retry")
async def retry(
    context: Context,
    *,
    numbers: Annotated[
        list[int] | None,
        typer.Argument(metavar="ENTRY", help="Numbers of dead letters.", min=1),
    ] = None,
    peer: Annotated[
        str, typer.Option(help="Every dead letter for this peer instead.")
    ] = "",
) -> None:
    """Queue dead letters again: some by their number, or all of one peer."""
    if bool(numbers) == bool(peer):
        raise InvalidInputError(
            "Name either the entries or a peer.",
            remedy="Dead letters are listed by: selat outbox list --state dead",
        )
    output = context.output
    async with context.desk() as desk:
        queued = await desk.call(
            desk.messages.RetryOutbox,
            pb.RetryOutboxRequest(numbers=numbers or (), peer=peer),
        )
    if output.as_json:
        output.document({"numbers": list(queued.numbers)})
    elif queued.numbers:
        count = counted(len(queued.numbers), "entry", "entries")
        output.say(f"Queued {count} again.", style="ok")
    else:
        output.say("There was no dead letter.", style="quiet")


def show_entries(output: Output, entries: Sequence[pb.OutboxEntry]) -> None:
    """Print entries as a table; on a narrow terminal with two lines for each."""
    least = {"id": UUID_WIDTH}
    if output.is_narrow:
        output.table(_NARROW, map(_narrow_row, entries), right=("entry",), least=least)
    else:
        output.table(_WIDE, map(_wide_row, entries), right=("entry",), least=least)


def _wide_row(entry: pb.OutboxEntry) -> Sequence[str | Text]:
    return (
        str(entry.number),
        entry.peer,
        _state_cell(entry),
        entry.category,
        entry.record_type.replace("_", " "),
        moment(time_of(entry, "queued_at")),
        printable(entry.reason) or ABSENT,
        identity_of(entry),
    )


def _narrow_row(entry: pb.OutboxEntry) -> Sequence[str | Text]:
    state = _state_cell(entry)
    if entry.reason:
        state.append(f"\n{printable(entry.reason)}", style="default not bold")
    kind = printable(f"{entry.category} {entry.record_type.replace('_', ' ')}")
    identity = Text(identity_of(entry)).append(f"\n{kind}", style="dim")
    return str(entry.number), entry.peer, state, identity


def _state_cell(entry: pb.OutboxEntry) -> Text:
    """Return the state with how often delivery has failed."""
    state = enum_name(pb.OutboxState.DESCRIPTOR, entry.state)
    style = _STYLES.get(state)
    text = styled(state, style) if style else Text(state)
    if entry.attempts:
        text.append(f" after {counted(entry.attempts, 'attempt')}")
    return text
