# SPDX-License-Identifier: Apache-2.0
"""``selat publish``: hand messages in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from selat.cli.command import command, group
from selat.cli.connection import Desk
from selat.cli.contents import FILE_BYTES_MAX, messages_of
from selat.cli.context import Context
from selat.cli.display import counted
from selat.cli.files import STANDARD_INPUT, read_file
from selat.cli.listing import identity_of
from selat.cli.output import Output
from selat.cli.plain import plain
from selat.errors import SelatError
from selat.v1 import desk_service_pb2 as pb
from selat.v1 import message_pb2

app = group("Publish messages from files.")

#: Messages and bytes of one call, all of which are kept or none; well under
#: the desk's own limits (256 messages, 16 MiB).
CALL_MESSAGES_MAX: Final = 100
CALL_BYTES_MAX: Final = 4 * 1024 * 1024

# More than these are summed up for people instead of listed.
_LISTED_MAX: Final = 20


@command(app, "publish")
async def publish(
    context: Context,
    *,
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE", help="Messages as JSON; - for standard input."),
    ],
) -> None:
    """Publish messages from files.

    A file holds one JSON object {"header": …, "body": …} for each message.
    Identifier, version, time and originator may be left out.
    """
    output = context.output
    messages = [
        message
        for file in files
        for message in messages_of(
            read_file(file, bytes_max=FILE_BYTES_MAX),
            source="standard input" if file == STANDARD_INPUT else str(file),
        )
    ]
    published: list[pb.PublishedMessage] = []
    try:
        async with context.desk() as desk:
            with output.progress("publishing", len(messages)) as advance:
                await publish_all(desk, messages, keep=published, advance=advance)
    except SelatError:
        if published:
            _report(output, published)
            output.note(
                f"{counted(len(messages) - len(published), 'message')} of "
                f"{len(messages)} were not published.",
                style="fail",
            )
        raise
    _report(output, published)


async def publish_all(
    desk: Desk,
    messages: Sequence[message_pb2.Message],
    *,
    keep: list[pb.PublishedMessage],
    advance: Callable[[int], None],
) -> None:
    """Publish messages in calls of bounded size, in their order.

    Args:
        desk: The desk.
        messages: What to publish.
        keep: Receives what was published, also when a later call fails.
        advance: Called with the number of messages after each call.
    """
    for chunk in chunks(messages):
        response = await desk.call(
            desk.messages.Publish, pb.PublishRequest(messages=chunk)
        )
        keep.extend(response.messages)
        advance(len(chunk))


def chunks(
    messages: Iterable[message_pb2.Message],
) -> Iterator[list[message_pb2.Message]]:
    """Split messages into calls of at most so many messages and bytes."""
    chunk: list[message_pb2.Message] = []
    size = 0
    for message in messages:
        more = message.ByteSize()
        if chunk and (len(chunk) == CALL_MESSAGES_MAX or size + more > CALL_BYTES_MAX):
            yield chunk
            chunk, size = [], 0
        chunk.append(message)
        size += more
    if chunk:
        yield chunk


def _report(output: Output, published: Sequence[pb.PublishedMessage]) -> None:
    if output.as_json:
        output.document({"messages": [plain(message) for message in published]})
        return
    if len(published) <= _LISTED_MAX:
        for message in published:
            _report_one(output, message)
        return
    recipients = {name for message in published for name in message.recipients}
    duplicates = sum(message.duplicate for message in published)
    warnings = sum(len(message.warnings) for message in published)
    output.say(
        f"Published {counted(len(published) - duplicates, 'message')} "
        f"for {counted(len(recipients), 'peer')}; "
        f"{counted(duplicates, 'duplicate')}, {counted(warnings, 'warning')}.",
        style="ok",
    )


def _report_one(output: Output, message: pb.PublishedMessage) -> None:
    identity = identity_of(message)
    if message.duplicate:
        output.say(f"{identity} was published before; nothing was done.")
    elif message.recipients:
        output.say(f"{identity} → {', '.join(message.recipients)}", style="ok")
    else:
        output.say(f"{identity} is kept; no peer is to receive it.")
    for warning in message.warnings:
        output.note(f"  {warning.path}: {warning.message}", style="warn")
