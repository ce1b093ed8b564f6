# SPDX-License-Identifier: Apache-2.0
"""What a newer list changes, and whether it can be believed.

An entry is compared by a digest of its canonical form, in which lists without
an order of their own are sorted: a list that is printed in another order
changes nothing. The entry's number in the list's database and its version
number there, which never moves, are left out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from selat.errors import WrongStateError
from selat.importers.un_list.entries import ListEntry
from selat.importers.un_list.record_ids import record_id
from selat.importers.un_list.report import ReadingReport
from selat.importers.un_list.state import ImportState, PublishedEntry

# A new number publishes every entry again: raise it when the mapping learns
# something that recipients should have of entries that did not change.
_DIGEST_DOMAIN: Final = b"selat/v1/import/un-sc/entry/1\x00"

MAX_VANISHED_PERCENT: Final = 10
"""Share of the published entries that may leave the list at once. Committees take
off single names; a file that lost a regime, or that a tool cut, loses far more."""

# Stands for an entry that has gone: whatever comes back differs from it.
_GONE: Final = hashlib.sha256(_DIGEST_DOMAIN + b"gone").hexdigest()

_NOT_COMPARED: Final = ("data_id", "version")


class Change(StrEnum):
    """Why an entry is published."""

    NEW = "new"
    CHANGED = "changed"
    RENEWED = "renewed"
    DELISTED = "delisted"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportTimes:
    """The moments that an import turns on.

    Attributes:
        generated: When the list was generated.
        now: When the new versions are made.
        renew_before: Entries published earlier are published again, although
            they did not change, because their records would expire.
    """

    generated: datetime
    now: datetime
    renew_before: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One message to publish.

    Attributes:
        change: Why.
        entry: What is to be remembered once it was published.
    """

    change: Change
    entry: PublishedEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an import will publish.

    Attributes:
        generated: When the list was generated.
        steps: What to publish, by reference number.
        unchanged: Entries that stand as they were published.
    """

    generated: datetime
    steps: Mapping[str, Step]
    unchanged: int

    def __post_init__(self) -> None:
        """Keep a copy that nobody can change."""
        object.__setattr__(self, "steps", MappingProxyType(dict(self.steps)))

    def references(self, change: Change) -> tuple[str, ...]:
        """Return the reference numbers of the entries with this change."""
        return tuple(
            reference for reference, step in self.steps.items() if step.change is change
        )


def digest_of(entry: ListEntry) -> str:
    """Return the SHA-256 of an entry's canonical form, in hexadecimal."""
    form = asdict(entry)
    for name in _NOT_COMPARED:
        del form[name]
    canonical = json.dumps(
        _sorted(form), ensure_ascii=False, sort_keys=True, separators=(",", ":")
    )
    return hashlib.sha256(_DIGEST_DOMAIN + canonical.encode()).hexdigest()


def plan(
    previous: Mapping[str, PublishedEntry],
    entries: Iterable[ListEntry],
    times: ImportTimes,
    *,
    node: str,
) -> Plan:
    """Compare a list with what was published.

    Args:
        previous: The entries published so far, by reference number.
        entries: The entries of the newer list, each reference number once.
        times: When the list was generated, and what time it is.
        node: Name of the node that publishes.

    Returns:
        The plan; nothing is decided here about whether it can be believed.
    """
    steps: dict[str, Step] = {}
    unchanged = 0
    seen: set[str] = set()
    for entry in entries:
        seen.add(entry.reference)
        last = previous.get(entry.reference)
        digest = digest_of(entry)
        change = _change(last, digest, times.renew_before)
        if change is None:
            unchanged += 1
            continue
        published = _published(entry, last, digest=digest, times=times, node=node)
        steps[entry.reference] = Step(change=change, entry=published)
    for reference, last in previous.items():
        if reference not in seen and not last.delisted:
            gone = replace(
                last,
                version=last.version + 1,
                digest=_GONE,
                published_at=times.now,
                delisted=True,
            )
            steps[reference] = Step(change=Change.DELISTED, entry=gone)
    return Plan(generated=times.generated, steps=steps, unchanged=unchanged)


def check_newer(state: ImportState, generated: datetime, *, force: bool) -> None:
    """Refuse a list older than the one that was imported last.

    Args:
        state: What was imported.
        generated: When the list at hand was generated.
        force: The operator wants it all the same.

    Raises:
        WrongStateError: The list is older.
    """
    if state.generated is not None and generated < state.generated and not force:
        raise WrongStateError(
            f"The list was generated at {generated:%Y-%m-%d %H:%M} UTC; a newer one, "
            f"of {state.generated:%Y-%m-%d %H:%M} UTC, was imported already.",
            remedy="Download the list again. Force the import only to go back to an "
            "older list on purpose.",
        )


def check_plausible(
    state: ImportState, planned: Plan, report: ReadingReport, *, force: bool
) -> None:
    """Refuse a list from which too much has gone to be believed.

    Args:
        state: What was imported.
        planned: What the list would change.
        report: How the list was read.
        force: The operator has compared the list and wants it all the same.

    Raises:
        WrongStateError: More than ``MAX_VANISHED_PERCENT`` of the entries would
            be delisted; or some would, and entries of the file were not
            readable, so that nobody can say whether they are the same.
    """
    standing = sum(not entry.delisted for entry in state.entries.values())
    vanished = sum(
        step.entry.delisted and not state.entries[reference].delisted
        for reference, step in planned.steps.items()
        if reference in state.entries
    )
    if force or not vanished:
        return
    if vanished * 100 > standing * MAX_VANISHED_PERCENT:
        raise WrongStateError(
            f"{vanished} of {standing} published entries are not on this list, more "
            f"than {MAX_VANISHED_PERCENT} in a hundred. Nothing was published.",
            remedy="Compare the file with the list on the website of the Security "
            "Council. Force the import when they are the same.",
            vanished=vanished,
            standing=standing,
        )
    if report.entries_left_out:
        raise WrongStateError(
            f"{vanished} published entries are not on this list, and "
            f"{report.entries_left_out} of its entries could not be read: they may be "
            "the same. Nothing was published.",
            remedy="Read the report, and look the missing entries up. Force the import "
            "when they were really taken off the list.",
            vanished=vanished,
            unreadable=report.entries_left_out,
        )


def _change(
    last: PublishedEntry | None, digest: str, renew_before: datetime
) -> Change | None:
    if last is None:
        return Change.NEW
    if last.digest != digest:
        return Change.CHANGED
    expiring = last.published_at < renew_before and not last.delisted
    return Change.RENEWED if expiring else None


def _published(
    entry: ListEntry,
    last: PublishedEntry | None,
    *,
    digest: str,
    times: ImportTimes,
    node: str,
) -> PublishedEntry:
    return PublishedEntry(
        id=last.id if last else record_id(node, entry.reference),
        version=last.version + 1 if last else 1,
        digest=digest,
        published_at=times.now,
        kind=entry.kind,
        list_type=entry.list_type,
        name=entry.name,
        listed_on=entry.listed_on,
        delisted=entry.delisted_on is not None,
    )


def _sorted(value: object) -> object:
    """Return a value with every list in it sorted by its own JSON."""
    if isinstance(value, dict):
        return {key: _sorted(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        items = [_sorted(item) for item in value]
        return sorted(items, key=lambda item: json.dumps(item, sort_keys=True))
    return value
