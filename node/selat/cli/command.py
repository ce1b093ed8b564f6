# SPDX-License-Identifier: Apache-2.0
"""What makes a coroutine function a command.

`command` gives each one the shared options and a `Context`, and runs it in an
event loop of its own. Errors pass through to `selat.cli.main`.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec

import typer

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
            *(each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own),
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
