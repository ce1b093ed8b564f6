# SPDX-License-Identifier: Apache-2.0
"""Read the catalogue of categories from its TOML file, strictly.

A key that is not known is refused, because a misspelt limit would be no limit.
Every error names file, line, category and key.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
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

CATALOGUE_FILE: Final = "categories.toml"
#: Version of the file's form.
CATALOGUE_VERSION: Final = 1
#: Twenty times the size of the catalogue that is shipped, in bytes.
MAX_CATALOGUE_BYTES: Final = 512 * 1024
#: Longest text of a wrong value that an error repeats, in characters.
_MAX_SHOWN: Final = 64

_DOCUMENT_KEYS: Final = frozenset({"version", "deadlines", "instruments", "category"})
_MARKING_KEYS: Final = frozenset(field.name for field in fields(ProposedMarking))
_DEADLINE_KEYS: Final = frozenset(field.name for field in fields(Deadline))
_CATEGORY_KEYS: Final = frozenset(field.name for field in fields(Category))
# A category without deadlines of its own has the common ones.
_OPTIONAL_CATEGORY_KEYS: Final = frozenset({"deadlines"})
_KEY_LINE: Final = re.compile(r"(?P<key>[A-Za-z0-9_-]+)\s*=(?P<value>.*)")


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
    text, document = _toml(raw, source)
    whole = _Part(source=source, text=text)
    with whole.locating():
        _check_keys(document, _DOCUMENT_KEYS, _DOCUMENT_KEYS)
        if _integer("version", document["version"]) != CATALOGUE_VERSION:
            raise _fault("version", f"this Selat reads version {CATALOGUE_VERSION}")
        entries = document["category"]
        if not isinstance(entries, list) or not entries:
            raise _fault("category", "it needs at least one [[category]]")
    with whole.within("[deadlines]").locating():
        deadlines = _deadlines("deadlines", document["deadlines"])
    instruments = _instruments(document["instruments"], whole.within("[instruments]"))
    categories: dict[str, Category] = {}
    for index, entry in enumerate(entries):
        with whole.within("[[category]]", index).locating():
            category = _category(entry, instruments, deadlines)
            if category.id in categories:
                raise _fault("id", "another category has the same identifier")
        categories[category.id] = category
    return Catalogue(categories=categories, instruments=instruments)


def _toml(raw: bytes, source: str) -> tuple[str, dict[str, object]]:
    if len(raw) > MAX_CATALOGUE_BYTES:
        raise ConfigurationError(
            f"The catalogue {source} has more than {MAX_CATALOGUE_BYTES:,} bytes.",
            remedy="Put the catalogue in its place; this is another file.",
            file=source,
        )
    try:
        text = raw.decode("utf-8")
        return text, tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # not UTF-8, not TOML, too deep
        raise ConfigurationError(
            f"The catalogue {source} is not valid TOML: {error}.",
            remedy="Correct the file at that place.",
            file=source,
        ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """The part of the file that is being read, to say where an error stands."""

    source: str
    text: str
    header: str = ""
    index: int = 0

    def within(self, header: str, index: int = 0) -> _Part:
        """Return the table with this header, or the one at ``index`` of several."""
        return _Part(source=self.source, text=self.text, header=header, index=index)

    @contextmanager
    def locating(self, key: str = "") -> Iterator[None]:
        """Add file, line and category to the errors raised inside.

        Args:
            key: The key that is to blame, where the error names a field of the
                value made from it.
        """
        try:
            yield
        except ConfigurationError as fault:
            key = key or str(fault.context["key"])
            line, identifier = self._find(key)
            key = key[:_MAX_SHOWN]
            place = f"{self.source}, line {line}"
            if identifier:
                place += f", category {identifier}"
            raise ConfigurationError(
                f"{place}, key '{key}': {fault.message}",
                remedy=fault.remedy,
                file=self.source,
                line=line,
                key=key,
            ) from fault

    def _find(self, key: str) -> tuple[int, str]:
        """Return the line of a key, or of the header, and the category's id.

        It looks at lines, not at TOML: good enough to lead a person there.
        """
        lines = [line.strip() for line in self.text.split("\n")]
        starts = [n for n, line in enumerate(lines, 1) if line.startswith(self.header)]
        start = starts[self.index] if self.header and self.index < len(starts) else 0
        found, identifier = max(start, 1), ""
        for number, line in enumerate(lines[start:], start=start + 1):
            if line.startswith("["):
                break
            if match := _KEY_LINE.match(line):
                if match["key"] == "id":
                    identifier = match["value"].strip()[:_MAX_SHOWN]
                if match["key"] == key:
                    found = number
        return found, identifier


def _category(
    entry: object,
    instruments: Mapping[str, Instrument],
    deadlines: Mapping[str, Deadline],
) -> Category:
    table = _table("category", entry)
    _check_keys(table, _CATEGORY_KEYS, _CATEGORY_KEYS - _OPTIONAL_CATEGORY_KEYS)
    marking = _table("marking", table["marking"])
    _check_keys(marking, _MARKING_KEYS, _MARKING_KEYS, within="marking")
    bases = _texts("legal_bases", table["legal_bases"])
    if unknown := [name for name in bases if name not in instruments]:
        raise _fault(
            "legal_bases", f"the table [instruments] has no {_shown(unknown[0])}"
        )
    return Category(
        id=_text("id", table["id"]),
        title=_text("title", table["title"]),
        measure=_text("measure", table["measure"]),
        legal_bases=tuple(instruments[name] for name in bases),
        record_types=frozenset(_texts("record_types", table["record_types"])),
        marking=ProposedMarking(
            level=_text("marking", marking["level"]),
            handling=_texts("marking", marking["handling"]),
            tlp=_text("marking", marking["tlp"]),
        ),
        purposes=frozenset(_texts("purposes", table["purposes"])),
        longest_retention_days=_integer(
            "longest_retention_days", table["longest_retention_days"]
        ),
        deadlines={**deadlines, **_deadlines("deadlines", table.get("deadlines", {}))},
    )


def _instruments(value: object, part: _Part) -> dict[str, Instrument]:
    with part.locating():
        table = _table("instruments", value)
    instruments = {}
    for identifier, title in table.items():
        with part.locating(identifier):
            instruments[identifier] = Instrument(
                id=identifier, title=_text(identifier, title)
            )
    return instruments


def _deadlines(key: str, value: object) -> dict[str, Deadline]:
    table = _table(key, value)
    _check_keys(table, REQUEST_URGENCIES, frozenset())
    deadlines = {}
    for urgency, entry in table.items():
        minutes = _table(urgency, entry)
        _check_keys(minutes, _DEADLINE_KEYS, frozenset(), within=urgency)
        deadlines[urgency] = Deadline(
            **{name: _integer(urgency, number) for name, number in minutes.items()}
        )
    return deadlines


def _check_keys(
    table: Mapping[str, object],
    allowed: frozenset[str],
    required: frozenset[str],
    *,
    within: str = "",
) -> None:
    """Refuse unknown and missing keys of a table.

    Args:
        table: The table.
        allowed: All keys that it may have.
        required: Those that it must have.
        within: The key to blame, for a table that is written on its line.
    """
    if unknown := sorted(set(table) - allowed):
        known = ", ".join(sorted(allowed))
        what = f"there is no key {_shown(unknown[0])}; there are {known}"
        raise _fault(within or unknown[0], what)
    if missing := sorted(required - set(table)):
        raise _fault(within or missing[0], f"the key '{missing[0]}' is missing")


def _table(key: str, value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise _fault(key, "it must be a table")
    return value


def _text(key: str, value: object) -> str:
    if not isinstance(value, str):
        raise _fault(key, "it must be a text in quotes")
    return value


def _texts(key: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise _fault(key, "it must be a list of texts")
    texts = tuple(_text(key, item) for item in value)
    if len(set(texts)) != len(texts):
        raise _fault(key, "a name stands in it twice")
    return texts


def _integer(key: str, value: object) -> int:
    if type(value) is not int:  # True is an int, too
        raise _fault(key, "it must be a whole number")
    return value


def _shown(value: str) -> str:
    return repr(value[:_MAX_SHOWN])


def _fault(key: str, what: str) -> ConfigurationError:
    return ConfigurationError(
        f"{what}.", remedy="Correct the file; until then nothing changes.", key=key
    )
