# SPDX-License-Identifier: Apache-2.0
"""Two real nodes, worked by nothing but the command."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.fakes.command import Command

START = "from selat.cli.main import main; main()"
MESSAGE = {
    "header": {
        "category": "terrorism",
        "title": "A made-up person",
        "marking": {"level": "LEVEL_RESTRICTED"},
        "purposes": ["PURPOSE_INVESTIGATION"],
        "urgency": "URGENCY_FLASH",
    },
    "body": {
        "person": {
            "person": {
                "names": [{"full": "Jane Sample"}],
                "documents": [
                    {"type": "DOCUMENT_TYPE_PASSPORT", "number": "L898902C3"}
                ],
            }
        }
    },
}


@dataclass(frozen=True, kw_only=True)
class State:
    name: str
    command: Command


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _make(selat: Command, folder: Path, code: str) -> State:
    name = f"police.{code.lower()}.example"
    command = replace(selat, home=folder / code)
    address = f"127.0.0.1:{_free_port()}"
    made = command(
        *("init", "--name", name, "--state", code, "--agency", f"Police of {code}"),
        *("--listen", address, "--endpoint", address, "--category", "terrorism"),
    )
    assert made.code == 0, made.err
    return State(name=name, command=command)


@contextmanager
def _served(state: State) -> Iterator[None]:
    home = str(state.command.home)
    with subprocess.Popen(  # noqa: S603 - our own interpreter and our own words
        [sys.executable, "-c", START, "--home", home, "--json", "serve"],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["name"] == state.name
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait() == 0


def _introduce(one: State, other: State, folder: Path) -> None:
    card = folder / f"{other.name}.card"
    told = other.command("peer", "card", "--output", card, "--json").json
    added = one.command(
        *("peer", "add", card, "--fingerprint", told["fingerprint_words"]),
        *("--category", "terrorism"),
    )
    assert added.code == 0, added.err


@pytest.fixture
def states(
    selat: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[State, State]]:
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("correct horse battery\n")
    passphrase.chmod(0o600)
    monkeypatch.setenv("SELAT_PASSPHRASE_FILE", str(passphrase))
    ours, theirs = _make(selat, tmp_path, "XA"), _make(selat, tmp_path, "XB")
    with ExitStack() as stack:
        for state in (ours, theirs):
            stack.enter_context(_served(state))
        _introduce(ours, theirs, tmp_path)
        _introduce(theirs, ours, tmp_path)
        yield ours, theirs


def test_a_message_crosses_the_strait_and_both_sides_prove_it(
    states: tuple[State, State],
) -> None:
    ours, theirs = states
    withheld = json.loads(json.dumps(MESSAGE))
    withheld["header"]["category"] = "piracy"  # released to nobody

    kept = ours.command("publish", "-", "--json", stdin=json.dumps(withheld))
    [stays] = kept.json["messages"]
    sent = ours.command("publish", "-", "--json", stdin=json.dumps(MESSAGE))
    [published] = sent.json["messages"]
    # Waits for the message, however long it takes.
    [arrived] = theirs.command("watch", "--count", 1, "--json").lines

    assert published["recipients"] == [theirs.name]
    assert arrived["id"] == published["id"]
    assert arrived["title"] == "A made-up person"
    for kind in ("passport", "document"):
        found = theirs.command("search", "l898902c3", "--kind", kind, "--json").json
        assert [each["id"] for each in found["messages"]] == [published["id"]]
    shown = theirs.command("show", published["id"], "--verify")
    assert shown.code == 0, shown.err
    assert f"✓ {ours.name} → {theirs.name}: accepted, proven by both" in shown.out
    assert "Jane Sample" in shown.out
    program = theirs.command("show", published["id"], "--verify", "--json").json
    [exchange] = program["verified_exchanges"]
    assert exchange["sender"] == ours.name
    assert exchange["receipt"]["origin"].startswith(theirs.name)
    unverified = ours.command("show", stays["id"], "--verify")
    assert "there is nothing to verify" in unverified.out
    assert theirs.command("inbox", "--ack", arrived["number"]).code == 0
    assert theirs.command("inbox", "--json").json == {"messages": []}
