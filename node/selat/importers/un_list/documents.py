# SPDX-License-Identifier: Apache-2.0
"""Documents of an entry as travel documents or as personal numbers.

Only what a text says in so many words is taken out of it: the number, the date
of expiry, that a document was revoked or is counterfeit. The text stays beside
it as a note.
"""

from __future__ import annotations

from typing import Final

from selat.importers.un_list.country_names import country_code
from selat.importers.un_list.dates import expiry_date, partial_date
from selat.importers.un_list.document_texts import (
    NumberText,
    find_number,
    passports_in,
    read_number,
)
from selat.importers.un_list.entries import Alias, Document
from selat.importers.un_list.report import Rule
from selat.importers.un_list.room import Room
from selat.v1 import entities_pb2 as pb

_PASSPORT: Final = frozenset({"passport", "numéro de passeport", "número de pasaporte"})
_NATIONAL_NUMBER: Final = frozenset({"national identification number"})
_PATH: Final = "INDIVIDUAL/INDIVIDUAL_DOCUMENT"

# Words of a document's description, in the order in which they decide.
_KINDS: Final = (
    ("laissez-passer", pb.DOCUMENT_TYPE_OTHER),
    ("travel document", pb.DOCUMENT_TYPE_OTHER),
    ("passport", pb.DOCUMENT_TYPE_PASSPORT),
    ("driving licence", pb.DOCUMENT_TYPE_DRIVING_LICENCE),
    ("driver", pb.DOCUMENT_TYPE_DRIVING_LICENCE),
)
_STATUSES: Final = (
    ("counterfeit", pb.DOCUMENT_STATUS_FORGED),
    ("revoked", pb.DOCUMENT_STATUS_REVOKED),
    ("cancelled", pb.DOCUMENT_STATUS_REVOKED),
)
_NUMBER_LENGTH: Final = 64
"""Characters of a number (entities.proto)."""


def add_document(person: pb.Person, document: Document, room: Room) -> None:
    """Add a document to a person, or to the remarks when it has no number.

    Args:
        person: The person to add to.
        document: What the list says.
        room: Takes what has no field.
    """
    number, notes = _number_and_notes(document, room)
    kind = _kind(document, notes, room)
    if not number:
        room.note(Rule.DOCUMENT_WITHOUT_NUMBER, _PATH, in_words(document))
        room.remarks.append(f"Document without a number: {in_words(document)}")
    elif kind is None:
        item = _personal_number(document, number, notes, room)
        room.append(person, "identifiers", item, in_words(document))
    else:
        paper = _travel_document(document, number, notes, room)
        paper.type = kind
        room.append(person, "documents", paper, in_words(document))


def add_passports_of_alias(person: pb.Person, alias: Alias, room: Room) -> None:
    """Add the passports that only the remark on a name tells of.

    Args:
        person: The person to add to.
        alias: The name; it is taken for the holder's name as printed only as a
            note, because the remark does not say which spelling was printed.
        room: Takes what has no field.
    """
    remark = f"{alias.name}; {alias.note}" if alias.note else alias.name
    for number in passports_in(remark):
        paper = pb.TravelDocument(type=pb.DOCUMENT_TYPE_PASSPORT, number=number)
        room.put(paper, "note", remark)
        room.append(person, "documents", paper, remark)


def in_words(document: Document) -> str:
    """Return all that the list says of a document, on one line."""
    issue = " ".join(
        filter(None, [document.issue_date, document.issue_city, document.issue_country])
    )
    parts = [
        document.type,
        document.detail,
        document.number,
        document.issuing_country,
        f"issued {issue}" if issue else "",
        document.note,
    ]
    return "; ".join(filter(None, parts))


def _number_and_notes(document: Document, room: Room) -> tuple[str, list[str]]:
    """Find the number where the list has put it; keep the rest as notes."""
    sources = (document.number, document.detail, document.note)
    if document.number:
        source, found = 0, read_number(document.number)
        if not found.number:
            room.note(Rule.NUMBER_NOT_UNDERSTOOD, f"{_PATH}/NUMBER", document.number)
            if len(document.number) <= _NUMBER_LENGTH:
                found = NumberText(number=document.number)
    else:
        source, found = 1, find_number(document.detail)
        if not found.number:
            source, found = 2, find_number(document.note)
    rest = [text for index, text in enumerate(sources) if index != source]
    return found.number, [*filter(None, [found.label, found.rest, *rest])]


def _kind(
    document: Document, notes: list[str], room: Room
) -> pb.DocumentType.ValueType | None:
    """Return the kind of a document, or None for a personal number."""
    type_ = document.type.casefold()
    described = " ".join([document.detail, document.number, *notes]).casefold()
    named = next((kind for word, kind in _KINDS if word in described), None)
    if type_ in _PASSPORT:
        return named or pb.DOCUMENT_TYPE_PASSPORT
    if type_ in _NATIONAL_NUMBER:
        label = f"{document.detail} {document.number}".casefold()
        return next((kind for word, kind in _KINDS if word in label), None)
    room.note(Rule.UNKNOWN_VALUE, f"{_PATH}/TYPE_OF_DOCUMENT", document.type)
    return named or pb.DOCUMENT_TYPE_OTHER


def _travel_document(
    document: Document, number: str, notes: list[str], room: Room
) -> pb.TravelDocument:
    paper = pb.TravelDocument(number=number)
    issued_on = partial_date(document.issue_date)
    if issued_on:
        paper.issued_on = issued_on
    elif document.issue_date:
        room.note(
            Rule.DATE_NOT_UNDERSTOOD, f"{_PATH}/DATE_OF_ISSUE", document.issue_date
        )
        notes.append(f"issued {document.issue_date}")
    if document.issue_city or document.issue_country:
        room.put(paper.issued_at, "city", document.issue_city)
        put_country(
            paper.issued_at, document.issue_country, f"{_PATH}/COUNTRY_OF_ISSUE", room
        )
    code = country_code(document.issuing_country)
    if code:
        paper.issuer = code
    elif document.issuing_country:
        room.note(
            Rule.COUNTRY_WITHOUT_CODE,
            f"{_PATH}/ISSUING_COUNTRY",
            document.issuing_country,
        )
        notes.append(f"issuer: {document.issuing_country}")
    if document.type.casefold() not in _PASSPORT | _NATIONAL_NUMBER:
        notes.insert(0, document.type)
    note = "; ".join(filter(None, notes))
    paper.expires_on = expiry_date(note) or ""
    words = note.casefold()
    for word, status in _STATUSES:
        if word in words:
            paper.status = status
            break
    room.put(paper, "note", note)
    return paper


def _personal_number(
    document: Document, number: str, notes: list[str], room: Room
) -> pb.PersonalIdentifier:
    identifier = pb.PersonalIdentifier(number=number)
    room.put(identifier, "kind", document.type)
    code = country_code(document.issuing_country)
    issue = " ".join(
        filter(None, [document.issue_date, document.issue_city, document.issue_country])
    )
    if code:
        identifier.country = code
    elif document.issuing_country:
        path = f"{_PATH}/ISSUING_COUNTRY"
        room.note(Rule.COUNTRY_WITHOUT_CODE, path, document.issuing_country)
        notes.append(f"issuer: {document.issuing_country}")
    if issue:
        notes.append(f"issued {issue}")
    room.put(identifier, "note", "; ".join(notes))
    return identifier


def put_country(location: pb.Location, name: str, path: str, room: Room) -> None:
    """Set the country of a place, by its code or as written.

    Args:
        location: The place.
        name: Name of the country, or "".
        path: Element path of the name, for the report.
        room: Takes what has no field.
    """
    code = country_code(name)
    if code:
        location.country = code
    elif name:
        room.note(Rule.COUNTRY_WITHOUT_CODE, path, name)
        room.put(location, "country_as_written", name)
