# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gc
import io
import weakref
from collections.abc import Iterator

import pytest
from tests.unit.importers.un_list.samples import GENERATED, list_xml, persons_xml

from selat.errors import MalformedError, TooLargeError
from selat.importers.un_list import xml_stream
from selat.importers.un_list.report import ReadingReport, Rule
from selat.importers.un_list.xml_stream import Element, EntryStream

BILLION_LAUGHS = b"""<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>
<CONSOLIDATED_LIST dateGenerated="2026-01-01T00:00:00Z">&c;</CONSOLIDATED_LIST>"""

EXTERNAL_ENTITY = b"""<?xml version="1.0"?>
<!DOCTYPE x [<!ENTITY secret SYSTEM "file:///etc/hostname">]>
<CONSOLIDATED_LIST dateGenerated="2026-01-01T00:00:00Z">&secret;</CONSOLIDATED_LIST>"""

EXTERNAL_DTD = b"""<!DOCTYPE CONSOLIDATED_LIST SYSTEM "http://list.example/list.dtd">
<CONSOLIDATED_LIST dateGenerated="2026-01-01T00:00:00Z"/>"""


class Endless(io.RawIOBase):
    """A file without end, which counts what was read of it."""

    def __init__(self) -> None:
        self.size_bytes = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        start = b"" if self.size_bytes else b'<CONSOLIDATED_LIST dateGenerated="x">'
        self.size_bytes += size
        return start + b" " * (size - len(start))


def stream(xml: bytes) -> tuple[EntryStream, ReadingReport]:
    report = ReadingReport()
    return EntryStream(io.BytesIO(xml), report), report


def test_entries_are_yielded_in_the_order_of_the_file() -> None:
    entries, _ = stream(list_xml())
    assert [element.tag for element in entries] == ["INDIVIDUAL", "ENTITY"]


def test_date_is_known_before_the_entries_are_read() -> None:
    entries, _ = stream(list_xml())
    assert entries.generated == GENERATED


def test_white_space_and_line_breaks_are_folded() -> None:
    xml = list_xml("<INDIVIDUAL><A>\n one \t two\u202f\n</A></INDIVIDUAL>", "")
    entries, _ = stream(xml)
    [entry] = entries
    assert entry.children[0].text == "one two"


def test_control_characters_are_folded() -> None:
    entries, _ = stream(list_xml("<INDIVIDUAL><A>x\u009by</A></INDIVIDUAL>", ""))
    [entry] = entries
    assert entry.children[0].text == "x y"


def test_byte_order_mark_is_accepted() -> None:
    entries, _ = stream(b"\xef\xbb\xbf" + list_xml())
    assert len(list(entries)) == 2


def test_namespace_of_an_element_is_dropped() -> None:
    xml = list_xml().replace(
        b"<CONSOLIDATED_LIST ", b'<CONSOLIDATED_LIST xmlns="urn:list" '
    )
    entries, _ = stream(xml)
    assert [element.tag for element in entries] == ["INDIVIDUAL", "ENTITY"]


@pytest.mark.parametrize(
    ("xml", "told"),
    [
        (BILLION_LAUGHS, "document type or entities"),
        (EXTERNAL_ENTITY, "document type or entities"),
        (EXTERNAL_DTD, "document type or entities"),
        (b"", "not well-formed"),
        (b"<html><body>Not found</body></html>", "not a Consolidated List"),
        (b"{}", "not well-formed"),
        (list_xml()[:-30], "ends before it is complete"),
        (list_xml()[:400], "ends before it is complete"),
        (list_xml() + b"<more/>", "not well-formed"),
        (list_xml().replace(b"ANTEK", b"ANT\xe9K"), "not UTF-8"),
        (list_xml().replace(b"ANTEK", b"ANT\xed\xa0\x80"), "not UTF-8"),
        (list_xml()[:-1] + b"\xe2\x82", "not UTF-8"),
        (list_xml().decode().encode("utf-16"), "not UTF-8"),
        (list_xml().replace(b"ANTEK", b"&undefined;"), "not well-formed"),
        (list_xml().replace(b"ANTEK", b"A\x00"), "not well-formed"),
        (list_xml().replace(b"ANTEK", b"&#27;"), "not well-formed"),
        (list_xml().replace(b"</DATAID>", b"</DATA>"), "not well-formed"),
    ],
)
def test_broken_file_is_refused_with_a_remedy(xml: bytes, told: str) -> None:
    with pytest.raises(MalformedError, match=told) as caught:
        list(stream(xml)[0])
    assert caught.value.remedy


def test_declared_encoding_chooses_nothing() -> None:
    xml = list_xml().replace(b'encoding="UTF-8"', b'encoding="ISO-8859-1"')
    entries, _ = stream(xml)
    person = next(iter(entries))
    texts = [child.text for child in person.children]
    assert "Антек Бороно" in texts


def test_file_without_end_is_refused_at_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(xml_stream, "MAX_LIST_BYTES", 1_000_000)
    source = Endless()
    with pytest.raises(TooLargeError, match="1,000,000 bytes"):
        list(EntryStream(source, ReadingReport()))  # type: ignore[arg-type] # only read
    assert source.size_bytes < 1_200_000


@pytest.mark.parametrize(
    ("inner", "told"),
    [
        (f"<A>{'x' * 16_385}</A>", "16,384 letters"),
        ("<A><B><C><D><E><F/></E></D></C></B></A>", "8 deep"),
        ("<A/>" * 4_096, "4,096 elements"),
    ],
)
def test_entry_over_a_limit_is_refused(inner: str, told: str) -> None:
    xml = list_xml(f"<INDIVIDUAL>{inner}</INDIVIDUAL>", "")
    with pytest.raises(TooLargeError, match=told):
        list(stream(xml)[0])


def test_text_at_the_limit_is_read() -> None:
    text = "x" * xml_stream.MAX_TEXT_LENGTH
    entries, _ = stream(list_xml(f"<INDIVIDUAL><A>{text}</A></INDIVIDUAL>", ""))
    [entry] = entries
    assert entry.children[0].text == text


def test_nesting_is_bounded_in_parts_that_are_passed_over() -> None:
    xml = b'<CONSOLIDATED_LIST dateGenerated="x">' + b"<X>" * 9
    with pytest.raises(TooLargeError, match="8 deep"):
        list(stream(xml)[0])


def test_unknown_sections_and_entries_are_reported_once_and_passed_over() -> None:
    xml = list_xml("<ROBOT><DATAID>9</DATAID></ROBOT>").replace(
        b"<INDIVIDUALS>", b"<VESSELS><VESSEL>text</VESSEL></VESSELS><INDIVIDUALS>"
    )
    entries, report = stream(xml)
    assert [element.tag for element in entries] == ["ENTITY"]
    assert {(each.rule, each.path, each.count) for each in report.findings} == {
        (Rule.UNKNOWN_ELEMENT, "VESSELS", 1),
        (Rule.UNKNOWN_ELEMENT, "INDIVIDUALS/ROBOT", 1),
    }


def test_text_between_entries_is_reported() -> None:
    entries, report = stream(list_xml("stray"))
    list(entries)
    [finding] = report.findings
    assert (finding.rule, finding.path) == (
        Rule.STRAY_TEXT,
        "CONSOLIDATED_LIST/INDIVIDUALS",
    )
    assert finding.examples == ("stray",)


def test_no_entry_is_kept_once_it_was_read() -> None:
    # Element has no weak references; its list of children stands for it.
    class Kept(list[Element]):
        pass

    def watched() -> Iterator[weakref.ref[Kept]]:
        for element in EntryStream(io.BytesIO(persons_xml(2_000)), ReadingReport()):
            children = Kept(element.children)
            element.children = children
            yield weakref.ref(children)

    alive = 0
    references: list[weakref.ref[Kept]] = []
    for reference in watched():
        references.append(reference)
        if len(references) % 500 == 0:
            gc.collect()
            alive = max(alive, sum(kept() is not None for kept in references))
    assert len(references) == 2_000
    assert alive <= 2


def test_few_entries_wait_at_a_time() -> None:
    entries = EntryStream(io.BytesIO(persons_xml(5_000)), ReadingReport())
    most = 0
    for _ in entries:
        most = max(most, len(entries._target.ready))
    # What one chunk of 64 KiB can hold.
    assert 0 < most < 1_000
