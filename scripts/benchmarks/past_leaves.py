# SPDX-License-Identifier: Apache-2.0
"""Leaves and peers of a past that never was: real in form, hashes and signatures."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from scripts.benchmarks.records import CATEGORY

from selat.core.checkpoints import Checkpoint
from selat.core.cosignatures import CosignatureSigner
from selat.core.leaf_json import moment_text
from selat.core.leaf_stencils import Stencil
from selat.core.leaves import OfferLeaf, PeerCheckpointLeaf, ReceiptLeaf
from selat.core.merkle import EMPTY_FRONTIER, leaf_hash
from selat.core.message_ids import RANDOM_BYTES, new_message_id
from selat.core.notes import sign_note
from selat.core.tiles import range_proof, updated_tiles
from selat.identity.keystore import KeyStore
from selat.store.values import PeerCheckpoint

#: Messages of a batch.
BATCH: Final = 256


class LeafMaker:
    """Makes batches of leaves; the same in every run, but for the times.

    Args:
        seed: What the random parts follow from.
        policy: Digest of the policy set that decided.
    """

    def __init__(self, seed: str, policy: str) -> None:
        """Start with nothing drawn."""
        self._seed = seed.encode()
        self._policy = policy
        self._drawn = 0

    def ids(self, now_ms: int) -> list[UUID]:
        """Return the identifiers of a batch's messages."""
        return [
            new_message_id(now_ms, drawn) for drawn in self._draw(BATCH, RANDOM_BYTES)
        ]

    def offers(
        self, ids: Sequence[UUID], *, sender: str, recipient: str, now_ms: int
    ) -> list[bytes]:
        """Return the offers of a batch."""
        own = [
            {"id": message, "commit": commit, "blind": blind, "time_ms": now_ms}
            for message, commit, blind in zip(
                ids, self._draw(BATCH, 32), self._draw(BATCH, 32), strict=True
            )
        ]
        first: dict[str, object] = {
            "version": 1,
            "type": "person",
            "category": CATEGORY,
            "level": "confidential",
            "codes": (),
            "tlp": "amber_strict",
            "purposes": ("investigation",),
            "sender": sender,
            "recipient": recipient,
            "policy": self._policy,
            "effect": "permit",
            "policies": ("release/listed",),
        }
        stencil = Stencil(OfferLeaf(**first, **own[0]))  # type: ignore[arg-type]  # their names are right
        return [stencil.encode(**_texts(each)) for each in own]

    def receipts(
        self,
        ids: Sequence[UUID],
        offers: Sequence[bytes],
        *,
        sender: str,
        recipient: str,
        now_ms: int,
    ) -> list[bytes]:
        """Return the receipts for the offers of a batch."""
        own = [
            {
                "id": message,
                "offer": leaf_hash(offer),
                "blind": blind,
                "time_ms": now_ms,
            }
            for message, offer, blind in zip(
                ids, offers, self._draw(BATCH, 32), strict=True
            )
        ]
        first: dict[str, object] = {
            "version": 1,
            "sender": sender,
            "recipient": recipient,
            "outcome": "accepted",
            "reason": "",
            "policy": self._policy,
            "effect": "permit",
            "policies": ("intake/listed",),
        }
        stencil = Stencil(ReceiptLeaf(**first, **own[0]))  # type: ignore[arg-type]  # their names are right
        return [stencil.encode(**_texts(each)) for each in own]

    def seen(
        self,
        theirs: PeerCheckpoint,
        *,
        sender: str,
        peer: str,
        sequence: int,
        now_ms: int,
    ) -> bytes:
        """Return the leaf that a peer's receipts for a batch were verified."""
        (blind,) = self._draw(1, 32)
        return PeerCheckpointLeaf(
            sender=sender,
            peer=peer,
            origin=theirs.origin,
            size=theirs.size,
            root=theirs.root,
            sequence=sequence,
            time_ms=now_ms,
            blind=blind,
        ).encode()

    def _draw(self, count: int, size: int) -> list[bytes]:
        self._drawn += 1
        seed = self._seed + self._drawn.to_bytes(8, "big")
        drawn = hashlib.shake_128(seed).digest(count * size)
        return [drawn[start : start + size] for start in range(0, len(drawn), size)]


def _texts(own: Mapping[str, object]) -> dict[str, str]:
    """Return what a leaf has of its own as the texts in it."""
    return {
        name: value.hex()
        if isinstance(value, bytes)
        else moment_text(value)
        if isinstance(value, int)
        else str(value)
        for name, value in own.items()
    }


class PeerLog:
    """The log of a peer, in memory, signed with the peer's own keys.

    Args:
        name: The peer.
        keys: Its key store.
        half_year: Last part of its log's origin.
    """

    def __init__(self, name: str, keys: KeyStore, *, half_year: str) -> None:
        """Start with no leaf."""
        self.name = name
        self.origin = f"{name}/exchange/{half_year}"
        self.cosigner = CosignatureSigner(f"{name}/witness", *keys.witness())
        self._signers = keys.log_signers(self.origin)
        self._frontier = EMPTY_FRONTIER
        self._tiles: dict[tuple[int, int], bytes] = {}

    def tile(self, level: int, index: int) -> bytes:
        """Return the hashes of a tile."""
        return self._tiles.get((level, index), b"")

    def append(self, leaves: Sequence[bytes]) -> int:
        """Append leaves; return the index of the first."""
        first, hashes = self._frontier.size, [leaf_hash(leaf) for leaf in leaves]
        self._tiles.update(updated_tiles(first, hashes, self))
        self._frontier = self._frontier.extend(hashes)
        return first

    def checkpoint(self) -> PeerCheckpoint:
        """Sign the newest state."""
        root, size = self._frontier.root(), self._frontier.size
        text = Checkpoint(origin=self.origin, size=size, root=root).text()
        note = sign_note(text, self._signers)
        return PeerCheckpoint(origin=self.origin, size=size, root=root, note=note)

    def proof(self, first: int, size: int) -> bytes:
        """Return the range proof of a batch, hashes joined."""
        return b"".join(range_proof(first, BATCH, size, self))
