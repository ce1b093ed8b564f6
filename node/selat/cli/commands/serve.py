# SPDX-License-Identifier: Apache-2.0
"""``selat serve``: run the node."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from selat.cli.command import command, group
from selat.cli.connection import desk_over
from selat.cli.context import Context
from selat.cli.display import counted, number
from selat.cli.logs import LogFormat, LogLevel, start_logging
from selat.cli.output import Output
from selat.node.folder import NodeFolder
from selat.node.serve import Serving
from selat.node.serve import serve as serve_node
from selat.rpc.channels import local_desk_channel
from selat.v1 import desk_service_pb2 as pb

app = group("Run the node until it is told to stop.")


@command(app, "serve")
async def serve(
    context: Context,
    *,
    log_format: Annotated[
        LogFormat | None,
        typer.Option(help="Form of the log lines; json with --json."),
    ] = None,
    log_level: Annotated[
        LogLevel, typer.Option(help="The least urgent events that are logged.")
    ] = LogLevel.INFO,
) -> None:
    """Run the node until it is told to stop.

    SIGTERM or Ctrl-C stop it; it finishes what it has in hand. The log goes to
    standard error and holds no contents of messages.
    """
    context.require_local("serve")
    output = context.output
    default = LogFormat.JSON if output.as_json else LogFormat.TEXT
    passphrase = context.passphrase()
    start_logging(log_format=log_format or default, level=log_level)
    serving: asyncio.Future[Serving] = asyncio.get_running_loop().create_future()
    greeting = asyncio.create_task(_greet(context, serving))
    try:
        await serve_node(context.home, passphrase=passphrase, ready=serving.set_result)
    finally:
        greeting.cancel()
        await asyncio.gather(greeting, return_exceptions=True)
    if not output.as_json:
        output.say("Stopped; all that was accepted is kept.", style="quiet")


async def _greet(context: Context, serving: asyncio.Future[Serving]) -> None:
    """Say who is serving, as the node itself tells it."""
    ports = await serving
    socket = NodeFolder(home=context.home).socket
    async with local_desk_channel(str(socket)) as channel, desk_over(channel) as desk:
        state = await desk.call(desk.admin.GetStatus, pb.GetStatusRequest())
    document = {
        "event": "ready",
        "name": state.name,
        "peer_port": ports.peer_port,
        "desk_port": ports.desk_port or None,
        "publish_port": ports.publish_port or None,
        "desk_socket": str(socket),
        "log_origin": state.log_origin,
        "log_size": state.log_size,
        "peers": [link.peer for link in state.links],
    }
    if context.output.as_json:
        context.output.line(document)
    else:
        _print(context.output, state, ports, str(socket))


def _print(
    output: Output, state: pb.GetStatusResponse, ports: Serving, socket: str
) -> None:
    output.say(f"{state.name} is serving.", style="ok")
    peers = ", ".join(link.peer for link in state.links)
    desk = f"port {ports.desk_port} and {socket}" if ports.desk_port else socket
    auditors = f"port {ports.publish_port}" if ports.publish_port else "nowhere"
    output.fields(
        [
            ("agency", f"{state.agency} · {state.state}"),
            ("for peers", f"port {ports.peer_port}"),
            ("desk", desk),
            ("for auditors", auditors),
            ("log", f"{state.log_origin}, {number(state.log_size)} leaves"),
            ("peers", f"{counted(len(state.links), 'peer')} {peers}".strip()),
        ]
    )
