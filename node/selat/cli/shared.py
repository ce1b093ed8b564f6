# SPDX-License-Identifier: Apache-2.0
"""The options that every command has, before or after the command's name.

They are declared once here. `selat --help` explains all of them; a command's
own help shows the two that people look for there.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Final

import typer

_DEFAULT_HOME: Final = Path("~/.selat")
_PANEL: Final = "Options of every command"


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedOptions:
    """Values of the shared options; None where one was not given.

    Attributes:
        home: The node's folder.
        as_json: Print JSON.
        passphrase_file: File with the key store's passphrase.
        passphrase_fd: Open file descriptor with the passphrase.
        desk: ``host:port`` of a node elsewhere.
        certificate: The caller's client certificate, PEM file.
        key: Its private key, PEM file.
        ca: The certificate that the desk's own is issued under, PEM file.
    """

    home: Path | None = None
    as_json: bool = False
    passphrase_file: Path | None = None
    passphrase_fd: int | None = None
    desk: str | None = None
    certificate: Path | None = None
    key: Path | None = None
    ca: Path | None = None

    def over(self, outer: SharedOptions) -> SharedOptions:
        """Return these options, with those of ``outer`` where one is missing."""
        return SharedOptions(
            **{
                each.name: getattr(self, each.name) or getattr(outer, each.name)
                for each in fields(self)
                if each.name != "passphrase_fd"
            },
            passphrase_fd=(
                outer.passphrase_fd
                if self.passphrase_fd is None
                else self.passphrase_fd
            ),
        )

    @property
    def folder(self) -> Path:
        """The node's folder, the user's own if none was named."""
        return (self.home or _DEFAULT_HOME).expanduser()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Declaration:
    kind: Any
    flag: str
    help: str
    metavar: str | None = None
    environment: str | None = None
    shown_in_command: bool = False


_DECLARATIONS: Final[Mapping[str, _Declaration]] = {
    "home": _Declaration(
        kind=Path | None,
        flag="--home",
        help="Folder of the node on this host (~/.selat unless named).",
        metavar="FOLDER",
        environment="SELAT_HOME",
        shown_in_command=True,
    ),
    "as_json": _Declaration(
        kind=bool,
        flag="--json",
        metavar="",
        help="Print JSON: one document, or one line for each event.",
        shown_in_command=True,
    ),
    "passphrase_file": _Declaration(
        kind=Path | None,
        flag="--passphrase-file",
        help="File with the key store's passphrase, for its owner only.",
        metavar="FILE",
        environment="SELAT_PASSPHRASE_FILE",
    ),
    "passphrase_fd": _Declaration(
        kind=int | None,
        flag="--passphrase-fd",
        help="Open file descriptor to read the passphrase from.",
        metavar="NUMBER",
    ),
    "desk": _Declaration(
        kind=str | None,
        flag="--desk",
        help="Desk of a node elsewhere, with --certificate, --key and --ca.",
        metavar="HOST:PORT",
        environment="SELAT_DESK",
    ),
    "certificate": _Declaration(
        kind=Path | None,
        flag="--certificate",
        help="Your client certificate, PEM.",
        metavar="FILE",
        environment="SELAT_CERTIFICATE",
    ),
    "key": _Declaration(
        kind=Path | None,
        flag="--key",
        help="Its private key, PEM.",
        metavar="FILE",
        environment="SELAT_KEY",
    ),
    "ca": _Declaration(
        kind=Path | None,
        flag="--ca",
        help="Certificate that the desk's own is issued under, PEM.",
        metavar="FILE",
        environment="SELAT_CA",
    ),
}


def shared_parameters(*, of_command: bool) -> list[inspect.Parameter]:
    """Return the shared options as keyword parameters for typer.

    Args:
        of_command: For one command rather than for ``selat`` itself: the
            environment is left to ``selat``, and most options are not shown.
    """
    return [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=False if declared.kind is bool else None,
            annotation=Annotated[
                declared.kind,
                typer.Option(
                    declared.flag,
                    help=declared.help,
                    metavar=declared.metavar,
                    envvar=None if of_command else declared.environment,
                    hidden=of_command and not declared.shown_in_command,
                    rich_help_panel=_PANEL,
                    show_default=False,
                ),
            ],
        )
        for name, declared in _DECLARATIONS.items()
    ]


def take_shared(values: dict[str, Any]) -> SharedOptions:
    """Take the shared options out of what typer parsed."""
    return SharedOptions(**{name: values.pop(name) for name in _DECLARATIONS})
