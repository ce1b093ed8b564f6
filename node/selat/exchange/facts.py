# SPDX-License-Identifier: Apache-2.0
"""What policies, leaves and the store know of a message, read off its header."""

from __future__ import annotations

from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from selat.policy.port import MessageFacts
from selat.records.header import COMMON_BYTES_MAX, COMMON_PARTS_MAX, common_part
from selat.records.headings import Heading, expiry_ms, timestamp_ms
from selat.store.values import Holding, Lane, MessageRow
from selat.v1 import message_pb2 as pb
from selat.v1 import records_pb2

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.internal.enum_type_wrapper import _EnumTypeWrapper


def _names(enum: _EnumTypeWrapper, prefix: str) -> Mapping[int, str]:  # type: ignore[type-arg] # the wrapper's parameter is the enum's own private type
    return MappingProxyType(
        {
            number: name.removeprefix(prefix).lower() if number else ""
            for name, number in enum.items()
        }
    )


RECORD_TYPES: Final = _names(pb.MessageType, "MESSAGE_TYPE_")
LEVELS: Final = _names(pb.Level, "LEVEL_")
TLP_LABELS: Final = _names(pb.Tlp, "TLP_")
PURPOSES: Final = _names(pb.Purpose, "PURPOSE_")
STATUSES: Final = _names(pb.RecordStatus, "RECORD_STATUS_")
SUBJECT_ROLES: Final = _names(pb.SubjectRole, "SUBJECT_ROLE_")
SAFEGUARDS: Final = _names(pb.Safeguard, "SAFEGUARD_")
ASSURANCES: Final = _names(records_pb2.AssuranceKind, "ASSURANCE_KIND_")
URGENCIES: Final = _names(pb.Urgency, "URGENCY_")
_LANES: Final = {0: Lane.ROUTINE, **{lane.value: lane for lane in Lane}}
HANDLING_CODES: Final = MappingProxyType(
    {n: name.upper() for n, name in _names(pb.HandlingCode, "HANDLING_CODE_").items()}
)


def lane_of(header: pb.Header | Heading) -> Lane:
    """Return the lane of a message; an urgency not stated is routine."""
    return _LANES[header.urgency]


def status_of(header: pb.Header) -> str:
    """Return the record status in lower case; not stated is current."""
    return STATUSES.get(header.status) or "current"


def facts_of_row(row: MessageRow) -> MessageFacts:
    """Return what policies may know of a message whose contents were erased."""
    return MessageFacts(
        originator=row.originator,
        category=row.category,
        record_type=row.record_type,
        level=row.level,
        tlp=row.tlp,
        codes=(),
        purposes=(),
        releasable_to=(),
        expires_ms=row.expires_ms,
        created_ms=row.created_ms,
        status=row.status,
        holding=row.holding.value,
    )


def facts_of(header: pb.Header, *, holding: Holding = Holding.CURRENT) -> MessageFacts:
    """Return what policies may know of a message.

    Args:
        header: Its header.
        holding: What our node holds it as.
    """
    return _undated(common_part(header), holding).dated(
        expires_ms=expiry_ms(header), created_ms=timestamp_ms(header.created_at)
    )


def facts_of_heading(heading: Heading) -> MessageFacts:
    """Return what policies may know of a message that comes in."""
    return _undated(heading.common, Holding.CURRENT).dated(
        expires_ms=heading.expires_ms, created_ms=heading.created_ms
    )


def _undated(common: bytes, holding: Holding) -> MessageFacts:
    """Return the facts of a common part; those of a short one are remembered."""
    read = _common_facts if len(common) <= COMMON_BYTES_MAX else _read_common
    return read(common, holding)


def _read_common(common: bytes, holding: Holding) -> MessageFacts:
    """Return the facts that stand in the common part of a header, without dates."""
    header = pb.Header.FromString(common)
    marking = header.marking
    return MessageFacts(
        originator=header.originator.node,
        category=header.category,
        record_type=RECORD_TYPES.get(header.type, ""),
        level=LEVELS.get(marking.level, ""),
        tlp=TLP_LABELS.get(marking.tlp, ""),
        codes=tuple(HANDLING_CODES.get(code, "") for code in marking.handling),
        purposes=tuple(PURPOSES.get(purpose, "") for purpose in header.purposes),
        releasable_to=tuple(marking.releasable_to),
        subject_role=SUBJECT_ROLES.get(header.subject_role, ""),
        safeguards=tuple(SAFEGUARDS.get(each, "") for each in header.safeguards),
        assurances=tuple(ASSURANCES.get(kind, "") for kind in header.assurances),
        status=status_of(header),
        urgency=URGENCIES.get(header.urgency) or "routine",
        holding=holding.value,
        recipients=tuple(header.recipients),
    )


_common_facts: Final = lru_cache(COMMON_PARTS_MAX)(_read_common)
