# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.unit.importers.un_list.samples import (
    ISSUE,
    NOW,
    listing_of,
    message_of,
    person_of,
    sample,
    some_entry,
    some_publisher,
)

from selat.core.selectors import SelectorKind
from selat.errors import ConfigurationError
from selat.importers.un_list.dates import PartialDate
from selat.importers.un_list.entries import (
    Address,
    Alias,
    AliasQuality,
    BirthDate,
    EntryKind,
)
from selat.importers.un_list.mapping import body_of, to_message
from selat.importers.un_list.report import ReadingReport, Rule
from selat.policy.catalogue import Catalogue
from selat.records.inspection import inspect
from selat.records.schema import Schema
from selat.v1 import entities_pb2, message_pb2

GENERATED = datetime(2026, 2, 27, tzinfo=UTC)


def test_person_of_the_al_qaida_list_is_terrorism() -> None:
    message, _ = sample()
    assert message.header.category == "terrorism"
    assert message.header.type == message_pb2.MESSAGE_TYPE_PERSON
    assert message.body.WhichOneof("record") == "person"
    assert list(message.header.legal_basis) == [
        "UNSCR 1267 (1999)",
        "UNSCR 1989 (2011)",
        "UNSCR 2253 (2015)",
    ]
    [listing] = message.body.person.listings
    assert (listing.reference, listing.regime) == ("QDi.901", "Al-Qaida")
    assert entities_pb2.SANCTION_MEASURE_TRAVEL_BAN in listing.measures


def test_organisation_of_the_al_qaida_list_is_terrorism() -> None:
    message = message_of(some_entry(kind=EntryKind.ENTITY, reference="QDe.901"))
    assert message.header.category == "terrorism"
    assert message.header.type == message_pb2.MESSAGE_TYPE_ORGANISATION
    [listing] = message.body.organisation.listings
    assert list(listing.measures) == [
        entities_pb2.SANCTION_MEASURE_ASSETS_FREEZE,
        entities_pb2.SANCTION_MEASURE_ARMS_EMBARGO,
    ]


def test_taliban_list_is_sanctions_under_its_own_resolutions() -> None:
    _, message = sample()
    assert message.header.category == "sanctions"
    assert message.header.type == message_pb2.MESSAGE_TYPE_SANCTIONS_LISTING
    assert list(message.header.legal_basis) == [
        "UNSCR 1988 (2011)",
        "UNSCR 2255 (2015)",
    ]
    record = message.body.sanctions_listing
    assert record.WhichOneof("subject") == "organisation"
    assert record.listing.reference == "TAe.902"


def test_person_of_another_regime_is_a_sanctions_listing() -> None:
    message = message_of(some_entry(reference="KPi.901", list_type="DPRK"))
    assert list(message.header.legal_basis) == ["UNSCR 1718 (2006)"]
    assert message.body.sanctions_listing.WhichOneof("subject") == "person"
    assert not message.body.sanctions_listing.listing.measures


def test_reference_number_decides_when_the_regime_has_a_new_name() -> None:
    message = message_of(some_entry(list_type="ISIL and Al-Qaida"))
    assert message.header.category == "terrorism"


def test_unknown_regime_rests_on_the_charter_and_is_reported() -> None:
    report = ReadingReport()
    entry = some_entry(reference="XXi.901", list_type="Examplia")
    message = message_of(entry, report)
    assert message.header.category == "sanctions"
    assert list(message.header.legal_basis) == [
        "Charter of the United Nations, art. 41"
    ]
    [finding] = report.findings
    assert (finding.rule, finding.examples) == (Rule.UNKNOWN_VALUE, ("Examplia",))


def test_public_list_is_marked_clear_and_evaluated_as_official() -> None:
    header = sample()[0].header
    assert header.marking == message_pb2.Marking(
        level=message_pb2.LEVEL_UNCLASSIFIED,
        handling=[message_pb2.HANDLING_CODE_H0],
        tlp=message_pb2.TLP_CLEAR,
    )
    assert header.evaluation == message_pb2.Evaluation(
        source=message_pb2.SOURCE_CODE_A,
        information=message_pb2.INFORMATION_CODE_1,
        source_grade=message_pb2.SOURCE_GRADE_A,
        information_grade=message_pb2.INFORMATION_GRADE_1,
    )
    assert header.subject_role == message_pb2.SUBJECT_ROLE_UNSPECIFIED


def test_purposes_and_expiry_are_those_of_the_catalogue() -> None:
    catalogue = some_publisher().catalogue
    for message in sample():
        category = catalogue.categories[message.header.category]
        names = {
            message_pb2.Purpose.Name(each).removeprefix("PURPOSE_").lower()
            for each in message.header.purposes
        }
        assert names
        assert not category.disallowed_purposes(names)
        expiry = message.header.expires_at.ToDatetime(UTC)
        assert expiry == NOW + timedelta(days=category.longest_retention_days)
    assert message_pb2.PURPOSE_SANCTIONS in sample()[1].header.purposes


def test_header_names_publisher_recipients_and_times() -> None:
    header = sample()[0].header
    assert header.originator.node == "police.aa.example"
    assert header.originator.state == "XA"
    assert list(header.recipients) == ["police.bb.example", "police.cc.example"]
    assert header.created_at.ToDatetime(UTC) == NOW
    assert header.collected_at.ToDatetime(UTC) == GENERATED
    assert header.title == "QDi.901 ANTEK BORONO"
    assert header.status == message_pb2.RECORD_STATUS_CURRENT
    assert not header.HasField("supersedes")


def test_later_version_supersedes_the_one_before() -> None:
    header = message_of(some_entry(), issue=replace(ISSUE, version=3)).header
    assert (header.version, header.supersedes.version) == (3, 2)
    assert header.supersedes.id == header.id


def test_date_of_delisting_makes_a_delisted_record() -> None:
    message = message_of(some_entry(delisted_on="2026-01-05"))
    assert message.header.status == message_pb2.RECORD_STATUS_DELISTED
    assert message.body.person.listings[0].delisted_on == "2026-01-05"


def test_names_stand_once_each_with_kind_script_and_note() -> None:
    person = sample()[0].body.person.person
    assert [(n.full, n.script, n.kind) for n in person.names] == [
        ("ANTEK BORONO", "Latn", entities_pb2.NAME_KIND_PRIMARY),
        ("Антек Бороно", "Cyrl", entities_pb2.NAME_KIND_PRIMARY),
        ("Antek Borono", "Latn", entities_pb2.NAME_KIND_ALIAS_GOOD),
        ("Antoni Boronow", "Latn", entities_pb2.NAME_KIND_ALIAS_GOOD),
        ("Bor", "Latn", entities_pb2.NAME_KIND_ALIAS_LOW),
        ("Бор", "Cyrl", entities_pb2.NAME_KIND_ALIAS_LOW),
    ]
    assert person.names[2].note == (
        "born 1971-02-03 in Orsk, Examplia; "
        "passport number ZZ1234567, previously listed as"
    )


def test_name_that_is_given_twice_has_both_remarks() -> None:
    aliases = tuple(
        Alias(name="Anton", quality=AliasQuality.NOT_STATED, birth_country=country)
        for country in ("Examplia", "Otherland", "Examplia")
    )
    person, _ = person_of(aliases=aliases)
    [_, alias] = person.names
    assert alias.note == "born in Examplia; born in Otherland"
    assert alias.kind == entities_pb2.NAME_KIND_ALIAS


def test_organisation_is_found_by_name_and_by_acronym() -> None:
    names = sample()[1].body.sanctions_listing.organisation.names
    assert [(name.full, name.kind) for name in names] == [
        ("COMMITTEE OF EXAMPLE MATTERS (CEM)", entities_pb2.NAME_KIND_PRIMARY),
        ("COMMITTEE OF EXAMPLE MATTERS", entities_pb2.NAME_KIND_ALIAS),
        ("CEM", entities_pb2.NAME_KIND_ALIAS),
        ("Example Fund", entities_pb2.NAME_KIND_FORMER),
    ]


def test_two_primary_names_in_one_text_are_two_names() -> None:
    message = message_of(some_entry(kind=EntryKind.ENTITY, name="FUND A ; FUND B;"))
    names = message.body.organisation.organisation.names
    assert [(name.full, name.kind) for name in names] == [
        ("FUND A", entities_pb2.NAME_KIND_PRIMARY),
        ("FUND B", entities_pb2.NAME_KIND_ALIAS),
    ]


def test_one_date_and_one_place_are_one_birth() -> None:
    [birth] = sample()[0].body.person.person.births
    assert (birth.date, birth.latest_date, birth.place.city) == ("1971", "1973", "Orsk")


def test_several_dates_and_places_are_not_paired() -> None:
    person, _ = person_of(
        birth_dates=(
            BirthDate(earliest=PartialDate("1971")),
            BirthDate(note="about 30 years old", approximate=True),
        ),
        birth_places=(Address(city="Orsk"),),
    )
    assert [(b.date, b.approximate, b.note, b.place.city) for b in person.births] == [
        ("1971", False, "", ""),
        ("", True, "about 30 years old", ""),
        ("", False, "", "Orsk"),
    ]


def test_sex_nationality_titles_and_offices() -> None:
    person = sample()[0].body.person.person
    assert person.sex == entities_pb2.SEX_MALE
    assert list(person.nationalities) == ["IR"]
    assert list(person.nationalities_as_written) == ["Examplia"]
    assert list(person.titles) == ["Dr."]
    assert list(person.functions) == ["Treasurer", "Driver"]


def test_address_has_a_code_or_the_country_as_written() -> None:
    person, report = person_of(
        addresses=(
            Address(street="1 A Street", postal_code="1", country="TÜRKIYE"),
            Address(country="Examplia", note="until 2001"),
        )
    )
    first, second = person.locations
    assert (first.street, first.postal_code, first.country) == ("1 A Street", "1", "TR")
    assert (second.country, second.country_as_written) == ("", "Examplia")
    [finding] = report.findings
    assert finding.path == "INDIVIDUAL/INDIVIDUAL_ADDRESS/COUNTRY"


def test_listing_has_dates_submitter_and_list() -> None:
    listing = listing_of(
        listed_on="2019-04-02",
        updated_on=("2020-01-02", "2021-05-06"),
        submitted_by="Examplia",
    )
    assert listing.listed_on == "2019-04-02"
    assert list(listing.updated_on) == ["2020-01-02", "2021-05-06"]
    assert listing.submitted_by == "Examplia"
    assert listing.list_version == "2026-02-27T00:00:00+00:00"


def test_what_has_no_room_stands_in_the_narrative() -> None:
    aliases = tuple(
        Alias(name=f"Anton {n}", quality=AliasQuality.LOW) for n in range(70)
    )
    entry = some_entry(
        aliases=aliases,
        titles=tuple(f"Title {n}" for n in range(20)),
        designations=("x" * 3_000,),
        birth_places=tuple(Address(city=f"Town {n}") for n in range(20)),
        comments="Why.",
    )
    report = ReadingReport()
    record = message_of(entry, report).body.person
    assert len(record.person.names) == 64
    narrative = record.listings[0].narrative
    lines = narrative.splitlines()
    assert lines[0] == "Why."
    assert "names: Anton 69" in lines
    assert "titles: Title 19" in lines
    assert "births: Town 19" in lines
    assert f"functions: {'x' * 3_000}" in lines
    assert report.count(Rule.DOES_NOT_FIT) == len(lines) - 1


def test_narrative_that_is_too_long_is_cut_and_reported() -> None:
    report = ReadingReport()
    entry = some_entry(comments="x" * 16_384, designations=("y" * 3_000,))
    narrative = message_of(entry, report).body.person.listings[0].narrative
    assert len(narrative) == 16_384
    assert narrative.endswith("…")
    assert {each.path for each in report.findings} == {
        "Person.functions",
        "Listing.narrative",
    }


def test_text_too_long_for_its_field_stands_whole_in_the_narrative() -> None:
    listing = listing_of(addresses=(Address(city="x" * 300, country="Qatar"),))
    assert listing.narrative == f"city: {'x' * 300}"


def test_long_name_is_cut_in_the_title_only() -> None:
    message = message_of(some_entry(name="A" * 300))
    assert len(message.header.title) == 256
    assert message.body.person.person.names[0].full == "A" * 300


def test_names_documents_and_reference_become_selectors() -> None:
    message, _ = sample()
    found = inspect(Schema(), message.header, message.body, strict=True).selectors
    values = {(selector.kind, selector.value) for selector in found}
    assert (SelectorKind.PERSON_NAME, "antek borono") in values
    assert (SelectorKind.DOCUMENT, "AB1234567") in values
    assert (SelectorKind.NATIONAL_ID, "0012345") in values
    assert (SelectorKind.LISTING, "QDI901") in values


def test_body_does_not_depend_on_the_clock() -> None:
    entry = some_entry()
    first = body_of(entry, GENERATED, ReadingReport())
    assert body_of(entry, GENERATED, ReadingReport()) == first


def test_catalogue_without_the_category_is_refused_with_a_remedy() -> None:
    publisher = replace(
        some_publisher(), catalogue=Catalogue(categories={}, instruments={})
    )
    with pytest.raises(ConfigurationError, match="no category terrorism") as caught:
        to_message(some_entry(), ISSUE, publisher, ReadingReport())
    assert "categories.toml" in caught.value.remedy


def test_catalogue_without_the_type_is_refused_with_a_remedy() -> None:
    publisher = some_publisher()
    narrow = replace(
        publisher.catalogue.categories["terrorism"], record_types=frozenset({"event"})
    )
    catalogue = Catalogue(categories={"terrorism": narrow}, instruments={})
    with pytest.raises(ConfigurationError, match="does not allow person records"):
        to_message(
            some_entry(),
            ISSUE,
            replace(publisher, catalogue=catalogue),
            ReadingReport(),
        )
