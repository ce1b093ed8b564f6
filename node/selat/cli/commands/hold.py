# SPDX-License-Identifier: Apache-2.0
"""``selat hold``: keep messages from being erased for as long as a court asks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer

from selat.cli.command import command, group
from selat.cli.context import Context
from selat.cli.display import counted
from selat.cli.output import Output
from selat.cli.plain import plain, uuid_bytes
from selat.v1 import desk_service_pb2 as pb

app = group("Put messages under legal hold; release them.")

_Identifier = Annotated[str, typer.Argument(metavar="ID", help="The message's UUID.")]
_Version = Annotated[
    int, typer.Option(help="Every version that is kept unless given.", min=0)
]


@command(app, "set")
async def set_hold(
    context: Context,
    *,
    message: _Identifier,
    reason_code: Annotated[
        str,
        typer.Option(
            metavar="CODE", help="Why: A-Z, 0-9, _ and -; it stands in the log."
        ),
    ],
    version: _Version = 0,
) -> None:
    """Put a message under legal hold: it is not erased until it is released."""
    request = pb.SetLegalHoldRequest(
        id=uuid_bytes(message), version=version, reason_code=reason_code
    )
    async with context.desk() as desk:
        held = await desk.call(desk.admin.SetLegalHold, request)
    _tell(context.output, held.messages, "Holding {}; nothing of it is erased.")


@command(app, "release")
async def release(
    context: Context, *, message: _Identifier, version: _Version = 0
) -> None:
    """Release a message from legal hold: what is due of it is erased."""
    request = pb.ReleaseLegalHoldRequest(id=uuid_bytes(message), version=version)
    async with context.desk() as desk:
        released = await desk.call(desk.admin.ReleaseLegalHold, request)
    _tell(context.output, released.messages, "Released {}.")


def _tell(output: Output, messages: Iterable[pb.MessageInfo], words: str) -> None:
    infos = list(messages)
    if output.as_json:
        output.document({"messages": [plain(info) for info in infos]})
    else:
        output.say(words.format(counted(len(infos), "version")), style="ok")
