# SPDX-License-Identifier: Apache-2.0
"""What an import must remember for the next one, as JSON that a node keeps.

For each entry that was ever published it holds what a newer list is compared
with, and what a delisting must still say when the entry has gone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from selat.errors import MalformedError, TooLargeError, UnsupportedVersionError
from selat.importers.un_list.dates import PartialDate, partial_date
from selat.importers.un_list.entries import EntryKind

IMPORT_SOURCE: Final = "un-list"
"""Name under which a node keeps the state."""

STATE_VERSION: Final = 1

MAX_STATE_BYTES: Final = 4 * 1024 * 1024
"""Bytes of a state (desk_service.proto, PutImportStateRequest)."""

_ID_SIZE: Final = 16
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_MAX_VERSION: Final = 2**32 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedEntry:
    """An entry as it was last published.

    Attributes:
        id: Identifier of its record, 16 octets.
        version: Version of the record that was published last.
        digest: SHA-256 of the entry's canonical form, hexadecimal.
        published_at: When that version was made.
        kind: Person or not.
        list_type: Regime in the list's words.
        name: First name.
        listed_on: When it was listed.
        delisted: That version told that it was taken off the list.
    """

    id: bytes
    version: int
    digest: str
    published_at: datetime
    kind: EntryKind
    list_type: str
    name: str
    listed_on: PartialDate | None = None
    delisted: bool = False

    def __post_init__(self) -> None:
        """Refuse what no import can have written."""
        if (
            len(self.id) != _ID_SIZE
            or not 1 <= self.version <= _MAX_VERSION
            or not _DIGEST.fullmatch(self.digest)
            or self.published_at.tzinfo is None
            or not self.name
        ):
            raise MalformedError(
                "An entry of the import state is not one that an import wrote.",
                remedy=_REMEDY,
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportState:
    """What was published from the lists so far.

    Attributes:
        generated: When the newest list that was imported was generated; None
            before the first import.
        entries: The entries published, by reference number.
    """

    generated: datetime | None
    entries: Mapping[str, PublishedEntry]

    def __post_init__(self) -> None:
        """Keep a copy that nobody can change."""
        object.__setattr__(self, "entries", MappingProxyType(dict(self.entries)))

    @classmethod
    def empty(cls) -> ImportState:
        """Return the state before the first import."""
        return cls(generated=None, entries={})

    def with_published(
        self, generated: datetime, entries: Mapping[str, PublishedEntry]
    ) -> ImportState:
        """Return the state after some entries of a list were published.

        Save it after each call to the desk: an import that stops half-way is
        then continued by the next one.

        Args:
            generated: When the list was generated.
            entries: The entries published, by reference number.
        """
        return replace(self, generated=generated, entries={**self.entries, **entries})

    def to_json(self) -> bytes:
        """Encode the state.

        Raises:
            TooLargeError: It has more bytes than a node keeps.
        """
        document = {
            "version": STATE_VERSION,
            "generated": self.generated.isoformat() if self.generated else None,
            "entries": {
                reference: _to_document(entry)
                for reference, entry in sorted(self.entries.items())
            },
        }
        encoded = json.dumps(
            document, ensure_ascii=False, separators=(",", ":")
        ).encode()
        _check_size(encoded)
        return encoded

    @classmethod
    def from_json(cls, encoded: bytes) -> ImportState:
        """Decode a state strictly; no bytes are the state before the first import.

        Raises:
            MalformedError: These bytes were not written by ``to_json``.
            TooLargeError: They are too many.
            UnsupportedVersionError: A newer Selat wrote them.
        """
        if not encoded:
            return cls.empty()
        _check_size(encoded)
        try:
            document = json.loads(encoded, object_pairs_hook=_without_duplicates)
            if document["version"] != STATE_VERSION:
                raise UnsupportedVersionError(
                    "The import state was written by another version of Selat.",
                    remedy="Import with the version of Selat that wrote it, or newer.",
                )
            _expect_keys(document, _STATE_KEYS)
            generated = document["generated"]
            return cls(
                generated=None if generated is None else _moment(generated),
                entries={
                    reference: _from_document(entry)
                    for reference, entry in document["entries"].items()
                },
            )
        except (
            ValueError,
            TypeError,
            KeyError,
            AttributeError,
            RecursionError,
        ) as error:
            raise MalformedError(
                "The import state cannot be read.", remedy=_REMEDY
            ) from error


_REMEDY: Final = (
    "Restore the node's database from a backup, or remove the import state and "
    "import the newest list: its records keep their identifiers."
)
_STATE_KEYS: Final = frozenset({"version", "generated", "entries"})
_ENTRY_KEYS: Final = frozenset(
    {
        "id",
        "version",
        "digest",
        "published_at",
        "kind",
        "list_type",
        "name",
        "listed_on",
        "delisted",
    }
)
_TEXT_KEYS: Final = ("id", "digest", "published_at", "kind", "list_type", "name")


def _to_document(entry: PublishedEntry) -> dict[str, Any]:
    return {
        "id": entry.id.hex(),
        "version": entry.version,
        "digest": entry.digest,
        "published_at": entry.published_at.isoformat(),
        "kind": entry.kind.value,
        "list_type": entry.list_type,
        "name": entry.name,
        "listed_on": entry.listed_on,
        "delisted": entry.delisted,
    }


def _from_document(document: dict[str, Any]) -> PublishedEntry:
    _expect_keys(document, _ENTRY_KEYS)
    if not (
        all(isinstance(document[key], str) for key in _TEXT_KEYS)
        and type(document["version"]) is int
        and type(document["delisted"]) is bool
    ):
        raise TypeError
    listed_on = document["listed_on"]
    if listed_on is not None and partial_date(listed_on) != listed_on:
        raise ValueError
    return PublishedEntry(
        id=bytes.fromhex(document["id"]),
        version=document["version"],
        digest=document["digest"],
        published_at=_moment(document["published_at"]),
        kind=EntryKind(document["kind"]),
        list_type=document["list_type"],
        name=document["name"],
        listed_on=listed_on,
        delisted=document["delisted"],
    )


def _expect_keys(document: dict[str, Any], keys: frozenset[str]) -> None:
    if document.keys() != keys:
        raise KeyError


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError
    return moment.astimezone(UTC)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError
    return document


def _check_size(encoded: bytes) -> None:
    if len(encoded) > MAX_STATE_BYTES:
        raise TooLargeError(
            f"The import state has more than {MAX_STATE_BYTES:,} bytes.",
            remedy=_REMEDY,
        )
