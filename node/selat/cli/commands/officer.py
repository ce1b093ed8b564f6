# SPDX-License-Identifier: Apache-2.0
"""``selat officer``: who may use the desk."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from selat.cli.command import command, group
from selat.cli.context import Context
from selat.cli.display import ABSENT, listed, moment
from selat.cli.files import refuse_existing, write_file
from selat.cli.output import styled
from selat.cli.plain import plain, time_of
from selat.v1 import desk_service_pb2 as pb

app = group("Register, list and revoke officers and systems.")

_OWNER_ONLY: Final = 0o600


@command(app, "add")
async def add(
    context: Context,
    *,
    officer_id: Annotated[
        str, typer.Argument(metavar="NAME", help="Short name: a-z, 0-9, - and dots.")
    ],
    role: Annotated[
        list[str],
        typer.Option(
            help="officer, reviewer, administrator, auditor or system; repeat for more."
        ),
    ],
    agency: Annotated[
        str, typer.Option(help="Agency, if it is not the node's own.")
    ] = "",
    function: Annotated[
        list[str] | None, typer.Option(help="Contact function held.")
    ] = None,
    days: Annotated[
        int, typer.Option(help="Days until the certificate expires.", min=1, max=1096)
    ] = 365,
    folder: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the three files.")
    ] = Path(),
) -> None:
    """Register an officer or system and issue a client certificate.

    Three files are written: certificate, private key and the certificate of
    the desk. The key exists nowhere else; hand it over by a safe way.
    """
    output = context.output
    files = {
        "certificate": folder / f"{officer_id}.pem",
        "key": folder / f"{officer_id}.key",
        "ca": folder / f"{officer_id}.ca.pem",
    }
    # Before the call: a key that cannot be written would be lost.
    refuse_existing(files.values())
    async with context.desk() as desk:
        added = await desk.call(
            desk.admin.AddOfficer,
            pb.AddOfficerRequest(
                officer_id=officer_id,
                agency=agency,
                roles=role,
                functions=function or (),
                valid_days=days,
            ),
        )
    write_file(files["key"], added.private_key_pem, mode=_OWNER_ONLY)
    write_file(files["certificate"], added.certificate_pem)
    write_file(files["ca"], added.desk_ca_pem)
    if output.as_json:
        paths = {name: str(file) for name, file in files.items()}
        output.document({"officer": plain(added.officer), "files": paths})
        return
    until = moment(time_of(added.officer, "valid_until"))
    output.say(f"Registered {officer_id} until {until}.", style="ok")
    output.fields((name, str(file)) for name, file in files.items())
    output.note(
        f"{files['key']} is not encrypted: hand it over by a safe way.", style="warn"
    )


@command(app, "list")
async def list_officers(context: Context) -> None:
    """List officers and systems."""
    output = context.output
    async with context.desk() as desk:
        known = await desk.call(desk.admin.ListOfficers, pb.ListOfficersRequest())
    if output.as_json:
        output.document({"officers": [plain(officer) for officer in known.officers]})
        return
    if not known.officers:
        output.say("No officers yet. Register one: selat officer add", style="quiet")
        return
    output.table(
        ("officer", "agency", "roles", "functions", "valid until", "access"),
        [
            (
                officer.officer_id,
                officer.agency or ABSENT,
                listed(officer.roles),
                listed(officer.functions),
                moment(time_of(officer, "valid_until")),
                _access(officer),
            )
            for officer in known.officers
        ],
    )


@command(app, "revoke")
async def revoke(
    context: Context,
    *,
    officer_id: Annotated[str, typer.Argument(metavar="NAME", help="Short name.")],
) -> None:
    """Revoke the access of an officer or system; it ends at the next call."""
    output = context.output
    async with context.desk() as desk:
        revoked = await desk.call(
            desk.admin.RevokeOfficer, pb.RevokeOfficerRequest(officer_id=officer_id)
        )
    if output.as_json:
        output.document({"officer": plain(revoked.officer)})
    else:
        output.say(f"Revoked the access of {revoked.officer.officer_id}.")


def _access(officer: pb.Officer) -> Text:
    revoked_at = time_of(officer, "revoked_at")
    if revoked_at is None:
        return styled("open", "ok")
    return styled(f"revoked {moment(revoked_at)}", "quiet")
