# SPDX-License-Identifier: Apache-2.0
"""Access to one element's children that notices what nobody asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from selat.importers.un_list.report import ReadingReport, Rule
from selat.importers.un_list.xml_stream import Element

_NOT_AVAILABLE: Final = "na"
"""Older lists write this for a text that they do not have."""


class Fields:
    """The children of one element, each taken once.

    Attributes:
        path: Path of the element from the entry down.
        reference: Reference number of the entry, once it is known.
        report: Takes what is left.
    """

    def __init__(
        self,
        element: Element,
        report: ReadingReport,
        *,
        above: str = "",
        reference: str = "",
    ) -> None:
        """Sort the children by name.

        Args:
            element: A complete element.
            report: Takes what is not understood.
            above: Path of the element that this one stands in.
            reference: Reference number of the entry.
        """
        self.path = f"{above}/{element.tag}" if above else element.tag
        self.reference = reference
        self.report = report
        self._element = element
        self._children: dict[str, list[Element]] = {}
        for child in element.children:
            self._children.setdefault(child.tag, []).append(child)

    def note(self, rule: Rule, tag: str, value: str) -> None:
        """Report something about a child, or about the element itself."""
        path = f"{self.path}/{tag}" if tag else self.path
        self.report.note(rule, path, reference=self.reference, value=value)

    def text(self, tag: str) -> str:
        """Take the text of a child that stands at most once.

        Returns:
            The text, or ``""`` for no child, an empty one or one that says
            "na". A second child with a text is reported.
        """
        said = self.texts(tag)
        for repeated in said[1:]:
            self.note(Rule.REPEATED_ELEMENT, tag, repeated)
        return said[0] if said else ""

    def texts(self, tag: str) -> list[str]:
        """Take the texts of all children of a name, without empty ones."""
        texts = [self._leaf(child) for child in self._children.pop(tag, ())]
        return [text for text in texts if text]

    def values(self, tag: str) -> tuple[str, ...]:
        """Take the texts of the VALUE elements in a child.

        Returns:
            The texts that are not empty, in their order.
        """
        values: list[str] = []
        for group in self.groups(tag):
            values += group.texts("VALUE")
            group.finish()
        return tuple(values)

    def groups(self, tag: str) -> list[Fields]:
        """Take the children of a name that have content.

        A child of which all elements are empty is a placeholder: it is counted
        and left out.
        """
        groups = []
        for child in self._children.pop(tag, ()):
            group = Fields(
                child, self.report, above=self.path, reference=self.reference
            )
            if _has_content(child):
                self.report.read[group.path] += 1
                groups.append(group)
            else:
                self.report.empty[group.path] += 1
                group.finish(ignored=[each.tag for each in child.children])
        return groups

    def finish(self, *, ignored: Iterable[str] = ()) -> None:
        """Report every child that nobody took, and text between children.

        Args:
            ignored: Names of children that carry nothing for a record.
        """
        for tag in ignored:
            self._children.pop(tag, None)
        for tag, children in self._children.items():
            for child in children:
                self.note(Rule.UNKNOWN_ELEMENT, tag, child.text)
        if self._element.text:
            self.note(Rule.STRAY_TEXT, "", self._element.text)
        self._note_attributes(self._element)

    def _leaf(self, element: Element) -> str:
        """Return an element's text; elements inside it are reported."""
        path = f"{self.path}/{element.tag}"
        for child in element.children:
            self.note(Rule.UNKNOWN_ELEMENT, f"{element.tag}/{child.tag}", child.text)
        self._note_attributes(element, f"{element.tag}@")
        if not element.text or element.text == _NOT_AVAILABLE:
            self.report.empty[path] += 1
            return ""
        self.report.read[path] += 1
        return element.text

    def _note_attributes(self, element: Element, prefix: str = "@") -> None:
        for name in element.attributes:
            self.note(Rule.UNKNOWN_ATTRIBUTE, prefix + name, "")


def _has_content(element: Element) -> bool:
    return bool(element.text) or any(_has_content(child) for child in element.children)
