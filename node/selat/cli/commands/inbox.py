# SPDX-License-Identifier: Apache-2.0
"""``selat inbox`` and ``selat watch``: what peers have sent."""

from __future__ import annotations

from typing import Annotated

import typer

from selat.cli.command import command, group
from selat.cli.connection import Desk
from selat.cli.context import Context
from selat.cli.display import moment, printable
from selat.cli.listing import (
    found_entries,
    identity_of,
    marking_of,
    message_entry,
    show_messages,
)
from selat.cli.output import Output
from selat.cli.paging import found_messages
from selat.cli.plain import plain, time_of
from selat.errors import InvalidInputError
from selat.v1 import desk_service_pb2 as pb

app = group("Show and follow what arrives.")


@command(app, "inbox")
async def inbox(
    context: Context,
    *,
    every: Annotated[
        bool, typer.Option("--all", help="Also what somebody has in hand already.")
    ] = False,
    ack: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", help="Take this message in hand.", min=1),
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 50,
    contents: Annotated[
        bool, typer.Option("--contents", help="With --json: header and body too.")
    ] = False,
) -> None:
    """Show what arrived; take it in hand.

    Without options: what nobody has in hand, newest first.
    """
    output = context.output
    async with context.desk() as desk:
        if ack is not None:
            await _acknowledge(desk, ack, output)
            return
        request = pb.SearchMessagesRequest(
            direction=pb.MESSAGE_DIRECTION_IN,
            unacknowledged=not every,
            with_contents=True,
        )
        found = await found_messages(desk, request, limit=limit)
    if output.as_json:
        output.document({"messages": found_entries(found, with_contents=contents)})
    elif found:
        show_messages(output, found)
        if len(found) == limit:
            output.note(f"These are the newest {limit}; more with --limit.")
    else:
        output.say(
            "Nothing has arrived." if every else "Nothing waits. All of it: --all",
            style="quiet",
        )


@command(app, "watch")
async def watch(
    context: Context,
    *,
    after: Annotated[
        int, typer.Option(metavar="CURSOR", help="Only what came after it.", min=0)
    ] = 0,
    new: Annotated[
        bool, typer.Option("--new", help="Only what arrives from now on.")
    ] = False,
    category: Annotated[
        list[str] | None, typer.Option(help="Only this category; repeat for more.")
    ] = None,
    count: Annotated[
        int | None, typer.Option(help="Stop after so many messages.", min=1)
    ] = None,
    contents: Annotated[
        bool, typer.Option("--contents", help="With --json: header and body too.")
    ] = False,
) -> None:
    """Follow what arrives.

    Each message has a cursor; resume after the last one seen with --after.
    """
    if new and after:
        raise InvalidInputError(
            "--new and --after exclude each other.", remedy="Leave one of them out."
        )
    output = context.output
    seen = 0
    async with context.desk() as desk:
        # No deadline: a subscription lasts as long as its reader.
        stream = desk.messages.Subscribe(
            pb.SubscribeRequest(
                after=after,
                only_new=new,
                categories=category or (),
                with_contents=True,
            )
        )
        async for event in stream:
            if not event.HasField("info"):
                continue  # a sign of life
            _print_event(output, event, with_contents=contents)
            seen += 1
            if seen == count:
                stream.cancel()
                return


async def _acknowledge(desk: Desk, number: int, output: Output) -> None:
    answer = await desk.call(
        desk.messages.AcknowledgeMessage, pb.AcknowledgeMessageRequest(number=number)
    )
    if output.as_json:
        output.document({"first": answer.first, "info": plain(answer.info)})
    elif answer.first:
        output.say(f"Message {number} is in your hands.", style="ok")
    else:
        when = moment(time_of(answer.info, "acknowledged_at"))
        output.say(
            f"{answer.info.acknowledged_by} has had message {number} in hand "
            f"since {when}.",
            style="warn",
        )


def _print_event(
    output: Output, event: pb.SubscribeResponse, *, with_contents: bool
) -> None:
    info = event.info
    if output.as_json:
        message = event.message if event.HasField("message") else None
        entry = message_entry(info, message, with_contents=with_contents)
        output.line({"cursor": event.cursor, **entry})
        return
    urgency = f" {info.urgency.upper()}" if info.urgency != "routine" else ""
    output.say(
        f"{event.cursor:>6}  {moment(time_of(info, 'stored_at'))}  {info.originator}"
        f"  {info.category}/{info.record_type}{urgency}  {marking_of(info)}"
        f"  {printable(event.message.header.title)}  {identity_of(info)}",
        style={"flash": "fail", "urgent": "warn"}.get(info.urgency, ""),
    )
