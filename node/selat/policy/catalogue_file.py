# SPDX-License-Identifier: Apache-2.0
"""Read the catalogue of categories from its TOML file, strictly.

A key that is not known is refused, because a misspelt limit would be no limit.
Every error names file, line, category and key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Final

from selat.errors import ConfigurationError
from selat.policy.catalogue import (
    REQUEST_URGENCIES,
    Catalogue,
    Category,
    Deadline,
    Instrument,
    ProposedMarking,
)
from selat.policy.strict_toml import (
    MAX_TOML_BYTES,
    Part,
    as_integer,
    as_table,
    as_text,
    as_texts,
    check_keys,
    fault,
    read_toml,
    shown,
)

CATALOGUE_FILE: Final = "categories.toml"
#: Version of the file's form.
CATALOGUE_VERSION: Final = 1
MAX_CATALOGUE_BYTES: Final = MAX_TOML_BYTES

_DOCUMENT_KEYS: Final = frozenset({"version", "deadlines", "instruments", "category"})
_MARKING_KEYS: Final = frozenset(field.name for field in fields(ProposedMarking))
_DEADLINE_KEYS: Final = frozenset(field.name for field in fields(Deadline))
_CATEGORY_KEYS: Final = frozenset(field.name for field in fields(Category))
# A category without deadlines of its own has the common ones.
_OPTIONAL_CATEGORY_KEYS: Final = frozenset({"deadlines"})


def default_policy_folder() -> Path:
    """Return the folder with the policy that is shipped with the package.

    In a checkout its files are links to those of the top-level folder
    ``policy``; a wheel holds the files themselves.
    """
    return Path(__file__).with_name("data")


def load_catalogue(folder: Path | None = None) -> Catalogue:
    """Read ``categories.toml`` of a policy folder.

    Args:
        folder: The state's policy folder; by default the one that is shipped.

    Raises:
        ConfigurationError: The file is missing, too large, not UTF-8, not TOML
            or says something that no catalogue can say.
    """
    path = (folder or default_policy_folder()) / CATALOGUE_FILE
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_CATALOGUE_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(
            f"The catalogue {path} cannot be read: {error.strerror}.",
            remedy="Copy it from the policy folder that is shipped with Selat.",
            file=str(path),
        ) from error
    return parse_catalogue(raw, source=str(path))


def parse_catalogue(raw: bytes, *, source: str) -> Catalogue:
    """Parse the bytes of a catalogue.

    Args:
        raw: The whole file, UTF-8.
        source: Name of the file, for error messages.

    Raises:
        ConfigurationError: As `load_catalogue`.
    """
    text, document = read_toml(raw, source=source, what="catalogue")
    whole = Part(source=source, text=text, names="category")
    with whole.locating():
        check_keys(document, _DOCUMENT_KEYS, _DOCUMENT_KEYS)
        if as_integer("version", document["version"]) != CATALOGUE_VERSION:
            raise fault("version", f"this Selat reads version {CATALOGUE_VERSION}")
        entries = document["category"]
        if not isinstance(entries, list) or not entries:
            raise fault("category", "it needs at least one [[category]]")
    with whole.within("[deadlines]").locating():
        deadlines = _deadlines("deadlines", document["deadlines"])
    instruments = _instruments(document["instruments"], whole.within("[instruments]"))
    categories: dict[str, Category] = {}
    for index, entry in enumerate(entries):
        with whole.within("[[category]]", index).locating():
            category = _category(entry, instruments, deadlines)
            if category.id in categories:
                raise fault("id", "another category has the same identifier")
        categories[category.id] = category
    return Catalogue(categories=categories, instruments=instruments)


def _category(
    entry: object,
    instruments: Mapping[str, Instrument],
    deadlines: Mapping[str, Deadline],
) -> Category:
    table = as_table("category", entry)
    check_keys(table, _CATEGORY_KEYS, _CATEGORY_KEYS - _OPTIONAL_CATEGORY_KEYS)
    marking = as_table("marking", table["marking"])
    check_keys(marking, _MARKING_KEYS, _MARKING_KEYS, within="marking")
    bases = as_texts("legal_bases", table["legal_bases"])
    if unknown := [name for name in bases if name not in instruments]:
        raise fault(
            "legal_bases", f"the table [instruments] has no {shown(unknown[0])}"
        )
    return Category(
        id=as_text("id", table["id"]),
        title=as_text("title", table["title"]),
        measure=as_text("measure", table["measure"]),
        legal_bases=tuple(instruments[name] for name in bases),
        record_types=frozenset(as_texts("record_types", table["record_types"])),
        marking=ProposedMarking(
            level=as_text("marking", marking["level"]),
            handling=as_texts("marking", marking["handling"]),
            tlp=as_text("marking", marking["tlp"]),
        ),
        purposes=frozenset(as_texts("purposes", table["purposes"])),
        longest_retention_days=as_integer(
            "longest_retention_days", table["longest_retention_days"]
        ),
        deadlines={**deadlines, **_deadlines("deadlines", table.get("deadlines", {}))},
    )


def _instruments(value: object, part: Part) -> dict[str, Instrument]:
    with part.locating():
        table = as_table("instruments", value)
    instruments = {}
    for identifier, title in table.items():
        with part.locating(identifier):
            instruments[identifier] = Instrument(
                id=identifier, title=as_text(identifier, title)
            )
    return instruments


def _deadlines(key: str, value: object) -> dict[str, Deadline]:
    table = as_table(key, value)
    check_keys(table, REQUEST_URGENCIES, frozenset())
    deadlines = {}
    for urgency, entry in table.items():
        minutes = as_table(urgency, entry)
        check_keys(minutes, _DEADLINE_KEYS, frozenset(), within=urgency)
        deadlines[urgency] = Deadline(
            **{name: as_integer(urgency, number) for name, number in minutes.items()}
        )
    return deadlines
