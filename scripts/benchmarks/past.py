# SPDX-License-Identifier: Apache-2.0
"""A process that gives a node a past of any length (`audit`).

usage: python -m scripts.benchmarks.past HOME COUNT PEER_HOME …

The log of a node is filled with what an exchange with its peers leaves there:
offers and receipts both ways, the peers' answers with their proofs, checkpoints
and cosignatures, all with real signatures. The messages themselves are gone, as
after their erasure. None of the nodes may run.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final
from uuid import UUID

from scripts.benchmarks.nodes import PASSPHRASE
from scripts.benchmarks.past_leaves import BATCH, LeafMaker, PeerLog
from scripts.benchmarks.records import CATEGORY

from selat.core.bundle_paths import shard_of
from selat.core.checkpoints import Checkpoint
from selat.core.cosignatures import with_cosignatures
from selat.core.merkle import leaf_hash
from selat.core.notes import sign_note
from selat.identity.card import parse_card
from selat.identity.keystore import KeyStore
from selat.node.folder import NodeFolder
from selat.node.high_water import HighWaterFile
from selat.store.port import Snapshot, Transaction
from selat.store.sqlite.store import SqliteStore
from selat.store.values import (
    BatchReceipt,
    Direction,
    IncomingBatch,
    Lane,
    NewMessage,
    Offered,
    OutboxState,
    OutgoingBatch,
    Settled,
    TreeHead,
)
from selat.store.witnessing import OwnCheckpoint

#: Rounds in one transaction.
_ROUNDS: Final = 4


class Past:
    """Writes the past of one node, a batch each way after the other.

    Args:
        node: Our node.
        leaves: Makes the leaves.
    """

    def __init__(self, node: str, leaves: LeafMaker) -> None:
        """Take whose past it is."""
        self._node = node
        self._leaves = leaves

    def round(self, transaction: Transaction, peer: PeerLog, sequence: int) -> None:
        """Keep one batch to a peer, and one from it."""
        now_ms = _now_ms()
        self._sent(transaction, peer, sequence, now_ms)
        self._received(transaction, peer, sequence, now_ms)

    def _sent(
        self, transaction: Transaction, peer: PeerLog, sequence: int, now_ms: int
    ) -> None:
        make, ids = self._leaves, self._leaves.ids(now_ms)
        offers = make.offers(ids, sender=self._node, recipient=peer.name, now_ms=now_ms)
        receipts = make.receipts(
            ids, offers, sender=peer.name, recipient=self._node, now_ms=now_ms
        )
        first = transaction.append_leaves(offers)
        queued = transaction.add_messages(_messages(ids, self._node, now_ms))
        transaction.enqueue(
            [(number, Lane.ROUTINE) for number in queued], [peer.name], now_ms
        )
        entries = transaction.queued(peer.name, limit=BATCH)
        transaction.form_batch(
            OutgoingBatch(
                peer=peer.name,
                sequence=sequence,
                first_leaf=first,
                count=BATCH,
                offered_ms=now_ms,
            ),
            [
                Offered(entry=entry.number, leaf_index=index)
                for index, entry in enumerate(entries, first)
            ],
        )
        first_receipt = peer.append(receipts)
        theirs = peer.checkpoint()
        transaction.keep_peer_checkpoint(peer.name, theirs)
        transaction.keep_receipt(
            peer.name,
            sequence,
            BatchReceipt(
                origin=peer.origin,
                first_receipt=first_receipt,
                receipts=tuple(receipts),
                proof=peer.proof(first_receipt, theirs.size),
                checkpoint_size=theirs.size,
            ),
        )
        seen = make.seen(
            theirs, sender=self._node, peer=peer.name, sequence=sequence, now_ms=now_ms
        )
        transaction.settle(
            [
                Settled(entry=entry.number, state=OutboxState.ACCEPTED, reason="")
                for entry in entries
            ],
            now_ms,
        )
        transaction.append_leaves([seen])

    def _received(
        self, transaction: Transaction, peer: PeerLog, sequence: int, now_ms: int
    ) -> None:
        make, ids = self._leaves, self._leaves.ids(now_ms)
        offers = make.offers(ids, sender=peer.name, recipient=self._node, now_ms=now_ms)
        receipts = make.receipts(
            ids, offers, sender=self._node, recipient=peer.name, now_ms=now_ms
        )
        first_offer = peer.append(offers)
        theirs = peer.checkpoint()
        transaction.keep_peer_checkpoint(peer.name, theirs)
        batch = IncomingBatch(
            peer=peer.name,
            sequence=sequence,
            digest=hashlib.sha256(b"".join(map(leaf_hash, offers))).digest(),
            first_receipt=transaction.append_leaves(receipts),
            count=BATCH,
            origin=peer.origin,
            first_offer=first_offer,
            proof=peer.proof(first_offer, theirs.size),
            checkpoint_size=theirs.size,
            received_ms=now_ms,
        )
        transaction.keep_incoming(batch, offers, [None] * BATCH)


def _messages(ids: Sequence[UUID], node: str, now_ms: int) -> list[NewMessage]:
    """Return messages of which next to nothing is left."""
    return [
        NewMessage(
            direction=Direction.OUT,
            message_id=message.bytes,
            version=1,
            originator=node,
            category=CATEGORY,
            record_type="person",
            status="current",
            lane=Lane.ROUTINE,
            level="confidential",
            tlp="amber_strict",
            created_ms=now_ms,
            expires_ms=None,
            stored_ms=now_ms,
            wrapped_key=b"",
            ciphertext=b"",
        )
        for message in ids
    ]


async def main(home: Path, count: int, peers: Sequence[Path]) -> None:
    """Fill the log of a node that does not run up to so many leaves."""
    print("filling", flush=True)
    folder = NodeFolder(home=home)
    keys = KeyStore.open(folder.keys, PASSPHRASE)
    store = SqliteStore.open(folder.store)
    try:
        head, policy = await store.read(_begin)
        logs = [_peer_log(peer, half_year=shard_of(head.origin)) for peer in peers]
        name = parse_card(folder.card.read_bytes()).card.name
        past = Past(name, LeafMaker(name, policy))
        turns = zip(itertools.cycle(logs), itertools.count(), strict=False)
        rounds = ((log, 1 + number // len(logs)) for log, number in turns)

        def work(transaction: Transaction) -> int:
            for log, sequence in itertools.islice(rounds, _ROUNDS):
                if transaction.tree_head().frontier.size < count:
                    past.round(transaction, log, sequence)
            return transaction.tree_head().frontier.size

        while await store.write(work) < count:
            pass
        with closing(HighWaterFile(folder.high_water)) as mark:
            await store.write(lambda t: _anchor(t, keys, mark, logs))
    finally:
        await store.close()


def _begin(snapshot: Snapshot) -> tuple[TreeHead, str]:
    digest = snapshot.setting("policy/digest") or b""
    return snapshot.tree_head(), digest.decode()


def _peer_log(home: Path, *, half_year: str) -> PeerLog:
    folder = NodeFolder(home=home)
    name = parse_card(folder.card.read_bytes()).card.name
    keys = KeyStore.open(folder.keys, PASSPHRASE)
    return PeerLog(name, keys, half_year=half_year)


def _anchor(
    transaction: Transaction,
    keys: KeyStore,
    mark: HighWaterFile,
    peers: Sequence[PeerLog],
) -> None:
    """Keep a checkpoint of the whole log that every peer has cosigned."""
    head, now_ms = transaction.tree_head(), _now_ms()
    size, root = head.frontier.size, head.frontier.root()
    text = Checkpoint(origin=head.origin, size=size, root=root).text()
    mark.raise_to(origin=head.origin, size=size, root=root)
    note = sign_note(text, keys.log_signers(head.origin))
    lines = [peer.cosigner.cosign(text, time_s=now_ms // 1000) for peer in peers]
    transaction.keep_own_checkpoint(
        OwnCheckpoint(
            origin=head.origin,
            size=size,
            note=with_cosignatures(note, lines),
            cosigners=len(peers),
            signed_ms=now_ms,
            anchored_ms=now_ms,
        )
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), [*map(Path, sys.argv[3:])]))
