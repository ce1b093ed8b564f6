# SPDX-License-Identifier: Apache-2.0
"""The list of 27 February 2026 as it was published, where it is at hand."""

from __future__ import annotations

import re
import tracemalloc
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest
from defusedxml import ElementTree
from tests.unit.importers.un_list.samples import NOW, some_publisher

from selat.importers.un_list.entries import EntryKind, ListEntry
from selat.importers.un_list.importing import (
    Publication,
    plan_import,
    read_un_list,
    to_messages,
)
from selat.importers.un_list.reader import UnList
from selat.importers.un_list.report import ReadingReport, Rule
from selat.importers.un_list.state import ImportState
from selat.records.inspection import inspect
from selat.records.schema import Schema
from selat.v1 import entities_pb2

FILE = "un_sc_consolidated_2026-02-27.xml"


@pytest.fixture(scope="module")
def path(shared: Path) -> Path:
    found = shared / "data" / FILE
    if not found.is_file():
        pytest.skip(f"the real list (../shared/data/{FILE}) is not on this machine")
    return found


@pytest.fixture
def un_list(path: Path) -> Iterator[UnList]:
    with read_un_list(path) as opened:
        yield opened


@pytest.fixture(scope="module")
def imported(path: Path) -> tuple[list[Publication], list[ListEntry], ReadingReport]:
    publisher = some_publisher()
    report = ReadingReport()
    with read_un_list(path) as opened:
        planned = plan_import(opened, ImportState.empty(), publisher, now=NOW)
        publications = list(to_messages(opened, planned, publisher, report=report))
        entries = list(opened.entries(ReadingReport()))
    return publications, entries, report


@pytest.fixture(scope="module")
def xml(path: Path) -> Element:
    root = ElementTree.parse(path).getroot()
    assert root is not None
    return root


def persons(publications: list[Publication]) -> Iterator[entities_pb2.Person]:
    for publication in publications:
        body = publication.message.body
        if body.HasField("person"):
            yield body.person.person
        elif body.sanctions_listing.HasField("person"):
            yield body.sanctions_listing.person


def listing_of(publication: Publication) -> entities_pb2.Listing:
    body = publication.message.body
    kind = body.WhichOneof("record")
    if kind == "sanctions_listing":
        return body.sanctions_listing.listing
    listings = body.person.listings if kind == "person" else body.organisation.listings
    return listings[0]


def filled(xml: Element, path: str) -> int:
    """Count the elements of a name that say something."""
    return sum(bool("".join(element.itertext()).strip()) for element in xml.iter(path))


def test_every_entry_is_read_and_every_reference_is_unique(
    imported: tuple[list[Publication], list[ListEntry], ReadingReport],
) -> None:
    publications, entries, report = imported
    kinds = Counter(entry.kind for entry in entries)
    assert kinds == {EntryKind.INDIVIDUAL: 730, EntryKind.ENTITY: 273}
    assert len({entry.reference for entry in entries}) == 1003
    assert len({publication.entry.id for publication in publications}) == 1003
    assert report.entries_left_out == 0


def test_every_message_is_valid_and_fits_the_catalogue(
    imported: tuple[list[Publication], list[ListEntry], ReadingReport],
) -> None:
    schema, catalogue = Schema(), some_publisher().catalogue
    categories: Counter[str] = Counter()
    for publication in imported[0]:
        message = publication.message
        inspect(schema, message.header, message.body, strict=True)
        category = catalogue.categories[message.header.category]
        assert category.allows_type(message.body.WhichOneof("record") or "")
        categories[category.id] += 1
    assert categories == {"terrorism": 341, "sanctions": 662}


def test_no_alias_document_or_address_is_dropped(
    imported: tuple[list[Publication], list[ListEntry], ReadingReport], xml: Element
) -> None:
    publications, entries, report = imported
    for tag, read in (
        ("INDIVIDUAL_ALIAS", "aliases"),
        ("ENTITY_ALIAS", "aliases"),
        ("INDIVIDUAL_ADDRESS", "addresses"),
        ("ENTITY_ADDRESS", "addresses"),
        ("INDIVIDUAL_DATE_OF_BIRTH", "birth_dates"),
        ("INDIVIDUAL_PLACE_OF_BIRTH", "birth_places"),
        ("INDIVIDUAL_DOCUMENT", "documents"),
    ):
        kind = tag.partition("_")[0].lower()
        in_entries = sum(len(getattr(e, read)) for e in entries if e.kind == kind)
        assert in_entries == filled(xml, tag), tag
    papers = sum(len(p.documents) + len(p.identifiers) for p in persons(publications))
    # Passports that stand in the remarks on names.
    of_aliases = 11
    without_number = report.count(Rule.DOCUMENT_WITHOUT_NUMBER)
    assert papers - of_aliases + without_number == filled(xml, "INDIVIDUAL_DOCUMENT")


def test_every_text_of_the_file_is_in_its_message(
    imported: tuple[list[Publication], list[ListEntry], ReadingReport], xml: Element
) -> None:
    publications = {each.reference: each for each in imported[0]}
    # These become values of an enumeration, dates of another form, or codes.
    coded = {"QUALITY", "TYPE_OF_DATE", "GENDER", "LISTED_ON", "TYPE_OF_DOCUMENT"}
    countries = {"COUNTRY", "ISSUING_COUNTRY", "COUNTRY_OF_ISSUE"}
    unmapped = {"DATAID", "VERSIONNUM"} | coded | countries
    for tag in ("INDIVIDUAL", "ENTITY"):
        for element in xml.iter(tag):
            reference = (element.findtext("REFERENCE_NUMBER") or "").strip()
            words = set(_words(str(_texts(publications[reference]))))
            for leaf in element.iter():
                if len(leaf) or leaf.tag in unmapped or _is_coded(element, leaf):
                    continue
                missing = set(_words(leaf.text or "")) - words - _LABELS
                assert not missing, (reference, leaf.tag, missing)


# Words that name what follows and are dropped with it.
_LABELS = frozenset({"original", "script", "in", "arabic", "a", "b", "na"})


def _texts(publication: Publication) -> list[str]:
    texts: list[str] = []

    def collect(message: object) -> None:
        if isinstance(message, str):
            texts.append(message)
        elif hasattr(message, "ListFields"):
            for _, value in message.ListFields():
                collect(value)
        elif isinstance(message, Sequence) and not isinstance(message, bytes):
            for item in message:
                collect(item)

    collect(publication.message)
    return texts


def _words(text: str) -> list[str]:
    # "No123" is a label and a number.
    text = re.sub(r"\bNo(?=\d)", "No ", text)
    return "".join(c.lower() if c.isalnum() else " " for c in text).split()


def _is_coded(entry: Element, leaf: Element) -> bool:
    """Tell whether a leaf is a nationality or the name of the list."""
    return any(
        leaf in entry.findall(f"{tag}/VALUE") for tag in ("NATIONALITY", "LIST_TYPE")
    )


def test_nationalities_and_countries_have_codes_or_are_reported(
    imported: tuple[list[Publication], list[ListEntry], ReadingReport],
) -> None:
    publications, entries, report = imported
    written = sum(len(set(entry.nationalities)) for entry in entries)
    mapped = sum(
        len(p.nationalities) + len(p.nationalities_as_written)
        for p in persons(publications)
    )
    assert mapped == written
    assert report.count(Rule.COUNTRY_WITHOUT_CODE) == 1


def test_every_listing_has_its_date_and_regime(
    imported: tuple[list[Publication], list[ListEntry], ReadingReport],
) -> None:
    for publication in imported[0]:
        listing = listing_of(publication)
        assert listing.reference == publication.reference
        assert len(listing.listed_on) == len("YYYY-MM-DD")
        assert listing.regime


def test_findings_are_the_known_ones(
    imported: tuple[list[Publication], list[ListEntry], ReadingReport],
) -> None:
    report = imported[2]
    assert {finding.rule: finding.count for finding in report.findings} == {
        Rule.DATE_NOT_UNDERSTOOD: 2,
        Rule.DOCUMENT_WITHOUT_NUMBER: 2,
        Rule.NUMBER_NOT_UNDERSTOOD: 2,
        Rule.COUNTRY_WITHOUT_CODE: 1,
    }


def test_second_import_publishes_nothing(
    imported: tuple[list[Publication], list[ListEntry], ReadingReport],
    un_list: UnList,
) -> None:
    published = {each.reference: each.entry for each in imported[0]}
    state = ImportState.empty().with_published(un_list.generated, published)
    kept = ImportState.from_json(state.to_json())
    planned = plan_import(un_list, kept, some_publisher(), now=NOW)
    assert not planned.steps
    assert planned.unchanged == 1003


def test_memory_stays_flat_while_the_list_is_read(un_list: UnList) -> None:
    for _ in un_list.entries(ReadingReport()):
        pass
    tracemalloc.start()
    try:
        for _ in un_list.entries(ReadingReport()):
            pass
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The file has 2 MiB; its tree would have more than 10.
    assert peak_bytes < 1_500_000
