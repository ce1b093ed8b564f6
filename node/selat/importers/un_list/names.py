# SPDX-License-Identifier: Apache-2.0
"""All names of an entry, each once, with what the list says of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from selat.importers.un_list.entries import Alias, AliasQuality, EntryKind, ListEntry
from selat.importers.un_list.name_texts import (
    names_in_remark,
    script_of,
    split_names,
    without_acronym,
)
from selat.v1 import entities_pb2 as pb

_KINDS: Final = {
    AliasQuality.NOT_STATED: pb.NAME_KIND_ALIAS,
    AliasQuality.GOOD: pb.NAME_KIND_ALIAS_GOOD,
    AliasQuality.LOW: pb.NAME_KIND_ALIAS_LOW,
    AliasQuality.ALSO_KNOWN_AS: pb.NAME_KIND_ALIAS,
    AliasQuality.FORMERLY_KNOWN_AS: pb.NAME_KIND_FORMER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryName:
    """One name of an entry.

    Attributes:
        full: The name as written.
        script: ISO 15924 code, or empty.
        kind: What kind of name it is.
        note: What the list remarks on it; empty for most.
    """

    full: str
    script: str
    kind: pb.NameKind.ValueType
    note: str = ""


def names_of(entry: ListEntry) -> tuple[EntryName, ...]:
    """Return the names of an entry, the primary one first.

    A name that the list gives several times stands here once, as the kind that
    comes first, with all its remarks.
    """
    names: dict[str, EntryName] = {}
    for name in _all_names(entry):
        for form in _forms(name, entry.kind):
            known = names.setdefault(form.full, form)
            if form.note not in known.note:
                note = "; ".join(filter(None, [known.note, form.note]))
                names[form.full] = replace(known, note=note)
    return tuple(names.values())


def _all_names(entry: ListEntry) -> Iterator[EntryName]:
    """Yield every name, also those that stand in remarks."""
    primary = pb.NAME_KIND_PRIMARY
    for text in entry.name.split(";"):
        full = text.strip()
        if full:
            yield EntryName(full=full, script=script_of(full), kind=primary)
            primary = pb.NAME_KIND_ALIAS
    for name in split_names(entry.original_name):
        yield EntryName(
            full=name.full,
            script=name.script,
            kind=pb.NAME_KIND_PRIMARY,
            note=name.note,
        )
    for alias in entry.aliases:
        yield from _alias_names(alias)


def _alias_names(alias: Alias) -> Iterator[EntryName]:
    kind = _KINDS[alias.quality]
    in_remark, remark = names_in_remark(alias.note, script=script_of(alias.name))
    place = ", ".join(filter(None, [alias.birth_city, alias.birth_country]))
    born = " in ".join(filter(None, [alias.birth_date, place]))
    said = [f"born {born}" if alias.birth_date else f"born in {place}" if place else ""]
    for name in (*split_names(alias.name), *in_remark):
        note = "; ".join(filter(None, [name.note, *said, remark]))
        yield EntryName(full=name.full, script=name.script, kind=kind, note=note)


def _forms(name: EntryName, kind: EntryKind) -> Iterator[EntryName]:
    """Yield a name, and that of an organisation without its acronym as well.

    Names are matched as wholes: nobody who looks for the acronym, or for the
    name, would find the two together.
    """
    yield name
    if kind is EntryKind.ENTITY:
        for full in filter(None, without_acronym(name.full)):
            alias = (
                pb.NAME_KIND_ALIAS if name.kind == pb.NAME_KIND_PRIMARY else name.kind
            )
            yield replace(name, full=full, kind=alias)
