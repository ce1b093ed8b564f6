# SPDX-License-Identifier: Apache-2.0
"""What makes a coroutine function a command.

`command` gives each one the shared options and a `Context`, and runs it in an
event loop of its own. Errors pass through to `selat.cli.main`.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from enum import Enum
from typing import Any, Concatenate, ParamSpec, get_args

import typer
from typer.models import OptionInfo

from selat.cli.context import Context
from selat.cli.shared import SharedOptions, shared_parameters, take_shared

_P = ParamSpec("_P")
_Work = Callable[Concatenate[Context, _P], Coroutine[Any, Any, None]]

_TYPER_CONTEXT = inspect.Parameter(
    "ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context
)


def group(summary: str) -> typer.Typer:
    """Return an empty group of commands with its one line of help."""
    return typer.Typer(help=summary, no_args_is_help=True, add_completion=False)


def command(app: typer.Typer, name: str) -> Callable[[_Work[_P]], _Work[_P]]:
    """Register a coroutine function as a command.

    Its first argument is the `Context`; the others are what typer makes of
    them; its docstring is the help.

    Args:
        app: The group that it joins.
        name: Its name.
    """

    def register(work: _Work[_P]) -> _Work[_P]:
        _, *own = inspect.signature(work, eval_str=True).parameters.values()

        def run(ctx: typer.Context, **values: Any) -> None:  # noqa: ANN401 - any option
            outer = ctx.find_root().obj
            if not isinstance(outer, SharedOptions):
                outer = SharedOptions()
            context = Context(take_shared(values).over(outer))
            asyncio.run(work(context, **values))  # type: ignore[call-arg]  # typer checked them

        parameters = [
            *map(_described, own),
            _TYPER_CONTEXT,
            *shared_parameters(of_command=True),
        ]
        # typer reads both.
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        run.__doc__ = work.__doc__
        app.command(name)(run)
        return work

    return register


def _described(parameter: inspect.Parameter) -> inspect.Parameter:
    """Return a parameter with what its help shows as the value's name.

    A switch takes no value; a choice shows its choices; anything else is
    called like its option, unless it says otherwise.
    """
    kind, *extra = get_args(parameter.annotation)
    for each in extra:
        if isinstance(each, OptionInfo) and each.metavar is None:
            if kind is bool:
                each.metavar = ""
            elif not _is_choice(kind):
                each.metavar = parameter.name.upper()
    return parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)


def _is_choice(kind: object) -> bool:
    return any(
        isinstance(each, type) and issubclass(each, Enum)
        for each in (kind, *get_args(kind))
    )
