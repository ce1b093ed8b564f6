# SPDX-License-Identifier: Apache-2.0
"""Learn what a peer's people decided about messages that it quarantined.

The receipt said that a person decides. The decision is a leaf of the peer's
log: it is asked for while a session is open, verified like a receipt, kept
with its proof, and settles the entry.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from selat.core.leaves import ReviewLeaf
from selat.core.log_states import (
    NOTHING_KNOWN,
    LeafRange,
    LogPoint,
    VerifiedLog,
    verify_log_state,
)
from selat.core.review_answers import ReviewAnswer, check_answers, read_review
from selat.errors import UnavailableError
from selat.exchange.chains import keep_states, known_state, newer, verifiers_of
from selat.exchange.local import LocalNode
from selat.exchange.peer_book import KnownPeer
from selat.exchange.review_proofs import ASKED_MAX
from selat.store.port import Snapshot, Transaction
from selat.store.reviews import PeerReview
from selat.store.values import (
    Link,
    OutboxRow,
    OutboxState,
    Settled,
)

#: How often a peer is asked, in s: persons decide within minutes, not seconds.
INTERVAL_S: Final = 30.0

_OUTCOMES: Final = {
    "approve": OutboxState.ACCEPTED,
    "refuse": OutboxState.REFUSED,
}

#: Asks a peer about messages, by identifier and version, with the state of its log
#: that we have verified; gives None when nothing was decided.
AskReviews = Callable[
    [Sequence[tuple[bytes, int]], LogPoint], Awaitable[ReviewAnswer | None]
]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What is asked about: entries, the receipts that quarantined them, a link."""

    entries: dict[tuple[bytes, int], OutboxRow]
    receipts: dict[int, bytes | None]
    link: Link


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decided:
    """A verified review, with the entry that it settles."""

    row: OutboxRow
    leaf: ReviewLeaf
    proof: LeafRange


class ReviewKeeper:
    """Keep a peer's reviews during one session.

    Args:
        local: Our node.
        ask: Asks the peer.
    """

    def __init__(self, *, local: LocalNode, ask: AskReviews) -> None:
        """Start with the newest entries."""
        self._local = local
        self._ask = ask
        self._before: int | None = None

    async def run(self, peer: KnownPeer) -> None:
        """Ask from time to time; ends only with an exception.

        Raises:
            PeerError: What the peer answered does not hold.
        """
        while True:
            # A peer of an older version does not know the call; a lost
            # connection ends the session elsewhere.
            with suppress(UnavailableError):
                await self.look(peer)
            await asyncio.sleep(INTERVAL_S)

    async def look(self, peer: KnownPeer) -> None:
        """Ask about some of what waits at the peer's, and keep the answers.

        Raises:
            UnavailableError: The peer does not answer.
            PeerError: What it answered does not hold; nothing of it was kept.
        """
        local = self._local
        asked = await local.store.read(lambda s: self._waiting(s, peer.name))
        if not asked.entries:
            return
        known = known_state(asked.link.checkpoint)
        answer = await self._ask(
            list(asked.entries), known.point if known else NOTHING_KNOWN
        )
        if answer is None:
            return
        log, decided = await asyncio.to_thread(self._verify, peer, asked, answer)
        work = partial(self._settle, peer.name, log, decided)
        await local.store.write(work)
        local.on_step("delivery.reviews-settled")

    def _waiting(self, snapshot: Snapshot, peer: str) -> _Asked:
        """Return the next entries in quarantine; after the last, from the start."""
        rows = snapshot.outbox(
            peer=peer,
            state=OutboxState.QUARANTINED,
            before=self._before,
            limit=ASKED_MAX,
        )
        self._before = rows[-1].number if len(rows) == ASKED_MAX else None
        return _Asked(
            entries={(row.message_id, row.version): row for row in rows},
            receipts={row.number: snapshot.receipt(row.number) for row in rows},
            link=snapshot.link(peer),
        )

    def _verify(
        self, peer: KnownPeer, asked: _Asked, answer: ReviewAnswer
    ) -> tuple[VerifiedLog, list[_Decided]]:
        log = verify_log_state(
            answer.log,
            owner=peer.name,
            verifiers=verifiers_of(peer, now_ms=self._local.clock()),
            known=known_state(asked.link.checkpoint),
        )
        decided: list[_Decided] = []
        for proof in answer.reviews:
            leaf = read_review(
                proof,
                log=log,
                recipient=peer.name,
                sender=self._local.name,
            )
            row = asked.entries.get((leaf.id.bytes, leaf.version))
            check_answers(leaf, None if row is None else asked.receipts[row.number])
            if row is not None:
                decided.append(_Decided(row=row, leaf=leaf, proof=proof))
        return log, decided

    def _settle(
        self,
        peer: str,
        log: VerifiedLog,
        decided: Sequence[_Decided],
        transaction: Transaction,
    ) -> None:
        """Keep the reviews and settle what still waits, in one transaction."""
        theirs = keep_states(transaction, peer, log)
        link = transaction.link(peer)
        transaction.put_link(replace(link, checkpoint=newer(link.checkpoint, theirs)))
        transaction.settle(
            [
                Settled(
                    entry=each.row.number,
                    state=_OUTCOMES[each.leaf.act],
                    reason=each.leaf.reason,
                )
                for each in decided
            ],
            self._local.clock(),
        )
        for each in decided:
            proven_in = log.of(each.proof.origin).checkpoint
            transaction.keep_peer_review(
                PeerReview(
                    entry=each.row.number,
                    origin=proven_in.origin,
                    leaf=each.proof.leaves[0],
                    leaf_index=each.proof.first_index,
                    proof=b"".join(each.proof.proof),
                    checkpoint_size=proven_in.size,
                )
            )
