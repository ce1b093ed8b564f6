# SPDX-License-Identifier: Apache-2.0
"""Nodes, each a process of its own as an operator runs it, on loopback."""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import grpc
from scripts.benchmarks.errors import BenchmarkError
from scripts.benchmarks.processes import Child

from selat.node.configuration import NodeConfiguration
from selat.node.folder import NodeFolder
from selat.node.initialise import NewNode, initialise_node
from selat.policy.catalogue_file import load_catalogue
from selat.rpc.channels import local_desk_channel
from selat.v1 import desk_service_pb2 as pb
from selat.v1 import desk_service_pb2_grpc, message_pb2

#: Messages of one call, the most that the desk takes.
CALL_MESSAGES: Final = 256
#: How often a waiting benchmark asks for the state at least and at most, in s. Each
#: question takes time from the node: it is asked often only when the end is near.
POLL_S: Final = 0.05
POLL_MAX_S: Final = 0.5
#: Deliveries that stand still for this long have failed, in s.
STALL_S: Final = 60.0

#: Opens the key stores of all of them.
PASSPHRASE: Final = b"made up for one measurement"


class BenchNode:
    """One node and the channel of its desk."""

    def __init__(self, folder: Path, *, name: str, port: int) -> None:
        """Take a folder that `create` initialised."""
        self.name = name
        self._home = folder
        self._port = port
        self._child: Child | None = None
        self._channel: grpc.aio.Channel | None = None
        self._card = pb.GetOwnCardResponse()

    @classmethod
    async def create(cls, work: Path, label: str) -> BenchNode:
        """Initialise a node, as ``selat init`` does.

        Args:
            work: Folder for the node's own.
            label: Letters of its name, for example ``xa``.
        """
        name, port = f"police.{label}.example", _free_port()
        new = NewNode(
            configuration=NodeConfiguration(
                name=name,
                state=label[:2].upper(),
                agency="Police",
                listen=f"127.0.0.1:{port}",
            ),
            endpoints=(f"127.0.0.1:{port}",),
            categories=tuple(load_catalogue().categories),
        )
        await asyncio.to_thread(
            initialise_node,
            work / label,
            new,
            passphrase=PASSPHRASE,
            now=datetime.now(UTC),
        )
        return cls(work / label, name=name, port=port)

    @property
    def home(self) -> Path:
        """Return the node's folder."""
        return self._home

    @property
    def secret(self) -> Path:
        """Return the file with the passphrase; it is there once the node ran."""
        return self._home.with_suffix(".passphrase")

    @property
    def process(self) -> Child:
        """Return the running process."""
        if self._child is None:
            raise BenchmarkError(f"{self.name} is not running.")
        return self._child

    @property
    def desk(self) -> desk_service_pb2_grpc.DeskServiceAsyncStub:
        """Return the officers' side of the desk."""
        return desk_service_pb2_grpc.DeskServiceStub(self._open_channel())

    @property
    def admin(self) -> desk_service_pb2_grpc.AdminServiceAsyncStub:
        """Return the administrators' side of the desk."""
        return desk_service_pb2_grpc.AdminServiceStub(self._open_channel())

    async def start(self) -> None:
        """Run the node; return when it serves."""
        self.secret.touch(mode=0o600)
        self.secret.write_bytes(PASSPHRASE)
        self._child = await Child.start(
            serve_command(self._home, self.secret), log=self._home.with_suffix(".log")
        )
        socket_path = NodeFolder(home=self._home).socket
        self._channel = local_desk_channel(str(socket_path))
        self._card = await self.admin.GetOwnCard(pb.GetOwnCardRequest())

    async def stop(self) -> None:
        """Stop the node, if it runs."""
        if self._channel is not None:
            await self._channel.close()
            self._channel = None
        if self._child is not None:
            await self._child.stop()
            self._child = None

    def told(self) -> str:
        """Return the end of the running node's log."""
        return f"{self.name}: {self._child.told()}" if self._child else ""

    async def accept(
        self, peer: BenchNode, *, categories: Sequence[str] = ("*",)
    ) -> None:
        """Accept a running node as a peer, or again after `dismiss`.

        Args:
            peer: The other node.
            categories: What the release list gives it; the list stays as it is
                when there are none.
        """
        card = peer._card
        await self.admin.AddPeer(
            pb.AddPeerRequest(
                envelope=card.envelope,
                fingerprint=card.fingerprint_hex,
                categories=categories,
            )
        )

    async def dismiss(self, peer: BenchNode) -> None:
        """Refuse a peer from now on: what it has for us waits at its side."""
        await self.admin.RemovePeer(pb.RemovePeerRequest(name=peer.name))

    async def publish(self, messages: Sequence[message_pb2.Message]) -> float:
        """Publish in one call and return how long it took, in s."""
        request = pb.PublishRequest(messages=messages)
        desk = self.desk
        begun = time.perf_counter()
        await desk.Publish(request)
        return time.perf_counter() - begun

    async def status(self) -> pb.GetStatusResponse:
        """Return the state of the node."""
        return await self.admin.GetStatus(pb.GetStatusRequest())

    async def accepted(self, peers: Iterable[BenchNode]) -> dict[str, int]:
        """Return how many receipts are kept of each peer, by its name.

        Raises:
            BenchmarkError: Something was refused, withheld or given up.
        """
        names = {peer.name for peer in peers}
        links = [link for link in (await self.status()).links if link.peer in names]
        for link in links:
            if link.refused or link.withheld or link.dead:
                raise BenchmarkError(f"Not everything was accepted: {link}")
        return {link.peer: link.accepted for link in links}

    async def wait_accepted(self, expected: Mapping[BenchNode, int]) -> float:
        """Wait until so many receipts of each peer are kept.

        Returns:
            The moment, as `time.perf_counter` tells it.

        Raises:
            BenchmarkError: Nothing moves any more, or something was refused.
        """
        goal = sum(expected.values())
        before, moved = 0, time.perf_counter()
        while True:
            accepted = await self.accepted(expected)
            now = time.perf_counter()
            if all(accepted[peer.name] >= count for peer, count in expected.items()):
                return now
            total, wait_s = sum(accepted.values()), POLL_S
            if total > before:
                wait_s = (now - moved) / (total - before) * (goal - total) / 2
                before, moved = total, now
            elif now - moved > STALL_S:
                raise BenchmarkError(
                    f"{self.name} delivers no more: {await self.status()}"
                )
            await asyncio.sleep(min(max(wait_s, POLL_S), POLL_MAX_S))

    def _open_channel(self) -> grpc.aio.Channel:
        if self._channel is None:
            raise BenchmarkError(f"{self.name} is not running.")
        return self._channel


def serve_command(home: Path, secret: Path) -> list[str]:
    """Return the command that an operator would run."""
    selat = str(Path(sys.executable).with_name("selat"))
    options = ["--home", str(home), "--passphrase-file", str(secret), "--json"]
    return [selat, *options, "serve"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
