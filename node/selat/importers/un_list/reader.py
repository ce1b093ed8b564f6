# SPDX-License-Identifier: Apache-2.0
"""Entries of the list from the elements of its XML, read leniently.

Every text of the file ends in an entry or in the report. Two elements are left
out on purpose: SORT_KEY and SORT_KEY_LAST_MOD order the list's own table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import BinaryIO, Final, TypeVar

from selat.errors import MalformedError
from selat.importers.un_list.dates import (
    PartialDate,
    month_of_year,
    month_range,
    partial_date,
    written_date,
)
from selat.importers.un_list.entries import (
    Address,
    Alias,
    AliasQuality,
    BirthDate,
    Document,
    EntryKind,
    ListEntry,
)
from selat.importers.un_list.fields import Fields
from selat.importers.un_list.report import ReadingReport, Rule
from selat.importers.un_list.xml_stream import EntryStream

_QUALITIES: Final = {
    "": AliasQuality.NOT_STATED,
    "good": AliasQuality.GOOD,
    "low": AliasQuality.LOW,
    "a.k.a.": AliasQuality.ALSO_KNOWN_AS,
    "f.k.a.": AliasQuality.FORMERLY_KNOWN_AS,
}

_NAME_PARTS: Final = ("FIRST", "SECOND", "THIRD", "FOURTH", "FIFTH", "SIXTH")
_GENDERS: Final = frozenset({"", "male", "female"})

_Value = TypeVar("_Value")


class UnList:
    """A Consolidated List in a seekable file, which can be read repeatedly.

    Not safe for concurrent use: every reading moves the file's position.

    Attributes:
        generated: When the United Nations generated the list.
    """

    def __init__(self, source: BinaryIO) -> None:
        """Read the list's date.

        Args:
            source: The XML, open for binary reading; the caller closes it.

        Raises:
            MalformedError: The file is no Consolidated List, or has no date.
            TooLargeError: It is over a limit.
        """
        self._source = source
        self.generated = self._stream(ReadingReport())[1]

    def entries(self, report: ReadingReport) -> Iterator[ListEntry]:
        """Yield the entries in the order of the file, from its start.

        Args:
            report: Takes what is not understood.

        Raises:
            MalformedError: The file is broken, cut off or not UTF-8.
            TooLargeError: It is over a limit.
        """
        stream, _ = self._stream(report)
        known: set[str] = set()
        for element in stream:
            entry = read_entry(Fields(element, report))
            if entry is None:
                continue
            if entry.reference in known:
                report.note(
                    Rule.DUPLICATE_REFERENCE, element.tag, reference=entry.reference
                )
                continue
            known.add(entry.reference)
            yield entry

    def _stream(self, report: ReadingReport) -> tuple[EntryStream, datetime]:
        self._source.seek(0)
        stream = EntryStream(self._source, report)
        return stream, _moment(stream.generated)


def read_entry(fields: Fields) -> ListEntry | None:
    """Return what one element says, or None when it names nobody.

    Args:
        fields: The element INDIVIDUAL or ENTITY.
    """
    fields.reference = fields.text("REFERENCE_NUMBER")
    data_id = fields.text("DATAID")
    name = " ".join(filter(None, [fields.text(f"{n}_NAME") for n in _NAME_PARTS]))
    if not fields.reference or not name:
        rule = Rule.NO_NAME if fields.reference else Rule.NO_REFERENCE
        shown = f"DATAID {data_id}" if data_id else ""
        fields.report.note(rule, fields.path, reference=fields.reference, value=shown)
        return None
    _expect_un_list(fields)
    common = ListEntry(
        kind=EntryKind(fields.path.lower()),
        data_id=data_id,
        version=fields.text("VERSIONNUM"),
        reference=fields.reference,
        list_type=fields.text("UN_LIST_TYPE"),
        name=name,
        original_name=fields.text("NAME_ORIGINAL_SCRIPT"),
        listed_on=_date(fields, "LISTED_ON"),
        updated_on=_updates(fields),
        delisted_on=_date(fields, "DELISTED_ON"),
        submitted_by=fields.text("SUBMITTED_BY"),
        aliases=_groups(fields, f"{fields.path}_ALIAS", _alias),
        addresses=_groups(fields, f"{fields.path}_ADDRESS", _address),
        comments=fields.text("COMMENTS1"),
    )
    entry = common
    if common.kind is EntryKind.INDIVIDUAL:
        entry = _with_personal_fields(common, fields)
    fields.finish(ignored=("SORT_KEY", "SORT_KEY_LAST_MOD"))
    return entry


def _with_personal_fields(entry: ListEntry, fields: Fields) -> ListEntry:
    """Add what only persons have; in an entity it would be an unknown element."""
    return replace(
        entry,
        gender=_gender(fields),
        titles=fields.values("TITLE"),
        designations=fields.values("DESIGNATION"),
        nationalities=fields.values("NATIONALITY") + fields.values("NATIONALITY2"),
        birth_dates=_groups(fields, "INDIVIDUAL_DATE_OF_BIRTH", _birth_date),
        birth_places=_groups(fields, "INDIVIDUAL_PLACE_OF_BIRTH", _address),
        documents=_groups(fields, "INDIVIDUAL_DOCUMENT", _document),
    )


def _groups(
    fields: Fields, tag: str, read: Callable[[Fields], _Value]
) -> tuple[_Value, ...]:
    """Read each element of a name that has content."""
    values = []
    for group in fields.groups(tag):
        values.append(read(group))
        group.finish()
    return tuple(values)


def _alias(fields: Fields) -> Alias:
    written = fields.text("QUALITY")
    quality = _QUALITIES.get(written.lower())
    if quality is None:
        fields.note(Rule.UNKNOWN_VALUE, "QUALITY", written)
        quality = AliasQuality.NOT_STATED
    return Alias(
        name=fields.text("ALIAS_NAME"),
        quality=quality,
        note=fields.text("NOTE"),
        birth_date=fields.text("DATE_OF_BIRTH"),
        birth_city=fields.text("CITY_OF_BIRTH"),
        birth_country=fields.text("COUNTRY_OF_BIRTH"),
    )


def _address(fields: Fields) -> Address:
    return Address(
        street=fields.text("STREET"),
        city=fields.text("CITY"),
        region=fields.text("STATE_PROVINCE"),
        postal_code=fields.text("ZIP_CODE"),
        country=fields.text("COUNTRY"),
        note=fields.text("NOTE"),
    )


def _document(fields: Fields) -> Document:
    return Document(
        type=fields.text("TYPE_OF_DOCUMENT"),
        detail=fields.text("TYPE_OF_DOCUMENT2"),
        number=fields.text("NUMBER"),
        issuing_country=fields.text("ISSUING_COUNTRY"),
        issue_date=fields.text("DATE_OF_ISSUE"),
        issue_city=fields.text("CITY_OF_ISSUE"),
        issue_country=fields.text("COUNTRY_OF_ISSUE"),
        note=fields.text("NOTE"),
    )


def _birth_date(fields: Fields) -> BirthDate:
    kind = fields.text("TYPE_OF_DATE")
    if kind not in {"", "EXACT", "APPROXIMATELY", "BETWEEN"}:
        fields.note(Rule.UNKNOWN_VALUE, "TYPE_OF_DATE", kind)
    written = [
        fields.text(tag) for tag in ("DATE", "YEAR", "FROM_YEAR", "TO_YEAR", "NOTE")
    ]
    exact, year, first, last, note = written
    earliest = partial_date(exact or year or first)
    latest = partial_date(last)
    if earliest and len(earliest) == len("YYYY") and note:
        earliest = month_of_year(earliest, note) or earliest
    if earliest is None:
        earliest, latest = _birth_date_in_words(note, latest)
    understood = earliest is not None and (latest is not None or not last)
    if latest is not None and (earliest is None or latest < earliest):
        understood, latest = False, None
    if not understood:
        note = "; ".join(filter(None, written))
        fields.note(Rule.DATE_NOT_UNDERSTOOD, "", note)
    return BirthDate(
        earliest=earliest,
        latest=latest,
        approximate=kind == "APPROXIMATELY" or note.lower() == "approximately",
        note=note,
    )


def _birth_date_in_words(
    note: str, latest: PartialDate | None
) -> tuple[PartialDate | None, PartialDate | None]:
    """Return the date that stands only in the remark, and the end of its range."""
    return month_range(note) or (written_date(note), latest)


def _date(fields: Fields, tag: str) -> PartialDate | None:
    written = fields.text(tag)
    understood = partial_date(written)
    if written and understood is None:
        fields.note(Rule.DATE_NOT_UNDERSTOOD, tag, written)
    return understood


def _updates(fields: Fields) -> tuple[PartialDate, ...]:
    dates: set[PartialDate] = set()
    for written in fields.values("LAST_DAY_UPDATED"):
        understood = partial_date(written)
        if understood is None:
            fields.note(Rule.DATE_NOT_UNDERSTOOD, "LAST_DAY_UPDATED/VALUE", written)
        else:
            dates.add(understood)
    return tuple(sorted(dates))


def _gender(fields: Fields) -> str:
    written = fields.text("GENDER")
    if written.lower() not in _GENDERS:
        fields.note(Rule.UNKNOWN_VALUE, "GENDER", written)
    return written.lower()


def _expect_un_list(fields: Fields) -> None:
    for value in fields.values("LIST_TYPE"):
        if value != "UN List":
            fields.note(Rule.UNKNOWN_VALUE, "LIST_TYPE/VALUE", value)


def _moment(written: str) -> datetime:
    """Read the moment at which the list was generated, UTC where no zone is."""
    try:
        moment = datetime.fromisoformat(written)
    except ValueError as error:
        raise MalformedError(
            "The list does not say when it was generated (dateGenerated).",
            remedy="Download the list again; without its date nobody can tell an "
            "older list from a newer one.",
        ) from error
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
