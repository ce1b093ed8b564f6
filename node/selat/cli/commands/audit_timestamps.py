# SPDX-License-Identifier: Apache-2.0
"""``selat audit timestamp-query`` and ``timestamp-add``: RFC 3161, by files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from zipfile import is_zipfile

import typer

from selat.cli.context import Context
from selat.cli.files import read_file, refuse_existing, write_file
from selat.core.notes import NOTE_BYTES_MAX, parse_note
from selat.publication.bundle_stamps import add_stamps, end_checkpoints
from selat.publication.durable_files import disk_errors
from selat.publication.timestamps import (
    TOKEN_BYTES_MAX,
    parse_timestamp,
    timestamp_query,
)


async def timestamp_query_command(
    context: Context,
    *,
    source: Annotated[
        Path,
        typer.Argument(metavar="BUNDLE", help="A bundle, or one checkpoint of ours."),
    ],
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where the queries go.")
    ] = Path(),
) -> None:
    """Write RFC 3161 queries for the checkpoints that end a bundle.

    Send each to a time-stamping authority, and add its answer with
    `timestamp-add`. Nothing here speaks to a network.
    """
    if source.is_file() and not is_zipfile(source):
        note = read_file(source, bytes_max=NOTE_BYTES_MAX)
        parse_note(note)
        queries = {out / "checkpoint.tsq": timestamp_query(note)}
    else:
        queries = {
            out / f"{shard}-{size}.tsq": timestamp_query(note)
            for (shard, size), note in end_checkpoints(source)
        }
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    refuse_existing(queries)
    for file, query in queries.items():
        write_file(file, query)
    if context.output.as_json:
        context.output.document({"queries": [str(file) for file in queries]})
        return
    for file in queries:
        context.output.say(str(file))


async def timestamp_add_command(
    context: Context,
    *,
    bundle: Annotated[
        Path, typer.Argument(metavar="BUNDLE", help="A bundle that is a folder.")
    ],
    answers: Annotated[
        list[Path],
        typer.Argument(metavar="ANSWER", help="An authority's answer (.tsr)."),
    ],
) -> None:
    """Put answers of a time-stamping authority into a bundle.

    Each must be over one of its checkpoints. Whether the authority's signature
    holds is for whoever verifies the bundle to say.
    """
    stamps = [
        parse_timestamp(read_file(file, bytes_max=TOKEN_BYTES_MAX)) for file in answers
    ]
    added = add_stamps(bundle, stamps)
    if context.output.as_json:
        context.output.document({"bundle": str(bundle), "added": added})
        return
    for name in added:
        context.output.say(f"{bundle} has {name}.", style="ok")
