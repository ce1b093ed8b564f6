# SPDX-License-Identifier: Apache-2.0
"""An entry of the list as a message: its body, and what its header says.

Entries of the list of resolutions 1267, 1989 and 2253 (Al-Qaida and ISIL) are
intelligence on terrorism: persons and organisations that bear a listing. All
others, also those of the Taliban list of resolution 1988, are sanctions
listings.

The list is public and official: TLP:CLEAR, lowest level, H0, source A and
information 1 on both scales. Whether a listed person is suspected or convicted
the list does not say, so the subject's role stays open.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from selat.core.times import to_ms
from selat.errors import ConfigurationError
from selat.importers.un_list.entries import EntryKind, ListEntry
from selat.importers.un_list.regimes import Regime, known_regime, regime_of
from selat.importers.un_list.report import ReadingReport, Rule
from selat.importers.un_list.room import Room
from selat.importers.un_list.subjects import organisation_of, person_of
from selat.policy.catalogue import Catalogue, Category
from selat.v1 import entities_pb2, message_pb2

LIST_NAME: Final = "UN Security Council Consolidated List"

_TERRORISM: Final = "terrorism"

_TITLE_LENGTH: Final = 256
"""Characters of a title (message.proto)."""

# What a listing may be used for, as far as the category's catalogue allows it.
_PURPOSES: Final = (
    "sanctions",
    "prevention",
    "investigation",
    "prosecution",
    "border_check",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """Who publishes the list, for whom and by which catalogue.

    Attributes:
        node: Name of the node.
        state: ISO 3166-1 alpha-2 code of its state.
        agency: Agency, as the node's card names it.
        recipients: Names of the nodes that the messages are for.
        catalogue: The state's catalogue of categories.
    """

    node: str
    state: str
    agency: str
    recipients: tuple[str, ...]
    catalogue: Catalogue

    def category(self, entry: ListEntry) -> Category:
        """Return the category of an entry.

        Raises:
            ConfigurationError: The state's catalogue does not exchange it.
        """
        return self.category_named(regime_of(entry.list_type, entry.reference).category)

    def category_named(self, name: str) -> Category:
        """Return a category of the state's catalogue.

        Raises:
            ConfigurationError: The catalogue has it not.
        """
        category = self.catalogue.categories.get(name)
        if category is None:
            raise ConfigurationError(
                f"This state's catalogue has no category {name}, which entries of "
                "the Security Council's list belong to.",
                remedy="Add the category to policy/categories.toml, then import again.",
                category=name,
            )
        return category


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """Which version of a message is made, when, and from which list.

    Attributes:
        id: UUIDv7 of the message, 16 octets.
        version: Version, from 1.
        created_at: When this version is made.
        generated: When the list was generated.
    """

    id: bytes
    version: int
    created_at: datetime
    generated: datetime


def to_message(
    entry: ListEntry, issue: Issue, publisher: Publisher, report: ReadingReport
) -> message_pb2.Message:
    """Return the message for one entry, ready to publish.

    Args:
        entry: The entry; one with a date of delisting makes a delisted record.
        issue: Version and times.
        publisher: Who publishes it.
        report: Takes what the record has no field for.

    Raises:
        ConfigurationError: The state's catalogue does not allow the record.
    """
    body = body_of(entry, issue.generated, report)
    category = publisher.category(entry)
    kind = body.WhichOneof("record") or ""
    if not category.allows_type(kind):
        raise ConfigurationError(
            f"This state's catalogue does not allow {kind} records in the category "
            f"{category.id}, as entries of the Security Council's list need them.",
            remedy="Allow the type in policy/categories.toml, then import again.",
            category=category.id,
        )
    header = _header(entry, issue, publisher, category)
    header.type = message_pb2.MessageType.ValueType(
        message_pb2.Body.DESCRIPTOR.fields_by_name[kind].number
    )
    return message_pb2.Message(header=header, body=body)


def body_of(
    entry: ListEntry, generated: datetime, report: ReadingReport
) -> message_pb2.Body:
    """Return the body for one entry.

    Args:
        entry: The entry.
        generated: When the list was generated.
        report: Takes what the record has no field for.
    """
    room = Room(entry.reference, report)
    regime = regime_of(entry.list_type, entry.reference)
    if not known_regime(entry.list_type):
        room.note(Rule.UNKNOWN_VALUE, "UN_LIST_TYPE", entry.list_type)
    body = message_pb2.Body()
    if entry.kind is EntryKind.INDIVIDUAL:
        person = person_of(entry, room)
        listing = _listing(entry, generated, regime, room)
        if regime.category == _TERRORISM:
            body.person.person.CopyFrom(person)
            body.person.listings.append(listing)
            return body
        body.sanctions_listing.person.CopyFrom(person)
    else:
        organisation = organisation_of(entry, room)
        listing = _listing(entry, generated, regime, room)
        if regime.category == _TERRORISM:
            body.organisation.organisation.CopyFrom(organisation)
            body.organisation.listings.append(listing)
            return body
        body.sanctions_listing.organisation.CopyFrom(organisation)
    body.sanctions_listing.listing.CopyFrom(listing)
    return body


def _listing(
    entry: ListEntry, generated: datetime, regime: Regime, room: Room
) -> entities_pb2.Listing:
    """Return the listing; its narrative takes what had no room so far."""
    listing = entities_pb2.Listing(
        list=LIST_NAME,
        listed_on=entry.listed_on or "",
        delisted_on=entry.delisted_on or "",
        measures=regime.measures_for(entry.kind),
        list_version=generated.isoformat(timespec="seconds"),
    )
    room.put(listing, "reference", entry.reference)
    room.put(listing, "regime", entry.list_type)
    room.add(listing, "updated_on", entry.updated_on)
    room.put(listing, "submitted_by", entry.submitted_by)
    listing.narrative = room.narrative(entry.comments)
    return listing


def _header(
    entry: ListEntry, issue: Issue, publisher: Publisher, category: Category
) -> message_pb2.Header:
    pb = message_pb2
    retention = timedelta(days=category.longest_retention_days)
    header = pb.Header(
        id=issue.id,
        version=issue.version,
        category=category.id,
        originator=pb.Originator(
            node=publisher.node, state=publisher.state, agency=publisher.agency
        ),
        marking=pb.Marking(
            level=pb.LEVEL_UNCLASSIFIED,
            handling=[pb.HANDLING_CODE_H0],
            tlp=pb.TLP_CLEAR,
        ),
        purposes=[
            pb.Purpose.Value(f"PURPOSE_{name.upper()}")
            for name in _PURPOSES
            if name in category.purposes
        ],
        legal_basis=regime_of(entry.list_type, entry.reference).legal_basis,
        evaluation=pb.Evaluation(
            source=pb.SOURCE_CODE_A,
            information=pb.INFORMATION_CODE_1,
            source_grade=pb.SOURCE_GRADE_A,
            information_grade=pb.INFORMATION_GRADE_1,
        ),
        urgency=pb.URGENCY_ROUTINE,
        recipients=publisher.recipients,
        title=_title(entry),
        status=(
            pb.RECORD_STATUS_DELISTED if entry.delisted_on else pb.RECORD_STATUS_CURRENT
        ),
        languages=["en"],
    )
    header.created_at.FromMilliseconds(to_ms(issue.created_at))
    header.collected_at.FromMilliseconds(to_ms(issue.generated))
    header.expires_at.FromMilliseconds(to_ms(issue.created_at + retention))
    if issue.version > 1:
        header.supersedes.id = issue.id
        header.supersedes.version = issue.version - 1
    return header


def _title(entry: ListEntry) -> str:
    title = f"{entry.reference} {entry.name}"
    if len(title) <= _TITLE_LENGTH:
        return title
    return title[: _TITLE_LENGTH - 1] + "…"
