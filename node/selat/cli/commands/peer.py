# SPDX-License-Identifier: Apache-2.0
"""``selat peer``: cards and the peers that were accepted by them."""

from __future__ import annotations

import sys
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from selat.cli.command import command, group
from selat.cli.context import Context
from selat.cli.display import listed, moment, number
from selat.cli.files import read_file, write_file
from selat.cli.output import Output, styled
from selat.cli.plain import plain, time_of
from selat.core.cards import ENVELOPE_BYTES_MAX
from selat.errors import InvalidInputError, NotFoundError
from selat.identity.card import SignedCard, parse_card
from selat.v1 import desk_service_pb2 as pb

app = group("Show our card; accept, list, resume and remove peers.")

#: A card that ends within this time is shown as a warning.
EXPIRES_SOON: Final = timedelta(days=30)


@command(app, "card")
async def card(
    context: Context,
    *,
    file: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the card to this file."),
    ] = None,
) -> None:
    """Print this node's own card, for a peer to accept.

    Tell the peer the fingerprint by telephone.
    """
    output = context.output
    async with context.desk() as desk:
        own = await desk.call(desk.admin.GetOwnCard, pb.GetOwnCardRequest())
    if file is not None:
        write_file(file, own.envelope)
    if output.as_json:
        output.document(
            {
                "envelope": b64encode(own.envelope).decode(),
                "fingerprint_hex": own.fingerprint_hex,
                "fingerprint_words": own.fingerprint_words,
                "file": None if file is None else str(file),
            }
        )
        return
    if file is None:
        output.raw(own.envelope)
        if sys.stdout.isatty():
            output.blank()
    output.note("Tell the peer this fingerprint by telephone:", style="")
    output.note(f"  {own.fingerprint_hex}", style="strong")
    output.note(f"  {own.fingerprint_words}", style="strong")


@command(app, "renew")
async def renew(
    context: Context,
    *,
    endpoint: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST:PORT", help="Address for peers to call; repeat for more."
        ),
    ] = None,
    category: Annotated[
        list[str] | None,
        typer.Option(help="Category that this node declares; repeat for more."),
    ] = None,
) -> None:
    """Issue this node's next card, with the same keys and a new validity.

    Peers fetch it by themselves. What is not named stays as it is.
    """
    request = pb.RenewCardRequest(endpoints=endpoint or [], categories=category or [])
    async with context.desk() as desk:
        new = await desk.call(desk.admin.RenewCard, request)
    until = time_of(new, "valid_until")
    if context.output.as_json:
        context.output.document(
            {
                "sequence": new.sequence,
                "valid_until": plain(new)["valid_until"],
                "envelope": b64encode(new.envelope).decode(),
            }
        )
        return
    context.output.say(f"Card {new.sequence} is in force.", style="ok")
    if until is not None:
        context.output.fields([("valid until", moment(until))])


@command(app, "add")
async def add(
    context: Context,
    *,
    file: Annotated[
        Path, typer.Argument(help="The peer's card, - for standard input.")
    ],
    fingerprint: Annotated[
        str,
        typer.Option(help="Fingerprint as the peer told it: groups or words."),
    ] = "",
    category: Annotated[
        list[str] | None,
        typer.Option(help="Category that may be released to it; * for all."),
    ] = None,
) -> None:
    """Accept a peer by its card, or a newer card of an accepted peer.

    Without --fingerprint, the card's fingerprint is shown for you to compare
    with the peer by telephone.
    """
    output = context.output
    envelope = read_file(file, bytes_max=ENVELOPE_BYTES_MAX)
    signed = parse_card(envelope)
    request = pb.AddPeerRequest(
        envelope=envelope, fingerprint=fingerprint, categories=category or ()
    )
    async with context.desk() as desk:
        if not fingerprint:
            known = await desk.call(desk.admin.ListPeers, pb.ListPeersRequest())
            if not _is_accepted(signed, known):
                request.fingerprint = _compare(signed, output)
        added = await desk.call(desk.admin.AddPeer, request)
    if output.as_json:
        output.document({"peer": plain(added.peer), "updated": added.updated})
        return
    did = "Took a newer card of" if added.updated else "Accepted"
    output.say(f"{did} {added.peer.name} ({added.peer.agency}).", style="ok")
    output.fields(_fields(added.peer))
    if not added.peer.released_categories:
        output.note(
            "No category is released to it: name some with --category, or in "
            "policy/release.toml.",
            style="warn",
        )


@command(app, "list")
async def list_peers(context: Context) -> None:
    """List peers, accepted, suspended and removed."""
    output = context.output
    async with context.desk() as desk:
        known = await desk.call(desk.admin.ListPeers, pb.ListPeersRequest())
    if output.as_json:
        output.document({"peers": [plain(peer) for peer in known.peers]})
        return
    if not known.peers:
        output.say("No peers yet. Accept one: selat peer add CARD", style="quiet")
        return
    output.table(
        ("peer", "state", "agency", "standing", "card until", "we release"),
        [
            (
                peer.name,
                peer.state,
                peer.agency,
                _standing(peer),
                _until(peer),
                listed(peer.released_categories),
            )
            for peer in known.peers
        ],
    )
    for peer in known.peers:
        if peer.equivocations:
            output.note(
                f"The log of {peer.name} has shown two histories: "
                f"selat peer evidence {peer.name}",
                style="fail",
            )


@command(app, "remove")
async def remove(
    context: Context,
    *,
    name: Annotated[str, typer.Argument(help="Node name of the peer.")],
) -> None:
    """End the exchange with a peer, also on open streams."""
    output = context.output
    async with context.desk() as desk:
        removed = await desk.call(
            desk.admin.RemovePeer, pb.RemovePeerRequest(name=name)
        )
    if output.as_json:
        output.document({"peer": plain(removed.peer)})
    else:
        output.say(
            f"Removed {removed.peer.name}; nothing is exchanged with it any more."
        )


@command(app, "resume")
async def resume(
    context: Context,
    *,
    name: Annotated[str, typer.Argument(help="Node name of the peer.")],
) -> None:
    """Resume the exchange with a peer whose log has shown two histories.

    The proofs stay, and your decision goes on the record. Look at them first,
    with 'selat peer evidence', and call the peer.
    """
    output = context.output
    async with context.desk() as desk:
        resumed = await desk.call(
            desk.admin.ResumePeer, pb.ResumePeerRequest(name=name)
        )
    if output.as_json:
        output.document({"peer": plain(resumed.peer)})
    else:
        output.say(f"Exchange with {resumed.peer.name} is resumed.", style="ok")


@command(app, "evidence")
async def evidence(
    context: Context,
    *,
    name: Annotated[str, typer.Argument(help="Node name of the peer.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Write the newest proof to this file."),
    ] = None,
) -> None:
    """Show the proofs that a peer's log has shown two histories.

    A file holds both signed checkpoints; whoever has the peer's card can verify
    it.
    """
    output = context.output
    request = pb.GetPeerEvidenceRequest(name=name)
    async with context.desk() as desk:
        found = await desk.call(desk.admin.GetPeerEvidence, request)
    proofs = list(found.equivocations)
    if not proofs and out is not None:
        raise NotFoundError(
            f"There is no proof against {name}.",
            remedy="`selat peer list` shows how each peer stands.",
        )
    if out is not None:
        write_file(out, proofs[-1].proof)
    if output.as_json:
        output.document(
            {
                "equivocations": [
                    plain(each) | {"proof": each.proof.decode("utf-8")}
                    for each in proofs
                ],
                "file": None if out is None else str(out),
            }
        )
        return
    if not proofs:
        output.say(f"There is no proof against {name}.", style="ok")
        return
    output.table(
        ("log", "leaves", "known since", "reported by", "our leaf"),
        [
            (
                each.origin,
                number(each.size),
                moment(time_of(each, "found_at")),
                each.reporter or "found here",
                number(each.leaf_index),
            )
            for each in proofs
        ],
        right=("leaves", "our leaf"),
    )
    if out is None:
        output.note(
            f"Write the newest to a file: selat peer evidence {name} --out FILE"
        )
    else:
        output.note(f"The newest is in {out}.")


def _is_accepted(signed: SignedCard, known: pb.ListPeersResponse) -> bool:
    """Whether the card is under a root that was compared before."""
    shown = signed.fingerprint.hex_groups()
    return any(
        peer.name == signed.card.name
        and peer.standing == "accepted"
        and peer.fingerprint_hex == shown
        for peer in known.peers
    )


def _compare(signed: SignedCard, output: Output) -> str:
    """Let a person compare the fingerprint; return it when it is the same."""
    shown = signed.fingerprint
    if output.as_json or not _at_a_terminal():
        raise InvalidInputError(
            f"The card of {signed.card.name} is not compared yet.",
            remedy="Ask the peer by telephone and add --fingerprint '…'.",
        )
    output.say(f"{signed.card.name} · {signed.card.agency} · {signed.card.state}")
    output.say(f"  {shown.hex_groups()}", style="strong")
    output.say(f"  {shown.words()}", style="strong")
    output.say("Call the peer on a number that you know. It reads its fingerprint out.")
    if not typer.confirm("Is it the same, to the last word?"):
        raise InvalidInputError(
            "The fingerprint was not confirmed; nothing was changed.",
            remedy="If it differs, do not use this card, and tell the peer.",
        )
    return shown.hex_groups()


def _at_a_terminal() -> bool:
    return sys.stdin.isatty()


def _fields(peer: pb.Peer) -> list[tuple[str, str | Text]]:
    return [
        ("state", peer.state),
        ("endpoints", listed(peer.endpoints)),
        ("card", f"no. {peer.card_sequence}, valid until {moment(_end(peer))}"),
        ("fingerprint", peer.fingerprint_hex),
        ("", peer.fingerprint_words),
        ("we release", listed(peer.released_categories)),
        ("it declares", listed(peer.declared_categories)),
    ]


def _standing(peer: pb.Peer) -> Text:
    styles = {"accepted": "ok", "suspended": "fail"}
    return styled(peer.standing, styles.get(peer.standing, "quiet"))


def _until(peer: pb.Peer) -> Text:
    end = _end(peer)
    now = datetime.now(UTC)
    if end is None or end <= now:
        return styled(f"{moment(end)} expired", "fail")
    return (
        styled(moment(end), "warn") if end - now < EXPIRES_SOON else Text(moment(end))
    )


def _end(peer: pb.Peer) -> datetime | None:
    return time_of(peer, "valid_until")
