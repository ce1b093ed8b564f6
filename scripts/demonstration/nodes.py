# SPDX-License-Identifier: Apache-2.0
"""The nodes of the demonstration: processes of their own, on loopback."""

from __future__ import annotations

import io
import json
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import grpc
from scripts.demonstration.telling import DemoFailedError

from selat.cli.main import run as run_command
from selat.rpc.channels import local_desk_channel, remote_desk_channel
from selat.v1 import desk_service_pb2_grpc as rpc

SELAT: Final = Path(sys.executable).with_name("selat")
START_TIMEOUT_S: Final = 30.0
STOP_TIMEOUT_S: Final = 15.0


def free_port() -> int:
    """Return a TCP port of loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class _Printed(io.TextIOWrapper):
    """Where a command in this process prints."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._bytes = io.BytesIO()
        super().__init__(self._bytes, encoding="utf-8", write_through=True)

    @property
    def text(self) -> str:
        """Return what was printed."""
        return self._bytes.getvalue().decode()


@dataclass(slots=True, kw_only=True, eq=False)
class DemoNode:
    """One state's node.

    Attributes:
        state: Its made-up ISO 3166-1 code.
        agency: Who runs it.
        folder: Where demonstration files stand.
        declined: Categories that it does not declare on its card.
    """

    state: str
    agency: str
    folder: Path
    declined: frozenset[str] = frozenset()
    port: int = field(default_factory=free_port)
    desk_port: int = field(default_factory=free_port)
    _process: subprocess.Popen[str] | None = None

    @property
    def name(self) -> str:
        """Return the node name."""
        return f"police.{self.state.lower()}.example"

    @property
    def home(self) -> Path:
        """Return the node's folder."""
        return self.folder / self.state.lower()

    def run(self, *arguments: str, officer: str = "") -> str:
        """Run a command of this node in this process; return what it printed.

        It is the whole command, from its arguments to its exit code; only the
        start of another Python is left out, which takes longer than the command.

        Args:
            arguments: The command.
            officer: Who runs it over the desk's TLS address; its host if empty.

        Raises:
            DemoFailedError: It failed.
        """
        out, err = _Printed(), _Printed()
        with redirect_stdout(out), redirect_stderr(err):
            code = run_command([*self._options(officer), *arguments])
        return self._outcome(arguments, code, out.text, err.text)

    def run_apart(self, *arguments: str) -> str:
        """Run a command of this node as a process of its own.

        Raises:
            DemoFailedError: It failed.
        """
        done = subprocess.run(
            [SELAT, *self._options(""), *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        return self._outcome(arguments, done.returncode, done.stdout, done.stderr)

    def _outcome(
        self, arguments: tuple[str, ...], code: int, out: str, err: str
    ) -> str:
        if code:
            raise DemoFailedError(
                f"`selat {' '.join(arguments)}` of {self.name} ended with {code}:\n"
                f"{out}{err}"
            )
        return out

    def _options(self, officer: str) -> list[str]:
        """Return what every command of this node is told."""
        if officer:
            return [
                *("--desk", f"127.0.0.1:{self.desk_port}"),
                *("--certificate", str(self.folder / f"{officer}.pem")),
                *("--key", str(self.folder / f"{officer}.key")),
                *("--ca", str(self.folder / f"{officer}.ca.pem")),
            ]
        return [
            *("--home", str(self.home)),
            *("--passphrase-file", str(self.folder / "passphrase")),
        ]

    def start(self) -> None:
        """Serve, and return when the node answers.

        Raises:
            DemoFailedError: It did not start.
        """
        log = (self.folder / f"{self.state.lower()}.log").open("a")
        with log:
            self._process = subprocess.Popen(
                [SELAT, *self._options(""), "serve", "--json"],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout is not None  # noqa: S101 - asked for above
        line = self._process.stdout.readline()
        if not line or json.loads(line).get("event") != "ready":
            raise DemoFailedError(f"{self.name} did not start; see {log.name}.")

    def kill(self) -> None:
        """End the process with SIGKILL: no warning, no chance to tidy up."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End the process in order, if it runs."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        process.wait(STOP_TIMEOUT_S)
        if process.stdout is not None:
            process.stdout.close()

    @asynccontextmanager
    async def desk(
        self,
    ) -> AsyncIterator[tuple[rpc.DeskServiceAsyncStub, rpc.AdminServiceAsyncStub]]:
        """Open its desk API."""
        async with local_desk_channel(str(self.home / "desk.sock")) as channel:
            yield (
                rpc.DeskServiceStub(channel),
                rpc.AdminServiceStub(channel),
            )

    def desk_as(self, officer: str) -> grpc.aio.Channel:
        """Return a channel to its desk over TLS, as one of its officers."""
        certificate, key, ca = (
            (self.folder / f"{officer}.{ending}").read_bytes()
            for ending in ("pem", "key", "ca.pem")
        )
        return remote_desk_channel(
            f"127.0.0.1:{self.desk_port}", certificate=certificate, key=key, ca=ca
        )
