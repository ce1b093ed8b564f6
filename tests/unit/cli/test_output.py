# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import io
import json

import pytest

from selat.cli.output import Output


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_results_and_remarks_are_kept_apart(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = Output(as_json=False)
    output.say("a result")
    output.note("a remark")

    captured = capsys.readouterr()
    assert captured.out == "a result\n"
    assert captured.err == "a remark\n"


def test_with_json_there_are_no_remarks(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(as_json=True)
    output.note("a remark")
    output.line({"name": "Ünal"})
    output.document({"name": "Ünal"})

    captured = capsys.readouterr()
    assert captured.err == ""
    first, rest = captured.out.split("\n", 1)
    assert first == '{"name":"Ünal"}'
    assert json.loads(rest) == {"name": "Ünal"}


def test_nothing_that_is_printed_is_markup(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(as_json=False)
    output.say("[bold]not bold[/bold] :smile:")
    output.fields([("name", "[red]\x1b[31m")])
    output.table(("column",), [("[link=x]y[/link]",)])

    out = capsys.readouterr().out
    assert "[bold]not bold[/bold] :smile:" in out
    assert "name  [red]\N{REPLACEMENT CHARACTER}[31m" in out
    assert "[link=x]y[/link]" in out


def test_long_values_are_not_broken_in_a_pipe(
    capsys: pytest.CaptureFixture[str],
) -> None:
    value = "0123456789" * 40
    output = Output(as_json=False)
    output.say(value)
    output.fields([("root", value)])

    assert capsys.readouterr().out.splitlines() == [value, f"root  {value}"]


def test_progress_is_for_terminals_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Output(as_json=False).progress("publishing", 2) as advance:
        advance(2)
    assert capsys.readouterr() == ("", "")

    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with Output(as_json=True).progress("publishing", 2) as advance:
        advance(2)
    assert terminal.getvalue() == ""

    monkeypatch.setenv("TERM", "xterm")
    with Output(as_json=False).progress("publishing", 2) as advance:
        advance(1)
    assert "publishing" in terminal.getvalue()
    assert "1/2" in terminal.getvalue()
    with Output(as_json=False).progress("publishing", 2) as advance:
        advance(1)
        advance(2)  # more than was foreseen
    assert "3/3" in terminal.getvalue()
    assert capsys.readouterr().out == ""
