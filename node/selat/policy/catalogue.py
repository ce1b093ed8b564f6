# SPDX-License-Identifier: Apache-2.0
"""The catalogue of categories: what may be exchanged, on which ground, how long.

The values here say what a category allows. They decide nothing about peers or
officers: that is for the policies. The file is read by
`selat.policy.catalogue_file`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from google.protobuf.descriptor import EnumDescriptor

from selat.errors import ConfigurationError
from selat.v1 import message_pb2


def _names(enum: EnumDescriptor, prefix: str) -> frozenset[str]:
    """Return the names of an enumeration without prefix and zero value."""
    return frozenset(
        value.name.removeprefix(prefix) for value in enum.values if value.number
    )


#: Kinds of a body, as the fields of ``Body`` are named.
RECORD_TYPES: Final = frozenset(
    field.name for field in message_pb2.Body.DESCRIPTOR.oneofs_by_name["record"].fields
)
#: Purposes, lower case, for example ``border_check``.
PURPOSES: Final = frozenset(
    name.lower() for name in _names(message_pb2.Purpose.DESCRIPTOR, "PURPOSE_")
)
#: Levels of a marking, lower case.
LEVELS: Final = frozenset(
    name.lower() for name in _names(message_pb2.Level.DESCRIPTOR, "LEVEL_")
)
#: Labels of the Traffic Light Protocol, lower case.
TLP_LABELS: Final = frozenset(
    name.lower() for name in _names(message_pb2.Tlp.DESCRIPTOR, "TLP_")
)
#: Handling codes, for example ``H2``.
HANDLING_CODES: Final = _names(message_pb2.HandlingCode.DESCRIPTOR, "HANDLING_CODE_")
#: How urgent a request is (its deadline; not the priority of its delivery).
REQUEST_URGENCIES: Final = frozenset(
    {"flash", "urgent_direct", "urgent_indirect", "normal", "financial", "judicial"}
)
#: Measures of the founding statement; ``P`` is its preamble.
MEASURES: Final = frozenset({*(str(number) for number in range(1, 13)), "P"})

#: A century in days: longer is a slip of the pen.
MAX_RETENTION_DAYS: Final = 36_525
#: A year in minutes: longer is a slip of the pen.
MAX_DEADLINE_MINUTES: Final = 366 * 24 * 60

_IDENTIFIER: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_MAX_IDENTIFIER_LENGTH: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """A treaty or resolution that an exchange may rest on.

    Attributes:
        id: Name inside the catalogue, for example ``unscr-2255``.
        title: Title with year, and what it is about where that is not plain.
    """

    id: str
    title: str

    def __post_init__(self) -> None:
        """Refuse an instrument without a proper name or title."""
        _check_identifier(self.id)
        _check_title(self.title)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """How soon a request is acknowledged and answered.

    Attributes:
        acknowledge_minutes: Minutes until a person acknowledges, or None.
        answer_minutes: Minutes until the answer, or None where a treaty says.
    """

    acknowledge_minutes: int | None = None
    answer_minutes: int | None = None

    def __post_init__(self) -> None:
        """Refuse times that cannot be kept."""
        times = [self.acknowledge_minutes, self.answer_minutes]
        known = [minutes for minutes in times if minutes is not None]
        if any(not 1 <= minutes <= MAX_DEADLINE_MINUTES for minutes in known):
            raise _fault("deadlines", f"minutes are 1 to {MAX_DEADLINE_MINUTES:,}")
        if known != sorted(known):
            raise _fault("deadlines", "an answer cannot be due before its acknowledge")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedMarking:
    """The marking that a desk proposes for a new message.

    Attributes:
        level: Lower-case level, one of `LEVELS`.
        handling: Handling codes, of `HANDLING_CODES`.
        tlp: Lower-case TLP label, one of `TLP_LABELS`.
    """

    level: str
    handling: tuple[str, ...]
    tlp: str

    def __post_init__(self) -> None:
        """Refuse names that the schema does not know."""
        _check_known("marking", [self.level], LEVELS, "level")
        _check_known("marking", self.handling, HANDLING_CODES, "handling code")
        _check_known("marking", [self.tlp], TLP_LABELS, "TLP label")
        if "H3" in self.handling:
            raise _fault("marking", "H3 needs a note, which only an author can give")


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """One category and what it allows.

    Attributes:
        id: Identifier, for example ``travel-documents``.
        title: What it is about, for people.
        measure: Measure of the founding statement, one of `MEASURES`.
        legal_bases: Instruments that an exchange may rest on, weightiest first.
        record_types: Kinds of body allowed, of `RECORD_TYPES`.
        marking: Marking proposed for a new message.
        purposes: Purposes allowed, of `PURPOSES`.
        longest_retention_days: Days after its creation by which a message
            expires at the latest.
        deadlines: Deadline by request urgency, of `REQUEST_URGENCIES`.
    """

    id: str
    title: str
    measure: str
    legal_bases: tuple[Instrument, ...]
    record_types: frozenset[str]
    marking: ProposedMarking
    purposes: frozenset[str]
    longest_retention_days: int
    deadlines: Mapping[str, Deadline]

    def __post_init__(self) -> None:
        """Refuse a category that the schema or the design does not know."""
        _check_identifier(self.id)
        _check_title(self.title)
        _check_known("measure", [self.measure], MEASURES, "measure")
        if not self.legal_bases:
            raise _fault("legal_bases", "nothing is exchanged without a legal basis")
        for key, names, known in (
            ("record_types", self.record_types, RECORD_TYPES),
            ("purposes", self.purposes, PURPOSES),
            ("deadlines", self.deadlines, REQUEST_URGENCIES),
        ):
            if not names:
                raise _fault(key, "it is empty")
            _check_known(key, names, known, "name")
        if not 1 <= self.longest_retention_days <= MAX_RETENTION_DAYS:
            raise _fault(
                "longest_retention_days", f"it must be 1 to {MAX_RETENTION_DAYS:,}"
            )
        object.__setattr__(self, "deadlines", MappingProxyType(dict(self.deadlines)))

    def allows_type(self, record_type: str) -> bool:
        """Tell whether bodies of this kind may be sent under the category."""
        return record_type in self.record_types

    def disallowed_purposes(self, purposes: Iterable[str]) -> frozenset[str]:
        """Return those of the purposes that the category does not allow."""
        return frozenset(purposes) - self.purposes


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """All categories that this state exchanges.

    Attributes:
        categories: Category by identifier, in the order of the file.
        instruments: Instrument by identifier.
    """

    categories: Mapping[str, Category]
    instruments: Mapping[str, Instrument]

    def __post_init__(self) -> None:
        """Keep copies that nobody can change."""
        for name in ("categories", "instruments"):
            copy = MappingProxyType(dict(getattr(self, name)))
            object.__setattr__(self, name, copy)

    def categories_of(self, record_type: str) -> tuple[Category, ...]:
        """Return the categories under which a kind of body may be sent."""
        return tuple(c for c in self.categories.values() if c.allows_type(record_type))


def _check_identifier(value: str) -> None:
    if len(value) > _MAX_IDENTIFIER_LENGTH or not _IDENTIFIER.fullmatch(value):
        raise _fault(
            "id",
            f"an identifier is at most {_MAX_IDENTIFIER_LENGTH} lower-case letters, "
            "digits and single hyphens, and starts with a letter",
        )


def _check_title(value: str) -> None:
    if not value.strip() or not value.isprintable():
        raise _fault("title", "a title is one line of text and not empty")


def _check_known(
    key: str, names: Iterable[str], known: frozenset[str], noun: str
) -> None:
    unknown = sorted(set(names) - known)
    if unknown:
        raise ConfigurationError(
            f"there is no {noun} {', '.join(map(repr, unknown))}.",
            remedy=f"Known are: {', '.join(sorted(known))}.",
            key=key,
        )


def _fault(key: str, what: str) -> ConfigurationError:
    """Name key and rule; whoever read the value adds file and line."""
    return ConfigurationError(f"{what}.", remedy="Correct the value.", key=key)
