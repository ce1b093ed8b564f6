# SPDX-License-Identifier: Apache-2.0
"""What is handed to auditors: the part of the store's port for it.

`selat.store.port` says what every part of the port promises.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCard:
    """A card, own or a peer's, as it once was in force.

    Attributes:
        node: Whose card it is.
        envelope: The signed envelope, exact bytes.
    """

    node: str
    envelope: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenRange:
    """The leaves of one batch in a peer's log, as the peer proved them.

    Attributes:
        sequence: Number of the batch on its way.
        first_index: Index of the first leaf in the peer's shard.
        leaves: Exact bytes of the leaves.
        proof: The range proof, hashes concatenated.
        checkpoint_size: Size of the shard's checkpoint that the proof leads to.
    """

    sequence: int
    first_index: int
    leaves: tuple[bytes, ...]
    proof: bytes
    checkpoint_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerLog:
    """A shard of a peer's log that leaves are kept of.

    Attributes:
        peer: The peer.
        origin: Origin of the shard.
    """

    peer: str
    origin: str


class PublicationSnapshot(Protocol):
    """Read what auditors get beside our own log."""

    def cards(self) -> list[KeptCard]:
        """Return every card that was in force, own and peers', oldest first."""

    def peer_logs(self) -> list[PeerLog]:
        """Return the shards of peers' logs that leaves are kept of, in order."""

    def peer_leaf_count(self, log: PeerLog, *, first: int, end: int) -> int:
        """Return how many leaves of a peer pair with ours of some positions.

        Args:
            log: The peer's shard that they are in.
            first: Only batches whose leaves reach this position of our log …
            end: … and begin before this one.
        """

    def receipt_ranges(
        self, log: PeerLog, *, first: int, end: int, after: int, limit: int
    ) -> list[ProvenRange]:
        """Return a peer's receipts for batches of ours, by ascending sequence.

        Args:
            log: The peer's shard that the receipts are in.
            first: Only batches whose offers reach this position of our log …
            end: … and begin before this one.
            after: Only batches above this sequence.
            limit: At most so many.
        """

    def offer_ranges(
        self, log: PeerLog, *, first: int, end: int, after: int, limit: int
    ) -> list[ProvenRange]:
        """Return a peer's offers of accepted batches, by ascending sequence.

        Args:
            log: The peer's shard that the offers are in.
            first: Only batches whose receipts reach this position of our log …
            end: … and begin before this one.
            after: Only batches above this sequence.
            limit: At most so many.
        """


class PublicationTransaction(PublicationSnapshot, Protocol):
    """Keep what auditors get beside our own log."""

    def keep_card(self, card: KeptCard) -> None:
        """Keep a card that comes into force; one that is kept stays as it is."""
