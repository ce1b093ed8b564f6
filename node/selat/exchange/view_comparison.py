# SPDX-License-Identifier: Apache-2.0
"""Compare what two nodes were shown of the log of a third.

A node that shows each of its peers another history is found out when two of
them compare. Both must have accepted it; each learns that the other has.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from selat.core.checkpoints import Checkpoint, open_checkpoint
from selat.core.log_states import KnownState, LogState, verify_joined
from selat.core.proof_lines import read_head
from selat.errors import (
    MalformedError,
    PeerError,
    SignatureError,
    UnavailableError,
)
from selat.exchange.chains import place, verifiers_of
from selat.exchange.local import LocalNode
from selat.exchange.witness_calls import ORIGINS_MAX, newest_notes
from selat.exchange.witness_client import WitnessConnection
from selat.exchange.witnessing import owner_of
from selat.store.port import Snapshot

#: States of other logs that were compared and agree, remembered.
_AGREED_MAX: Final = 4_096


class ProvingConnection(Protocol):
    """A connection to the owner of a log, who can prove that it grew."""

    async def prove(self, old: KnownState, new: KnownState) -> LogState:
        """Return the owner's proof that one state of its log extends another."""


class ViewComparison:
    """Compare our view of other logs with that of a peer.

    Args:
        local: Our node.
        connections: Gives the open connections by the name of the peer.
    """

    def __init__(
        self,
        *,
        local: LocalNode,
        connections: Callable[[], Mapping[str, ProvingConnection]],
    ) -> None:
        """Start with nothing compared."""
        self._local = local
        self._connections = connections
        self._agreed: OrderedDict[tuple[str, int, bytes], None] = OrderedDict()

    async def compare(self, peer: str, connection: WitnessConnection) -> None:
        """Ask a peer about the logs that we follow, and compare.

        Two roots for one size are acted on as proof; a state that its owner
        does not join with ours by a proof makes an incident.

        Raises:
            PeerUnreachableError: The peer does not answer.
        """
        names = {each.name for each in self._local.peers.accepted()} - {peer}

        def work(snapshot: Snapshot) -> list[bytes]:
            return newest_notes(snapshot, lambda origin: owner_of(origin) in names)

        heads = map(read_head, (await self._local.store.read(work))[-ORIGINS_MAX:])
        ours = {head.origin: head for head in heads}
        if not ours:
            return
        for note in await connection.witnessed(tuple(ours)):
            shown = await asyncio.to_thread(self._opened, note)
            mine = None if shown is None else ours.get(shown.origin)
            if shown is not None and mine is not None:
                await self._judge(peer, note, shown, mine)

    def _opened(self, note: bytes) -> Checkpoint | None:
        """Return a checkpoint that its owner signed; None for anything else.

        It may be older than the keys with which the owner signs at present.
        """
        try:
            origin = read_head(note).origin
            card = self._local.peers.get(owner_of(origin)).card.card
            return open_checkpoint(
                note, origin=origin, verifiers=card.every_log_verifier(origin)
            )
        except (MalformedError, PeerError, SignatureError):
            return None

    async def _judge(
        self, peer: str, note: bytes, shown: Checkpoint, mine: Checkpoint
    ) -> None:
        state = (shown.origin, shown.size, shown.root)
        if state in self._agreed:
            return
        await self._local.accuser.examine(note)
        owner = owner_of(shown.origin)
        connection = self._connections().get(owner)
        if shown.size != mine.size:
            if connection is None or not await self._joined(
                peer, connection, shown, mine
            ):
                return
        elif shown.root != mine.root:
            return
        self._agreed[state] = None
        if len(self._agreed) > _AGREED_MAX:
            self._agreed.popitem(last=False)

    async def _joined(
        self,
        peer: str,
        connection: ProvingConnection,
        shown: Checkpoint,
        mine: Checkpoint,
    ) -> bool:
        """Let the owner of a log prove that both states are of one history."""
        owner = self._local.peers.get(owner_of(shown.origin))
        old, new = sorted(map(_state, (shown, mine)), key=place)
        try:
            proof = await connection.prove(old, new)
            verify_joined(
                proof,
                owner=owner.name,
                verifiers=verifiers_of(owner, now_ms=self._local.clock()),
                old=old,
                new=new,
            )
        except UnavailableError:
            return False
        except PeerError as error:
            await self._raise_alarm(peer, error, shown, mine)
            return False
        return True

    async def _raise_alarm(
        self, peer: str, error: PeerError, shown: Checkpoint, mine: Checkpoint
    ) -> None:
        owner, now_ms = owner_of(shown.origin), self._local.clock()
        detail = (
            f"{owner} showed {peer} a log of {shown.size} leaves and us one of "
            f"{mine.size}, and does not prove that they are one. Keep the database "
            "as it is, and call both."
        )
        await self._local.store.write(
            lambda t: t.note_incident(
                peer=owner,
                reason=error.reason,
                detail=detail,
                at_ms=now_ms,
            )
        )


def _state(checkpoint: Checkpoint) -> KnownState:
    return KnownState(
        origin=checkpoint.origin, size=checkpoint.size, root=checkpoint.root
    )
