# SPDX-License-Identifier: Apache-2.0
"""Rules between the fields of a header, and between header and body.

What one field must hold by itself stands in the proto; see ``records.schema``.
Whether category, purposes and retention fit each other is asked of the
catalogue. Headers of one desk differ in little: the rules for what they have in
common are asked once for the same octets.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from selat.core.identifiers.countries import COUNTRIES
from selat.core.node_names import is_node_name
from selat.records.walk import Walk
from selat.v1 import message_pb2

if TYPE_CHECKING:
    from selat.records.schema import MessagePlan

OWN_FIELDS: Final = frozenset(
    {
        *("id", "case_reference", "title"),
        *("created_at", "collected_at", "verified_at", "expires_at", "review_at"),
        *("supersedes", "answers", "recalls"),
    }
)
"""Fields of a header that differ from one message to the next."""

COMMON_BYTES_MAX: Final = 1024
"""Octets of a common part that is remembered; others are looked at each time."""

COMMON_PARTS_MAX: Final = 1024
"""Common parts that are remembered."""

UUID_SIZE: Final = 16
"""Octets of a UUID (RFC 9562, 4)."""

_KINDS: Final = {
    field.name: field.number
    for field in message_pb2.Body.DESCRIPTOR.oneofs_by_name["record"].fields
}
"""Numbers of the kinds of record, by their names."""

# The high bits of octets 6 and 8 (RFC 9562, 5.7).
_UUID_VERSION: Final = 0x70
_UUID_VARIANT: Final = 0x80


def common_part(header: message_pb2.Header) -> bytes:
    """Return a header without its own fields, as deterministic octets."""
    common: Message = message_pb2.Header()
    common.CopyFrom(header)
    for name in OWN_FIELDS:
        common.ClearField(name)
    return common.SerializeToString(deterministic=True)


class HeaderRules:
    """All rules of a header.

    Args:
        plan: The rules of its single fields.
    """

    def __init__(self, plan: MessagePlan) -> None:
        """Divide the rules into those of its own fields and the others."""
        self._plan = plan
        self._own = plan.only(OWN_FIELDS)
        self._common = plan.without(OWN_FIELDS)
        self._is_clean = lru_cache(COMMON_PARTS_MAX)(self._look_at)

    def walk(
        self, header: message_pb2.Header, walk: Walk, *, common: bytes = b""
    ) -> None:
        """Note every rule of a header that does not hold.

        Args:
            header: The header.
            walk: Where to note it; its path leads to the header.
            common: Its common part, for a caller that has it already.
        """
        common = common or common_part(header)
        if len(common) <= COMMON_BYTES_MAX and self._is_clean(common, walk.strict):
            self._own.walk(header, walk)
            _check_own(header, walk)
        else:
            self._plan.walk(header, walk)
            _check_own(header, walk)
            _check_common(header, walk)

    def _look_at(self, common: bytes, strict: bool) -> bool:  # noqa: FBT001 - lru_cache counts keywords apart
        """Tell whether nothing at all is to be said of a common part."""
        header = message_pb2.Header.FromString(common)
        walk = Walk(strict=strict, redacted=frozenset())
        self._common.walk(header, walk)
        _check_common(header, walk)
        return not (walk.violations or walk.warnings or walk.selectors)


def check_kind(number: int, body: message_pb2.Body, walk: Walk) -> None:
    """Note a body that is empty or not of the kind that its header names."""
    kind = body.WhichOneof("record")
    if kind is None:
        walk.violate("", "required", "must hold exactly one kind of record")
        return
    # The value of a type is the number of its field (message.proto).
    if _KINDS[kind] != number:
        walk.violate(kind, "type", "is not the kind that header.type names")


def _check_own(header: message_pb2.Header, walk: Walk) -> None:
    """Note the rules between own fields that do not hold."""
    _check_identifiers(header, walk)
    _check_times(header, walk)
    if len(header.title.splitlines()) > 1:
        walk.violate("title", "one-line", "must be one line")


def _check_common(header: message_pb2.Header, walk: Walk) -> None:
    """Note the rules between the other fields that do not hold."""
    _check_marking(header.marking, walk)
    recipients = header.recipients
    if len(recipients) > 1 and len(set(recipients)) != len(recipients):
        walk.violate("recipients", "unique", "names a node more than once")
    if walk.strict and header.redacted:
        walk.violate(
            "redacted", "reserved", "is written by the node when policy withholds"
        )


def _check_identifiers(header: message_pb2.Header, walk: Walk) -> None:
    """Check that every message is named by a UUIDv7."""
    if header.id and not is_uuid7(header.id):
        walk.violate("id", "uuid7", "must be a UUIDv7 of 16 octets (RFC 9562)")
    for name in ("supersedes", "answers", "recalls"):
        if header.HasField(name):
            reference: message_pb2.MessageReference = getattr(header, name)
            if reference.id and not is_uuid7(reference.id):
                walk.violate(
                    f"{name}.id", "uuid7", "must be a UUIDv7 of 16 octets (RFC 9562)"
                )


def _check_times(header: message_pb2.Header, walk: Walk) -> None:
    """Check that a message lives, is reviewed and then expires."""
    created = nanoseconds(header.created_at)
    # What is absent comes last of all.
    expiry: float = math.inf
    if header.HasField("expires_at"):
        expiry = nanoseconds(header.expires_at)
        if expiry <= created:
            walk.violate("expires_at", "order", "must be later than created_at")
    if header.HasField("review_at"):
        review = nanoseconds(header.review_at)
        if review <= created:
            walk.violate("review_at", "order", "must be later than created_at")
        if review > expiry:
            walk.violate("review_at", "order", "must not be later than expires_at")


def _check_marking(marking: message_pb2.Marking, walk: Walk) -> None:
    """Check that H3 says what it stands for, and who may hold the message."""
    if message_pb2.HANDLING_CODE_H3 in marking.handling and not (
        marking.handling_note.strip()
    ):
        walk.violate("marking.handling_note", "required", "must say what H3 restricts")
    for name in marking.releasable_to:
        if name not in COUNTRIES and not is_node_name(name):
            walk.violate(
                "marking.releasable_to",
                "state-or-node",
                "must name states (ISO 3166-1 alpha-2) or nodes",
            )
            return


def are_in_order(created: int, expires: int | None, review: int | None) -> bool:
    """Tell whether a message lives, is reviewed and then expires, all in ns."""
    if expires is not None and expires <= created:
        return False
    if review is None:
        return True
    return review > created and (expires is None or review <= expires)


def is_uuid7(octets: bytes) -> bool:
    """Tell whether octets are a UUID of version 7 and variant 10 (RFC 9562)."""
    return (
        len(octets) == UUID_SIZE
        and octets[6] & 0xF0 == _UUID_VERSION
        and octets[8] & 0xC0 == _UUID_VARIANT
    )


def nanoseconds(time: Timestamp) -> int:
    """Return a point in time in ns since the epoch."""
    return time.seconds * 1_000_000_000 + time.nanos
