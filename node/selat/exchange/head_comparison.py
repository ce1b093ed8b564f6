# SPDX-License-Identifier: Apache-2.0
"""Compare our log with what peers hold of it.

The high-water mark tells of a database that is older than what was signed, as
long as the mark itself was not restored or lost with it. Peers remember too:
one that shows a checkpoint which we signed, and which our log does not contain,
proves that our database is not the one that signed it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from selat.core.checkpoints import Checkpoint, open_checkpoint
from selat.core.notes import NoteVerifier
from selat.core.proof_lines import read_head
from selat.core.tiles import root_at
from selat.errors import (
    LogRolledBackError,
    MalformedError,
    SelatError,
    SignatureError,
)
from selat.exchange.links import Connect
from selat.exchange.peer_book import KnownPeer, PeerBook
from selat.exchange.signing import CheckpointSigner
from selat.exchange.witness_client import WitnessConnection
from selat.store.port import Snapshot, Store

_log = logging.getLogger(__name__)

#: The start waits no longer for peers to answer, in s.
START_TIMEOUT_S: Final = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadComparison:
    """Ask peers what they hold of our log.

    Attributes:
        store: Our database.
        peers: The accepted peers.
        signer: Signs our log; halted when a peer holds more than there is.
        verifiers: Gives the keys of our own log by its origin.
    """

    store: Store
    peers: PeerBook
    signer: CheckpointSigner
    verifiers: Callable[[str], Sequence[NoteVerifier]]

    async def at_start(
        self, connect: Connect, *, timeout_s: float = START_TIMEOUT_S
    ) -> None:
        """Ask every peer that answers soon; one that does not holds nothing up.

        Args:
            connect: How to connect to a peer.
            timeout_s: The longest wait, in s.

        Raises:
            LogRolledBackError: A peer holds what our log does not contain.
        """
        asked = [
            asyncio.ensure_future(self._ask(connect, peer))
            for peer in self.peers.accepted()
        ]
        if not asked:
            return
        _, late = await asyncio.wait(asked, timeout=timeout_s)
        for task in late:
            task.cancel()
        found = await asyncio.gather(*asked, return_exceptions=True)
        for outcome in found:
            if isinstance(outcome, LogRolledBackError):
                raise outcome
            if isinstance(outcome, Exception):  # a start does not fail by it
                _log.error("not compared", exc_info=outcome)

    async def _ask(self, connect: Connect, peer: KnownPeer) -> None:
        try:
            async with connect(peer) as connection:
                await self.with_peer(peer.name, connection.witness)
        except LogRolledBackError:
            raise
        except SelatError as error:
            _log.info("not compared", extra={"peer": peer.name, "reason": error.reason})

    async def with_peer(self, peer: str, connection: WitnessConnection) -> None:
        """Compare with what one peer holds, and sign nothing more if it is more.

        Raises:
            LogRolledBackError: It holds what our log does not contain.
            PeerUnreachableError: It does not answer.
        """
        for note in await connection.witnessed(()):
            with suppress(MalformedError, SignatureError):  # not of ours
                shown = await asyncio.to_thread(self._opened, note)
                if not await self.store.read(partial(_contains, shown)):
                    error = _rolled_back(peer, shown)
                    self.signer.halt(error)
                    raise error

    def _opened(self, note: bytes) -> Checkpoint:
        origin = read_head(note).origin
        return open_checkpoint(note, origin=origin, verifiers=self.verifiers(origin))


def _contains(shown: Checkpoint, snapshot: Snapshot) -> bool:
    """Tell whether our log is, or extends, a state that we signed."""
    shard = snapshot.shard(shown.origin)
    if shard is None or shard.size < shown.size:
        return False
    return root_at(shown.size, snapshot.shard_tiles(shown.origin)) == shown.root


def _rolled_back(peer: str, shown: Checkpoint) -> LogRolledBackError:
    return LogRolledBackError(
        f"{peer} holds a checkpoint of {shown.size} leaves of {shown.origin} that we "
        "signed, and our database does not contain it.",
        remedy="An old database was restored, or two nodes share these keys. Restore "
        "the newest database; if it is lost, start a new log and tell every peer.",
        peer=peer,
        signed_size=shown.size,
    )
