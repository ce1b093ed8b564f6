# SPDX-License-Identifier: Apache-2.0
"""``selat search``: messages by what they tell of."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from selat.cli.command import command, group
from selat.cli.context import Context
from selat.cli.listing import found_entries, show_messages
from selat.cli.paging import found_messages
from selat.cli.plain import enum_name
from selat.cli.times import parse_moment
from selat.errors import InvalidInputError
from selat.v1 import desk_service_pb2 as pb
from selat.v1 import options_pb2

app = group("Look for messages.")

_KINDS: Final = {
    enum_name(options_pb2.SelectorKind.DESCRIPTOR, value): value
    for value in options_pb2.SelectorKind.values()
    if value
}
# What people call them.
_ALIASES: Final = {"passport": "document", "name": "person_name", "ship": "imo"}
_STANDARD_INPUT: Final = "-"
_VALUE_CHARACTERS_MAX: Final = 1024


def _kind(text: str) -> options_pb2.SelectorKind.ValueType:
    name = text.lower().replace("-", "_")
    value = _KINDS.get(_ALIASES.get(name, name))
    if value is None:
        raise InvalidInputError(
            f"There is no kind of selector '{text[:40]}'.",
            remedy=f"Say one of: {', '.join(sorted({*_KINDS, *_ALIASES}))}.",
        )
    return value


@command(app, "search")
async def search(
    context: Context,
    *,
    values: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="VALUE",
            help="Passport, name, telephone …; - reads one a line from standard "
            "input, which leaves no trace in the shell's history.",
        ),
    ] = None,
    kind: Annotated[
        str, typer.Option(help="What VALUE is: passport, name, phone, imo, plate …")
    ] = "",
    category: Annotated[str, typer.Option(help="Only this category.")] = "",
    record_type: Annotated[
        str, typer.Option("--type", help="Only this record type.")
    ] = "",
    originator: Annotated[
        str, typer.Option("--from", metavar="NODE", help="Only messages of this node.")
    ] = "",
    since: Annotated[
        str, typer.Option(help="Kept since: 12h, 7d, 2026-01-31, a date and time.")
    ] = "",
    until: Annotated[str, typer.Option(help="Kept before then.")] = "",
    status: Annotated[
        str, typer.Option(help="Only records that are current, delisted, withdrawn.")
    ] = "",
    past: Annotated[
        bool, typer.Option("--past", help="Also superseded and erased versions.")
    ] = False,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1)] = 50,
    contents: Annotated[
        bool, typer.Option("--contents", help="With --json: header and body too.")
    ] = False,
) -> None:
    """Look for messages, own and received.

    The newest come first. A message must have all the values; without a value,
    all messages match.
    """
    request = pb.SearchMessagesRequest(
        category=category,
        record_type=record_type.replace("-", "_"),
        originator=originator,
        status=status.lower(),
        include_past=past,
        with_contents=True,
    )
    selector = _kind(kind) if kind else options_pb2.SELECTOR_KIND_UNSPECIFIED
    for value in _values(values or []):
        request.selectors.add(kind=selector, value=value)
    if since:
        request.stored_from.FromDatetime(parse_moment(since, now=datetime.now(UTC)))
    if until:
        request.stored_until.FromDatetime(parse_moment(until, now=datetime.now(UTC)))
    async with context.desk() as desk:
        found = await found_messages(desk, request, limit=limit)
    output = context.output
    if output.as_json:
        output.document({"messages": found_entries(found, with_contents=contents)})
    elif found:
        show_messages(output, found)
        if len(found) == limit:
            output.note(f"These are the newest {limit}; more with --limit.")
    else:
        output.say("No message matches.", style="quiet")


def _values(given: list[str]) -> list[str]:
    if given != [_STANDARD_INPUT]:
        return given
    lines = sys.stdin.read(_VALUE_CHARACTERS_MAX * 8).splitlines()
    return [line.strip() for line in lines if line.strip()]
