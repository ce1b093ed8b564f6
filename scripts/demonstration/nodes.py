# SPDX-License-Identifier: Apache-2.0
"""The nodes of the demonstration: processes of their own, on loopback."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import grpc

from selat.rpc.channels import local_desk_channel, remote_desk_channel
from selat.v1 import desk_service_pb2 as pb
from selat.v1 import desk_service_pb2_grpc as rpc

SELAT: Final = Path(sys.executable).with_name("selat")
START_TIMEOUT_S: Final = 30.0
STOP_TIMEOUT_S: Final = 15.0


class DemoFailedError(Exception):
    """Something did not happen as it must."""


def free_port() -> int:
    """Return a TCP port of loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


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

    def environment(self) -> dict[str, str]:
        """Return the environment in which its commands run."""
        return {
            **os.environ,
            "SELAT_HOME": str(self.home),
            "SELAT_PASSPHRASE_FILE": str(self.folder / "passphrase"),
            "COLUMNS": "100",
        }

    def run(self, *arguments: str, officer: str = "") -> str:
        """Run a command of this node and return what it printed.

        Args:
            arguments: The command.
            officer: Who runs it over the desk's TLS address; its host if empty.

        Raises:
            DemoFailedError: It failed.
        """
        done = subprocess.run(
            [SELAT, *arguments],
            env=self.environment() | self._as(officer),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise DemoFailedError(
                f"`selat {' '.join(arguments)}` of {self.name} ended with "
                f"{done.returncode}:\n{done.stdout}{done.stderr}"
            )
        return done.stdout

    def _as(self, officer: str) -> dict[str, str]:
        if not officer:
            return {}
        return {
            "SELAT_DESK": f"127.0.0.1:{self.desk_port}",
            "SELAT_CERTIFICATE": str(self.folder / f"{officer}.pem"),
            "SELAT_KEY": str(self.folder / f"{officer}.key"),
            "SELAT_CA": str(self.folder / f"{officer}.ca.pem"),
        }

    def start(self) -> None:
        """Serve, and return when the node answers.

        Raises:
            DemoFailedError: It did not start.
        """
        log = (self.folder / f"{self.state.lower()}.log").open("a")
        with log:
            self._process = subprocess.Popen(
                [SELAT, "serve", "--json"],
                env=self.environment(),
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
        names = self._as(officer)
        certificate, key, ca = (
            Path(names[f"SELAT_{file}"]).read_bytes()
            for file in ("CERTIFICATE", "KEY", "CA")
        )
        return remote_desk_channel(
            names["SELAT_DESK"], certificate=certificate, key=key, ca=ca
        )

    async def received(self) -> list[tuple[bytes, int, str]]:
        """Return identifier, version and category of all that it received."""
        found: list[tuple[bytes, int, str]] = []
        async with self.desk() as (desk, _):
            request = pb.SearchMessagesRequest(
                direction=pb.MESSAGE_DIRECTION_IN, include_past=True, page_size=500
            )
            while True:
                page = await desk.SearchMessages(request)
                found += [
                    (item.info.id, item.info.version, item.info.category)
                    for item in page.messages
                ]
                if not page.next_page_token:
                    return found
                request.page_token = page.next_page_token


def wait_until_passed(start: float, timeout_s: float, what: str) -> None:
    """Raise when something takes too long.

    Raises:
        DemoFailedError: It does.
    """
    if time.monotonic() - start > timeout_s:
        raise DemoFailedError(f"{what} did not happen within {timeout_s:.0f} s.")
