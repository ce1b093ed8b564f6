# SPDX-License-Identifier: Apache-2.0
"""``selat audit export``: a bundle that an auditor verifies without us."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer

from selat.cli.connection import Desk
from selat.cli.context import Context
from selat.cli.display import counted, number
from selat.cli.files import read_file
from selat.cli.times import parse_moment
from selat.core.bundle_paths import shard_of
from selat.core.notes import parse_note
from selat.core.times import rfc3339, to_ms
from selat.node.configuration import read_configuration
from selat.node.folder import NodeFolder
from selat.publication.bundle_files import new_bundle
from selat.publication.bundle_writer import (
    BundleRequest,
    BundleWriter,
    WrittenBundle,
    leaf_count,
)
from selat.publication.periods import Period, ShardPart, parts_of
from selat.publication.timestamps import TOKEN_BYTES_MAX, parse_timestamp
from selat.store.sqlite.inspection import inspection
from selat.v1 import desk_service_pb2 as pb

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


async def export(
    context: Context,
    *,
    out: Annotated[
        Path, typer.Option(metavar="PATH", help="Where the bundle goes; new.")
    ],
    begin: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="TIME",
            help="2026-07-01, 2026-07-01T08:00Z, or 30d ago; without, the beginning.",
        ),
    ] = "",
    end: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="TIME",
            help="The same; a date means all of that day. Without, until now.",
        ),
    ] = "",
    as_zip: Annotated[
        bool, typer.Option("--zip", help="One zip file rather than a folder.")
    ] = False,
    tsa_token: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="RFC 3161 answer over a checkpoint of the bundle; repeat for more.",
        ),
    ] = None,
) -> None:
    """Write an audit bundle: the log of a period, and what peers answered.

    The bundle holds no contents of messages, and is whole also when all of
    them were erased. `selat audit verify` verifies it anywhere.
    """
    context.require_local("audit export")
    folder = NodeFolder(home=context.home)
    folder.check()
    period = _period(begin, end, now=datetime.now(UTC))
    stamps = [
        parse_timestamp(read_file(file, bytes_max=TOKEN_BYTES_MAX))
        for file in tsa_token or ()
    ]
    with inspection(folder.store) as reads:
        parts = reads(lambda snapshot: parts_of(snapshot, period))
        request = BundleRequest(
            node=read_configuration(folder.configuration).name,
            period=period,
            created_ms=to_ms(datetime.now(UTC)),
            parts=parts,
            notes=await _end_notes(context, parts),
            timestamps=stamps,
        )
        leaves = reads(lambda snapshot: leaf_count(snapshot, request))
        with (
            new_bundle(out, as_zip=as_zip) as files,
            context.output.progress("writing leaves", leaves) as progress,
        ):
            written = BundleWriter(files, reads=reads, progress=progress).write(request)
    _tell(context, out, written, request)


async def _end_notes(context: Context, parts: Sequence[ShardPart]) -> list[bytes]:
    """Return the checkpoint that ends each part; without the desk, if it can be."""
    kept = [note for part in parts if (note := part.end_note())]
    if len(kept) == len(parts):
        return kept
    async with context.desk() as desk:
        return [await _end_note(desk, part) for part in parts]


async def _end_note(desk: Desk, part: ShardPart) -> bytes:
    """Return the checkpoint that ends a part: one that is kept, or a new one."""
    if note := part.end_note():
        return note
    request = pb.GetCheckpointRequest(
        shard=shard_of(part.shard.origin), size=part.covered_size
    )
    return (await desk.call(desk.admin.GetCheckpoint, request)).note


def _period(begin: str, end: str, *, now: datetime) -> Period:
    first = parse_moment(begin, now=now) if begin else _EPOCH
    last = parse_moment(end, now=now) if end else now
    if _DATE.fullmatch(end):
        last += timedelta(days=1, milliseconds=-1)
    return Period(from_ms=to_ms(first), to_ms=to_ms(last))


def _tell(
    context: Context, out: Path, written: WrittenBundle, request: BundleRequest
) -> None:
    manifest = written.manifest
    shards = [
        {
            "origin": each.origin,
            "start_size": each.start_size,
            "end_size": each.end_size,
            "cosigned_by": _cosigners(note, each.origin),
        }
        for each, note in zip(manifest.shards, request.notes, strict=True)
    ]
    if context.output.as_json:
        context.output.document(
            {
                "bundle": str(out),
                "node": manifest.node,
                "from": rfc3339(manifest.from_ms),
                "to": rfc3339(manifest.to_ms),
                "shards": shards,
                "peer_leaves": written.peer_leaves,
                "time_stamps": len(request.timestamps),
                "files": written.files,
            }
        )
        return
    context.output.say(
        f"{out} holds {counted(written.files, 'file')} of {manifest.node}.", style="ok"
    )
    context.output.fields(
        [
            (
                each.origin,
                f"leaves {number(each.start_size)} to {number(each.end_size)}",
            )
            for each in manifest.shards
        ]
        + [
            ("peers' leaves", number(written.peer_leaves)),
            ("time-stamps", number(len(request.timestamps))),
        ]
    )
    if shards and not shards[-1]["cosigned_by"]:
        context.output.note(
            "No peer has cosigned the end of this log yet. Where an audit asks for a "
            "quorum, export again in a few minutes, with the same --to."
        )
    context.output.note(f"Anybody verifies it with: selat audit verify {out}")


def _cosigners(note: bytes, origin: str) -> list[str]:
    """Return who says to have cosigned a checkpoint of ours; nothing is verified."""
    return sorted({line.name for line in parse_note(note).signatures} - {origin})
