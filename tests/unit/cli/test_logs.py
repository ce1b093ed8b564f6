# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from selat.cli.logs import LogFormat, LogLevel, start_logging

_log = logging.getLogger("selat.example")


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("selat")
    before = (list(root.handlers), root.level, ours.level)
    yield
    root.handlers[:], root.level, ours.level = before
    logging.captureWarnings(capture=False)


def written(log_format: LogFormat, level: LogLevel = LogLevel.INFO) -> io.StringIO:
    stream = io.StringIO()
    start_logging(log_format=log_format, level=level, stream=stream)
    return stream


def test_a_text_line_has_time_level_logger_event_and_facts() -> None:
    stream = written(LogFormat.TEXT)

    _log.info("batch accepted", extra={"peer": "police.xb.example", "sequence": 7})

    time, rest = stream.getvalue().split(" ", 1)
    assert time.endswith("Z")
    assert rest == (
        "INFO selat.example batch accepted peer=police.xb.example sequence=7\n"
    )


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("two words", '"two words"'),
        ("", '""'),
        ('a"b', '"a\\"b"'),
        ("a=b", '"a=b"'),
        ("line\nERROR forged", '"line ERROR forged"'),
        ("\x1b[2J", "\N{REPLACEMENT CHARACTER}[2J"),
    ],
)
def test_a_fact_cannot_forge_a_line_or_another_fact(value: str, shown: str) -> None:
    stream = written(LogFormat.TEXT)

    _log.info("event", extra={"fact": value})

    assert stream.getvalue().endswith(f" event fact={shown}\n")
    assert stream.getvalue().count("\n") == 1


def test_a_json_line_is_one_object() -> None:
    stream = written(LogFormat.JSON)

    _log.warning("link down", extra={"peer": "police.xb.example", "retry_ms": 500})

    event = json.loads(stream.getvalue())
    assert event.pop("time").endswith("Z")
    assert event == {
        "level": "warning",
        "logger": "selat.example",
        "event": "link down",
        "peer": "police.xb.example",
        "retry_ms": 500,
    }


@pytest.mark.parametrize("log_format", list(LogFormat))
def test_an_unexpected_exception_keeps_its_traceback(log_format: LogFormat) -> None:
    stream = written(log_format)

    _log.error("call failed", exc_info=KeyError("x"))

    assert "KeyError: 'x'" in stream.getvalue()
    if log_format is LogFormat.JSON:
        assert json.loads(stream.getvalue())["traceback"] == "KeyError: 'x'"


def test_events_below_the_level_are_left_out() -> None:
    stream = written(LogFormat.TEXT, LogLevel.WARNING)

    _log.info("unimportant")
    logging.getLogger("somebody.else").info("never ours")
    _log.warning("important")

    assert "important" in stream.getvalue()
    assert stream.getvalue().count("\n") == 1


def test_the_log_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging(log_format=LogFormat.TEXT, level=LogLevel.INFO)

    _log.info("hello")

    captured = capsys.readouterr()
    assert captured.out == ""
    assert "hello" in captured.err
