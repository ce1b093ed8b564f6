# SPDX-License-Identifier: Apache-2.0
"""``selat export``: take a message out for another system."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from selat.cli.command import command, group
from selat.cli.contents import message_document
from selat.cli.context import Context
from selat.cli.files import refuse_existing, write_file
from selat.cli.listing import identity_of, message_entry
from selat.cli.plain import uuid_bytes
from selat.errors import InvalidInputError
from selat.v1 import desk_service_pb2 as pb
from selat.v1 import message_pb2

app = group("Take a message out for another system, if policy permits it.")

_PURPOSES = {
    name.removeprefix("PURPOSE_").lower(): number
    for name, number in message_pb2.Purpose.items()
    if number
}


@command(app, "export")
async def export(
    context: Context,
    *,
    message: Annotated[str, typer.Argument(metavar="ID", help="The message's UUID.")],
    purpose: Annotated[
        str, typer.Option(help="What it is for, one of those that it names.")
    ],
    output: Annotated[
        Path, typer.Option(metavar="FILE", help="Where to write it; no file yet.")
    ],
    version: Annotated[int, typer.Option(help="The newest unless given.", min=0)] = 0,
    originator: Annotated[
        str, typer.Option("--from", metavar="NODE", help="The node that published it.")
    ] = "",
) -> None:
    """Take a message out for another system, if policy permits it.

    Header and body are written as JSON, the form in which messages are
    published. Permitted or not, our log says so.
    """
    number = _PURPOSES.get(purpose)
    if number is None:
        raise InvalidInputError(
            "That is no purpose.", remedy=f"It is one of: {', '.join(_PURPOSES)}."
        )
    refuse_existing([output])
    request = pb.ExportMessageRequest(
        id=uuid_bytes(message),
        version=version,
        originator=originator,
        purpose=number,
    )
    async with context.desk() as desk:
        answer = await desk.call(desk.messages.ExportMessage, request)
    document = message_document(answer.message)
    text = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
    write_file(output, text.encode(), mode=0o600)
    shown = context.output
    if shown.as_json:
        entry = message_entry(answer.info, answer.message, with_contents=False)
        entry |= {
            "purpose": purpose,
            "file": str(output),
            "leaf_index": answer.leaf_index,
            "policies": list(answer.policies),
        }
        shown.document(entry)
        return
    shown.say(f"Wrote {identity_of(answer.info)} to {output}.", style="ok")
    shown.fields(
        [
            ("for", purpose.replace("_", " ")),
            ("by", ", ".join(answer.policies)),
            ("logged", f"leaf {answer.leaf_index} of our log"),
        ]
    )
    shown.note("Its marking and handling codes go with it, and bind whoever reads it.")
