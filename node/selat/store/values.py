# SPDX-License-Identifier: Apache-2.0
"""The values that cross the store's port.

Times are integers, milliseconds since the Unix epoch, UTC. Nothing here knows
SQL, protobuf or keys: payloads are already protected when they arrive.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import NamedTuple

from selat.core.at_rest import ProtectedPayload
from selat.core.merkle import EMPTY_FRONTIER, Frontier


class Direction(StrEnum):
    """Whether a message was published by our desk or received from a peer."""

    OUT = "out"
    IN = "in"


class Lane(IntEnum):
    """Priority of delivery; the numbers equal ``selat.v1.Urgency``."""

    ROUTINE = 1
    URGENT = 2
    FLASH = 3


class Holding(StrEnum):
    """What our node may do with a message that it holds."""

    CURRENT = "current"
    SUPERSEDED = "superseded"
    QUARANTINED = "quarantined"
    REFUSED = "refused"
    ERASED = "erased"
    DISCARDED = "discarded"

    @property
    def is_hidden(self) -> bool:
        """Tell whether no officer has been shown it: it waits, or never will be."""
        return self in {Holding.QUARANTINED, Holding.REFUSED, Holding.DISCARDED}


class OutboxState(StrEnum):
    """Where one message stands on its way to one peer."""

    QUEUED = "queued"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    QUARANTINED = "quarantined"
    WITHHELD = "withheld"
    DEAD = "dead"
    HELD = "held"


class PeerState(StrEnum):
    """Whether exchange with a peer is open.

    A suspended one has shown two histories of its log: nothing is exchanged
    with it until an administrator decides.
    """

    ACCEPTED = "accepted"
    SUSPENDED = "suspended"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeHead:
    """The state of the newest shard of our own log.

    Attributes:
        origin: The shard's origin line, for example
            ``police.xa.example/exchange/2026h2``.
        frontier: Size and subtree roots, from which the root follows.
        first_position: How many leaves the shards before it have.
    """

    origin: str
    frontier: Frontier = EMPTY_FRONTIER
    first_position: int = 0

    @property
    def end(self) -> int:
        """Return how many leaves all shards have: the position of the next."""
        return self.first_position + self.frontier.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard(TreeHead):
    """A shard of our own log.

    Leaves have a *position*, which counts over all shards, and an *index*, which
    counts in their shard and is what proofs and other nodes speak of.

    Attributes:
        closed: Whether its last leaf is a ``close`` leaf: it takes no other.
        final_note: The signed checkpoint that the next shard was opened on,
            exact bytes; empty while there is no next one.
    """

    closed: bool
    final_note: bytes

    @property
    def size(self) -> int:
        """Return how many leaves it has."""
        return self.frontier.size


class NewMessage(NamedTuple):
    """A message to keep, with its payload already protected.

    A tuple, because a node makes thousands in a second; name the attributes.

    Attributes:
        direction: Published by us or received.
        message_id: 16-byte UUIDv7.
        version: Version of the message, from 1.
        originator: Name of the node that published it.
        category: Category identifier of the catalogue.
        record_type: Name of the body's kind, for example ``person``.
        status: Lower-case name of the record's status (``current``,
            ``delisted``, ``withdrawn``).
        lane: Priority.
        level: Lower-case name of the marking's level.
        tlp: Lower-case name of the TLP label, or empty.
        created_ms: When the originator created this version.
        expires_ms: When it expires, or None.
        stored_ms: When this node kept it.
        wrapped_key: The record's data key under the store key.
        ciphertext: The payload under the data key.
        holding: Initial holding (``CURRENT`` or ``QUARANTINED``).
        selectors: 16-byte keyed hashes of the record's selectors.
        warnings: Number of check digits and the like that did not hold.
        author: Officer who published it; empty for a received one.
        review_ms: When its author wants it looked at again, or None.
    """

    direction: Direction
    message_id: bytes
    version: int
    originator: str
    category: str
    record_type: str
    status: str
    lane: Lane
    level: str
    tlp: str
    created_ms: int
    expires_ms: int | None
    stored_ms: int
    wrapped_key: bytes
    ciphertext: bytes
    holding: Holding = Holding.CURRENT
    selectors: tuple[bytes, ...] = ()
    warnings: int = 0
    author: str = ""
    review_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRow:
    """What the store tells of a message without its payload.

    ``number`` is unique, ascending and never used again; it is the cursor of
    pages. ``arrival`` is None but for a message that came out of quarantine:
    that arrived for the desk only then, at a number of the same sequence. The
    other attributes are those of `NewMessage`; ``acknowledged_ms`` is None
    until somebody acknowledged. ``legal_hold`` is the code of the legal hold it
    is under, or empty.
    """

    number: int
    direction: Direction
    message_id: bytes
    version: int
    originator: str
    category: str
    record_type: str
    status: str
    lane: Lane
    level: str
    tlp: str
    created_ms: int
    expires_ms: int | None
    stored_ms: int
    holding: Holding
    warnings: int
    author: str
    acknowledged_ms: int | None
    acknowledged_by: str
    arrival: int | None
    review_ms: int | None
    legal_hold: str

    @property
    def cursor(self) -> int:
        """Return where the message stands among the arrivals."""
        return self.number if self.arrival is None else self.arrival


#: A protected payload as it stands in the store.
Payload = ProtectedPayload


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageQuery:
    """What to look for; every condition that is set must hold.

    Attributes:
        selectors: Groups of keyed hashes; of every group the message must have
            at least one.
        direction: Only this direction.
        category: Only this category.
        record_type: Only this record type.
        originator: Only messages of this node.
        status: Only this record status.
        stored_from_ms: Kept at or after.
        stored_until_ms: Kept before.
        unacknowledged: Only received messages that nobody has acknowledged.
        current_only: Leave out superseded and erased ones.
        quarantined: Without ``current_only``, find quarantined ones too. What
            a person refused to let in is never found.
    """

    selectors: tuple[tuple[bytes, ...], ...] = ()
    direction: Direction | None = None
    category: str = ""
    record_type: str = ""
    originator: str = ""
    status: str = ""
    stored_from_ms: int | None = None
    stored_until_ms: int | None = None
    unacknowledged: bool = False
    current_only: bool = True
    quarantined: bool = False


class OutboxRow(NamedTuple):
    """One message on its way to one peer; a tuple, as `NewMessage` is.

    Attributes:
        number: The entry's own ascending number.
        message: Arrival number of the message.
        message_id: 16-byte UUIDv7 of the message.
        version: Version of the message.
        category: Category of the message.
        record_type: Record type of the message.
        level: Marking level of the message.
        tlp: TLP label of the message.
        holding: What our node holds the message as.
        author: Officer who published the message.
        peer: Node name of the recipient.
        lane: Priority.
        state: Where it stands.
        queued_ms: When it was queued.
        attempts: Failed deliveries of batches that held it.
        sequence: The batch that carries it, once offered.
        leaf_index: Position of its offer, withhold or hold leaf in our log.
        reason: Stable reason code of a refusal, withholding, hold or dead
            letter.
        settled_ms: When the receipt came, or None.
        held_ms: Since when it waits for a person, or None.
        obligations: What a person has still to do before it may leave.
        approved: Obligations that persons have met.
        redacted: Paths of the fields that were withheld from the message as it
            was offered, as ``Header.redacted`` lists them.
    """

    number: int
    message: int
    message_id: bytes
    version: int
    category: str
    record_type: str
    level: str
    tlp: str
    holding: Holding
    author: str
    peer: str
    lane: Lane
    state: OutboxState
    queued_ms: int
    attempts: int
    sequence: int | None
    leaf_index: int | None
    reason: str
    settled_ms: int | None
    held_ms: int | None
    obligations: tuple[str, ...]
    approved: tuple[str, ...]
    redacted: tuple[str, ...]


class Offered(NamedTuple):
    """An outbox entry that gets its place in a batch and in the log; a tuple.

    Attributes:
        entry: The entry's number.
        leaf_index: Position of its offer leaf in our log.
        redacted: Paths of the fields that are withheld.
    """

    entry: int
    leaf_index: int
    redacted: tuple[str, ...] = ()


class Settled(NamedTuple):
    """How one outbox entry ended; a tuple, as `NewMessage` is.

    Attributes:
        entry: The entry's number.
        state: Its final state.
        reason: Stable reason code, or empty.
        leaf_index: Position of its withhold leaf in our log, when it has one.
    """

    entry: int
    state: OutboxState
    reason: str
    leaf_index: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingBatch:
    """A batch that we formed: its leaves stand contiguously in our log.

    Attributes:
        peer: The recipient.
        sequence: Its number on the way to that peer, from 1 without gaps.
        first_leaf: Position of its first leaf in our log.
        count: How many leaves.
        offered_ms: When it was formed.
    """

    peer: str
    sequence: int
    first_leaf: int
    count: int
    offered_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingBatch:
    """A batch that we accepted from a peer, and where our receipts stand.

    Attributes:
        peer: The sender.
        sequence: Its number on the way from that peer.
        digest: 32-byte SHA-256 over the batch's leaf hashes in order.
        first_receipt: Position of the first receipt leaf in our log.
        count: How many messages, and so receipts.
        origin: Origin of the shard of the peer's log that the offers are in.
        first_offer: Index of the first offer leaf in that shard.
        proof: The range proof, hashes concatenated.
        checkpoint_size: Size of that shard's checkpoint that the proof leads to.
        received_ms: When it was accepted.
    """

    peer: str
    sequence: int
    digest: bytes
    first_receipt: int
    count: int
    origin: str
    first_offer: int
    proof: bytes
    checkpoint_size: int
    received_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchReceipt:
    """The peer's answer to an `OutgoingBatch`, kept as evidence.

    Attributes:
        origin: Origin of the shard of the peer's log that the receipts are in.
        first_receipt: Index of the first receipt leaf in that shard.
        receipts: The receipt leaves, exact bytes, in the batch's order.
        proof: The range proof, hashes concatenated.
        checkpoint_size: Size of that shard's checkpoint that the proof leads to.
    """

    origin: str
    first_receipt: int
    receipts: tuple[bytes, ...]
    proof: bytes
    checkpoint_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerCheckpoint:
    """A peer's checkpoint that we verified, and its exact note bytes."""

    origin: str
    size: int
    root: bytes
    note: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerRow:
    """A peer as this node keeps it.

    Attributes:
        name: The peer's node name.
        envelope: Its newest accepted card, the signed envelope's exact bytes.
        state: Whether exchange is open.
        accepted_ms: When it was first accepted.
        changed_ms: When card or state last changed.
    """

    name: str
    envelope: bytes
    state: PeerState
    accepted_ms: int
    changed_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """How far the exchange with one peer has come.

    Attributes:
        peer: The peer's node name.
        checkpoint: The newest checkpoint of the peer's log that we verified.
        acknowledged_size: How many leaves of our log, over all its shards, the
            peer has verified.
        received_sequence: Number of the last batch accepted from the peer.
        sent_sequence: Number of the last batch formed for the peer.
        attempts: Failed attempts to reach the peer since the last success.
        next_attempt_ms: Not before this time is the peer tried again.
        last_error: Stable reason of the last failure, or empty.
        last_contact_ms: When the peer was last heard, or None.
    """

    peer: str
    checkpoint: PeerCheckpoint | None = None
    acknowledged_size: int = 0
    received_sequence: int = 0
    sent_sequence: int = 0
    attempts: int = 0
    next_attempt_ms: int = 0
    last_error: str = ""
    last_contact_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficerRow:
    """A person or system that may use the desk.

    Attributes:
        officer_id: The short name under which the officer acts.
        agency: The agency that the officer belongs to.
        roles: Roles held (``officer``, ``reviewer``, ``administrator``,
            ``auditor``, ``system``).
        functions: Contact functions held, for example ``ct-intelligence``.
        certificate: 32-byte SHA-256 of the client certificate's DER.
        not_after_ms: When the certificate expires.
        revoked_ms: When it was revoked, or None.
    """

    officer_id: str
    agency: str
    roles: tuple[str, ...]
    functions: tuple[str, ...]
    certificate: bytes
    not_after_ms: int
    revoked_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentRow:
    """Something that an operator must see, counted rather than repeated.

    Attributes:
        peer: The peer concerned as far as it is known, else empty.
        reason: Stable reason of the error.
        detail: What happened and what to do, without personal data.
        count: How often it happened.
        first_ms: When it first happened.
        last_ms: When it last happened.
    """

    peer: str
    reason: str
    detail: str
    count: int
    first_ms: int
    last_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueCount:
    """How many outbox entries of one peer are in one state."""

    peer: str
    state: OutboxState
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreCounts:
    """The numbers that a status shows.

    ``oldest_held_ms`` and ``oldest_quarantined_ms`` are since when the first of
    them waits for a person; None when nothing does.
    """

    messages_in: int
    messages_out: int
    unacknowledged: int
    incidents: int
    queues: tuple[QueueCount, ...] = field(default=())
    quarantined: int = 0
    oldest_quarantined_ms: int | None = None
    oldest_held_ms: int | None = None
