# SPDX-License-Identifier: Apache-2.0
"""The command with a real node: made, served, examined."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.command import Command, Ended
from tests.fakes.identities import PASSPHRASE
from tests.fakes.nodes import make_home

from selat.node.configuration import read_configuration
from selat.node.folder import NodeFolder

NAME = "police.xa.example"
START = "from selat.cli.main import main; main()"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "xa"


@pytest.fixture
def passphrase(selat: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    del selat  # which forgets the environment first
    file = tmp_path / "passphrase"
    file.write_bytes(PASSPHRASE)
    file.chmod(0o600)
    monkeypatch.setenv("SELAT_PASSPHRASE_FILE", str(file))
    return file


@pytest.fixture
def made(tmp_path: Path, home: Path, passphrase: Path) -> None:
    del passphrase
    assert make_home(tmp_path, "xa").path == home


@pytest.fixture
def serving(made: None, home: Path) -> Iterator[dict[str, Any]]:
    del made
    with subprocess.Popen(  # noqa: S603 - our own interpreter and our own words
        [sys.executable, "-c", START, "serve", "--home", str(home), "--json"],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        yield {**ready, "pid": process.pid}
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0


def levels(ended: Ended) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for finding in ended.json["findings"]:
        found.setdefault(finding["check"], set()).add(finding["level"])
    return found


# --- init --------------------------------------------------------------------


@pytest.mark.usefixtures("passphrase")
def test_a_new_node_tells_its_fingerprint(selat: Command, home: Path) -> None:
    ended = selat(
        *("init", "--name", NAME, "--state", "xa", "--agency", "Police of XA"),
        *("--category", "terrorism", "--json"),
    )

    assert ended.code == 0
    assert ended.json["name"] == NAME
    assert ended.json["state"] == "XA"
    assert ended.json["endpoints"] == [f"{NAME}:7400"]
    assert ended.json["categories"] == ["terrorism"]
    assert len(ended.json["fingerprint_words"].split()) == 16
    assert home.stat().st_mode & 0o077 == 0


@pytest.mark.usefixtures("made")
def test_a_node_is_never_made_over_another(selat: Command) -> None:
    ended = selat("init", "--name", NAME, "--state", "XA", "--agency", "Police of XA")

    assert ended.code == 1
    assert "has contents" in ended.err


@pytest.mark.usefixtures("passphrase")
def test_a_node_without_categories_is_warned_about(selat: Command) -> None:
    ended = selat("init", "--name", NAME, "--state", "XA", "--agency", "Police of XA")

    assert ended.out.startswith(f"{NAME} is ready in ")
    assert "so accepts no message" in ended.err


@pytest.mark.parametrize("name", ["init", "serve", "doctor"])
def test_what_works_on_a_folder_refuses_a_desk(selat: Command, name: str) -> None:
    arguments = ["--name", NAME, "--state", "XA", "--agency", "x"]

    ended = selat("--desk", "127.0.0.1:1", name, *(arguments if name == "init" else ()))

    assert ended.code == 2
    assert f"'selat {name}' works on a folder of this host" in ended.err


# --- serve -------------------------------------------------------------------


def test_a_node_says_that_it_serves_and_answers(
    selat: Command, serving: dict[str, Any]
) -> None:
    assert serving["event"] == "ready"
    assert serving["name"] == NAME
    assert serving["peer_port"] > 0
    assert serving["desk_port"] is None
    assert serving["peers"] == []

    status = selat("status", "--json").json

    assert status["name"] == NAME
    assert status["log_size"] >= serving["log_size"]


@pytest.mark.usefixtures("made")
def test_commands_work_while_the_node_does_not(selat: Command) -> None:
    ended = selat("status", "--json")

    assert ended.code == 0
    assert ended.json["name"] == NAME


@pytest.mark.usefixtures("made")
def test_a_wrong_passphrase_opens_nothing(selat: Command, passphrase: Path) -> None:
    passphrase.write_text("incorrect horse battery\n")

    ended = selat("status", "--json")

    assert ended.code == 6
    assert ended.error["reason"] == "WRONG_PASSPHRASE"


def test_a_folder_without_a_node_is_told_with_what_to_do(selat: Command) -> None:
    ended = selat("status")

    assert ended.code == 6
    assert "There is no node in" in ended.err
    assert "selat init" in ended.err


# --- doctor ------------------------------------------------------------------


def test_a_serving_node_is_well(selat: Command, serving: dict[str, Any]) -> None:
    assert serving["pid"]

    ended = selat("doctor", "--json")

    assert ended.code == 0, ended.out
    assert ended.json["failures"] == 0
    found = levels(ended)
    assert found["node"] == {"ok"}
    assert found["keys"] == found["card"] == found["database"] == {"ok"}
    assert found["log"] == {"ok"}


@pytest.mark.usefixtures("made")
def test_a_node_that_does_not_run_is_a_warning(selat: Command) -> None:
    ended = selat("doctor")

    assert ended.code == 0
    assert "! The node does not run." in ended.out
    assert "→ Start it: selat serve" in ended.out
    assert "to look at." in ended.out


@pytest.mark.usefixtures("made")
def test_without_a_passphrase_the_keys_are_left_out(
    selat: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SELAT_PASSPHRASE_FILE")

    assert levels(selat("doctor", "--json"))["keys"] == {"warn"}


def _open_to_others(folder: NodeFolder) -> None:
    folder.home.chmod(0o755)


def _open_key(folder: NodeFolder) -> None:
    next(folder.keys.glob("*.json")).chmod(0o644)


def _broken_configuration(folder: NodeFolder) -> None:
    folder.configuration.write_text("version = ")


def _other_name(folder: NodeFolder) -> None:
    text = folder.configuration.read_text()
    folder.configuration.write_text(text.replace("police.xa", "police.xb"))


def _no_card(folder: NodeFolder) -> None:
    folder.card.unlink()


def _changed_card(folder: NodeFolder) -> None:
    folder.card.write_bytes(folder.card.read_bytes()[:-1])


def _broken_release_list(folder: NodeFolder) -> None:
    folder.release_list.write_text("[peers")


def _no_release_list(folder: NodeFolder) -> None:
    folder.release_list.unlink()


def _no_database(folder: NodeFolder) -> None:
    folder.store.unlink()


def _broken_database(folder: NodeFolder) -> None:
    with folder.store.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(4096))


def _no_mark(folder: NodeFolder) -> None:
    folder.high_water.unlink()


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize(
    ("harm", "check"),
    [
        (_open_to_others, "folder"),
        (_open_key, "permissions"),
        (_open_key, "keys"),
        (_broken_configuration, "configuration"),
        (_other_name, "card"),
        (_no_card, "card"),
        (_changed_card, "card"),
        (_broken_release_list, "policy"),
        (_no_release_list, "policy"),
        (_no_database, "database"),
        (_broken_database, "database"),
        (_no_mark, "log"),
    ],
)
def test_what_is_broken_is_found_and_has_a_remedy(
    selat: Command, home: Path, harm: Callable[[NodeFolder], None], check: str
) -> None:
    harm(NodeFolder(home=home))

    ended = selat("doctor", "--json")

    assert ended.code == 6
    assert ended.json["ok"] is False
    broken = [each for each in ended.json["findings"] if each["level"] == "fail"]
    assert check in {each["check"] for each in broken}
    assert all(each["remedy"] for each in broken)


def test_no_folder_is_found_to_be_none(selat: Command) -> None:
    ended = selat("doctor")

    assert ended.code == 6
    assert "✗ There is no folder" in ended.out


@pytest.mark.usefixtures("made")
def test_a_passphrase_file_that_others_can_read_is_found(
    selat: Command, passphrase: Path
) -> None:
    passphrase.chmod(0o644)

    ended = selat("doctor", "--json")

    assert ended.code == 6
    assert levels(ended)["passphrase"] == {"fail"}


@pytest.mark.usefixtures("made")
def test_a_port_that_is_taken_is_found(selat: Command, home: Path) -> None:
    address = read_configuration(NodeFolder(home=home).configuration).listen
    host, _, port = address.rpartition(":")
    with socket.socket() as taken:
        taken.bind((host, int(port)))
        taken.listen()

        ended = selat("doctor", "--json")

    assert levels(ended)["ports"] == {"fail"}


@pytest.mark.usefixtures("made")
def test_a_folder_in_use_without_a_desk_is_a_warning(
    selat: Command, home: Path
) -> None:
    with NodeFolder(home=home).locked():
        ended = selat("doctor", "--json")

    assert levels(ended)["node"] == {"warn"}
