# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from selat.cli import main as cli
from selat.cli.exits import ExitCode
from selat.cli.main import COMMANDS, load_command, run
from selat.errors import NotFoundError


def leaves(name: str, command: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - typer's own
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
        return
    for each, below in inner.items():
        yield from leaves(f"{name} {each}", below)


ALL = [each for name in COMMANDS for each in leaves(name, load_command(name))]


def test_every_command_that_was_promised_is_there() -> None:
    assert {name for name, _ in ALL} == {
        "init",
        "serve",
        "status",
        "doctor",
        "version",
        "key list",
        "key rotate",
        "peer card",
        "peer add",
        "peer list",
        "peer remove",
        "peer resume",
        "peer evidence",
        "peer renew",
        "officer add",
        "officer list",
        "officer revoke",
        "audit export",
        "audit verify",
        "audit tiles",
        "audit policy",
        "audit timestamp-query",
        "audit timestamp-add",
        "publish",
        "import un-list",
        "inbox",
        "watch",
        "search",
        "show",
        "outbox list",
        "outbox show",
        "outbox retry",
        "review list",
        "review approve",
        "review refuse",
        "lifecycle list",
        "lifecycle run",
        "lifecycle erase",
        "export",
        "hold set",
        "hold release",
        "policy categories",
        "policy check",
        "policy test",
        "policy explain",
        "policy diff",
        "policy simulate",
        "policy activate",
    }


@pytest.mark.parametrize(("name", "command"), ALL)
def test_every_command_has_help_and_prints_json(name: str, command: Any) -> None:  # noqa: ANN401 - typer's own
    options = {flag for each in command.params for flag in each.opts}

    assert command.help, name
    assert {"--json", "--home", "--desk", "--passphrase-file"} <= options


@pytest.mark.parametrize(("name", "command"), ALL)
def test_every_option_and_argument_is_explained(name: str, command: Any) -> None:  # noqa: ANN401 - typer's own
    for each in command.params:
        assert each.help, f"{name} {each.name}"


@pytest.mark.parametrize("name", list(COMMANDS))
def test_the_table_says_what_the_command_says(name: str) -> None:
    explained = load_command(name).help

    assert explained is not None
    assert explained.splitlines()[0] == COMMANDS[name][2]


def test_help_and_completion_import_no_command() -> None:
    code = (
        "import sys; from selat.cli.main import run; run(['--help'])\n"
        "print([m for m in sys.modules if m.startswith(('grpc', 'google.protobuf',"
        " 'selat.cli.commands', 'cryptography'))], file=sys.stderr)"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter and our own words
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )

    assert "Follow what arrives." in done.stdout
    assert done.stderr == "[]\n"


def test_a_mistake_on_the_command_line_is_told_with_where_to_read(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["inbox", "--nope"]) == ExitCode.USAGE
    assert capsys.readouterr().err == (
        "error: No such option: --nope (Possible options: --home) [USAGE]\n"
        "→ Read: selat inbox --help\n"
    )

    assert run(["show", "--json"]) == ExitCode.USAGE
    error = json.loads(capsys.readouterr().err)["error"]
    assert error["reason"] == "USAGE"
    assert error["message"] == "Missing argument 'ID'."


def test_an_unknown_command_is_told_with_what_was_meant(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["serch"]) == ExitCode.USAGE
    assert "Did you mean 'search'" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["peer"]])
def test_a_group_without_a_command_prints_its_help_alone(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == ExitCode.USAGE

    captured = capsys.readouterr()
    assert "Usage: selat" in captured.out
    assert captured.err == ""


class Failing:
    """A command that ends with an exception."""

    def __init__(self, failure: BaseException) -> None:
        self._failure = failure

    def main(self, *_arguments: object, **_options: object) -> None:
        raise self._failure


@pytest.mark.parametrize(
    ("failure", "code", "text"),
    [
        (
            NotFoundError("It is not there.", remedy="Look elsewhere."),
            ExitCode.FAILED,
            "error: It is not there. [NOT_FOUND]\n→ Look elsewhere.\n",
        ),
        (typer.Abort(), ExitCode.INTERRUPTED, ""),
        (
            KeyError("Jane Sample"),
            ExitCode.INTERNAL,
            "error: Selat failed in a way that it does not know (KeyError). [INTERNAL]",
        ),
    ],
)
def test_what_a_command_raises_becomes_an_exit_code_and_no_traceback(
    failure: BaseException,
    code: ExitCode,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv(cli.TRACEBACK_VARIABLE, raising=False)
    monkeypatch.setattr(typer.main, "get_command", lambda _app: Failing(failure))

    assert run(["status"]) == code

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(text)
    assert "Traceback" not in captured.err
    assert "Jane" not in captured.err


def test_a_traceback_is_shown_when_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(cli.TRACEBACK_VARIABLE, "1")
    monkeypatch.setattr(typer.main, "get_command", lambda _app: Failing(KeyError("x")))

    with pytest.raises(KeyError):
        run(["status"])


def test_the_process_ends_with_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["selat", "version"])

    with pytest.raises(SystemExit) as ended:
        cli.main()

    assert ended.value.code == ExitCode.OK


def test_versions_are_for_people_and_programs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(["version"])
    assert capsys.readouterr().out.startswith("selat ")

    run(["version", "--json"])
    assert set(json.loads(capsys.readouterr().out)) == {
        *("selat", "python", "sqlite"),
        *("cryptography", "grpcio", "protobuf"),
    }


def test_shared_options_stand_before_or_after_the_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for arguments in (["--json", "version"], ["version", "--json"]):
        run(arguments)
        assert json.loads(capsys.readouterr().out)["selat"]
