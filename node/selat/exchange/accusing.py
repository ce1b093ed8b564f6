# SPDX-License-Identifier: Apache-2.0
"""What happens when a log has signed two roots for one size.

The two notes prove it to anybody who has the log's card, so they are believed
from whoever brings them, and from nobody without. They are kept, a leaf says
so, exchange with the owner of the log stops, and every peer is told.

A consistency proof that does not hold is another thing: it proves nothing to
a third party, raises an alarm and refuses what it came with.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from selat.core.equivocation import Equivocation, verify_equivocation
from selat.core.equivocation_leaf import EquivocationLeaf
from selat.core.proof_lines import read_head
from selat.core.tree_heads import Checkpoint
from selat.errors import (
    EquivocationError,
    LogRolledBackError,
    LogUnknownError,
    MalformedError,
    VerificationError,
)
from selat.exchange.peer_book import PeerBook
from selat.exchange.signing import CheckpointSigner
from selat.exchange.witnessing import equivocation_of, owner_of
from selat.identity.card import SignedCard
from selat.store.port import Snapshot, Store, Transaction
from selat.store.values import PeerRow, PeerState
from selat.store.witnessing import EquivocationRow

_log = logging.getLogger(__name__)

_BLIND_BYTES: Final = 32


@dataclass(slots=True)
class Accuser:
    """Keep proofs of equivocation and act on them.

    Args:
        name: Our node.
        store: Where they are kept.
        peers: Whose cards the proofs are verified with.
        signer: Signs our own log; halted by a proof against us.
        own_card: Gives our card.
        clock: The present time.
        entropy: Randomness.
    """

    name: str
    store: Store
    peers: PeerBook
    signer: CheckpointSigner
    own_card: Callable[[], SignedCard]
    clock: Callable[[], int]
    entropy: Callable[[int], bytes]
    #: Called when there is a new proof to tell peers of.
    on_found: Callable[[], None] = field(default=lambda: None)

    async def examine(self, note: bytes) -> EquivocationError | None:
        """Look whether a note contradicts one that is kept, and act if it does.

        Args:
            note: What a peer showed, whoever signed it.

        Returns:
            The error to refuse it with; None when the two prove nothing.
        """
        try:
            shown = read_head(note)
        except MalformedError:
            return None
        for kept in await self.store.read(lambda s: _others(s, shown)):
            if await self.try_accuse(kept, note):
                return equivocation_of(shown, first=kept, second=note)
        return None

    async def try_accuse(self, first: bytes, second: bytes) -> bool:
        """Act on two notes if they are a proof; tell whether they are."""
        try:
            proof = Equivocation(first=first, second=second)
            await self.accuse(proof, reporter="")
        except (LogUnknownError, MalformedError, VerificationError) as error:
            _log.info("no proof of equivocation", extra={"reason": error.reason})
            return False
        return True

    async def accuse(self, proof: Equivocation, *, reporter: str) -> bool:
        """Verify a proof and act on it; tell whether it was new.

        Args:
            proof: The two notes.
            reporter: The peer that brought it; empty when this node found it.

        Raises:
            LogUnknownError: The log is of a node whose card was never accepted.
            VerificationError: It proves nothing.
            LogRolledBackError: It is a proof against our own log.
        """
        head = proof.heads[0]
        owner = owner_of(head.origin)
        card = self._card(owner, head.origin)
        verify_equivocation(proof, card.card.every_log_verifier(head.origin))
        if owner == self.name:
            raise await self._against_us(head, reporter)
        rows = await self.store.write(
            lambda t: self._keep(t, owner, proof, head, reporter=reporter)
        )
        if rows is None:
            return False
        _log.critical("equivocation", extra={"peer": owner, "size": head.size})
        self.peers.load(rows)
        self.on_found()
        return True

    def _card(self, owner: str, origin: str) -> SignedCard:
        if owner == self.name:
            return self.own_card()
        peer = self.peers.find(owner)
        if peer is None:
            raise LogUnknownError(
                f"No card of {owner} was ever accepted here.",
                remedy="Exchange cards with it first.",
                origin=origin,
            )
        return peer.card

    def _keep(
        self,
        transaction: Transaction,
        owner: str,
        proof: Equivocation,
        head: Checkpoint,
        *,
        reporter: str,
    ) -> list[PeerRow] | None:
        """Keep a proof, log it and suspend its subject; None when it was known."""
        now_ms, data = self.clock(), proof.encode()
        is_known = any(
            (row.origin, row.size) == (head.origin, head.size)
            for row in transaction.equivocations(owner)
        )
        if not (is_known and reporter):
            transaction.note_incident(
                peer=owner,
                reason=EquivocationError.reason,
                detail=_told(owner, head, reporter),
                at_ms=now_ms,
            )
        if is_known:
            return None
        leaf = EquivocationLeaf(
            node=self.name,
            peer=owner,
            origin=head.origin,
            size=head.size,
            proof=hashlib.sha256(data).digest(),
            reporter=reporter,
            time_ms=now_ms,
            blind=self.entropy(_BLIND_BYTES),
        )
        transaction.keep_equivocation(
            EquivocationRow(
                peer=owner,
                origin=head.origin,
                size=head.size,
                proof=data,
                reporter=reporter,
                found_ms=now_ms,
                leaf_index=transaction.append_leaves([leaf.encode()]),
            )
        )
        row = transaction.peer(owner)
        if row is not None and row.state is PeerState.ACCEPTED:
            transaction.put_peer(
                replace(row, state=PeerState.SUSPENDED, changed_ms=now_ms)
            )
        return transaction.peers()

    async def _against_us(self, head: Checkpoint, reporter: str) -> LogRolledBackError:
        error = LogRolledBackError(
            f"{reporter or 'A peer'} holds a proof that our log {head.origin} was "
            f"signed with two roots for {head.size} leaves; nothing is signed any "
            "more.",
            remedy="An old database was restored, or two nodes share these keys. "
            "Stop this node and tell every peer.",
            size=head.size,
        )
        self.signer.halt(error)
        now_ms = self.clock()
        await self.store.write(
            lambda t: t.note_incident(
                peer=reporter, reason=error.reason, detail=str(error), at_ms=now_ms
            )
        )
        return error


def _others(snapshot: Snapshot, shown: Checkpoint) -> list[bytes]:
    """Return kept notes of the same log and size with another root."""
    found = [
        snapshot.peer_checkpoint(owner_of(shown.origin), shown.origin, shown.size),
        snapshot.witnessed(shown.origin),
    ]
    return [
        kept.note
        for kept in found
        if kept is not None and kept.size == shown.size and kept.root != shown.root
    ]


def _told(owner: str, head: Checkpoint, reporter: str) -> str:
    seen = f"{reporter} reported that " if reporter else ""
    return (
        f"{seen}{owner} has signed two roots for {head.size} leaves of "
        f"{head.origin}. Exchange with it is suspended. See `selat peer evidence "
        f"{owner}`, call the peer, then `selat peer resume` or `selat peer remove`."
    )
