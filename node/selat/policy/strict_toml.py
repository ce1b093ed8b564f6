# SPDX-License-Identifier: Apache-2.0
"""Read the TOML files of a policy folder strictly, and say where a fault stands.

A key that is not known is refused, because a misspelt limit would be no limit.
Every error names file, line and key, and what to do.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from selat.errors import ConfigurationError

#: Largest file that is read, in bytes: twenty times the shipped catalogue.
MAX_TOML_BYTES: Final = 512 * 1024
#: Longest text of a wrong value that an error repeats, in characters.
_MAX_SHOWN: Final = 64

_KEY_LINE: Final = re.compile(r"(?P<key>[A-Za-z0-9_-]+)\s*=(?P<value>.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The part of a file that is being read, to say where an error stands.

    Attributes:
        source: Name of the file, for error messages.
        text: The whole file.
        names: What each table of several is called by its ``id``, if anything.
        header: Header of the table, for example ``[[clause]]``.
        index: Which of several tables with that header.
    """

    source: str
    text: str
    names: str = ""
    header: str = ""
    index: int = 0

    def within(self, header: str, index: int = 0) -> Part:
        """Return the table with this header, or the one at ``index`` of several."""
        return Part(
            source=self.source,
            text=self.text,
            names=self.names,
            header=header,
            index=index,
        )

    @property
    def line(self) -> int:
        """Return the line of the table's header."""
        return self._find("")[0]

    @contextmanager
    def locating(self, key: str = "") -> Iterator[None]:
        """Add file, line and name to the errors raised inside.

        Args:
            key: The key that is to blame, where the error names a field of the
                value made from it.
        """
        try:
            yield
        except ConfigurationError as error:
            key = key or str(error.context["key"])
            line, identifier = self._find(key)
            key = key[:_MAX_SHOWN]
            place = f"{self.source}, line {line}"
            if identifier and self.names:
                place += f", {self.names} {identifier}"
            raise ConfigurationError(
                f"{place}, key '{key}': {error.message}",
                remedy=error.remedy,
                file=self.source,
                line=line,
                key=key,
            ) from error

    def _find(self, key: str) -> tuple[int, str]:
        """Return the line of a key, or of the header, and the table's id.

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


def read_toml(raw: bytes, *, source: str, what: str) -> tuple[str, dict[str, object]]:
    """Decode and parse the bytes of a file.

    Args:
        raw: The whole file.
        source: Its name.
        what: What it is, for error messages, for example ``catalogue``.

    Returns:
        Its text and its document.

    Raises:
        ConfigurationError: It is too large, not UTF-8 or not TOML.
    """
    if len(raw) > MAX_TOML_BYTES:
        raise ConfigurationError(
            f"The {what} {source} has more than {MAX_TOML_BYTES:,} bytes.",
            remedy=f"Put the {what} in its place; this is another file.",
            file=source,
        )
    try:
        text = raw.decode("utf-8")
        return text, tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # not UTF-8, not TOML, too deep
        raise ConfigurationError(
            f"The {what} {source} is not valid TOML: {error}.",
            remedy="Correct the file at that place.",
            file=source,
        ) from error


def check_keys(
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
        what = f"there is no key {shown(unknown[0])}; there are {known}"
        raise fault(within or unknown[0], what)
    if missing := sorted(required - set(table)):
        raise fault(within or missing[0], f"the key '{missing[0]}' is missing")


def check_known(
    key: str, names: tuple[str, ...], known: frozenset[str], noun: str
) -> None:
    """Refuse names that are not among the known ones."""
    if unknown := sorted(set(names) - known):
        listed = ", ".join(shown(name) for name in unknown)
        raise ConfigurationError(
            f"there is no {noun} {listed}.",
            remedy=f"Known are: {', '.join(sorted(known))}.",
            key=key,
        )


def as_table(key: str, value: object) -> Mapping[str, object]:
    """Return a value that must be a table."""
    if not isinstance(value, dict):
        raise fault(key, "it must be a table")
    return value


def as_tables(key: str, value: object) -> tuple[Mapping[str, object], ...]:
    """Return a value that must be a list of tables."""
    if not isinstance(value, list) or not value:
        raise fault(key, f"it needs at least one [[{key}]]")
    return tuple(as_table(key, item) for item in value)


def as_text(key: str, value: object) -> str:
    """Return a value that must be a text."""
    if not isinstance(value, str):
        raise fault(key, "it must be a text in quotes")
    return value


def as_line(key: str, value: object) -> str:
    """Return a value that must be one line of text and not empty."""
    text = as_text(key, value)
    if not text.strip() or not text.isprintable():
        raise fault(key, "it must be one line of text and not empty")
    return text


def as_texts(key: str, value: object) -> tuple[str, ...]:
    """Return a value that must be a list of distinct texts."""
    if not isinstance(value, list):
        raise fault(key, "it must be a list of texts")
    texts = tuple(as_text(key, item) for item in value)
    if len(set(texts)) != len(texts):
        raise fault(key, "a name stands in it twice")
    return texts


def as_integer(key: str, value: object) -> int:
    """Return a value that must be a whole number."""
    if type(value) is not int:  # True is an int, too
        raise fault(key, "it must be a whole number")
    return value


def as_flag(key: str, value: object) -> bool:
    """Return a value that must be true or false."""
    if type(value) is not bool:
        raise fault(key, "it must be true or false")
    return value


def as_date(key: str, value: object) -> date:
    """Return a value that must be a date."""
    if not isinstance(value, date) or isinstance(value, datetime):
        raise fault(key, "it must be a date without quotes, for example 2026-12-31")
    return value


def shown(value: str) -> str:
    """Return a wrong value for an error message, not in full."""
    return repr(value[:_MAX_SHOWN])


def fault(key: str, what: str) -> ConfigurationError:
    """Name key and rule; whoever reads the part adds file and line."""
    return ConfigurationError(
        f"{what}.", remedy="Correct the file; until then nothing changes.", key=key
    )
