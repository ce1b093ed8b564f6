# SPDX-License-Identifier: Apache-2.0
"""Run a node until it is told to stop, then finish what is in hand."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from selat.errors import ConfigurationError, SelatError, StoreError
from selat.exchange.local import Clock
from selat.exchange.signing import StepObserver
from selat.node.assembly import Node, assemble_node, ignore_step, present_ms
from selat.node.folder import NodeFolder
from selat.node.heap import share_heap
from selat.node.publication import published
from selat.node.servers import desk_server, peer_server

_log = logging.getLogger(__name__)

#: Calls in hand get this long to finish when the node stops, in s.
DRAIN_S: Final = 5.0
#: How often the release list is looked at for changes, in s.
POLICY_CHECK_S: Final = 1.0
#: New objects after which unreachable ones are sought: a batch makes and drops
#: some ten thousand, which the default of 700 would look through twenty times.
NEW_OBJECTS: Final = 50_000
#: How long a thread may keep the interpreter while others wait for it, in s. The
#: writer gives it up at every statement; with the default of 5 ms a batch that is
#: being read could hold one that is being written up for a second.
SWITCH_INTERVAL_S: Final = 0.000_5
#: How often it is seen whether the half-year has passed, in s.
HALF_YEAR_CHECK_S: Final = 1.0
#: How often it is seen whether other keys of our own came into use, in s.
KEY_CHECK_S: Final = 1.0
#: How often what has expired is erased, in s.
LIFECYCLE_INTERVAL_S: Final = 10.0
#: How often it is looked whether callers were turned away, in s.
DOOR_INTERVAL_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """A node whose servers answer.

    Attributes:
        node: The node.
        peer_port: TCP port of the peer API.
        desk_port: TCP port of the desk API; 0 when it has none.
        publish_port: TCP port of the published log; 0 when it has none.
    """

    node: Node
    peer_port: int
    desk_port: int
    publish_port: int


async def serve(
    home: Path,
    *,
    passphrase: bytes,
    ready: Callable[[Serving], None],
    on_step: StepObserver = ignore_step,
) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        home: The node's folder.
        passphrase: Opens its key store.
        ready: Called once every server answers.
        on_step: Observer of write steps.

    Raises:
        SelatError: The node cannot be started; the message says why.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with run_node(home, passphrase=passphrase, on_step=on_step) as serving:
        _settle_interpreter()
        ready(serving)
        await stop.wait()
        _log.info("draining")


@asynccontextmanager
async def run_node(
    home: Path,
    *,
    passphrase: bytes,
    clock: Clock = present_ms,
    on_step: StepObserver = ignore_step,
) -> AsyncIterator[Serving]:
    """Run a node for as long as the context lasts."""
    folder = NodeFolder(home=home)
    async with (
        assemble_node(
            folder, passphrase=passphrase, clock=clock, on_step=on_step, ask_peers=True
        ) as node,
        published(node) as publish_port,
    ):
        peers = await peer_server(node, node.configuration.listen)
        desk = await desk_server(node, folder.socket)
        await peers.server.start()
        await desk.server.start()
        background = [
            asyncio.ensure_future(node.links.run()),
            asyncio.ensure_future(_follow_policy(node)),
            asyncio.ensure_future(_end_messages(node)),
            asyncio.ensure_future(node.rounds.run(node.links.connections)),
            asyncio.ensure_future(_follow_half_year(node)),
            asyncio.ensure_future(_follow_keys(node)),
            asyncio.ensure_future(_watch_door(node)),
        ]
        try:
            yield Serving(
                node=node,
                peer_port=peers.port,
                desk_port=desk.port,
                publish_port=publish_port,
            )
        finally:
            # Deliveries end first: what is not receipted is sent again later.
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            node.peer_service.end_deliveries()
            node.desk_service.end_subscriptions()
            await asyncio.gather(peers.drain(DRAIN_S), desk.drain(DRAIN_S))
            with suppress(FileNotFoundError):
                folder.socket.unlink()


def _settle_interpreter() -> None:
    """Fit the search for garbage and the threads' turns to a node's work."""
    share_heap()
    gc.collect()
    gc.freeze()  # what the process was started with is no garbage
    gc.set_threshold(NEW_OBJECTS)
    sys.setswitchinterval(SWITCH_INTERVAL_S)


async def _follow_policy(node: Node) -> None:
    """Put a changed release list into force; a bad one is an incident."""
    while True:
        await asyncio.sleep(POLICY_CHECK_S)
        try:
            if await node.policy.load_if_changed():
                _log.info(
                    "policy changed", extra={"digest": node.local.policy().digest}
                )
        except (ConfigurationError, StoreError) as error:
            _log.warning("policy not changed", extra={"reason": error.reason})
            with suppress(StoreError):  # tried again, and logged, all the same
                await _note(node, error)


async def _follow_half_year(node: Node) -> None:
    """Go on in the next shard of the log in time; a failure is an incident."""
    while True:
        await asyncio.sleep(HALF_YEAR_CHECK_S)
        try:
            await node.local.follow_half_year()
        except SelatError as error:
            _log.error("log not handed over", extra={"reason": error.reason})
            with suppress(StoreError):
                await _note(node, error)


async def _end_messages(node: Node) -> None:
    """Erase what has expired or is kept no longer; a failure is an incident."""
    while True:
        try:
            await node.lifecycle.run()
        except SelatError as error:
            _log.warning("messages not erased", extra={"reason": error.reason})
            with suppress(StoreError):
                await _note(node, error)
        await asyncio.sleep(LIFECYCLE_INTERVAL_S)


async def _follow_keys(node: Node) -> None:
    """Take up keys of our own whose time has come."""
    while True:
        await asyncio.sleep(KEY_CHECK_S)
        node.turnover.follow()


async def _watch_door(node: Node) -> None:
    """Log that callers were turned away, who are no incidents: they are unknown."""
    known = 0
    while True:
        await asyncio.sleep(DOOR_INTERVAL_S)
        count = node.handshakes.turned_away()
        if count > known:
            _log.warning("callers turned away", extra={"count": count - known})
            known = count


async def _note(node: Node, error: SelatError) -> None:
    now_ms = node.local.clock()
    await node.local.store.write(
        lambda t: t.note_incident(
            peer="", reason=error.reason, detail=str(error), at_ms=now_ms
        )
    )
