# SPDX-License-Identifier: Apache-2.0
"""An exchange between two logs in memory, with made-up keys: honest parts.

A test takes the parts and changes one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from tests.fakes.logs import ed25519_signer, mldsa44_signer
from tests.fakes.trees import MemoryTree

from selat.core.batches import (
    KnownState,
    LeafRange,
    LogState,
    ReceiptBatch,
    SealedBatch,
    VerifiedLog,
)
from selat.core.checkpoints import Checkpoint, origin_for
from selat.core.hand_overs import SignedState
from selat.core.leaf_base import Leaf
from selat.core.leaves import OfferLeaf, ReceiptLeaf
from selat.core.merkle import leaf_hash
from selat.core.notes import NoteSigner, NoteVerifier, sign_note
from selat.core.payloads import pack
from selat.core.seal_keys import SealPrivateKey
from selat.core.sealing import BatchSealer, commitment, wrap_batch_key
from selat.core.tiles import consistency_proof, range_proof, root_at

SENDER = "police.xa.example"
RECIPIENT = "police.xb.example"
NOW_MS = 1_893_456_000_000  # 2030-01-01T00:00:00Z
BATCH_KEY = bytes(range(100, 132))
SEAL_KEY = SealPrivateKey(bytes(range(96)))
SEAL_KEY_ID = "seal-1"


class FakeLog:
    """A node's log with its keys."""

    def __init__(
        self, node: str, *, seed: int = 1, day: date = date(2030, 1, 1)
    ) -> None:
        self.node = node
        self.origin = origin_for(node, day)
        self.signers: tuple[NoteSigner, NoteSigner] = (
            ed25519_signer(self.origin, seed=seed),
            mldsa44_signer(self.origin, seed=seed),
        )
        self.tree = MemoryTree()
        self.leaves: list[bytes] = []

    @property
    def size(self) -> int:
        return len(self.leaves)

    def verifiers(
        self, origin: str, _at_ms: int | None = None, /
    ) -> Sequence[NoteVerifier]:
        """Return the log's keys, as its node's card would."""
        assert origin == self.origin
        return [signer.verifier for signer in self.signers]

    def append(self, *leaves: bytes | Leaf) -> int:
        """Log leaves; return the index of the first."""
        first = self.size
        data = [item.encode() if isinstance(item, Leaf) else item for item in leaves]
        self.tree.append([leaf_hash(item) for item in data])
        self.leaves += data
        return first

    def fill(self, count: int) -> None:
        """Log leaves of other exchanges."""
        self.append(*(f"{self.size + i} of {self.node}".encode() for i in range(count)))

    def checkpoint(self, size: int | None = None) -> Checkpoint:
        """Return what the log says of itself, not signed."""
        size = self.size if size is None else size
        return Checkpoint(origin=self.origin, size=size, root=root_at(size, self.tree))

    def known(self, size: int) -> KnownState:
        """Return the state of a size as one that was verified."""
        return KnownState(origin=self.origin, size=size, root=root_at(size, self.tree))

    def verified(self, size: int | None = None) -> VerifiedLog:
        """Return the state of a size as one that was shown and verified."""
        checkpoint = self.checkpoint(size)
        state = SignedState(checkpoint=checkpoint, note=self.sign(checkpoint))
        return VerifiedLog(states=(state,))

    def sign(self, checkpoint: Checkpoint) -> bytes:
        """Return any checkpoint as a signed note."""
        return sign_note(checkpoint.text(), self.signers)

    def state(self, *, known_size: int = 0, size: int | None = None) -> LogState:
        """Return the signed state with the proof from an older one."""
        checkpoint = self.checkpoint(size)
        return LogState(
            checkpoint=self.sign(checkpoint),
            consistency_size=known_size,
            consistency_proof=consistency_proof(known_size, checkpoint.size, self.tree),
        )

    def range(self, first: int, count: int, *, size: int | None = None) -> LeafRange:
        """Return leaves with their range proof."""
        size = self.size if size is None else size
        return LeafRange(
            first_index=first,
            leaves=tuple(self.leaves[first : first + count]),
            proof=range_proof(first, count, size, self.tree),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message with the leaf that offers it."""

    leaf: OfferLeaf
    salt: bytes
    header: bytes
    body: bytes


class FakeExchange:
    """A sender and a recipient whose logs other exchanges have filled."""

    def __init__(self, *, logged: int = 5) -> None:
        self.sender = FakeLog(SENDER, seed=1)
        self.recipient = FakeLog(RECIPIENT, seed=2)
        self.sender.fill(logged)
        self.recipient.fill(logged)

    def letter(self, number: int = 1) -> Letter:
        """Write a message and its offer leaf."""
        salt = bytes([number]) * 32
        header, body = f"header {number}".encode(), f"body {number}".encode()
        leaf = OfferLeaf(
            id=UUID(int=number),
            version=1,
            type="person",
            category="terrorism",
            level="restricted",
            codes=("H1",),
            tlp="amber",
            purposes=("prevention",),
            sender=SENDER,
            recipient=RECIPIENT,
            time_ms=NOW_MS,
            policy="ab" * 32,
            effect="permit",
            policies=("release/listed",),
            commit=commitment(pack(salt=salt, header=header, body=body)),
            blind=bytes([200 + number]) * 32,
        )
        return Letter(leaf=leaf, salt=salt, header=header, body=body)

    def letters(self, count: int) -> tuple[Letter, ...]:
        return tuple(self.letter(number + 1) for number in range(count))

    def batch(
        self, *letters: Letter, sequence: int = 1, known_size: int = 0
    ) -> SealedBatch:
        """Log the leaves of messages and seal them as one batch."""
        first = self.sender.append(*(letter.leaf for letter in letters))
        return SealedBatch(
            sequence=sequence,
            offers=self.sender.range(first, len(letters)),
            log=self.sender.state(known_size=known_size),
            seal_key_id=SEAL_KEY_ID,
            wrapped_key=wrap_batch_key(
                batch_key=BATCH_KEY,
                recipient_key=SEAL_KEY.public,
                sender=SENDER,
                recipient=RECIPIENT,
                sequence=sequence,
            ),
            sealed_messages=seal(letters),
        )

    def receipt(self, offer: OfferLeaf) -> ReceiptLeaf:
        """Accept an offer."""
        return ReceiptLeaf(
            offer=leaf_hash(offer.encode()),
            id=offer.id,
            version=offer.version,
            sender=RECIPIENT,
            recipient=SENDER,
            time_ms=NOW_MS,
            outcome="accepted",
            reason="",
            policy="cd" * 32,
            effect="permit",
            policies=("accept/declared",),
            blind=bytes([offer.blind[0] ^ 0xFF]) * 32,
        )

    def answer(
        self, *receipts: bytes | Leaf, sequence: int = 1, known_size: int = 0
    ) -> ReceiptBatch:
        """Log receipts and return them as the answer to a batch."""
        first = self.recipient.append(*receipts)
        return ReceiptBatch(
            sequence=sequence,
            receipts=self.recipient.range(first, len(receipts)),
            log=self.recipient.state(known_size=known_size),
            duplicate=False,
        )


def seal(letters: Sequence[Letter]) -> tuple[bytes, ...]:
    """Seal messages with their leaves, in their order."""
    sealer = BatchSealer(BATCH_KEY)
    return tuple(
        sealer.seal(
            position,
            leaf=letter.leaf.encode(),
            message=pack(salt=letter.salt, header=letter.header, body=letter.body),
        )
        for position, letter in enumerate(letters)
    )
