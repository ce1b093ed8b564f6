# SPDX-License-Identifier: Apache-2.0
"""``selat init``: make a node."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from selat.cli.command import command, group
from selat.cli.context import Context
from selat.cli.display import listed, moment
from selat.cli.plain import rfc3339
from selat.identity.card import SignedCard
from selat.node.configuration import NodeConfiguration
from selat.node.initialise import NewNode, initialise_node

app = group("Make the folder, keys and card of a new node.")

_LISTEN: Final = "0.0.0.0:7400"


@command(app, "init")
async def init(
    context: Context,
    *,
    name: Annotated[
        str, typer.Option(help="Node name, like a DNS name: police.xa.example.")
    ],
    state: Annotated[
        str, typer.Option(help="ISO 3166-1 alpha-2 code; XA to XZ for exercises.")
    ],
    agency: Annotated[str, typer.Option(help="The agency that runs the node.")],
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where peers call this node.")
    ] = _LISTEN,
    desk_listen: Annotated[
        str,
        typer.Option(
            metavar="HOST:PORT",
            help="Where officers call it; without, only on this host.",
        ),
    ] = "",
    desk_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Name or address under which officers call it."
        ),
    ] = None,
    publish_listen: Annotated[
        str,
        typer.Option(
            metavar="HOST:PORT",
            help="Where auditors read the log over HTTP; without, nowhere.",
        ),
    ] = "",
    endpoint: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Address on the card for peers to call; repeat for more.",
            show_default="the name, and the port of --listen",
        ),
    ] = None,
    category: Annotated[
        list[str] | None,
        typer.Option(help="Category that this node declares; repeat for more."),
    ] = None,
) -> None:
    """Make the folder, keys and card of a new node.

    The passphrase that protects its keys comes from --passphrase-file, from
    --passphrase-fd or from you; without it the keys are lost.
    """
    context.require_local("init")
    new = NewNode(
        configuration=NodeConfiguration(
            name=name,
            state=state.upper(),
            agency=agency,
            listen=listen,
            desk_listen=desk_listen,
            desk_hosts=tuple(desk_host or ()),
            publish_listen=publish_listen,
        ),
        endpoints=tuple(endpoint or [f"{name}:{listen.rpartition(':')[2]}"]),
        categories=tuple(category or ()),
    )
    passphrase = context.new_passphrase()
    # It derives a key, which takes a second, and runs a loop of its own.
    signed = await asyncio.to_thread(
        initialise_node,
        context.home,
        new,
        passphrase=passphrase,
        now=datetime.now(UTC),
    )
    if context.output.as_json:
        context.output.document(_document(context, signed))
        return
    output, card = context.output, signed.card
    output.say(f"{card.name} is ready in {context.home}.", style="ok")
    output.fields(
        [
            ("agency", f"{card.agency} · {card.state}"),
            ("endpoints", listed(card.endpoints)),
            ("categories", listed(card.categories)),
            ("card until", moment(card.valid_until)),
            ("fingerprint", signed.fingerprint.hex_groups()),
            ("", signed.fingerprint.words()),
        ]
    )
    if not card.categories:
        output.note("It declares no category, and so accepts no message.", style="warn")
    output.note("Next: selat serve; then exchange cards: selat peer card > my.card")


def _document(context: Context, signed: SignedCard) -> dict[str, object]:
    card = signed.card
    return {
        "home": str(context.home),
        "name": card.name,
        "state": card.state,
        "agency": card.agency,
        "endpoints": list(card.endpoints),
        "categories": list(card.categories),
        "card_valid_until": rfc3339(card.valid_until),
        "fingerprint_hex": signed.fingerprint.hex_groups(),
        "fingerprint_words": signed.fingerprint.words(),
    }
