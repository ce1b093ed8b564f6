# SPDX-License-Identifier: Apache-2.0
"""Open kept messages for those who may read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from selat.core.payloads import Packed, unpack
from selat.core.selectors import Selector, SelectorKind, normalise, selector_bytes
from selat.desk.convert import direction_from
from selat.errors import InvalidInputError
from selat.exchange.local import LocalNode
from selat.records.headings import timestamp_ms
from selat.store.port import Snapshot
from selat.store.values import MessageQuery, MessageRow, Payload
from selat.v1 import desk_service_pb2 as pb
from selat.v1 import message_pb2

SELECTORS_MAX: Final = 8
#: Longest value to search for, in characters.
SELECTOR_LENGTH_MAX: Final = 1_024


def open_message(
    local: LocalNode, row: MessageRow, payload: Payload | None
) -> message_pb2.Message | None:
    """Return header and body of a kept message; None when it was erased."""
    if payload is None:
        return None
    stored = unpack(
        local.cipher.reveal(
            payload,
            originator=row.originator,
            message_id=row.message_id,
            version=row.version,
        )
    )
    return parse_message(stored)


def parse_message(stored: Packed) -> message_pb2.Message:
    """Return header and body of a message that was kept."""
    return message_pb2.Message(
        header=message_pb2.Header.FromString(stored.header),
        body=message_pb2.Body.FromString(stored.body),
    )


def open_all(
    local: LocalNode, snapshot: Snapshot, rows: Sequence[MessageRow]
) -> list[message_pb2.Message | None]:
    """Return the contents of several messages in order."""
    payloads = snapshot.payloads([row.number for row in rows])
    return [open_message(local, row, payloads.get(row.number)) for row in rows]


def query_from(
    local: LocalNode, request: pb.SearchMessagesRequest, *, quarantined: bool
) -> MessageQuery:
    """Return what a search request asks of the store.

    Args:
        local: Our node.
        request: The request.
        quarantined: Whether the caller may find quarantined messages.

    Raises:
        InvalidInputError: Too many selectors, or one that identifies nothing.
    """
    if len(request.selectors) > SELECTORS_MAX:
        raise InvalidInputError(
            f"A search takes at most {SELECTORS_MAX} values, this one "
            f"{len(request.selectors)}.",
            remedy="Search for fewer values at once.",
        )
    return MessageQuery(
        selectors=tuple(_hashes(local, condition) for condition in request.selectors),
        direction=direction_from(request.direction),
        category=request.category,
        record_type=request.record_type,
        originator=request.originator,
        status=request.status,
        stored_from_ms=(
            timestamp_ms(request.stored_from)
            if request.HasField("stored_from")
            else None
        ),
        stored_until_ms=(
            timestamp_ms(request.stored_until)
            if request.HasField("stored_until")
            else None
        ),
        unacknowledged=request.unacknowledged,
        current_only=not request.include_past,
        quarantined=quarantined,
    )


def _hashes(local: LocalNode, condition: pb.SelectorCondition) -> tuple[bytes, ...]:
    """Return the keyed hashes under which a value may stand in a record."""
    kinds = [SelectorKind(condition.kind)] if condition.kind else list(SelectorKind)
    found: dict[Selector, None] = {}
    if len(condition.value) <= SELECTOR_LENGTH_MAX:
        for kind in kinds:
            found.update(dict.fromkeys(normalise(kind, condition.value)))
    if not found:
        raise InvalidInputError(
            "One of the values to search for identifies nothing.",
            remedy="Give a number, name or reference as it stands in a document.",
        )
    return tuple(
        local.cipher.selector_index(selector_bytes(selector)) for selector in found
    )
