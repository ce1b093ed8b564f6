# SPDX-License-Identifier: Apache-2.0
"""The node's log lines: one event a line, with its facts as keys.

Facts come from the ``extra`` of a logging call: names, numbers and reasons.
What peers sent is never logged; what is logged cannot start a new line.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, TextIO

from selat.cli.display import printable

# What logging itself puts on a record; the rest came from ``extra``.
_OWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",
}
_NEEDS_QUOTES: Final = frozenset(' "=')


class LogFormat(StrEnum):
    """How a log line is written."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """The least urgent events that are written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class TextFormatter(logging.Formatter):
    """``2026-01-31T08:00:00.000Z INFO selat.node.serve ready peers=2``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the event in one line, and a traceback below it."""
        facts = "".join(
            f" {name}={_quoted(value)}" for name, value in _facts(record).items()
        )
        line = (
            f"{_time_of(record)} {record.levelname} {record.name} "
            f"{printable(record.getMessage())}{facts}"
        )
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


class JsonFormatter(logging.Formatter):
    """One JSON object for each event."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the event in one line."""
        event: dict[str, Any] = {
            "time": _time_of(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **_facts(record),
        }
        if record.exc_info:
            event["traceback"] = self.formatException(record.exc_info)
        return json.dumps(event, ensure_ascii=False, default=str)


def start_logging(
    *, log_format: LogFormat, level: LogLevel, stream: TextIO | None = None
) -> None:
    """Write the log to standard error, or to ``stream``, from now on."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        JsonFormatter() if log_format is LogFormat.JSON else TextFormatter()
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # Libraries tell us their warnings; our own events have the level asked for.
    root.setLevel(logging.WARNING)
    logging.getLogger("selat").setLevel(level.upper())
    logging.captureWarnings(capture=True)


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _OWN}


def _time_of(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, tz=UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _quoted(value: object) -> str:
    text = printable(str(value))
    if text and _NEEDS_QUOTES.isdisjoint(text):
        return text
    return json.dumps(text, ensure_ascii=False)
