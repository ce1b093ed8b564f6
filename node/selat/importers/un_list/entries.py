# SPDX-License-Identifier: Apache-2.0
"""An entry of the Consolidated List, as the list has it.

Texts stand here as the list writes them, with white space folded, and empty
where the list says nothing. What a text means for a record is decided in
`selat.importers.un_list.mapping`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from selat.errors import MalformedError
from selat.importers.un_list.dates import PartialDate


class EntryKind(StrEnum):
    """Whether a person or something else is listed."""

    INDIVIDUAL = "individual"
    ENTITY = "entity"


class AliasQuality(StrEnum):
    """How the list qualifies a name beside the first one."""

    NOT_STATED = ""
    GOOD = "good"
    LOW = "low"
    ALSO_KNOWN_AS = "a.k.a."
    FORMERLY_KNOWN_AS = "f.k.a."


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """Another name, with what the list knows of its use.

    Attributes:
        name: The name; at times several, or one with a remark in it.
        quality: Its quality.
        note: Remark, at times the name in its own script.
        birth_date: Date of birth given together with the name, as written.
        birth_city: City of birth given together with the name.
        birth_country: Country of birth given together with the name.
    """

    name: str
    quality: AliasQuality
    note: str = ""
    birth_date: str = ""
    birth_city: str = ""
    birth_country: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An address or a place of birth."""

    street: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BirthDate:
    """A date of birth, no more precise than the list gives it.

    Attributes:
        earliest: The date, or the first one of a range; None when the list
            gives none that was understood.
        latest: Last date of a range, else None.
        approximate: The list calls it approximate.
        note: Remark; the whole text, when no date was understood.
    """

    earliest: PartialDate | None = None
    latest: PartialDate | None = None
    approximate: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document or number, as the list writes it.

    Attributes:
        type: Kind in the list's words; few are in use.
        detail: Kind in the words of the state that submitted it.
        number: The number, often with words around it.
        issuing_country: State that issued it.
        issue_date: Date of issue as written.
        issue_city: Where it was issued.
        issue_country: Country in which it was issued.
        note: Remark, at times the number.
    """

    type: str = ""
    detail: str = ""
    number: str = ""
    issuing_country: str = ""
    issue_date: str = ""
    issue_city: str = ""
    issue_country: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListEntry:
    """One entry of the list.

    Attributes:
        kind: Person or not.
        data_id: Identifier of the entry in the list's database.
        version: Version number of the entry; all entries stand at 1.
        reference: Permanent reference number, for example ``QDi.001``.
        list_type: Regime in the list's words, for example ``Al-Qaida``.
        name: First name, the parts joined by spaces.
        original_name: The same name in its own script.
        listed_on: When it was listed.
        updated_on: When it was changed, oldest first.
        delisted_on: When it was taken off the list, where the list says so.
        submitted_by: Who proposed it, where the list says so.
        gender: Gender in the list's words.
        aliases: Other names.
        titles: Titles.
        designations: Offices and functions.
        nationalities: Nationalities in the list's words.
        birth_dates: Dates of birth.
        birth_places: Places of birth.
        addresses: Addresses.
        documents: Documents and numbers.
        comments: Why it is listed, and remarks.
    """

    kind: EntryKind
    data_id: str
    version: str
    reference: str
    list_type: str
    name: str
    original_name: str = ""
    listed_on: PartialDate | None = None
    updated_on: tuple[PartialDate, ...] = ()
    delisted_on: PartialDate | None = None
    submitted_by: str = ""
    gender: str = ""
    aliases: tuple[Alias, ...] = ()
    titles: tuple[str, ...] = ()
    designations: tuple[str, ...] = ()
    nationalities: tuple[str, ...] = ()
    birth_dates: tuple[BirthDate, ...] = ()
    birth_places: tuple[Address, ...] = ()
    addresses: tuple[Address, ...] = ()
    documents: tuple[Document, ...] = ()
    comments: str = ""

    def __post_init__(self) -> None:
        """Refuse an entry that nobody could refer to or name."""
        if not self.reference or not self.name:
            raise MalformedError(
                "An entry of the list has no reference number or no name.",
                remedy="Look the entry up in the list and report it to its keeper.",
            )
