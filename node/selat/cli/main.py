# SPDX-License-Identifier: Apache-2.0
"""The ``selat`` command: its table of commands and its error boundary.

Commands are imported when they are called, so that ``selat --help`` and shell
completion answer at once.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import typer
from typer.core import TyperGroup

from selat.cli.exits import ExitCode, exit_code_of
from selat.cli.output import Output, usage_document
from selat.cli.shared import shared_parameters, take_shared
from selat.errors import InternalError, SelatError

if TYPE_CHECKING:
    from typer._click.core import Command
    from typer._click.core import Context as TyperContext

#: Set to 1 to see where an unexpected fault comes from.
TRACEBACK_VARIABLE: Final = "SELAT_TRACEBACK"

_HELP: Final = (
    "Selat: exchange intelligence with other states' nodes, directly and on the record."
)
_NODE, _TRUST, _MESSAGES = "This node", "Peers and people", "Messages"
_AUDIT = "Auditors"

# Command: module under selat.cli.commands, panel, one line of help.
COMMANDS: Final[dict[str, tuple[str, str, str]]] = {
    "init": ("init", _NODE, "Make the folder, keys and card of a new node."),
    "serve": ("serve", _NODE, "Run the node until it is told to stop."),
    "status": ("status", _NODE, "Show the node, its log, links and incidents."),
    "doctor": ("doctor", _NODE, "Examine this installation and say what to mend."),
    "version": ("version", _NODE, "Show the versions of Selat and its parts."),
    "key": ("key", _NODE, "List and rotate this node's own keys."),
    "peer": ("peer", _TRUST, "Show our card; accept, list, resume and remove peers."),
    "policy": (
        "policy",
        _TRUST,
        "Read, test, explain, try and activate the state's policy.",
    ),
    "officer": ("officer", _TRUST, "Register, list and revoke officers and systems."),
    "publish": ("publish", _MESSAGES, "Publish messages from files."),
    "import": ("imports", _MESSAGES, "Publish the entries of an official list."),
    "inbox": ("inbox", _MESSAGES, "Show what arrived; take it in hand."),
    "watch": ("inbox", _MESSAGES, "Follow what arrives."),
    "search": ("search", _MESSAGES, "Look for messages, own and received."),
    "show": ("show", _MESSAGES, "Show one message and where it stands."),
    "export": (
        "export",
        _MESSAGES,
        "Take a message out for another system, if policy permits it.",
    ),
    "outbox": ("outbox", _MESSAGES, "Show what is on its way; retry dead letters."),
    "review": ("review", _MESSAGES, "Decide on what waits for a second person."),
    "lifecycle": (
        "lifecycle",
        _MESSAGES,
        "Show what is due for review, held or erased; erase what is due.",
    ),
    "hold": ("hold", _MESSAGES, "Put messages under legal hold; release them."),
    "audit": ("audit", _AUDIT, "Write what auditors verify, and verify it."),
}


class _LazyGroup(TyperGroup):
    """Put the real command in the place of its entry when it is called."""

    def resolve_command(
        self, ctx: TyperContext, args: list[str]
    ) -> tuple[str | None, Command | None, list[str]]:
        name, found, rest = super().resolve_command(ctx, args)
        if name is None:
            return name, found, rest
        return name, load_command(name), rest


def load_command(name: str) -> Command:
    """Import the module of a command and return the command."""
    module = import_module(f"selat.cli.commands.{COMMANDS[name][0]}")
    loaded = typer.main.get_command(module.app)
    commands: dict[str, Command] = getattr(loaded, "commands", {})
    return commands.get(name, loaded)


def build_app() -> typer.Typer:
    """Return the application with an entry for each command."""
    app = typer.Typer(cls=_LazyGroup, help=_HELP, no_args_is_help=True, name="selat")

    def shared(ctx: typer.Context, **values: Any) -> None:  # noqa: ANN401 - any option
        ctx.obj = take_shared(values)

    context = inspect.Parameter(
        "ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context
    )
    parameters = [context, *shared_parameters(of_command=False)]
    # typer reads both.
    shared.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    shared.__annotations__ = {each.name: each.annotation for each in parameters}
    app.callback()(shared)
    for name, (_, panel, summary) in COMMANDS.items():
        app.command(name, help=summary, rich_help_panel=panel)(lambda: None)
    return app


def run(arguments: Sequence[str]) -> int:
    """Run one command; return its exit code. The one error boundary."""
    as_json = "--json" in arguments
    try:
        root = typer.main.get_command(build_app())
        code = root.main(list(arguments), prog_name="selat", standalone_mode=False)
    except SelatError as failure:
        Output(as_json=as_json).error(failure)
        return exit_code_of(failure)
    except typer.TyperException as failure:
        _print_usage_error(failure, as_json=as_json)
        return ExitCode.USAGE
    except typer.Abort:
        return ExitCode.INTERRUPTED
    except Exception as failure:
        if os.environ.get(TRACEBACK_VARIABLE) == "1":
            raise
        Output(as_json=as_json).error(_unexpected(failure))
        return ExitCode.INTERNAL
    return code if isinstance(code, int) else ExitCode.OK


def main() -> None:
    """Run the command of this process's arguments and exit."""
    # gRPC's C++ core writes its own remarks; ours say what happened.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    sys.exit(run(sys.argv[1:]))


def _print_usage_error(failure: typer.TyperException, *, as_json: bool) -> None:
    output = Output(as_json=as_json)
    if not failure.format_message():
        return  # a group without a command, which has printed its help
    if as_json:
        output.failure_document(usage_document(failure.format_message()))
        return
    context = getattr(failure, "ctx", None)
    path = context.command_path if context is not None else "selat"
    output.failure(failure.format_message(), "USAGE", f"Read: {path} --help")


def _unexpected(failure: Exception) -> InternalError:
    # The message of a foreign exception may hold what must not be printed.
    return InternalError(
        f"Selat failed in a way that it does not know ({type(failure).__name__}).",
        remedy=(
            "Run it again with SELAT_TRACEBACK=1 and report what it prints; "
            "'selat doctor' examines the installation."
        ),
    )
