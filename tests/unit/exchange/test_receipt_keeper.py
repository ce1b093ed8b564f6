# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from selat.core.log_states import KnownState, LogState
from selat.core.merkle import EMPTY_FRONTIER, leaf_hash
from selat.core.tiles import consistency_proof, updated_tiles
from selat.errors import CheckpointForkedError
from selat.exchange.receipt_keeper import ReceiptKeeper
from selat.store.values import BatchReceipt, Link, PeerCheckpoint

PEER = "police.xb.example"
ORIGIN = f"{PEER}/exchange/2026h2"
#: Nothing of its card is looked at: no note is opened.
KNOWN_PEER: Any = SimpleNamespace(name=PEER)


class Tree:
    """A peer's log, as much of it as proofs need."""

    def __init__(self, *leaves: bytes) -> None:
        self.hashes = [leaf_hash(leaf) for leaf in leaves]
        self._tiles: dict[tuple[int, int], bytes] = {}
        self._tiles = updated_tiles(0, self.hashes, self)

    def tile(self, level: int, index: int) -> bytes:
        return self._tiles.get((level, index), b"")

    def checkpoint(self, size: int) -> PeerCheckpoint:
        root = EMPTY_FRONTIER.extend(self.hashes[:size]).root()
        return PeerCheckpoint(origin=ORIGIN, size=size, root=root, note=b"a note")

    async def prove(self, old: KnownState, new: KnownState) -> LogState:
        return LogState(
            checkpoint=b"",
            consistency_size=old.size,
            consistency_proof=consistency_proof(old.size, new.size, self),
        )


class LastReceipts:
    """A store that remembers one receipted batch."""

    def __init__(self, theirs: PeerCheckpoint | None) -> None:
        self._theirs = theirs

    async def read(self, work: Callable[[Any], object]) -> object:
        return work(self)

    def open_batches(self, peer: str) -> list[object]:
        assert peer == PEER
        return []

    def link(self, peer: str) -> Link:
        return Link(peer=peer, sent_sequence=1)

    def batch_receipt(self, peer: str, sequence: int) -> BatchReceipt | None:
        assert (peer, sequence) == (PEER, 1)
        if self._theirs is None:
            return None
        return BatchReceipt(
            origin=self._theirs.origin,
            first_receipt=0,
            receipts=(),
            proof=b"",
            checkpoint_size=self._theirs.size,
        )

    def peer_checkpoint(
        self, peer: str, origin: str, size: int
    ) -> PeerCheckpoint | None:
        assert self._theirs is not None
        assert (peer, origin, size) == (PEER, ORIGIN, self._theirs.size)
        return self._theirs


def keeper(
    theirs: PeerCheckpoint | None, *, newest: PeerCheckpoint, log: Tree
) -> ReceiptKeeper:
    local: Any = SimpleNamespace(store=LastReceipts(theirs), clock=lambda: 0)
    receipts = ReceiptKeeper(local=local, prove=log.prove)
    receipts.begin(Link(peer=PEER, checkpoint=newest))
    return receipts


HONEST = Tree(b"1", b"2", b"3", b"4", b"5")
FORKED = Tree(b"1", b"2", b"other", b"4", b"5")


async def test_last_receipts_of_the_log_that_is_known_are_joined() -> None:
    receipts = keeper(HONEST.checkpoint(3), newest=HONEST.checkpoint(5), log=HONEST)
    await receipts.join_last(KNOWN_PEER)


async def test_last_receipts_of_another_log_are_noticed() -> None:
    receipts = keeper(FORKED.checkpoint(3), newest=HONEST.checkpoint(5), log=HONEST)
    with pytest.raises(
        CheckpointForkedError,
        match="at 5 leaves does not extend the one it signed at 3",
    ):
        await receipts.join_last(KNOWN_PEER)


async def test_proof_of_the_other_log_does_not_help_the_liar() -> None:
    receipts = keeper(FORKED.checkpoint(3), newest=HONEST.checkpoint(5), log=FORKED)
    with pytest.raises(CheckpointForkedError):
        await receipts.join_last(KNOWN_PEER)


@pytest.mark.parametrize("theirs", [None, HONEST.checkpoint(5)])
async def test_nothing_is_asked_where_there_is_nothing_to_join(
    theirs: PeerCheckpoint | None,
) -> None:
    receipts = keeper(theirs, newest=HONEST.checkpoint(5), log=FORKED)
    await receipts.join_last(KNOWN_PEER)
