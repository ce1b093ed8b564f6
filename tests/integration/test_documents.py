# SPDX-License-Identifier: Apache-2.0
"""What README and the integrators' page show is run here as it stands there."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fakes.nodes import free_port, introduce, make_home, running

from selat.v1 import desk_service_pb2 as pb

ROOT = Path(__file__).parents[2]
#: Two passphrases are really hashed here, and two nodes really started.
PATIENCE_S = 180
#: Steps of the README that need what is not in the repository.
LEFT_OUT = ("scripts/", "export PATH")


def readme_commands() -> list[str]:
    """Return the commands of the README, here-documents with their first line."""
    text = (ROOT / "README.md").read_text("utf-8")
    commands: list[str] = []
    for block in re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            if line.startswith("$ "):
                commands.append(line[2:])
            else:
                commands[-1] += f"\n{line}"
    return commands


class Shell:
    """A shell in an empty folder, in which commands are run one by one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._variables: dict[str, str] = {}
        self._background: list[subprocess.Popen[str]] = []

    def run(self, command: str) -> str:
        if command.startswith("unset "):
            self._variables.clear()
            return ""
        if command.startswith("export "):
            for pair in command.split()[1:]:
                name, _, value = pair.partition("=")
                self._variables[name] = value
            return ""
        if command.endswith("&"):
            self._start(command.removesuffix("&"))
            return ""
        done = subprocess.run(  # noqa: S603 - the README's own words
            ["bash", "-c", command],  # noqa: S607 - bash is on the path
            cwd=self._folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def end(self) -> None:
        for process in self._background:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE_S)
            assert process.stdout is not None
            process.stdout.close()

    def _start(self, command: str) -> None:
        process = subprocess.Popen(  # noqa: S603 - the README's own words
            ["bash", "-c", f"exec {command}"],  # noqa: S607 - bash is on the path
            cwd=self._folder,
            env=self._environment(),
            stdout=subprocess.PIPE,
            text=True,
        )
        self._background.append(process)
        assert process.stdout is not None
        assert "is serving" in process.stdout.readline()

    def _environment(self) -> dict[str, str]:
        programs = Path(sys.executable).parent
        return {
            **os.environ,
            **self._variables,
            "PATH": f"{programs}:{os.environ['PATH']}",
        }


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    opened = Shell(tmp_path)
    yield opened
    opened.end()


def on_free_ports(commands: list[str]) -> list[str]:
    """Return the commands with other ports than those of the README."""
    text = "\0".join(commands)
    for port in sorted(set(re.findall(r"127\.0\.0\.1:(\d+)", text))):
        text = text.replace(f":{port}", f":{free_port()}")
    return text.split("\0")


@pytest.mark.timeout(PATIENCE_S)
def test_two_nodes_exchange_a_message_by_the_commands_of_the_readme(
    shell: Shell,
) -> None:
    identifier = ""
    ran = 0
    for command in on_free_ports(readme_commands()):
        if command.startswith(LEFT_OUT) or "import un-list" in command:
            continue
        shown = command
        if " peer add " in command:
            # A person would compare the words at a terminal.
            peer = re.search(r"peer add (x.)\.card", command)
            assert peer is not None
            words = shell.run(
                f"selat --home {peer[1]} peer card --json | grep fingerprint_words"
            )
            shown += f" --fingerprint '{words.split(chr(34))[3]}'"
        shown = re.sub(r"(?<=show )[0-9a-f-]{36}", identifier, shown)
        if " inbox" in command and "--ack" not in command:
            shell.run("selat --home xb watch --count 1")
        output = shell.run(shown)
        ran += 1
        if " publish " in command:
            identifier = output.split()[0]
        if "--verify" in command:
            assert "accepted, proven by both logs" in output
        if "search" in command or command.endswith("inbox"):
            assert "Passport stolen" in " ".join(output.split())
    assert ran > 15


def example() -> str:
    """Return the Python client of the integrators' page."""
    text = (ROOT / "docs/integrators.md").read_text("utf-8")
    (program,) = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert isinstance(program, str)
    return program


async def run_example(folder: Path, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "line.py",
        *arguments,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = await process.communicate()
    return f"{process.returncode} {out.decode()}{err.decode()}"


async def test_example_of_the_integrators_page_publishes_searches_and_follows(
    tmp_path: Path,
) -> None:
    ports = free_port(), free_port()
    homes = [
        await asyncio.to_thread(
            make_home, tmp_path, code, desk_listen=f"127.0.0.1:{port}"
        )
        for code, port in zip(("xa", "xb"), ports, strict=True)
    ]
    await introduce(*homes)
    async with running(homes[0]) as xa, running(homes[1]) as xb:
        folders = []
        for node in (xa, xb):
            folder = tmp_path / f"line-{node.name}"
            folder.mkdir()
            (folder / "line.py").write_text(example(), "utf-8")
            added = await node.admin.AddOfficer(
                pb.AddOfficerRequest(officer_id="border-line", roles=["system"])
            )
            (folder / "border-line.pem").write_bytes(added.certificate_pem)
            (folder / "border-line.key").write_bytes(added.private_key_pem)
            (folder / "border-line.ca.pem").write_bytes(added.desk_ca_pem)
            folders.append(folder)
        here, there = (
            (folder, f"localhost:{port}", "border-line")
            for folder, port in zip(folders, ports, strict=True)
        )
        first = await run_example(*here, "publish", "K2041188")
        again = await run_example(*here, "publish", "K2041188")
        assert first.startswith("0 ")
        assert "is queued for: police.xb.example" in first
        assert "was here before" in again
        found = await run_example(*here, "search", "k 204-1188")
        assert found.count("from police.xa.example") == 1
        assert await run_example(*there, "follow", "1") == "0 1 Stolen passport\n"
        assert (folders[1] / "cursor").read_text() == "1"
        assert (await xb.status()).unacknowledged == 0
        await xa.admin.RevokeOfficer(pb.RevokeOfficerRequest(officer_id="border-line"))
        refused = await run_example(*here, "search", "K2041188")
        assert refused.startswith("1 UNAUTHENTICATED")
