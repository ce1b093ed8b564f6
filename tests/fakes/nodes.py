# SPDX-License-Identifier: Apache-2.0
"""Whole nodes for tests: real folders, real servers, on this machine only."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from tests.fakes.identities import CHEAP, PASSPHRASE

from selat.exchange.signing import StepObserver
from selat.identity.card import SignedCard
from selat.node.assembly import Node, ignore_step, present_ms
from selat.node.configuration import NodeConfiguration
from selat.node.folder import NodeFolder
from selat.node.initialise import NewNode, initialise_node
from selat.node.serve import Serving, run_node
from selat.node.session import open_desk
from selat.node.witness_settings import WitnessSettings
from selat.policy.catalogue_file import load_catalogue
from selat.rpc.channels import local_desk_channel
from selat.store.port import Snapshot
from selat.store.sqlite.inspection import inspect
from selat.v1 import desk_service_pb2 as pb
from selat.v1 import desk_service_pb2_grpc, message_pb2

T = TypeVar("T")

CATEGORIES = tuple(load_catalogue().categories)
OPEN_STATES = (
    pb.OUTBOX_STATE_QUEUED,
    pb.OUTBOX_STATE_OFFERED,
    pb.OUTBOX_STATE_HELD,
)
#: Whatever a test waits for has happened by then, in s.
DEADLINE_S = 20.0
_LOOK_AGAIN_S = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A node that was initialised; nothing runs in it."""

    folder: NodeFolder
    card: SignedCard

    @property
    def path(self) -> Path:
        return self.folder.home

    @property
    def name(self) -> str:
        return self.card.card.name

    def inspect(self, work: Callable[[Snapshot], T]) -> T:
        """Read the database, whether the node runs or not."""
        return inspect(self.folder.store, work)


def free_port() -> int:
    """Return a TCP port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def make_home(
    folder: Path,
    code: str,
    *,
    categories: tuple[str, ...] = CATEGORIES,
    desk_listen: str = "",
    publish_listen: str = "",
    now: datetime | None = None,
    witness: WitnessSettings | None = None,
) -> Home:
    """Initialise ``police.<code>.example``; not on an event loop.

    Args:
        folder: Where the node's folder goes.
        code: Code of its made-up state, in lower case.
        categories: What its card declares.
        desk_listen: Address of its desk over TLS.
        publish_listen: Address of its published log.
        now: From when its card holds; the present when None.
        witness: How it vouches for others; the defaults when None.
    """
    address = f"127.0.0.1:{free_port()}"
    path = folder / code
    card = initialise_node(
        path,
        NewNode(
            configuration=NodeConfiguration(
                name=f"police.{code}.example",
                state=code.upper(),
                agency=f"Police of {code.upper()}",
                listen=address,
                desk_listen=desk_listen,
                publish_listen=publish_listen,
                witness=witness or WitnessSettings(),
            ),
            endpoints=(address,),
            categories=categories,
        ),
        passphrase=PASSPHRASE,
        now=now or datetime.now(UTC),
        cost=CHEAP,
    )
    return Home(folder=NodeFolder(home=path), card=card)


class ShiftedClock:
    """The present time, moved by as much as a test likes."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def __call__(self) -> int:
        return present_ms() + self.ahead_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The stubs of one desk."""

    desk: desk_service_pb2_grpc.DeskServiceAsyncStub
    admin: desk_service_pb2_grpc.AdminServiceAsyncStub

    async def add_peer(self, peer: Home, *, categories: tuple[str, ...] = ()) -> None:
        await self.admin.AddPeer(
            pb.AddPeerRequest(
                envelope=peer.card.envelope,
                fingerprint=peer.card.fingerprint.hex_groups(),
                categories=categories,
            )
        )

    async def publish(self, *messages: message_pb2.Message) -> list[bytes]:
        """Publish messages and return their ids."""
        published = await self.desk.Publish(pb.PublishRequest(messages=messages))
        return [message.id for message in published.messages]

    async def status(self) -> pb.GetStatusResponse:
        return await self.admin.GetStatus(pb.GetStatusRequest())

    async def link(self, peer: str) -> pb.LinkStatus:
        """Return the status of the link to one peer."""
        status = await self.status()
        return next(link for link in status.links if link.peer == peer)

    async def incidents(self) -> dict[tuple[str, str], int]:
        """Return how often each incident happened, by peer and reason."""
        status = await self.status()
        return {(each.peer, each.reason): each.count for each in status.incidents}

    async def outbox(self, peer: str = "") -> list[pb.OutboxEntry]:
        """Return outbox entries, oldest first."""
        request = pb.ListOutboxRequest(peer=peer, page_size=500)
        response = await self.desk.ListOutbox(request)
        return list(reversed(response.entries))

    async def inbox(self) -> list[pb.FoundMessage]:
        """Return what was received, in the order of arrival."""
        request = pb.SearchMessagesRequest(
            direction=pb.MESSAGE_DIRECTION_IN, with_contents=True, page_size=500
        )
        response = await self.desk.SearchMessages(request)
        return list(reversed(response.messages))

    async def received(self) -> list[bytes]:
        """Return the ids of what was received, in the order of arrival."""
        return [found.info.id for found in await self.inbox()]

    async def settled(self, peer: str, count: int) -> list[pb.OutboxEntry]:
        """Wait until so many entries for a peer are settled; return them all."""

        async def entries() -> list[pb.OutboxEntry] | None:
            found = await self.outbox(peer)
            done = [entry for entry in found if entry.state not in OPEN_STATES]
            return found if len(done) >= count else None

        return await eventually(entries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Running(Desk):
    """A node that serves in this process."""

    home: Home
    serving: Serving

    @property
    def name(self) -> str:
        return self.home.name

    @property
    def node(self) -> Node:
        return self.serving.node


@asynccontextmanager
async def running(
    home: Home,
    *,
    clock: Callable[[], int] = present_ms,
    on_step: StepObserver = ignore_step,
) -> AsyncIterator[Running]:
    """Run a node for as long as the context lasts."""
    async with (
        run_node(
            home.path, passphrase=PASSPHRASE, clock=clock, on_step=on_step
        ) as serving,
        local_desk_channel(str(home.folder.socket)) as channel,
    ):
        yield Running(
            desk=desk_service_pb2_grpc.DeskServiceStub(channel),
            admin=desk_service_pb2_grpc.AdminServiceStub(channel),
            home=home,
            serving=serving,
        )


@asynccontextmanager
async def desk_of(home: Home) -> AsyncIterator[Desk]:
    """Open the desk of a node, whether it runs or not."""
    async with open_desk(home.path, passphrase=lambda: PASSPHRASE) as channel:
        yield Desk(
            desk=desk_service_pb2_grpc.DeskServiceStub(channel),
            admin=desk_service_pb2_grpc.AdminServiceStub(channel),
        )


async def introduce(*homes: Home) -> None:
    """Let nodes that do not run accept each other, for every category."""
    for home in homes:
        async with desk_of(home) as desk:
            for peer in homes:
                if peer is not home:
                    await desk.add_peer(peer, categories=("*",))


async def exchanged(xa: Home, xb: Home) -> tuple[list[bytes], list[bytes]]:
    """Let two nodes exchange messages both ways; return their ids."""
    async with running(xa) as a, running(xb) as b:
        before = len(await a.outbox(xb.name)), len(await b.outbox(xa.name))
        to_b = await a.publish(*(person(f"A {n}") for n in range(5)))
        to_a = await b.publish(*(person(f"B {n}") for n in range(3)))
        await a.settled(xb.name, before[0] + 5)
        await b.settled(xa.name, before[1] + 3)
    return to_b, to_a


async def eventually(
    look: Callable[[], Awaitable[T | None]], *, within_s: float = DEADLINE_S
) -> T:
    """Look until there is something to see; fail at the deadline."""
    deadline = time.monotonic() + within_s
    while not (found := await look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s; last seen: {found!r}")
        await asyncio.sleep(_LOOK_AGAIN_S)
    return found


def person(
    full_name: str = "Doe, John",
    *,
    category: str = "terrorism",
    urgency: message_pb2.Urgency.ValueType = message_pb2.URGENCY_ROUTINE,
    recipients: tuple[str, ...] = (),
) -> message_pb2.Message:
    """Make a message about a person that every rule allows."""
    message = message_pb2.Message()
    header = message.header
    header.category = category
    header.urgency = urgency
    header.purposes.append(message_pb2.PURPOSE_INVESTIGATION)
    header.marking.level = message_pb2.LEVEL_RESTRICTED
    header.recipients.extend(recipients)
    message.body.person.person.names.add(full=full_name, script="Latn")
    return message
