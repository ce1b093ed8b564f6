# SPDX-License-Identifier: Apache-2.0
"""``selat audit policy``: whose signatures suffice, for foreign tools."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from selat.cli.context import Context
from selat.cli.files import write_file
from selat.core.bundle_paths import shard_of
from selat.identity.card import parse_card
from selat.node.configuration import read_configuration
from selat.node.folder import NodeFolder
from selat.publication.policy_file import Algorithm, tlog_policy
from selat.publication.shards import shard_called
from selat.store.port import Snapshot
from selat.store.sqlite.inspection import inspect
from selat.store.values import PeerState, Shard


async def policy(
    context: Context,
    *,
    shard: Annotated[
        str, typer.Option(metavar="YYYYhN", help="The newest unless given.")
    ] = "",
    quorum: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="How many peers must have cosigned; 0 for none.",
            show_default="that of the configuration",
        ),
    ] = None,
    algorithm: Annotated[
        Algorithm, typer.Option(help="Whose keys; tools may know only one of them.")
    ] = Algorithm.BOTH,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A new file, instead of standard output."),
    ] = None,
) -> None:
    """Write a C2SP tlog-policy: the log's keys, accepted peers as witnesses, a quorum.

    It says what this node's folder says. An auditor compares the keys by
    fingerprints that were pinned, not by this file.
    """
    context.require_local("audit policy")
    folder = NodeFolder(home=context.home)
    folder.check()

    def read(snapshot: Snapshot) -> tuple[Shard, list[bytes]]:
        accepted = [
            row.envelope for row in snapshot.peers() if row.state is PeerState.ACCEPTED
        ]
        return shard_called(snapshot, shard), accepted

    if quorum is None:
        quorum = read_configuration(folder.configuration).witness.quorum
    found, envelopes = inspect(folder.store, read)
    written = tlog_policy(
        parse_card(folder.card.read_bytes()).card,
        [parse_card(envelope).card for envelope in envelopes],
        origin=found.origin,
        quorum=quorum,
        at=datetime.now(UTC),
        algorithm=algorithm,
    ).encode()
    if out is not None:
        write_file(out, written)
    if context.output.as_json:
        context.output.document(
            {
                "shard": shard_of(found.origin),
                "origin": found.origin,
                "quorum": quorum,
                "policy": written.decode(),
            }
        )
    elif out is None:
        context.output.raw(written)
    else:
        context.output.say(f"{out} is the policy of {found.origin}.", style="ok")
