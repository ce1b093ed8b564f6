# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from tests.unit.importers.un_list.samples import (
    listing_of,
    message_of,
    person_of,
    sample,
    some_entry,
)

from selat.importers.un_list.entries import Document
from selat.importers.un_list.report import ReadingReport, Rule
from selat.v1 import entities_pb2


def test_passport_has_number_issuer_dates_status_and_the_whole_text() -> None:
    passport = sample()[0].body.person.person.documents[0]
    assert passport.type == entities_pb2.DOCUMENT_TYPE_PASSPORT
    assert passport.number == "AB1234567"
    assert passport.issued_on == "2010-01-31"
    assert passport.expires_on == "2020-01-30"
    assert passport.status == entities_pb2.DOCUMENT_STATUS_REVOKED
    assert (passport.issued_at.city, passport.issued_at.country) == ("Orsk", "QA")
    assert passport.note == (
        "Examplian passport no; expires on 30 Jan. 2020, revoked; issuer: Examplia"
    )


def test_passport_in_the_remark_on_a_name_is_a_document() -> None:
    passport = sample()[0].body.person.person.documents[1]
    assert passport.number == "ZZ1234567"
    assert "Antoni Boronow" in passport.note


def test_national_number_is_a_personal_identifier() -> None:
    [identifier] = sample()[0].body.person.person.identifiers
    assert identifier.kind == "National Identification Number"
    assert (identifier.number, identifier.country) == ("0012345", "QA")
    assert identifier.note == "Ration card no."


@pytest.mark.parametrize(
    ("document", "type_", "number"),
    [
        (
            Document(type="Passport", note="Examplian passport number L 123456 issued"),
            entities_pb2.DOCUMENT_TYPE_PASSPORT,
            "L 123456",
        ),
        (
            Document(type="Passport", number="Laissez-passer no. 1234"),
            entities_pb2.DOCUMENT_TYPE_OTHER,
            "1234",
        ),
        (
            Document(
                type="National Identification Number",
                detail="national passport",
                number="1234567890",
            ),
            entities_pb2.DOCUMENT_TYPE_PASSPORT,
            "1234567890",
        ),
        (
            Document(
                type="National Identification Number",
                number="Counterfeit driving licence number 12345678",
            ),
            entities_pb2.DOCUMENT_TYPE_DRIVING_LICENCE,
            "12345678",
        ),
        (
            Document(type="Passport", number="passport no. N°23/ABC"),
            entities_pb2.DOCUMENT_TYPE_PASSPORT,
            "passport no. N°23/ABC",
        ),
    ],
)
def test_document_is_recognised_by_what_is_said_of_it(
    document: Document, type_: entities_pb2.DocumentType.ValueType, number: str
) -> None:
    person, _ = person_of(documents=(document,))
    [paper] = person.documents
    assert (paper.type, paper.number) == (type_, number)


def test_counterfeit_document_is_marked_as_forged() -> None:
    document = Document(type="Passport", number="Counterfeit passport number 12345678")
    person, _ = person_of(documents=(document,))
    assert person.documents[0].status == entities_pb2.DOCUMENT_STATUS_FORGED


def test_number_in_the_description_is_found() -> None:
    document = Document(
        type="National Identification Number", detail="Residential card number 6651"
    )
    person, report = person_of(documents=(document,))
    [identifier] = person.identifiers
    assert (identifier.number, identifier.note) == ("6651", "Residential card number")
    assert report.findings == ()


def test_unknown_type_of_document_is_kept_and_reported() -> None:
    document = Document(type="Pilot licence", number="12345", issue_date="in 2001")
    person, report = person_of(documents=(document,))
    [paper] = person.documents
    assert paper.type == entities_pb2.DOCUMENT_TYPE_OTHER
    assert paper.note == "Pilot licence; issued in 2001"
    assert report.count(Rule.UNKNOWN_VALUE) == 1
    assert report.count(Rule.DATE_NOT_UNDERSTOOD) == 1


def test_personal_number_keeps_issuer_and_issue_in_its_note() -> None:
    document = Document(
        type="National Identification Number",
        number="12345",
        issuing_country="Examplia",
        issue_date="2001-01-02",
        issue_city="Orsk",
    )
    person, report = person_of(documents=(document,))
    [identifier] = person.identifiers
    assert identifier.note == "issuer: Examplia; issued 2001-01-02 Orsk"
    assert report.count(Rule.COUNTRY_WITHOUT_CODE) == 1


def test_document_without_a_number_stands_in_the_narrative() -> None:
    document = Document(
        type="Passport", issuing_country="Egypt", note="issued in 1993, lost"
    )
    entry = some_entry(documents=(document,), comments="Why.")
    report = ReadingReport()
    record = message_of(entry, report).body.person
    assert not record.person.documents
    assert record.listings[0].narrative == (
        "Why.\nDocument without a number: Passport; Egypt; issued in 1993, lost"
    )
    assert report.count(Rule.DOCUMENT_WITHOUT_NUMBER) == 1


def test_number_too_long_for_its_field_stands_in_the_narrative() -> None:
    document = Document(type="Passport", number="no. N°" + "1/" * 40)
    listing = listing_of(documents=(document,))
    assert "1/1/1/" in listing.narrative


def test_country_of_issue_without_a_code_is_kept_as_written() -> None:
    document = Document(type="Passport", number="12345", issue_country="Examplia")
    person, _ = person_of(documents=(document,))
    assert person.documents[0].issued_at.country_as_written == "Examplia"
