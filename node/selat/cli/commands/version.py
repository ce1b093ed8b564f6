# SPDX-License-Identifier: Apache-2.0
"""``selat version``."""

from __future__ import annotations

import platform
import sqlite3
from importlib.metadata import version as version_of
from typing import Final

from selat.cli.command import command, group
from selat.cli.context import Context

app = group("Show the versions of Selat and its parts.")

# What a report of a fault must name.
_PARTS: Final = ("cryptography", "grpcio", "protobuf")


@command(app, "version")
async def version(context: Context) -> None:
    """Show the versions of Selat and its parts."""
    versions = {
        "selat": version_of("selat"),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        **{part: version_of(part) for part in _PARTS},
    }
    if context.output.as_json:
        context.output.document(versions)
    else:
        context.output.fields(versions.items())
