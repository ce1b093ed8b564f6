# SPDX-License-Identifier: Apache-2.0
"""A small made-up list. No person, group or number in it exists."""

from __future__ import annotations

import io
from datetime import UTC, datetime

from selat.importers.un_list.entries import EntryKind, ListEntry
from selat.importers.un_list.mapping import Issue, Publisher, to_message
from selat.importers.un_list.reader import UnList
from selat.importers.un_list.record_ids import record_id
from selat.importers.un_list.report import ReadingReport
from selat.policy.catalogue_file import load_catalogue
from selat.records.inspection import inspect
from selat.records.schema import Schema
from selat.v1 import entities_pb2, message_pb2

GENERATED = "2026-02-27T00:00:09.554Z"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

ISSUE = Issue(
    id=record_id("police.aa.example", "QDi.901"),
    version=1,
    created_at=NOW,
    generated=datetime(2026, 2, 27, tzinfo=UTC),
)

PERSON = """
<INDIVIDUAL>
  <DATAID>111</DATAID><VERSIONNUM>1</VERSIONNUM>
  <FIRST_NAME>ANTEK</FIRST_NAME><SECOND_NAME>BORONO</SECOND_NAME>
  <THIRD_NAME>na</THIRD_NAME>
  <UN_LIST_TYPE>Al-Qaida</UN_LIST_TYPE><REFERENCE_NUMBER>QDi.901</REFERENCE_NUMBER>
  <LISTED_ON>2019-04-02-04:00</LISTED_ON><GENDER>Male</GENDER>
  <NAME_ORIGINAL_SCRIPT>Антек
      Бороно</NAME_ORIGINAL_SCRIPT>
  <COMMENTS1>Made up for a test.</COMMENTS1>
  <TITLE><VALUE>Dr.</VALUE></TITLE>
  <DESIGNATION><VALUE>a) Treasurer b) Driver</VALUE></DESIGNATION>
  <NATIONALITY><VALUE>Iran (Islamic Republic of)</VALUE><VALUE>Examplia</VALUE>
  </NATIONALITY>
  <LIST_TYPE><VALUE>UN List</VALUE></LIST_TYPE>
  <LAST_DAY_UPDATED><VALUE>2021-05-06</VALUE><VALUE>2020-01-02</VALUE><VALUE/>
  </LAST_DAY_UPDATED>
  <INDIVIDUAL_ALIAS><QUALITY>Good</QUALITY>
    <ALIAS_NAME>Antek Borono; Antoni Boronow</ALIAS_NAME>
    <DATE_OF_BIRTH>1971-02-03</DATE_OF_BIRTH><CITY_OF_BIRTH>Orsk</CITY_OF_BIRTH>
    <COUNTRY_OF_BIRTH>Examplia</COUNTRY_OF_BIRTH>
    <NOTE>passport number ZZ1234567, previously listed as</NOTE></INDIVIDUAL_ALIAS>
  <INDIVIDUAL_ALIAS><QUALITY>Low</QUALITY>
    <ALIAS_NAME>Bor (original script: Бор)</ALIAS_NAME></INDIVIDUAL_ALIAS>
  <INDIVIDUAL_ALIAS><QUALITY/><ALIAS_NAME/></INDIVIDUAL_ALIAS>
  <INDIVIDUAL_ADDRESS><STREET>1 Example Street</STREET><CITY>Orsk</CITY>
    <STATE_PROVINCE>North</STATE_PROVINCE><ZIP_CODE>0101</ZIP_CODE>
    <COUNTRY>Türkiye</COUNTRY><NOTE>as at 2018</NOTE></INDIVIDUAL_ADDRESS>
  <INDIVIDUAL_DATE_OF_BIRTH><TYPE_OF_DATE>BETWEEN</TYPE_OF_DATE>
    <FROM_YEAR>1971</FROM_YEAR><TO_YEAR>1973</TO_YEAR></INDIVIDUAL_DATE_OF_BIRTH>
  <INDIVIDUAL_PLACE_OF_BIRTH><CITY>Orsk</CITY><COUNTRY>na</COUNTRY>
  </INDIVIDUAL_PLACE_OF_BIRTH>
  <INDIVIDUAL_DOCUMENT><TYPE_OF_DOCUMENT>Passport</TYPE_OF_DOCUMENT>
    <NUMBER>Examplian passport no. AB1234567</NUMBER>
    <ISSUING_COUNTRY>Examplia</ISSUING_COUNTRY>
    <DATE_OF_ISSUE>2010-01-31</DATE_OF_ISSUE><CITY_OF_ISSUE>Orsk</CITY_OF_ISSUE>
    <COUNTRY_OF_ISSUE>Qatar</COUNTRY_OF_ISSUE>
    <NOTE>expires on 30 Jan. 2020, revoked</NOTE></INDIVIDUAL_DOCUMENT>
  <INDIVIDUAL_DOCUMENT><TYPE_OF_DOCUMENT>National Identification
     Number</TYPE_OF_DOCUMENT><TYPE_OF_DOCUMENT2>Ration card no.</TYPE_OF_DOCUMENT2>
    <NUMBER>0012345</NUMBER><ISSUING_COUNTRY>Qatar</ISSUING_COUNTRY>
  </INDIVIDUAL_DOCUMENT>
  <INDIVIDUAL_DOCUMENT/>
  <SORT_KEY/><SORT_KEY_LAST_MOD/>
</INDIVIDUAL>"""

GROUP = """
<ENTITY>
  <DATAID>222</DATAID><VERSIONNUM>1</VERSIONNUM>
  <FIRST_NAME>COMMITTEE OF EXAMPLE MATTERS (CEM)</FIRST_NAME>
  <UN_LIST_TYPE>Taliban</UN_LIST_TYPE><REFERENCE_NUMBER>TAe.902</REFERENCE_NUMBER>
  <LISTED_ON>2012-06-29</LISTED_ON><COMMENTS1/>
  <LIST_TYPE><VALUE>UN List</VALUE></LIST_TYPE>
  <ENTITY_ALIAS><QUALITY>f.k.a.</QUALITY><ALIAS_NAME>Example Fund</ALIAS_NAME>
  </ENTITY_ALIAS>
  <ENTITY_ADDRESS><COUNTRY>State of Palestine</COUNTRY></ENTITY_ADDRESS>
  <SORT_KEY>CEM</SORT_KEY><SORT_KEY_LAST_MOD/>
</ENTITY>"""


def list_xml(
    persons: str = PERSON, groups: str = GROUP, *, generated: str = GENERATED
) -> bytes:
    """Return a list with these entries."""
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        '<CONSOLIDATED_LIST xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        f'xsi:noNamespaceSchemaLocation="list.xsd" dateGenerated="{generated}">'
        f"<INDIVIDUALS>{persons}</INDIVIDUALS><ENTITIES>{groups}</ENTITIES>"
        "</CONSOLIDATED_LIST>"
    ).encode()


def open_list(xml: bytes) -> UnList:
    """Open a list that stands in memory."""
    return UnList(io.BytesIO(xml))


def read_list(xml: bytes) -> tuple[list[ListEntry], ReadingReport]:
    """Read all entries of a list, with the report."""
    report = ReadingReport()
    return list(open_list(xml).entries(report)), report


def person_xml(reference: str, inner: str = "", *, list_type: str = "Al-Qaida") -> str:
    """Return a person with little but a reference number."""
    return (
        f"<INDIVIDUAL><DATAID>1</DATAID><FIRST_NAME>PERSON {reference}</FIRST_NAME>"
        f"<UN_LIST_TYPE>{list_type}</UN_LIST_TYPE>"
        f"<REFERENCE_NUMBER>{reference}</REFERENCE_NUMBER>{inner}</INDIVIDUAL>"
    )


def persons_xml(count: int, *, generated: str = GENERATED, first: int = 1) -> bytes:
    """Return a list with this many persons and nothing else."""
    persons = [person_xml(f"QDi.{first + n:03d}") for n in range(count)]
    return list_xml("".join(persons), "", generated=generated)


def some_entry(**changes: object) -> ListEntry:
    """Return an entry of a person."""
    values: dict[str, object] = {
        "kind": EntryKind.INDIVIDUAL,
        "data_id": "1",
        "version": "1",
        "reference": "QDi.901",
        "list_type": "Al-Qaida",
        "name": "ANTEK BORONO",
    }
    return ListEntry(**(values | changes))  # type: ignore[arg-type] # any field


def some_publisher() -> Publisher:
    """Return a made-up publisher with the catalogue that is shipped."""
    return Publisher(
        node="police.aa.example",
        state="XA",
        agency="Example Police",
        recipients=("police.bb.example", "police.cc.example"),
        catalogue=load_catalogue(),
    )


def message_of(
    entry: ListEntry, report: ReadingReport | None = None, issue: Issue = ISSUE
) -> message_pb2.Message:
    """Return the message for an entry, which must be valid."""
    message = to_message(entry, issue, some_publisher(), report or ReadingReport())
    inspect(Schema(), message.header, message.body, strict=True)
    return message


def person_of(**changes: object) -> tuple[entities_pb2.Person, ReadingReport]:
    """Return the person of an entry with these changes, and the report."""
    report = ReadingReport()
    message = message_of(some_entry(**changes), report)
    return message.body.person.person, report


def listing_of(**changes: object) -> entities_pb2.Listing:
    """Return the listing of an entry with these changes."""
    return message_of(some_entry(**changes)).body.person.listings[0]


def sample() -> tuple[message_pb2.Message, message_pb2.Message]:
    """Return the messages of the person and of the group above."""
    entries, _ = read_list(list_xml())
    person, group = (message_of(entry) for entry in entries)
    return person, group
