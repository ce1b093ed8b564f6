# SPDX-License-Identifier: Apache-2.0
"""What the demonstration has to know of the Security Council's list by itself.

It reads the list with another parser than the importer, so that what arrives
is held against the list and not against what the importer made of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import parse as parse_xml
from scripts.demonstration.telling import DemoFailedError


def entries_of(path: Path) -> list[Element]:
    """Return the entries of a list.

    Raises:
        DemoFailedError: There are none.
    """
    root = parse_xml(path).getroot()
    if root is None:
        raise DemoFailedError(f"{path} holds no list.")
    return [*root.iter("INDIVIDUAL"), *root.iter("ENTITY")]


def samples_of(entries: Sequence[Element]) -> list[tuple[str, str]]:
    """Pick a reference number, a passport number and an alias from the list."""
    samples: dict[str, str] = {}
    for entry in entries:
        samples.setdefault("reference number", entry.findtext("REFERENCE_NUMBER") or "")
        for document in entry.iter("INDIVIDUAL_DOCUMENT"):
            number = document.findtext("NUMBER") or ""
            if document.findtext("TYPE_OF_DOCUMENT") == "Passport" and number.isalnum():
                samples.setdefault("passport number", number)
        for alias in entry.iter("INDIVIDUAL_ALIAS"):
            name = alias.findtext("ALIAS_NAME") or ""
            if alias.findtext("QUALITY") == "Good" and " " in name:
                samples.setdefault("alias", name)
    return list(samples.items())
