# SPDX-License-Identifier: Apache-2.0
"""Two made-up nodes that exchange messages, and the bundles they would export.

All of it is the pure core: nothing is sealed, sent or stored. A bundle is a
mapping of names to contents until it is written, so that a test can change any
part of it. What a node signs here it signs with its own keys: tests lie with
them too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from uuid import UUID
from zipfile import ZIP_DEFLATED, ZipFile

from tests.fakes.identities import Identity
from tests.fakes.leaves import CLOSE, OFFER, OPEN, PEER_CHECKPOINT, POLICY, RECEIPT
from tests.fakes.trees import MemoryTree

from selat.core import bundle_paths
from selat.core.bundles import Direction, Manifest, PeerRange, ShardPeriod
from selat.core.cosignatures import CosignatureSigner, with_cosignatures
from selat.core.digest_lists import encode_sums
from selat.core.entry_bundles import encode_entries
from selat.core.evidence_files import EvidenceFile
from selat.core.leaf_base import Leaf
from selat.core.leaves import OfferLeaf, ReceiptLeaf
from selat.core.log_states import LeafRange
from selat.core.merkle import leaf_hash
from selat.core.notes import sign_note
from selat.core.tile_paths import TILE_WIDTH, TilePath, tile_paths
from selat.core.tiles import inclusion_proof, range_proof, root_at
from selat.core.times import to_ms
from selat.core.tlog_proofs import TlogProof
from selat.core.tree_heads import Checkpoint

Files = dict[str, bytes]

MINUTE_MS = 60_000
BEGIN_MS = to_ms(datetime(2030, 3, 1, tzinfo=UTC))


class FakeLog:
    """One shard of a node's log with everything that was signed of it."""

    def __init__(self, node: FakeNode, shard: str) -> None:
        self.node = node
        self.shard = shard
        self.origin = f"{node.name}/exchange/{shard}"
        self.leaves: list[bytes] = []
        self.times: list[int] = []
        self.tree = MemoryTree()
        self.notes: dict[int, bytes] = {}

    @property
    def size(self) -> int:
        return len(self.leaves)

    def append(self, leaf: Leaf) -> int:
        """Log a leaf; return its index."""
        return self.append_bytes(leaf.encode(), leaf.time_ms)

    def extend(self, leaves: Sequence[Leaf]) -> int:
        """Log leaves; return the index of the first."""
        first = self.size
        for leaf in leaves:
            self.append(leaf)
        return first

    def append_bytes(self, data: bytes, time_ms: int) -> int:
        self.leaves.append(data)
        self.times.append(time_ms)
        self.tree.append([leaf_hash(data)])
        return self.size - 1

    def checkpoint(self, size: int | None = None) -> Checkpoint:
        size = self.size if size is None else size
        return Checkpoint(origin=self.origin, size=size, root=root_at(size, self.tree))

    def sign(self, *witnesses: FakeNode, at_ms: int = 0) -> bytes:
        """Sign the newest state and have it cosigned; return the note."""
        signers = self.node.identity.key_store.log_signers(self.origin)
        text = self.checkpoint().text()
        note = sign_note(text, signers)
        lines = [
            witness.witness.cosign(text, time_s=(at_ms or self.times[-1]) // 1000)
            for witness in witnesses
        ]
        self.notes[self.size] = with_cosignatures(note, lines)
        return self.notes[self.size]

    def range(self, first: int, count: int) -> LeafRange:
        """Return leaves with their proof in the newest state."""
        return LeafRange(
            first_index=first,
            leaves=tuple(self.leaves[first : first + count]),
            proof=range_proof(first, count, self.size, self.tree),
        )

    def proof(self, index: int, size: int) -> TlogProof:
        return TlogProof(
            index=index,
            proof=inclusion_proof(index, size, self.tree),
            checkpoint=self.notes[size],
        )


class FakeNode:
    """A node with its logs, and what it holds of its peers' logs."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.name = identity.card.card.name
        self.witness = CosignatureSigner(
            f"{self.name}/witness", *identity.key_store.witness()
        )
        self.cards = [identity.card]
        self.logs: list[FakeLog] = []
        self.held: dict[tuple[str, str], list[PeerRange]] = {}
        self.held_notes: dict[tuple[str, str, int], bytes] = {}
        self.sent = 0

    @property
    def log(self) -> FakeLog:
        return self.logs[-1]

    def open(self, shard: str, at_ms: int, *, previous: bytes = b"") -> FakeLog:
        """Begin a shard."""
        log = FakeLog(self, shard)
        self.logs.append(log)
        log.append(
            replace(
                OPEN,
                node=self.name,
                origin=log.origin,
                previous=previous.decode(),
                time_ms=at_ms,
                blind=blind(f"{log.origin} open"),
            )
        )
        return log

    def close(self, following: str, at_ms: int) -> None:
        """Log that the shard ends."""
        self.log.append(
            replace(
                CLOSE,
                node=self.name,
                origin=self.log.origin,
                next=f"{self.name}/exchange/{following}",
                time_ms=at_ms,
                blind=blind(f"{self.log.origin} close"),
            )
        )

    def adopt(self, policy: str, at_ms: int, *, previous: str = "") -> None:
        """Log that a policy set came into force."""
        self.log.append(
            replace(
                POLICY,
                node=self.name,
                digest=policy,
                previous=previous,
                departures=(),
                time_ms=at_ms,
                blind=blind(f"{self.name} policy {policy}"),
            )
        )

    def hold(self, peer: FakeLog, shown: PeerRange) -> None:
        """Keep leaves of a peer with the note that proves them."""
        self.held.setdefault((peer.node.name, peer.shard), []).append(shown)
        note = peer.notes[shown.size]
        self.held_notes[peer.node.name, peer.shard, shown.size] = note


def rebuild(log: FakeLog, changed: Mapping[int, bytes]) -> None:
    """Put other leaves into a log whose signatures stay as they are."""
    leaves, times = log.leaves, log.times
    log.leaves, log.times, log.tree = [], [], MemoryTree()
    for index, (leaf, time_ms) in enumerate(zip(leaves, times, strict=True)):
        log.append_bytes(changed.get(index, leaf), time_ms)


def blind(text: str) -> bytes:
    return sha256(text.encode()).digest()


def begin(node: FakeNode, at_ms: int = BEGIN_MS, shard: str = "2030h1") -> None:
    """Begin a node's log as a new node does."""
    node.open(shard, at_ms)
    node.adopt(OFFER.policy, at_ms)


def offers(
    sender: FakeNode, recipient: FakeNode, count: int, at_ms: int
) -> list[OfferLeaf]:
    """Return new offers."""
    first = len(sender.log.leaves)
    return [
        replace(
            OFFER,
            id=UUID(bytes=blind(f"{sender.name} {first + place}")[:16]),
            version=1,
            sender=sender.name,
            recipient=recipient.name,
            time_ms=at_ms,
            commit=blind(f"{sender.name} commit {first + place}"),
            blind=blind(f"{sender.name} offer {first + place} {at_ms}"),
        )
        for place in range(count)
    ]


def receipt(offer: OfferLeaf, at_ms: int, *, outcome: str = "accepted") -> ReceiptLeaf:
    """Return the receipt for an offer."""
    refused = outcome == "refused"
    return replace(
        RECEIPT,
        offer=leaf_hash(offer.encode()),
        id=offer.id,
        version=offer.version,
        sender=offer.recipient,
        recipient=offer.sender,
        time_ms=at_ms,
        outcome=outcome,
        reason="POLICY_DENIED" if refused else "",
        effect="withhold" if refused else "permit",
        blind=blind(f"receipt {offer.id} {at_ms}"),
    )


def deliver(
    sender: FakeNode,
    recipient: FakeNode,
    batch: Sequence[OfferLeaf],
    receipts: Sequence[ReceiptLeaf],
    at_ms: int,
) -> None:
    """Let a batch cross: both sides log it, and keep what the other one logged."""
    first = sender.log.extend(batch)
    sender.log.sign(recipient, at_ms=at_ms)
    sender.sent += 1
    recipient.hold(
        sender.log,
        PeerRange(
            size=sender.log.size,
            sequence=sender.sent,
            direction=Direction.IN,
            range=sender.log.range(first, len(batch)),
        ),
    )
    if not receipts:
        return
    answer = recipient.log.extend(receipts)
    recipient.log.sign(sender, at_ms=at_ms)
    sender.hold(
        recipient.log,
        PeerRange(
            size=recipient.log.size,
            sequence=sender.sent,
            direction=Direction.OUT,
            range=recipient.log.range(answer, len(receipts)),
        ),
    )
    state = recipient.log.checkpoint()
    sender.log.append(
        replace(
            PEER_CHECKPOINT,
            sender=sender.name,
            peer=recipient.name,
            origin=state.origin,
            size=state.size,
            root=state.root,
            sequence=sender.sent,
            time_ms=at_ms,
            blind=blind(f"{sender.name} peer checkpoint {sender.sent}"),
        )
    )


def exchange(
    sender: FakeNode,
    recipient: FakeNode,
    count: int,
    at_ms: int,
    *,
    outcome: str = "accepted",
) -> list[OfferLeaf]:
    """Let messages cross and be answered; return their offers."""
    batch = offers(sender, recipient, count, at_ms)
    answers = [receipt(leaf, at_ms + 1, outcome=outcome) for leaf in batch]
    deliver(sender, recipient, batch, answers, at_ms + 2)
    return batch


# --- bundles ---------------------------------------------------------------
def export(
    node: FakeNode,
    *,
    from_ms: int = BEGIN_MS,
    to_ms: int | None = None,
    starts: Mapping[str, int] | None = None,
) -> Files:
    """Return the files of a bundle of all that the node logged.

    Args:
        node: The node.
        from_ms: Begin of the period.
        to_ms: Its end; the time of the newest leaf when None.
        starts: Leaves before the period, by shard.
    """
    end_ms = max(node.log.times) if to_ms is None else to_ms
    starts = starts or {}
    files: Files = {}
    for log in node.logs:
        files |= _log_files(log, starts.get(log.shard, 0))
    for (peer, shard), shown in node.held.items():
        lines = b"".join(each.encode() for each in shown)
        files[bundle_paths.peer_leaves_path(peer, shard)] = lines
    for (peer, shard, size), note in node.held_notes.items():
        files[bundle_paths.peer_checkpoint_path(peer, shard, size)] = note
    manifest = Manifest(
        node=node.name,
        from_ms=from_ms,
        to_ms=end_ms,
        created_ms=end_ms,
        shards=tuple(
            ShardPeriod(
                origin=log.origin,
                start_size=starts.get(log.shard, 0),
                end_size=log.size,
            )
            for log in node.logs
        ),
    )
    files[bundle_paths.MANIFEST] = manifest.encode()
    return files


def _log_files(log: FakeLog, start: int) -> Files:
    files: Files = {}
    for path in tile_paths(log.size):
        contents = _tile(log, path, start)
        if contents:
            files[bundle_paths.log_path(log.shard, str(path))] = contents
    for size, note in log.notes.items():
        name = bundle_paths.checkpoint_path(
            log.shard, None if size == log.size else size
        )
        files[name] = note
    return files


def _tile(log: FakeLog, path: TilePath, start: int) -> bytes:
    if path.level is not None:
        return log.tree.tile(path.level, path.index)[: path.width * 32]
    first = path.index * TILE_WIDTH
    if first + path.width < start:
        return b""
    return encode_entries(log.leaves[first : first + path.width])


def add_cards(files: Files, *nodes: FakeNode) -> Files:
    """Add the cards of nodes to a bundle."""
    for node in nodes:
        for card in node.cards:
            name = bundle_paths.card_path(node.name, card.card.sequence)
            files[name] = card.envelope
    return files


def listed(files: Files) -> Files:
    """Return the files with the list of their digests."""
    others = {name: data for name, data in files.items() if name != bundle_paths.SUMS}
    digests = {name: sha256(data).digest() for name, data in others.items()}
    return others | {bundle_paths.SUMS: encode_sums(digests)}


def write_folder(files: Files, folder: Path) -> Path:
    for name, data in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return folder


def write_zip(files: Files, path: Path) -> Path:
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, data in sorted(files.items()):
            archive.writestr(name, data)
    return path


# --- evidence --------------------------------------------------------------
def evidence(sender: FakeNode, recipient: FakeNode, offer: OfferLeaf) -> EvidenceFile:
    """Return the evidence of an exchange in the newest signed states."""
    data = offer.encode()
    answer = next(
        leaf
        for leaf in recipient.log.leaves
        if leaf_hash(data).hex().encode() in leaf and b'"kind":"receipt"' in leaf
    )
    proofs = []
    for log, leaf in ((sender.log, data), (recipient.log, answer)):
        proofs.append(log.proof(log.leaves.index(leaf), max(log.notes)).encode())
    return EvidenceFile(
        offer=data,
        offer_proof=proofs[0],
        receipt=answer,
        receipt_proof=proofs[1],
        cards=(
            *(card.envelope for card in sender.cards),
            *(card.envelope for card in recipient.cards),
        ),
    )


def trust_file(*nodes: FakeNode, quorum: int = 1, unexamined: str = "") -> bytes:
    """Return a trust file that pins nodes."""
    pins = "".join(
        f'\n[[node]]\nname = "{node.name}"\n'
        f'root = "{node.identity.card.fingerprint.digest.hex()}"\n'
        for node in nodes
    )
    left_out = f'unexamined = ["{unexamined}"]\n' if unexamined else ""
    return f"version = 1\nquorum = {quorum}\n{left_out}{pins}".encode()
