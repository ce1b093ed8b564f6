# SPDX-License-Identifier: Apache-2.0
"""``selat audit tiles``: the log as files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from selat.cli.connection import Desk
from selat.cli.context import Context
from selat.cli.display import counted, number
from selat.core.bundle_paths import shard_of
from selat.core.notes import parse_note
from selat.core.tile_paths import tile_paths
from selat.core.tree_heads import parse_tree_head
from selat.node.folder import NodeFolder
from selat.publication.durable_files import folder_for_one
from selat.publication.tile_tree import TileTree, WrittenTree
from selat.store.sqlite.inspection import inspection
from selat.store.values import Shard
from selat.v1 import desk_service_pb2 as pb


async def tiles(
    context: Context,
    *,
    out: Annotated[
        Path,
        typer.Option(metavar="FOLDER", help="Where the shards' folders stand or go."),
    ],
) -> None:
    """Write the log as a tree of files, or bring one up to date.

    One folder for each half-year, in the form of C2SP tlog-tiles, which any
    web server can serve. A second run writes only what is new.
    """
    context.require_local("audit tiles")
    folder = NodeFolder(home=context.home)
    folder.check()
    with inspection(folder.store) as reads, folder_for_one(out):
        shards = reads(lambda snapshot: snapshot.shards())
        async with context.desk() as desk:
            notes = [await signed_checkpoint(desk, shard) for shard in shards]
        total = sum(map(_files, notes))
        with context.output.progress("writing tiles", total) as progress:
            written = [
                TileTree(out, shard, reads=reads).bring_up_to(note, progress=progress)
                for shard, note in zip(shards, notes, strict=True)
            ]
    if context.output.as_json:
        context.output.document(
            {"folder": str(out), "shards": [asdict(each) for each in written]}
        )
    else:
        _print(context, written)


async def signed_checkpoint(desk: Desk, shard: Shard) -> bytes:
    """Return the signed note of a shard, from whoever holds the keys."""
    request = pb.GetCheckpointRequest(shard=shard_of(shard.origin))
    return (await desk.call(desk.admin.GetCheckpoint, request)).note


def _files(note: bytes) -> int:
    size = parse_tree_head(parse_note(note).text).size
    return sum(1 for _ in tile_paths(size))


def _print(context: Context, written: Sequence[WrittenTree]) -> None:
    for each in written:
        context.output.say(
            f"{each.origin}: {number(each.size)} leaves; "
            f"{counted(each.written, 'file')} written, {number(each.kept)} kept",
            style="ok",
        )
