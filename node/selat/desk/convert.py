# SPDX-License-Identifier: Apache-2.0
"""The store's rows as messages of the desk API."""

from __future__ import annotations

from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from selat.core.times import to_ms
from selat.exchange.peer_book import KnownPeer
from selat.records.walk import RecordWarning
from selat.store.lifecycle import Erasure
from selat.store.log import LogSnapshot
from selat.store.reviews import Act, Review
from selat.store.values import (
    Direction,
    IncidentRow,
    MessageRow,
    OfficerRow,
    OutboxRow,
    OutboxState,
)
from selat.store.witnessing import EquivocationRow
from selat.v1 import desk_service_pb2 as pb

_DIRECTIONS: Final = {
    Direction.OUT: pb.MESSAGE_DIRECTION_OUT,
    Direction.IN: pb.MESSAGE_DIRECTION_IN,
}
_STATES: Final = {
    state: pb.OutboxState.Value(f"OUTBOX_STATE_{state.name}") for state in OutboxState
}
_STATES_BACK: Final = {number: state for state, number in _STATES.items()}
_DIRECTIONS_BACK: Final = {number: way for way, number in _DIRECTIONS.items()}


def timestamp(ms: int | None) -> Timestamp | None:
    """Return a moment as a protobuf timestamp; None stays absent."""
    if ms is None:
        return None
    return Timestamp(seconds=ms // 1000, nanos=ms % 1000 * 1_000_000)


def direction_from(value: int) -> Direction | None:
    """Return the direction that a search names; None for both."""
    return _DIRECTIONS_BACK.get(pb.MessageDirection.ValueType(value))


def state_from(value: int) -> OutboxState | None:
    """Return the state that a list names; None for any."""
    return _STATES_BACK.get(pb.OutboxState.ValueType(value))


def message_info(row: MessageRow) -> pb.MessageInfo:
    """Convert what the store tells of a message."""
    return pb.MessageInfo(
        number=row.number,
        id=row.message_id,
        version=row.version,
        direction=_DIRECTIONS[row.direction],
        originator=row.originator,
        category=row.category,
        record_type=row.record_type,
        status=row.status,
        urgency=row.lane.name.lower(),
        level=row.level,
        tlp=row.tlp,
        holding=row.holding.value,
        created_at=timestamp(row.created_ms),
        stored_at=timestamp(row.stored_ms),
        expires_at=timestamp(row.expires_ms),
        acknowledged_at=timestamp(row.acknowledged_ms),
        acknowledged_by=row.acknowledged_by,
        warning_count=row.warnings,
        review_at=timestamp(row.review_ms),
        legal_hold=row.legal_hold,
    )


def erasure(snapshot: LogSnapshot, done: Erasure | None) -> pb.Erasure | None:
    """Convert how a message was erased; None stays absent."""
    if done is None:
        return None
    return pb.Erasure(
        reason=done.reason,
        erased_at=timestamp(done.erased_ms),
        leaf_index=done.leaf_index,
        place=log_place(snapshot, done.leaf_index),
    )


def log_place(snapshot: LogSnapshot, position: int) -> pb.LogPlace:
    """Convert the position of one of our leaves to its shard and index in it."""
    shard = snapshot.shard_at(position)
    return pb.LogPlace(origin=shard.origin, index=position - shard.first_position)


def outbox_entry(row: OutboxRow) -> pb.OutboxEntry:
    """Convert an outbox entry."""
    return pb.OutboxEntry(
        number=row.number,
        id=row.message_id,
        version=row.version,
        category=row.category,
        record_type=row.record_type,
        peer=row.peer,
        state=_STATES[row.state],
        urgency=row.lane.name.lower(),
        queued_at=timestamp(row.queued_ms),
        settled_at=timestamp(row.settled_ms),
        attempts=row.attempts,
        sequence=row.sequence or 0,
        reason=row.reason,
        held_at=timestamp(row.held_ms),
        obligations=row.obligations,
        approved=row.approved,
        redacted=row.redacted,
    )


def review_decision(
    snapshot: LogSnapshot, review: Review, *, peer: str, entry: int = 0
) -> pb.ReviewDecision:
    """Convert a person's decision.

    Args:
        snapshot: A moment of our log.
        review: The decision.
        peer: The peer that the message was to go to, or came from.
        entry: Number of the outbox entry that waited; 0 for a received message.
    """
    act = pb.REVIEW_ACT_APPROVE if review.act is Act.APPROVE else pb.REVIEW_ACT_REFUSE
    return pb.ReviewDecision(
        entry=entry,
        peer=peer,
        act=act,
        officer=review.officer,
        note=review.note,
        decided_at=timestamp(review.decided_ms),
        leaf_index=review.leaf_index,
        place=log_place(snapshot, review.leaf_index),
    )


def record_warning(warning: RecordWarning) -> pb.RecordWarning:
    """Convert a warning."""
    return pb.RecordWarning(
        path=warning.path, rule=warning.rule, message=warning.message
    )


def officer(row: OfficerRow) -> pb.Officer:
    """Convert an officer."""
    return pb.Officer(
        officer_id=row.officer_id,
        agency=row.agency,
        roles=row.roles,
        functions=row.functions,
        valid_until=timestamp(row.not_after_ms),
        revoked_at=timestamp(row.revoked_ms),
    )


def incident(row: IncidentRow) -> pb.Incident:
    """Convert an incident."""
    return pb.Incident(
        peer=row.peer,
        reason=row.reason,
        detail=row.detail,
        count=row.count,
        first_at=timestamp(row.first_ms),
        last_at=timestamp(row.last_ms),
    )


def equivocation(row: EquivocationRow) -> pb.EquivocationEvidence:
    """Convert a proof that a log has signed two roots for one size."""
    return pb.EquivocationEvidence(
        peer=row.peer,
        origin=row.origin,
        size=row.size,
        proof=row.proof,
        reporter=row.reporter,
        found_at=timestamp(row.found_ms),
        leaf_index=row.leaf_index,
    )


def peer(
    known: KnownPeer, *, released: frozenset[str], equivocations: int = 0
) -> pb.Peer:
    """Convert a peer with what our policy lists for it and what is proven of it."""
    card = known.card.card
    fingerprint = known.card.fingerprint
    return pb.Peer(
        name=known.name,
        state=card.state,
        agency=card.agency,
        standing=known.row.state.value,
        card_sequence=card.sequence,
        valid_until=timestamp(to_ms(card.valid_until)),
        endpoints=card.endpoints,
        fingerprint_hex=fingerprint.hex_groups(),
        fingerprint_words=fingerprint.words(),
        declared_categories=card.categories,
        released_categories=sorted(released),
        accepted_at=timestamp(known.row.accepted_ms),
        equivocations=equivocations,
    )
