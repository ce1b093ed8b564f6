# SPDX-License-Identifier: Apache-2.0
"""What an entry says of a person or an organisation, as entities."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from selat.importers.un_list.country_names import country_code
from selat.importers.un_list.documents import (
    add_document,
    add_passports_of_alias,
    put_country,
)
from selat.importers.un_list.entries import Address, BirthDate, EntryKind, ListEntry
from selat.importers.un_list.names import names_of
from selat.importers.un_list.report import Rule
from selat.importers.un_list.room import Room
from selat.v1 import entities_pb2 as pb

_SEXES: Final = {"female": pb.SEX_FEMALE, "male": pb.SEX_MALE}

# "a) … b) …" counts offices in one text.
_COUNTED: Final = re.compile(r"(?:^|\s+)[a-z]\)\s+")


def person_of(entry: ListEntry, room: Room) -> pb.Person:
    """Return the person of an entry.

    Args:
        entry: An entry of an individual.
        room: Takes what has no field.
    """
    person = pb.Person(sex=_SEXES.get(entry.gender, pb.SEX_UNSPECIFIED))
    for name in names_of(entry):
        item = pb.PersonName(full=name.full, script=name.script, kind=name.kind)
        room.put(item, "note", name.note)
        room.append(person, "names", item, name.full)
    for birth, text in _births(entry, room):
        room.append(person, "births", birth, text)
    _add_nationalities(person, entry.nationalities, room)
    for document in entry.documents:
        add_document(person, document, room)
    for alias in entry.aliases:
        add_passports_of_alias(person, alias, room)
    for location, text in _locations(entry, room):
        room.append(person, "locations", location, text)
    room.add(person, "titles", entry.titles)
    room.add(person, "functions", _offices(entry.designations))
    return person


def organisation_of(entry: ListEntry, room: Room) -> pb.Organisation:
    """Return the organisation of an entry.

    Args:
        entry: An entry of an entity.
        room: Takes what has no field.
    """
    organisation = pb.Organisation()
    for name in names_of(entry):
        item = pb.OrganisationName(full=name.full, script=name.script, kind=name.kind)
        room.put(item, "note", name.note)
        room.append(organisation, "names", item, name.full)
    for location, text in _locations(entry, room):
        room.append(organisation, "locations", location, text)
    return organisation


def _births(entry: ListEntry, room: Room) -> Iterator[tuple[pb.Birth, str]]:
    """Yield the births, each with what it says in words.

    One date and one place are one birth. Of several the list does not say
    which belong together, and neither do we.
    """
    path = "INDIVIDUAL/INDIVIDUAL_PLACE_OF_BIRTH/COUNTRY"
    dates = [(_birth(date, room), _date_in_words(date)) for date in entry.birth_dates]
    places = [
        (pb.Birth(place=_location(place, path, room)), _place_in_words(place))
        for place in entry.birth_places
    ]
    if len(dates) == len(places) == 1:
        [(birth, date_text)], [(place, place_text)] = dates, places
        birth.MergeFrom(place)
        yield birth, f"{date_text}, {place_text}"
    else:
        yield from dates
        yield from places


def _birth(date: BirthDate, room: Room) -> pb.Birth:
    birth = pb.Birth(
        date=date.earliest or "",
        latest_date=date.latest or "",
        approximate=date.approximate,
    )
    room.put(birth, "note", date.note)
    return birth


def _locations(entry: ListEntry, room: Room) -> Iterator[tuple[pb.Location, str]]:
    subject = "INDIVIDUAL" if entry.kind is EntryKind.INDIVIDUAL else "ENTITY"
    path = f"{subject}/{subject}_ADDRESS/COUNTRY"
    for address in entry.addresses:
        yield _location(address, path, room), _place_in_words(address)


def _location(address: Address, path: str, room: Room) -> pb.Location:
    location = pb.Location()
    room.put(location, "street", address.street)
    room.put(location, "city", address.city)
    room.put(location, "region", address.region)
    room.put(location, "postal_code", address.postal_code)
    room.put(location, "note", address.note)
    put_country(location, address.country, path, room)
    return location


def _add_nationalities(person: pb.Person, names: Iterable[str], room: Room) -> None:
    unknown = []
    codes = []
    for name in names:
        code = country_code(name)
        if code:
            codes.append(code)
        else:
            room.note(Rule.COUNTRY_WITHOUT_CODE, "INDIVIDUAL/NATIONALITY/VALUE", name)
            unknown.append(name)
    room.add(person, "nationalities", codes)
    room.add(person, "nationalities_as_written", unknown)


def _offices(designations: Iterable[str]) -> Iterator[str]:
    for designation in designations:
        yield from filter(None, _COUNTED.split(designation))


def _date_in_words(date: BirthDate) -> str:
    dates = " to ".join(filter(None, [date.earliest, date.latest]))
    about = "about" if date.approximate else ""
    return " ".join(filter(None, [about, dates, date.note]))


def _place_in_words(place: Address) -> str:
    parts = [
        place.street,
        place.city,
        place.region,
        place.postal_code,
        place.country,
        place.note,
    ]
    return ", ".join(filter(None, parts))
