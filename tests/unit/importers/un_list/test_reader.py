# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.unit.importers.un_list.samples import (
    GROUP,
    list_xml,
    open_list,
    person_xml,
    read_list,
    some_entry,
)

from selat.errors import MalformedError
from selat.importers.un_list.dates import PartialDate
from selat.importers.un_list.entries import (
    Address,
    Alias,
    AliasQuality,
    BirthDate,
    Document,
    EntryKind,
)
from selat.importers.un_list.report import MAX_FINDINGS, ReadingReport, Rule


def findings(report: ReadingReport) -> list[tuple[Rule, str, tuple[str, ...]]]:
    return [(each.rule, each.path, each.examples) for each in report.findings]


def test_person_is_read_with_all_its_fields() -> None:
    entries, report = read_list(list_xml())
    person = entries[0]
    assert person.kind is EntryKind.INDIVIDUAL
    assert (person.data_id, person.version) == ("111", "1")
    assert (person.reference, person.list_type) == ("QDi.901", "Al-Qaida")
    assert person.name == "ANTEK BORONO"
    assert person.original_name == "Антек Бороно"
    assert person.listed_on == "2019-04-02"
    assert person.updated_on == ("2020-01-02", "2021-05-06")
    assert person.gender == "male"
    assert person.titles == ("Dr.",)
    assert person.designations == ("a) Treasurer b) Driver",)
    assert person.nationalities == ("Iran (Islamic Republic of)", "Examplia")
    assert person.aliases == (
        Alias(
            name="Antek Borono; Antoni Boronow",
            quality=AliasQuality.GOOD,
            note="passport number ZZ1234567, previously listed as",
            birth_date="1971-02-03",
            birth_city="Orsk",
            birth_country="Examplia",
        ),
        Alias(name="Bor (original script: Бор)", quality=AliasQuality.LOW),
    )
    assert person.addresses == (
        Address(
            street="1 Example Street",
            city="Orsk",
            region="North",
            postal_code="0101",
            country="Türkiye",
            note="as at 2018",
        ),
    )
    assert [(d.earliest, d.latest) for d in person.birth_dates] == [("1971", "1973")]
    assert person.birth_places == (Address(city="Orsk"),)
    assert person.documents[1] == Document(
        type="National Identification Number",
        detail="Ration card no.",
        number="0012345",
        issuing_country="Qatar",
    )
    assert person.comments == "Made up for a test."
    assert report.findings == ()


def test_entity_is_read_with_all_its_fields() -> None:
    entries, report = read_list(list_xml(""))
    [group] = entries
    assert group.kind is EntryKind.ENTITY
    assert group.name == "COMMITTEE OF EXAMPLE MATTERS (CEM)"
    [alias] = group.aliases
    assert alias.quality is AliasQuality.FORMERLY_KNOWN_AS
    assert group.addresses == (Address(country="State of Palestine"),)
    assert report.findings == ()


def test_placeholders_are_counted_and_not_reported() -> None:
    _, report = read_list(list_xml())
    assert report.empty == {
        "INDIVIDUAL/THIRD_NAME": 1,
        "INDIVIDUAL/LAST_DAY_UPDATED/VALUE": 1,
        "INDIVIDUAL/INDIVIDUAL_ALIAS": 1,
        "INDIVIDUAL/INDIVIDUAL_PLACE_OF_BIRTH/COUNTRY": 1,
        "INDIVIDUAL/INDIVIDUAL_DOCUMENT": 1,
        "ENTITY/COMMENTS1": 1,
    }
    assert report.read["INDIVIDUAL/INDIVIDUAL_ALIAS"] == 2


def test_moment_of_the_list_is_utc() -> None:
    xml = list_xml(generated="2026-02-27T02:00:00+02:00")
    assert open_list(xml).generated == datetime(2026, 2, 27, tzinfo=UTC)
    naive = list_xml(generated="2026-02-27T00:00:00")
    assert open_list(naive).generated == datetime(2026, 2, 27, tzinfo=UTC)


@pytest.mark.parametrize("generated", ["", "yesterday", "27/02/2026"])
def test_list_without_a_date_is_refused(generated: str) -> None:
    with pytest.raises(MalformedError, match="when it was generated"):
        open_list(list_xml(generated=generated))


def test_list_can_be_read_twice() -> None:
    un_list = open_list(list_xml())
    first = list(un_list.entries(ReadingReport()))
    assert list(un_list.entries(ReadingReport())) == first


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        (
            "<TYPE_OF_DATE>EXACT</TYPE_OF_DATE><DATE>1971-02-03</DATE>",
            BirthDate(earliest=PartialDate("1971-02-03")),
        ),
        (
            "<TYPE_OF_DATE>APPROXIMATELY</TYPE_OF_DATE><YEAR>1966</YEAR>",
            BirthDate(earliest=PartialDate("1966"), approximate=True),
        ),
        (
            "<TYPE_OF_DATE>EXACT</TYPE_OF_DATE><YEAR>1958</YEAR><NOTE>Sep.</NOTE>",
            BirthDate(earliest=PartialDate("1958-09"), note="Sep."),
        ),
        (
            "<TYPE_OF_DATE>EXACT</TYPE_OF_DATE><NOTE>Nov. 1973</NOTE>",
            BirthDate(earliest=PartialDate("1973-11"), note="Nov. 1973"),
        ),
        (
            (
                "<TYPE_OF_DATE>BETWEEN</TYPE_OF_DATE><FROM_YEAR>1955</FROM_YEAR>"
                "<TO_YEAR>1958</TO_YEAR><NOTE>Approximately</NOTE>"
            ),
            BirthDate(
                earliest=PartialDate("1955"),
                latest=PartialDate("1958"),
                approximate=True,
                note="Approximately",
            ),
        ),
        (
            "<TYPE_OF_DATE>EXACT</TYPE_OF_DATE><NOTE>Between Aug. and Sep. 1977</NOTE>",
            BirthDate(
                earliest=PartialDate("1977-08"),
                latest=PartialDate("1977-09"),
                note="Between Aug. and Sep. 1977",
            ),
        ),
    ],
)
def test_date_of_birth_is_as_precise_as_the_list(
    inner: str, expected: BirthDate
) -> None:
    element = f"<INDIVIDUAL_DATE_OF_BIRTH>{inner}</INDIVIDUAL_DATE_OF_BIRTH>"
    [entry], report = read_list(list_xml(person_xml("QDi.901", element), ""))
    assert entry.birth_dates == (expected,)
    assert report.findings == ()


@pytest.mark.parametrize(
    ("inner", "note"),
    [
        ("<NOTE>05/07/1401 (Hijri Calendar)</NOTE>", "05/07/1401 (Hijri Calendar)"),
        ("<DATE>1971-02-31</DATE>", "1971-02-31"),
        ("<YEAR>1402</YEAR>", "1402"),
        ("<TYPE_OF_DATE>EXACT</TYPE_OF_DATE>", ""),
        ("<FROM_YEAR>19xx</FROM_YEAR><TO_YEAR>1973</TO_YEAR>", "19xx; 1973"),
    ],
)
def test_date_of_birth_that_is_not_understood_is_kept_as_text(
    inner: str, note: str
) -> None:
    element = f"<INDIVIDUAL_DATE_OF_BIRTH>{inner}</INDIVIDUAL_DATE_OF_BIRTH>"
    [entry], report = read_list(list_xml(person_xml("QDi.901", element), ""))
    assert entry.birth_dates == (BirthDate(note=note),)
    assert report.count(Rule.DATE_NOT_UNDERSTOOD) == 1


def test_range_that_runs_backward_keeps_its_start_and_is_reported() -> None:
    element = (
        "<INDIVIDUAL_DATE_OF_BIRTH><FROM_YEAR>1973</FROM_YEAR><TO_YEAR>1971</TO_YEAR>"
        "</INDIVIDUAL_DATE_OF_BIRTH>"
    )
    [entry], report = read_list(list_xml(person_xml("QDi.901", element), ""))
    [birth] = entry.birth_dates
    assert (birth.earliest, birth.latest, birth.note) == ("1973", None, "1973; 1971")
    assert report.count(Rule.DATE_NOT_UNDERSTOOD) == 1


@pytest.mark.parametrize(
    ("inner", "rule", "path", "example"),
    [
        ("<EYES>grey</EYES>", Rule.UNKNOWN_ELEMENT, "EYES", "grey"),
        (
            "<TITLE><VALUE>Dr<B>x</B></VALUE></TITLE>",
            Rule.UNKNOWN_ELEMENT,
            "TITLE/VALUE/B",
            "x",
        ),
        (
            "<TITLE><NAME>Dr</NAME></TITLE>",
            Rule.UNKNOWN_ELEMENT,
            "TITLE/NAME",
            "Dr",
        ),
        ("<TITLE>Dr</TITLE>", Rule.STRAY_TEXT, "TITLE", "Dr"),
        ("loose", Rule.STRAY_TEXT, "", "loose"),
        ("<GENDER>Unknown</GENDER>", Rule.UNKNOWN_VALUE, "GENDER", "Unknown"),
        ("<DATAID>2</DATAID>", Rule.REPEATED_ELEMENT, "DATAID", "2"),
        (
            "<LISTED_ON>lately</LISTED_ON>",
            Rule.DATE_NOT_UNDERSTOOD,
            "LISTED_ON",
            "lately",
        ),
        (
            "<LAST_DAY_UPDATED><VALUE>lately</VALUE></LAST_DAY_UPDATED>",
            Rule.DATE_NOT_UNDERSTOOD,
            "LAST_DAY_UPDATED/VALUE",
            "lately",
        ),
        (
            "<LIST_TYPE><VALUE>EU List</VALUE></LIST_TYPE>",
            Rule.UNKNOWN_VALUE,
            "LIST_TYPE/VALUE",
            "EU List",
        ),
        (
            (
                "<INDIVIDUAL_ALIAS><QUALITY>Fair</QUALITY><ALIAS_NAME>B</ALIAS_NAME>"
                "</INDIVIDUAL_ALIAS>"
            ),
            Rule.UNKNOWN_VALUE,
            "INDIVIDUAL_ALIAS/QUALITY",
            "Fair",
        ),
        (
            (
                "<INDIVIDUAL_DATE_OF_BIRTH><TYPE_OF_DATE>CIRCA</TYPE_OF_DATE>"
                "<YEAR>1970</YEAR></INDIVIDUAL_DATE_OF_BIRTH>"
            ),
            Rule.UNKNOWN_VALUE,
            "INDIVIDUAL_DATE_OF_BIRTH/TYPE_OF_DATE",
            "CIRCA",
        ),
    ],
)
def test_what_is_not_understood_is_reported_and_not_fatal(
    inner: str, rule: Rule, path: str, example: str
) -> None:
    entries, report = read_list(list_xml(person_xml("QDi.901", inner)))
    assert len(entries) == 2
    [finding] = report.findings
    assert finding.rule is rule
    assert finding.path == f"INDIVIDUAL/{path}".rstrip("/")
    assert finding.examples == (example,)
    assert finding.references == ("QDi.901",)


def test_attributes_are_reported() -> None:
    xml = list_xml(
        person_xml(
            "QDi.901",
            '<GENDER lang="en">Male</GENDER><TITLE nil="true"/>',
        ),
        "",
    )
    _, report = read_list(xml)
    assert [each.path for each in report.findings] == [
        "INDIVIDUAL/GENDER@lang",
        "INDIVIDUAL/TITLE/@nil",
    ]


def test_personal_fields_of_an_entity_are_reported() -> None:
    group = GROUP.replace("<SORT_KEY>", "<GENDER>Male</GENDER><SORT_KEY>")
    _, report = read_list(list_xml("", group))
    assert findings(report) == [(Rule.UNKNOWN_ELEMENT, "ENTITY/GENDER", ("Male",))]


@pytest.mark.parametrize(
    ("xml", "rule", "shown"),
    [
        ("<INDIVIDUAL/>", Rule.NO_REFERENCE, ()),
        (
            "<INDIVIDUAL><DATAID>7</DATAID><FIRST_NAME>A</FIRST_NAME></INDIVIDUAL>",
            Rule.NO_REFERENCE,
            ("DATAID 7",),
        ),
        (
            (
                "<INDIVIDUAL><DATAID>7</DATAID><REFERENCE_NUMBER>QDi.1</REFERENCE_NUMBER>"
                "</INDIVIDUAL>"
            ),
            Rule.NO_NAME,
            ("DATAID 7",),
        ),
    ],
)
def test_entry_that_names_nobody_is_left_out_and_reported(
    xml: str, rule: Rule, shown: tuple[str, ...]
) -> None:
    entries, report = read_list(list_xml(xml))
    assert [entry.reference for entry in entries] == ["TAe.902"]
    assert findings(report) == [(rule, "INDIVIDUAL", shown)]
    assert report.entries_left_out == 1


def test_second_entry_with_one_reference_is_left_out_and_reported() -> None:
    entries, report = read_list(list_xml(person_xml("QDi.901") * 2))
    assert len(entries) == 2
    [finding] = report.findings
    assert finding.rule is Rule.DUPLICATE_REFERENCE
    assert finding.references == ("QDi.901",)
    assert report.entries_left_out == 1


def test_entry_without_a_name_cannot_be_made() -> None:
    with pytest.raises(MalformedError, match="no reference number or no name"):
        some_entry(name="")


def test_report_of_a_hostile_file_is_bounded() -> None:
    inner = "".join(f"<X{n}>{'y' * 500}</X{n}>" for n in range(MAX_FINDINGS * 2))
    _, report = read_list(list_xml(person_xml("QDi.901", inner)))
    assert len(report.findings) <= MAX_FINDINGS + 1
    assert report.count(Rule.UNKNOWN_ELEMENT) == MAX_FINDINGS * 2
    assert all(len(each) <= 120 for f in report.findings for each in f.examples)
