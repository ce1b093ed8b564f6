# SPDX-License-Identifier: Apache-2.0
"""The list's XML as a stream of entries, one in memory at a time.

Document types, entities and external references are refused, and so is what is
not UTF-8, is cut off, or is larger than the limits below. Nothing here knows
what an entry says.
"""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser, ParseError

from selat.errors import InvalidInputError, MalformedError, TooLargeError
from selat.importers.un_list.report import ReadingReport, Rule

MAX_LIST_BYTES: Final = 64 * 1024 * 1024
"""Bytes of a list; that of February 2026 has 2 MiB."""

MAX_TEXT_LENGTH: Final = 16_384
"""Characters of one element; the longest of February 2026 has 1,723."""

MAX_DEPTH: Final = 8
"""Elements inside each other; the list has 5."""

MAX_ENTRY_ELEMENTS: Final = 4_096
"""Elements of one entry; the largest of February 2026 has 211."""

_CHUNK_BYTES: Final = 64 * 1024

ROOT: Final = "CONSOLIDATED_LIST"
SECTIONS: Final = frozenset({"INDIVIDUALS", "ENTITIES"})
ENTRIES: Final = frozenset({"INDIVIDUAL", "ENTITY"})
_ENTRY_DEPTH: Final = 3

# XML 1.0 allows the upper control characters; no record may hold them.
_CONTROL_TO_SPACE: Final = dict.fromkeys(range(0x7F, 0xA0), " ")

_DOWNLOAD = "Download the list again from the United Nations and import that file."


@dataclass(slots=True, kw_only=True)
class Element:
    """An element of an entry; complete when the stream yields it.

    Attributes:
        tag: Name, without namespace.
        text: Its own text, with white space and control characters folded to
            single spaces.
        children: Elements inside it, in their order.
        attributes: Names of its attributes.
    """

    tag: str
    text: str = ""
    children: list[Element] = field(default_factory=list)
    attributes: tuple[str, ...] = ()


class EntryStream:
    """Entries of one list, read once."""

    def __init__(self, source: BinaryIO, report: ReadingReport) -> None:
        """Read up to the root element.

        Args:
            source: The list, at its start.
            report: Takes what stands between the entries and is not known.

        Raises:
            MalformedError: The file is no Consolidated List.
            TooLargeError: It is over a limit.
        """
        self._target = _Target(report)
        self._chunks = _text_chunks(source)
        self._parser = DefusedXMLParser(
            target=self._target, forbid_dtd=True, forbid_entities=True
        )
        self._open = True
        while self._open and not self._target.rooted:
            self._feed()

    @property
    def generated(self) -> str:
        """The moment at which the list was generated, as the list writes it."""
        return self._target.generated

    def __iter__(self) -> Iterator[Element]:
        """Yield each entry once, in the order of the file.

        Raises:
            MalformedError: The rest of the file is broken.
            TooLargeError: It is over a limit.
        """
        while True:
            while self._target.ready:
                yield self._target.ready.popleft()
            if not self._open:
                return
            self._feed()

    def _feed(self) -> None:
        """Parse one more chunk, or close the parser after the last one."""
        chunk = next(self._chunks, None)
        try:
            if chunk is None:
                self._open = False
                self._parser.close()
            else:
                self._parser.feed(chunk)
        except DefusedXmlException as error:
            raise MalformedError(
                "The list declares a document type or entities, which the lists of "
                "the United Nations never do.",
                remedy=_DOWNLOAD,
            ) from error
        except ParseError as error:
            line, column = error.position
            raise MalformedError(
                "The list is not well-formed XML, or it ends before it is complete.",
                remedy=_DOWNLOAD,
                line=line,
                column=column,
            ) from error


def _text_chunks(source: BinaryIO) -> Iterator[str]:
    """Decode the file, within its limit.

    The parser is given text, so that no declaration in the file can choose
    another encoding.
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    size_bytes = 0
    while True:
        chunk = source.read(_CHUNK_BYTES)
        size_bytes += len(chunk)
        if size_bytes > MAX_LIST_BYTES:
            raise TooLargeError(
                f"The list has more than {MAX_LIST_BYTES:,} bytes.", remedy=_DOWNLOAD
            )
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            raise MalformedError("The list is not UTF-8.", remedy=_DOWNLOAD) from error
        if text:
            yield text
        if not chunk:
            return


class _Target:
    """Builds one entry after the other from the parser's events."""

    def __init__(self, report: ReadingReport) -> None:
        self.ready: deque[Element] = deque()
        self.rooted = False
        self.generated = ""
        self._report = report
        self._path: list[str] = []
        self._building: list[Element] = []
        self._texts: list[list[str]] = []
        self._text_length = 0
        self._elements = 0
        # Depth of an element that is not known, whose contents are passed over.
        self._skipped_at = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Open an element."""
        tag = tag.rpartition("}")[2]
        self._path.append(tag)
        depth = len(self._path)
        if depth > MAX_DEPTH:
            raise _too_large(f"elements more than {MAX_DEPTH} deep")
        if self._skipped_at:
            return
        if depth == 1:
            self._start_root(tag, attributes)
        elif self._building or (depth == _ENTRY_DEPTH and tag in ENTRIES):
            self._start_element(tag, attributes)
        elif depth == _ENTRY_DEPTH or tag not in SECTIONS:
            self._skipped_at = depth
            self._report.note(Rule.UNKNOWN_ELEMENT, "/".join(self._path[1:]))

    def data(self, text: str) -> None:
        """Take text; the parser gives one text in several parts."""
        if self._skipped_at:
            return
        if not self._building:
            if text.strip():
                path = "/".join(self._path)
                self._report.note(Rule.STRAY_TEXT, path, value=text.strip())
            return
        self._text_length += len(text)
        if self._text_length > MAX_TEXT_LENGTH:
            raise _too_large(f"an element with more than {MAX_TEXT_LENGTH:,} letters")
        self._texts[-1].append(text)

    def end(self, _tag: str) -> None:
        """Close an element; hand an entry over when it is complete."""
        if self._skipped_at:
            if self._skipped_at == len(self._path):
                self._skipped_at = 0
        elif self._building:
            self._end_element()
        self._path.pop()

    def close(self) -> None:
        """Follow the parser's protocol; the tree is never kept."""

    def _start_root(self, tag: str, attributes: dict[str, str]) -> None:
        if tag != ROOT:
            raise MalformedError(
                "The file is not a Consolidated List of the Security Council: its "
                f"root element is not {ROOT}.",
                remedy="Give the XML file of the list, not the HTML or PDF one.",
            )
        self.rooted = True
        self.generated = attributes.get("dateGenerated", "").strip()

    def _start_element(self, tag: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > MAX_ENTRY_ELEMENTS:
            raise _too_large(f"an entry with more than {MAX_ENTRY_ELEMENTS:,} elements")
        element = Element(tag=tag, attributes=tuple(attributes))
        if self._building:
            self._building[-1].children.append(element)
        self._building.append(element)
        self._texts.append([])
        self._text_length = 0

    def _end_element(self) -> None:
        element = self._building.pop()
        element.text = " ".join(
            "".join(self._texts.pop()).translate(_CONTROL_TO_SPACE).split()
        )
        if not self._building:
            self.ready.append(element)
            self._elements = 0


def _too_large(what: str) -> InvalidInputError:
    return TooLargeError(f"The list has {what}.", remedy=_DOWNLOAD)
