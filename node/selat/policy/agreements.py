# SPDX-License-Identifier: Apache-2.0
"""Agreements between states, as a lawyer writes and reads them.

One TOML file below ``agreements/`` is one agreement; `compile_agreement` in
`selat.policy.agreement_rules` makes Cedar templates of it. Where several clauses
cover one message, the stricter of each term holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath
from typing import Final

from selat.errors import ConfigurationError
from selat.policy.catalogue import LEVELS, PURPOSES, RECORD_TYPES, Catalogue
from selat.policy.groups import GROUP_PREFIX, Groups, check_party
from selat.policy.port import ANY_CATEGORY, PERSONAL
from selat.policy.rules import is_field_path
from selat.policy.strict_toml import (
    Part,
    as_date,
    as_flag,
    as_integer,
    as_line,
    as_tables,
    as_text,
    as_texts,
    check_keys,
    check_known,
    fault,
    read_toml,
    shown,
)

AGREEMENT_VERSION: Final = 1
_REQUIRED: Final = frozenset(
    {
        *("version", "reference", "title", "parties"),
        *("valid_from", "valid_until", "clause"),
    }
)
_CLAUSE_REQUIRED: Final = frozenset({"title", "categories", "up_to_level", "purposes"})
_CLAUSE_KEYS: Final = _CLAUSE_REQUIRED | {
    *("record_types", "redact", "two_person", "dual_criminality"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """What one party may be given under an agreement.

    Attributes:
        title: What it grants, one line.
        categories: Categories, or ``*`` alone for all of them.
        up_to_level: Highest level, lower case.
        purposes: Purposes that a message may name; it may name no other.
        record_types: Kinds of body; empty means every kind of the category.
        redact: What is taken out: ``personal``, or paths of fields.
        two_person: Whether a second person approves each message.
        dual_criminality: Whether the act must be an offence on both sides.
    """

    title: str
    categories: tuple[str, ...]
    up_to_level: str
    purposes: tuple[str, ...]
    record_types: tuple[str, ...] = ()
    redact: tuple[str, ...] = ()
    two_person: bool = False
    dual_criminality: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """An agreement in force from one day to another, both included.

    Attributes:
        id: Name of its file without folder and ending.
        reference: Where the instrument is found, for example a treaty number.
        title: What it is called.
        parties: States, node names, or groups with the prefix ``group:``.
        valid_from: First day, UTC.
        valid_until: Last day, UTC.
        clauses: What it grants.
    """

    id: str
    reference: str
    title: str
    parties: tuple[str, ...]
    valid_from: date
    valid_until: date
    clauses: tuple[Clause, ...]

    def partners(self, own: frozenset[str]) -> tuple[str, ...]:
        """Return the parties that are not ourselves; a group is one of them.

        Args:
            own: Our node name and our state.
        """
        return tuple(party for party in self.parties if party not in own)


def parse_agreement(
    raw: bytes, *, source: str, catalogue: Catalogue, groups: Groups
) -> Agreement:
    """Parse one agreement.

    Args:
        raw: The whole file, UTF-8.
        source: Its path below the policy folder.
        catalogue: The categories that it may name.
        groups: The groups that it may name.

    Raises:
        ConfigurationError: It is not TOML, or a term names nothing known or
            contradicts itself; the error names line and remedy.
    """
    text, document = read_toml(raw, source=source, what="agreement")
    whole = Part(source=source, text=text)
    with whole.locating():
        check_keys(document, _REQUIRED, _REQUIRED)
        if as_integer("version", document["version"]) != AGREEMENT_VERSION:
            raise fault("version", f"this Selat reads version {AGREEMENT_VERSION}")
        tables = as_tables("clause", document["clause"])
    clauses: list[Clause] = []
    for index, table in enumerate(tables):
        with whole.within("[[clause]]", index).locating():
            clauses.append(_clause(table, catalogue))
    with whole.locating():
        agreement = Agreement(
            id=PurePosixPath(source).stem,
            reference=as_line("reference", document["reference"]),
            title=as_line("title", document["title"]),
            parties=as_texts("parties", document["parties"]),
            valid_from=as_date("valid_from", document["valid_from"]),
            valid_until=as_date("valid_until", document["valid_until"]),
            clauses=tuple(clauses),
        )
        _check(agreement, groups)
    return agreement


def _clause(table: Mapping[str, object], catalogue: Catalogue) -> Clause:
    check_keys(table, _CLAUSE_KEYS, _CLAUSE_REQUIRED)
    clause = Clause(
        title=as_line("title", table["title"]),
        categories=as_texts("categories", table["categories"]),
        up_to_level=as_text("up_to_level", table["up_to_level"]),
        purposes=as_texts("purposes", table["purposes"]),
        record_types=as_texts("record_types", table.get("record_types", [])),
        redact=as_texts("redact", table.get("redact", [])),
        two_person=as_flag("two_person", table.get("two_person", False)),
        dual_criminality=as_flag(
            "dual_criminality", table.get("dual_criminality", False)
        ),
    )
    if not clause.categories or not clause.purposes:
        empty = "purposes" if clause.categories else "categories"
        raise fault(empty, "it is empty, and would grant nothing")
    if clause.categories != (ANY_CATEGORY,):
        known = frozenset(catalogue.categories)
        check_known("categories", clause.categories, known, "category")
    check_known("up_to_level", (clause.up_to_level,), LEVELS, "level")
    check_known("purposes", clause.purposes, PURPOSES, "purpose")
    check_known("record_types", clause.record_types, RECORD_TYPES, "record type")
    for path in clause.redact:
        if path != PERSONAL and not is_field_path(path):
            raise fault("redact", f"no field of a body is called {shown(path)}")
    return clause


def _check(agreement: Agreement, groups: Groups) -> None:
    for party in agreement.parties:
        check_party("parties", party, groups)
    single = [p for p in agreement.parties if not p.startswith(GROUP_PREFIX)]
    if len(agreement.parties) < 2 and single:  # noqa: PLR2004 - it takes two
        raise fault("parties", "an agreement has two parties or more, or a group")
    if agreement.valid_until < agreement.valid_from:
        raise fault("valid_until", "the agreement ends before it begins")


def check_together(agreements: Iterable[Agreement]) -> None:
    """Refuse agreements of the same parties that cover a category twice.

    Which of the two terms holds would otherwise be a lawyer's guess.

    Raises:
        ConfigurationError: Two of them do.
    """
    known: list[Agreement] = []
    for new in agreements:
        for old in known:
            for what in _conflicts(old, new):
                raise ConfigurationError(
                    f"agreements/{old.id}.toml and agreements/{new.id}.toml {what}.",
                    remedy="End the older one the day before the newer one begins, "
                    "or put the terms into one agreement.",
                    file=f"agreements/{new.id}.toml",
                )
        known.append(new)


def _conflicts(old: Agreement, new: Agreement) -> Iterator[str]:
    if old.reference == new.reference:
        yield "have the same reference"
    overlap = old.valid_from <= new.valid_until and new.valid_from <= old.valid_until
    if not overlap or frozenset(old.parties) != frozenset(new.parties):
        return
    covered = _categories(old) & _categories(new)
    if ANY_CATEGORY in _categories(old) | _categories(new):
        covered |= {ANY_CATEGORY}
    if covered:
        names = ", ".join(sorted(covered))
        yield f"have the same parties and both cover, on the same days: {names}"


def _categories(agreement: Agreement) -> frozenset[str]:
    return frozenset(name for clause in agreement.clauses for name in clause.categories)
