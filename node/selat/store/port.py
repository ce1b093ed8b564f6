# SPDX-License-Identifier: Apache-2.0
"""The one port to a node's database.

Services hand in functions of a `Snapshot` or a `Transaction`; they never see
SQL. An adapter keeps these promises, and one contract test holds every
adapter to them:

- **Atomic.** All that one `Store.write` does is kept, or none of it.
- **Durable.** When `Store.write` returns, its work survives a power cut.
- **Ordered.** Writes run one after another, in the order of their calls.
- **Isolated.** A `Snapshot` is one moment of the database, that of the first thing
  read of it, and never blocks, nor is blocked by, a write.
- **Plain failures.** A full disk raises `StoreFullError`, a lock of another
  process `StoreBusyError`, stored data that fails its own checks
  `StoreCorruptError`; in each case the transaction left nothing behind.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from selat.store.lifecycle import LifecycleSnapshot, LifecycleTransaction
from selat.store.log import LogSnapshot, LogTransaction
from selat.store.publication import PublicationSnapshot, PublicationTransaction
from selat.store.reviews import Held, PeerReview, Review
from selat.store.values import (
    BatchReceipt,
    IncidentRow,
    IncomingBatch,
    Lane,
    Link,
    MessageQuery,
    MessageRow,
    NewMessage,
    Offered,
    OfficerRow,
    OutboxRow,
    OutboxState,
    OutgoingBatch,
    Payload,
    PeerCheckpoint,
    PeerRow,
    Settled,
    StoreCounts,
)
from selat.store.witnessing import WitnessingSnapshot, WitnessingTransaction

T = TypeVar("T")


class Snapshot(
    LogSnapshot,
    LifecycleSnapshot,
    PublicationSnapshot,
    WitnessingSnapshot,
    Protocol,
):
    """Read one moment of the database."""

    # --- peers -------------------------------------------------------------
    def peers(self) -> list[PeerRow]:
        """Return every peer, accepted and removed, by name."""

    def peer(self, name: str) -> PeerRow | None:
        """Return one peer, or None."""

    def link(self, peer: str) -> Link:
        """Return how far the exchange with a peer has come; new if unknown."""

    def peer_checkpoint(
        self, peer: str, origin: str, size: int
    ) -> PeerCheckpoint | None:
        """Return a verified checkpoint of a peer by its shard and size, or None."""

    # --- messages ----------------------------------------------------------
    def message(self, number: int) -> MessageRow | None:
        """Return one message by its number, or None."""

    def find(
        self, message_id: bytes, version: int | None, originator: str = ""
    ) -> list[MessageRow]:
        """Return messages by identity, newest version first.

        Args:
            message_id: 16-byte UUIDv7.
            version: One version, or None for all.
            originator: Only this node's, when not empty.
        """

    def payload(self, number: int) -> Payload | None:
        """Return the protected payload, or None when it was erased."""

    def search(
        self, query: MessageQuery, *, before: int | None, limit: int
    ) -> list[MessageRow]:
        """Return matches, highest number first, below number ``before``."""

    def arrivals(self, *, after: int, limit: int) -> list[MessageRow]:
        """Return received messages above cursor ``after``, by ascending cursor.

        One that came out of quarantine stands only where it came out. One that
        waits or was refused is there for the cursor to pass, not to be shown.
        """

    def newest_arrival(self) -> int:
        """Return the greatest cursor given to a message; 0 for none."""

    # --- what waits for a person -------------------------------------------
    def held(self, *, after: int, limit: int) -> list[OutboxRow]:
        """Return held entries above entry ``after``, oldest first."""

    def quarantined(self, *, after: int, limit: int) -> list[MessageRow]:
        """Return quarantined messages above number ``after``, oldest first."""

    def outbox_entry(self, entry: int) -> OutboxRow | None:
        """Return one outbox entry, or None."""

    def reviews_of_entry(self, entry: int) -> list[Review]:
        """Return the decisions of persons on an outbox entry, oldest first."""

    def reviews_of_message(self, number: int) -> list[Review]:
        """Return the decisions of persons on a message, oldest first."""

    def peer_review(self, entry: int) -> PeerReview | None:
        """Return what a peer's reviewer decided about an entry, or None."""

    # --- outbox ------------------------------------------------------------
    def queued(self, peer: str, *, limit: int) -> list[OutboxRow]:
        """Return queued entries of a peer: highest lane first, then oldest."""

    def payloads(self, messages: Sequence[int]) -> dict[int, Payload]:
        """Return the payloads of several messages that still have one."""

    def open_batches(self, peer: str) -> list[OutgoingBatch]:
        """Return batches without a receipt, by ascending sequence."""

    def batch_entries(self, peer: str, sequence: int) -> list[OutboxRow]:
        """Return the entries of one of our batches in leaf order."""

    def outbox(
        self,
        *,
        peer: str = "",
        state: OutboxState | None = None,
        message: int | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[OutboxRow]:
        """Return outbox entries, newest first, below entry ``before``."""

    def receipt(self, entry: int) -> bytes | None:
        """Return the peer's receipt leaf that answered an entry, or None."""

    def batch_receipt(self, peer: str, sequence: int) -> BatchReceipt | None:
        """Return the kept answer to one of our batches, or None."""

    def peers_with_work(self) -> list[str]:
        """Return peers that have queued entries or open batches."""

    # --- received batches --------------------------------------------------
    def incoming_batch(self, peer: str, sequence: int) -> IncomingBatch | None:
        """Return a batch that we accepted from a peer, or None."""

    def offer(self, peer: str, origin: str, index: int) -> bytes | None:
        """Return an offer leaf of a peer's shard that we accepted, or None."""

    def arrival_batch(self, number: int) -> tuple[IncomingBatch, int] | None:
        """Return the batch that brought a message and its position in it."""

    # --- the rest ----------------------------------------------------------
    def officers(self) -> list[OfficerRow]:
        """Return every officer and system, by id."""

    def officer_by_certificate(self, digest: bytes) -> OfficerRow | None:
        """Return the officer whose client certificate has this digest."""

    def incidents(self, *, limit: int) -> list[IncidentRow]:
        """Return incidents, latest first."""

    def setting(self, key: str) -> bytes | None:
        """Return a small named document (import state and the like)."""

    def counts(self) -> StoreCounts:
        """Return the numbers that a status shows."""


class Transaction(
    Snapshot,
    LogTransaction,
    LifecycleTransaction,
    PublicationTransaction,
    WitnessingTransaction,
    Protocol,
):
    """Change the database; everything or nothing."""

    # --- peers -------------------------------------------------------------
    def put_peer(self, peer: PeerRow) -> None:
        """Insert or replace a peer; its card is also kept for `cards`."""

    def put_link(self, link: Link) -> None:
        """Insert or replace the state of an exchange.

        ``link.checkpoint`` is also kept for `peer_checkpoint`.

        Raises:
            CheckpointForkedError: Another root is kept for its size.
        """

    def keep_peer_checkpoint(self, peer: str, checkpoint: PeerCheckpoint) -> None:
        """Keep a verified checkpoint of a peer; one for each shard and size.

        Raises:
            CheckpointForkedError: Another root is kept for that shard and size.
        """

    # --- messages ----------------------------------------------------------
    def add_messages(self, messages: Sequence[NewMessage]) -> list[int]:
        """Keep messages; return their numbers.

        Of several versions of a message by the same originator in the same
        direction all but the newest become ``SUPERSEDED``, whichever order
        they come in; an erased one stays ``ERASED``. A quarantined one neither
        supersedes nor is superseded before it is admitted.

        Raises:
            AlreadyExistsError: One of them (direction, originator, id,
                version) is kept already; then none of them is kept now.
        """

    def acknowledge(self, number: int, *, by: str, at_ms: int) -> bool:
        """Note who took a message in hand; False if somebody had before.

        Raises:
            NotFoundError: There is no such message.
        """

    # --- outbox ------------------------------------------------------------
    def enqueue(
        self, messages: Sequence[tuple[int, Lane]], peers: Sequence[str], at_ms: int
    ) -> int:
        """Queue every message for every peer; return how many entries.

        A message that was queued for a peer before is left where it is.

        Raises:
            NotFoundError: One of the messages is not there; none is queued.
        """

    def form_batch(self, batch: OutgoingBatch, entries: Sequence[Offered]) -> None:
        """Keep a batch; its entries become ``OFFERED``.

        Raises:
            AlreadyExistsError: A batch for that peer has that sequence.
            WrongStateError: An entry is not queued for that peer.
        """

    def hold(self, held: Sequence[Held], at_ms: int) -> None:
        """Let queued entries wait for a person; they become ``HELD``.

        Raises:
            WrongStateError: An entry is not queued; none changes.
        """

    def settle(self, settled: Sequence[Settled], at_ms: int) -> None:
        """Give entries their final state.

        What a peer quarantined may be settled once more; what waits for a person
        waits no longer.

        Raises:
            WrongStateError: An entry is settled already; none changes.
        """

    def keep_receipt(self, peer: str, sequence: int, receipt: BatchReceipt) -> None:
        """Keep a peer's answer; the batch is open no longer.

        Raises:
            AlreadyExistsError: A leaf with one of the indexes is kept already.
            NotFoundError: There is no such batch.
            WrongStateError: It is answered already.
        """

    def count_attempt(self, peer: str, sequence: int) -> None:
        """Add one failed delivery to every entry of a batch."""

    def void_batch(self, peer: str, sequence: int, *, reason: str, at_ms: int) -> None:
        """Take a refused batch back: its entries become ``DEAD``.

        Its sequence number becomes free; its leaves stay in the log.
        """

    def reopen_batch(self, peer: str, sequence: int) -> None:
        """Take a formed batch back: its entries become ``QUEUED`` again.

        Its sequence number becomes free; its leaves stay in the log.
        """

    def requeue(self, entry: int, at_ms: int) -> None:
        """Queue a dead entry again, with no attempts counted.

        Raises:
            NotFoundError: There is no such entry.
            WrongStateError: It is not ``DEAD``.
        """

    # --- what waits for a person -------------------------------------------
    def review_entry(self, entry: int, review: Review) -> OutboxRow:
        """Make a held entry ``QUEUED``, obligations met, or ``WITHHELD``.

        Raises:
            NotFoundError: There is no such entry.
            WrongStateError: It is not held.
        """

    def review_message(self, number: int, review: Review) -> MessageRow:
        """Decide on a quarantined message; return it as it stands then.

        Approved, it becomes ``CURRENT``, or ``SUPERSEDED`` by a newer version,
        and arrives anew: its cursor is above all that were given before.
        Refused, it becomes ``REFUSED`` and is never shown; its payload stays.

        Raises:
            NotFoundError: There is no such message.
            WrongStateError: It is not quarantined.
        """

    def keep_peer_review(self, review: PeerReview) -> None:
        """Keep what a peer's reviewer decided; one for each entry.

        Raises:
            NotFoundError: There is no such entry.
            AlreadyExistsError: One is kept already.
        """

    # --- received batches --------------------------------------------------
    def keep_incoming(
        self,
        batch: IncomingBatch,
        offers: Sequence[bytes],
        messages: Sequence[int | None],
    ) -> None:
        """Keep an accepted batch and the exact bytes of its offer leaves.

        Args:
            batch: The batch.
            offers: Its offer leaves in order.
            messages: Arrival numbers in the same order; None for a message
                that was refused or had been here before.

        Raises:
            AlreadyExistsError: A batch of that sequence, or an offer leaf with
                one of the indexes, is kept already.
        """

    # --- the rest ----------------------------------------------------------
    def put_officer(self, officer: OfficerRow) -> None:
        """Insert or replace an officer.

        Raises:
            AlreadyExistsError: Another officer has that certificate.
        """

    def note_incident(self, *, peer: str, reason: str, detail: str, at_ms: int) -> None:
        """Count an incident; one row for each peer and reason."""

    def clear_incident(self, *, peer: str, reason: str) -> bool:
        """Remove an incident that an operator has dealt with."""

    def put_setting(self, key: str, value: bytes) -> None:
        """Keep a small named document."""


class Store(Protocol):
    """A node's database."""

    def write(self, work: Callable[[Transaction], T]) -> Awaitable[T]:
        """Run ``work`` in a transaction of the one writer; return its value.

        It is queued when this returns, before it is awaited. ``work`` runs off the
        event loop and may not await. What it raises undoes the transaction and is
        raised here. When the caller is cancelled before the work began it is left
        out; later it is kept all the same.

        Raises:
            ShuttingDownError: The store is closed.
            StoreError: The database failed; nothing was kept.
        """

    async def read(self, work: Callable[[Snapshot], T]) -> T:
        """Run ``work`` on a snapshot, off the event loop; return its value."""

    async def close(self) -> None:
        """Finish the writes in hand and close. Further calls fail."""
