# SPDX-License-Identifier: Apache-2.0
"""What the command prints: tables for people, JSON for programs.

Results go to standard output. Errors, notes and progress go to standard
error, so that a pipe carries results only. Whatever is printed as a cell or a
field passes through `printable` here; nothing is read as markup.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from selat.cli.display import printable
from selat.cli.exits import ExitCode, exit_code_of
from selat.errors import InvalidRecordError, SelatError

# Columns where there is no terminal: wide enough that rows do not wrap.
_PIPE_WIDTH: Final = 160

# Columns from which a table of messages fits.
_WIDE: Final = 130

_STYLES: Final = {
    "ok": "green",
    "warn": "yellow",
    "fail": "bold red",
    "quiet": "dim",
    "strong": "bold",
}


class Output:
    """Where one run of the command prints."""

    def __init__(self, *, as_json: bool) -> None:
        """Print to the process's standard streams as they are now.

        Args:
            as_json: Print JSON instead of text.
        """
        self.as_json = as_json
        self._out = _console(stderr=False)
        self._err = _console(stderr=True)

    @property
    def is_narrow(self) -> bool:
        """Whether wide tables would not fit."""
        return self._out.width < _WIDE

    # --- results -----------------------------------------------------------
    def document(self, value: Mapping[str, object]) -> None:
        """Print the one JSON document of a command."""
        self._write(json.dumps(value, ensure_ascii=False, indent=2))

    def line(self, value: Mapping[str, object]) -> None:
        """Print one line of a JSON stream, at once."""
        self._write(json.dumps(value, ensure_ascii=False, separators=(",", ":")))

    def raw(self, data: bytes) -> None:
        """Print bytes as they are."""
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def say(self, text: str, *, style: str = "") -> None:
        """Print one line of text; ``style`` is a key of the table above."""
        self._out.print(
            Text(printable(text), style=_STYLES.get(style, "")), soft_wrap=True
        )

    def show(self, thing: RenderableType) -> None:
        """Print a tree or another thing that was built from `printable` text."""
        self._out.print(thing)

    def blank(self) -> None:
        """Print an empty line."""
        self._out.print()

    def table(
        self,
        columns: Sequence[str],
        rows: Iterable[Sequence[str | Text]],
        *,
        right: Sequence[str] = (),
        least: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        """Print rows under headings.

        Args:
            columns: The headings.
            rows: As many cells in each row as there are columns.
            right: Headings of the columns that are aligned to the right.
            least: Least width by heading, for what should stay in one line.
        """
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
        for column in columns:
            table.add_column(
                column,
                justify="right" if column in right else "left",
                min_width=least.get(column),
                overflow="fold",
                # An identifier is there to be copied, whole.
                no_wrap=column == "id",
            )
        for row in rows:
            table.add_row(*(_cell(cell) for cell in row))
        self._out.print(table)

    def fields(self, pairs: Iterable[tuple[str, str | Text]]) -> None:
        """Print names and values under each other."""
        rows = list(pairs)
        width = max((len(name) for name, _ in rows), default=0)
        for name, value in rows:
            line = Text.assemble((name.ljust(width), "dim"), "  ", _cell(value))
            self._out.print(line, soft_wrap=True)

    # --- remarks -----------------------------------------------------------
    def note(self, text: str, *, style: str = "quiet") -> None:
        """Print a remark for people on standard error; nothing with JSON."""
        if not self.as_json:
            self._err.print(
                Text(printable(text), style=_STYLES.get(style, "")), soft_wrap=True
            )

    def error(self, error: SelatError) -> None:
        """Print what happened and what to do on standard error."""
        if self.as_json:
            self.failure_document(error_document(error))
            return
        violations = error.violations if isinstance(error, InvalidRecordError) else ()
        self.failure(
            error.message,
            error.reason,
            error.remedy,
            details=[f"{each.path}: {each.message}" for each in violations],
        )

    def failure_document(self, document: Mapping[str, object]) -> None:
        """Print the JSON form of a failure on standard error."""
        text = json.dumps({"error": document}, ensure_ascii=False)
        sys.stderr.write(text + "\n")

    def failure(
        self, message: str, reason: str, remedy: str, *, details: Sequence[str] = ()
    ) -> None:
        """Print the human form of a failure on standard error."""
        line = Text.assemble(
            ("error: ", "bold red"), printable(message), (f" [{reason}]", "dim")
        )
        self._err.print(line, soft_wrap=True)
        for detail in details:
            self.note(f"  {detail}", style="")
        if remedy:
            self._err.print(Text(f"→ {printable(remedy)}"), soft_wrap=True)

    @contextmanager
    def progress(
        self, doing: str, total: int | None = None
    ) -> Iterator[Callable[[int], None]]:
        """Show progress on a terminal's standard error, else nothing.

        Args:
            doing: What is done, for example ``publishing``.
            total: How many steps there are, if that is known; more may come.

        Yields:
            A function that takes the number of steps just done.
        """
        if self.as_json or not self._err.is_terminal:
            yield lambda _steps: None
            return
        # Not needed by most commands, and slow to import.
        from rich.progress import MofNCompleteColumn, Progress  # noqa: PLC0415

        columns = (*Progress.get_default_columns(), MofNCompleteColumn())
        with Progress(*columns, console=self._err, transient=True) as progress:
            number = progress.add_task(doing, total=total)
            (task,) = progress.tasks

            def advance(steps: int) -> None:
                progress.advance(number, steps)
                if task.total is not None and task.completed > task.total:
                    progress.update(number, total=task.completed)

            yield advance

    def _write(self, text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def styled(text: str, style: str) -> Text:
    """Return a cell in one of the styles ``ok``, ``warn``, ``fail`` …."""
    return Text(printable(text), style=_STYLES[style])


def error_document(error: SelatError) -> dict[str, object]:
    """Return an error as a program reads it."""
    document: dict[str, object] = {
        "reason": error.reason,
        "message": error.message,
        "remedy": error.remedy,
        "exit_code": int(exit_code_of(error)),
        "context": dict(error.context),
    }
    if isinstance(error, InvalidRecordError):
        document["violations"] = [
            {"path": v.path, "rule": v.rule, "message": v.message}
            for v in error.violations
        ]
    return document


def usage_document(message: str) -> dict[str, object]:
    """Return a mistake on the command line as a program reads it."""
    return {
        "reason": "USAGE",
        "message": message,
        "remedy": "Read the command's --help.",
        "exit_code": int(ExitCode.USAGE),
        "context": {},
    }


def _cell(value: str | Text) -> Text:
    return value if isinstance(value, Text) else Text(printable(value))


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, markup=False, highlight=False, emoji=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _PIPE_WIDTH
    return console
