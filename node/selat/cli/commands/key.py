# SPDX-License-Identifier: Apache-2.0
"""``selat key``: this node's own keys, and new ones in their place."""

from __future__ import annotations

from base64 import b64encode
from datetime import timedelta
from typing import Annotated, Final

import typer
from rich.text import Text

from selat.cli.command import command, group
from selat.cli.context import Context
from selat.cli.display import moment
from selat.cli.output import Output, styled
from selat.cli.plain import plain, time_of
from selat.cli.times import parse_duration
from selat.errors import InvalidInputError
from selat.v1 import desk_service_pb2 as pb

app = group("List and rotate this node's own keys.")

#: Peers have taken a new card after this time, if their links are open.
_LINKS_FOLLOW: Final = timedelta(hours=6)
_STANDINGS: Final = {
    pb.KEY_STANDING_NEXT: ("next", "warn"),
    pb.KEY_STANDING_IN_USE: ("in use", "ok"),
    pb.KEY_STANDING_PAST: ("past", "quiet"),
}


@command(app, "list")
async def list_keys(context: Context) -> None:
    """List this node's own keys, and when each is used; never a key itself."""
    output = context.output
    async with context.desk() as desk:
        listed = await desk.call(desk.admin.ListKeys, pb.ListKeysRequest())
    if output.as_json:
        output.document({"keys": [plain(key) for key in listed.keys]})
        return
    _table(output, list(listed.keys))


@command(app, "rotate")
async def rotate(
    context: Context,
    *,
    job: Annotated[
        str, typer.Argument(metavar="JOB", help="log, witness, seal or tls.")
    ],
    after: Annotated[
        str,
        typer.Option(
            metavar="DURATION",
            help="How long the present keys are still used: 12h, 3d, 2w.",
            show_default="7d",
        ),
    ] = "",
    now: Annotated[
        bool,
        typer.Option(
            "--now", help="End the present keys at once: somebody else may have them."
        ),
    ] = False,
) -> None:
    """Make new keys for one job; the next card says when they take over.

    Peers fetch that card by themselves, and the node goes over to the new keys
    when the time comes. What was signed with the old ones still verifies, and what
    was sealed to them still opens.
    """
    if now and after:
        raise InvalidInputError(
            "A rotation is either at once or after some time.",
            remedy="Leave --now or --after out.",
        )
    wait = parse_duration(after) if after else timedelta()
    request = pb.RotateKeyRequest(
        job=job, after_s=int(wait.total_seconds()), at_once=now
    )
    async with context.desk() as desk:
        rotated = await desk.call(desk.admin.RotateKey, request)
    if context.output.as_json:
        context.output.document(
            {
                "job": job,
                "sequence": rotated.sequence,
                "takes_over_at": plain(rotated)["takes_over_at"],
                "at_once": now,
                "envelope": b64encode(rotated.envelope).decode(),
                "keys": [plain(key) for key in rotated.keys],
            }
        )
        return
    _tell(context.output, job, rotated, at_once=now, wait=wait if after else None)


def _tell(
    output: Output,
    job: str,
    rotated: pb.RotateKeyResponse,
    *,
    at_once: bool,
    wait: timedelta | None,
) -> None:
    begin = time_of(rotated, "takes_over_at")
    output.say(f"Card {rotated.sequence} lists new {job} keys.", style="ok")
    _table(output, list(rotated.keys))
    if not at_once:
        output.say(f"They take over at {moment(begin)}; nothing is left to do.")
        if wait is not None and wait < _LINKS_FOLLOW:
            output.note(
                "Links ask for a new card every six hours: a peer that has not by "
                "then must add it by hand.",
                style="warn",
            )
            _by_hand(output)
        return
    output.say("They are in use from now on, and the old ones are not valid any more.")
    if job == "tls":
        output.note(
            "No peer can be reached, nor reach this node, until it has added the new "
            "card by hand:",
            style="fail",
        )
    else:
        output.note(
            "Peers that can call this node fetch the new card within a minute; any "
            "other refuses it until it has added the card by hand:",
            style="warn",
        )
    _by_hand(output)


def _by_hand(output: Output) -> None:
    output.note("  here:   selat peer card --output our.card", style="")
    output.note("  there:  selat peer add our.card", style="")
    output.note("The fingerprint is the same; it need not be compared again.")


def _table(output: Output, keys: list[pb.OwnKey]) -> None:
    output.table(
        ("job", "algorithm", "key", "used from", "valid until", "standing"),
        [
            (
                key.job,
                key.algorithm,
                key.key_id,
                moment(time_of(key, "used_from")),
                moment(time_of(key, "valid_until")),
                _standing(key),
            )
            for key in keys
        ],
    )


def _standing(key: pb.OwnKey) -> Text:
    return styled(*_STANDINGS.get(key.standing, ("unknown", "warn")))
