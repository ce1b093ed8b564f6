# SPDX-License-Identifier: Apache-2.0
"""Import a Consolidated List: read it, plan, and make the messages.

::

    with read_un_list(path) as un_list:
        planned = plan_import(un_list, state, publisher, now=now)
        for publication in to_messages(un_list, planned, publisher):
            ...  # hand publication.message to the desk, then
            state = state.with_published(
                planned.generated, {publication.reference: publication.entry}
            )

The list is read twice, once to plan and once to publish, so that never more
than one entry is in memory. Saving the state after each call to the desk makes
an import that stops half-way continue where it stopped: what was published and
not remembered gets the same identifier, version and body again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from selat.errors import MalformedError, NotFoundError, WrongStateError
from selat.importers.un_list.changes import (
    Change,
    ImportTimes,
    Plan,
    check_newer,
    check_plausible,
    digest_of,
    plan,
)
from selat.importers.un_list.entries import ListEntry
from selat.importers.un_list.mapping import Issue, Publisher, to_message
from selat.importers.un_list.reader import UnList
from selat.importers.un_list.report import ReadingReport
from selat.importers.un_list.state import ImportState, PublishedEntry
from selat.v1 import message_pb2

RENEWAL_MARGIN: Final = timedelta(days=180)
"""How long before its record expires an entry that still stands is published
again."""

_CATEGORIES: Final = ("sanctions", "terrorism")


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an import is.

    Attributes:
        entries: Entries read so far.
        messages: Messages made so far.
    """

    entries: int
    messages: int


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """One message to hand to the desk.

    Attributes:
        reference: Reference number of the entry.
        change: Why it is published.
        entry: What to remember once the desk has taken it.
        message: The message.
    """

    reference: str
    change: Change
    entry: PublishedEntry
    message: message_pb2.Message


@contextmanager
def read_un_list(path: Path) -> Iterator[UnList]:
    """Open a list; it is closed at the end of the context.

    Raises:
        NotFoundError: There is no such file, or it cannot be read.
        MalformedError: The file is no Consolidated List.
        TooLargeError: It is over a limit.
    """
    try:
        source = path.open("rb")
    except OSError as error:
        raise NotFoundError(
            f"The list {path} cannot be opened: {error.strerror}.",
            remedy="Give the path of the downloaded XML file.",
        ) from error
    with source:
        yield UnList(source)


def plan_import(
    un_list: UnList,
    state: ImportState,
    publisher: Publisher,
    *,
    now: datetime,
    force: bool = False,
    report: ReadingReport | None = None,
    on_progress: OnProgress | None = None,
) -> Plan:
    """Read the whole list and say what its import would publish.

    Args:
        un_list: The list.
        state: What was imported before.
        publisher: Who publishes it.
        now: The time, aware.
        force: Accept an older list, and one from which much has gone.
        report: Takes what is not understood, if the caller wants to show it.
        on_progress: Called after every entry.

    Raises:
        MalformedError: The file is broken or holds no entry.
        TooLargeError: It is over a limit.
        WrongStateError: The list is older than the last one, or cannot be
            believed, and ``force`` is not set.
        ConfigurationError: The state's catalogue has no category for the list.
    """
    report = report or ReadingReport()
    check_newer(state, un_list.generated, force=force)
    retention = min(
        publisher.category_named(name).longest_retention_days for name in _CATEGORIES
    )
    margin = min(RENEWAL_MARGIN, timedelta(days=retention) / 2)
    times = ImportTimes(
        generated=un_list.generated,
        now=now,
        renew_before=now - timedelta(days=retention) + margin,
    )
    entries = _watched(un_list.entries(report), on_progress)
    planned = plan(state.entries, entries, times, node=publisher.node)
    if not planned.unchanged and planned.references(Change.DELISTED) == tuple(
        planned.steps
    ):
        raise MalformedError(
            "The list holds no entry that could be read.",
            remedy="Download the list again from the United Nations.",
        )
    check_plausible(state, planned, report, force=force)
    return planned


def to_messages(
    un_list: UnList,
    planned: Plan,
    publisher: Publisher,
    *,
    report: ReadingReport | None = None,
    on_progress: OnProgress | None = None,
) -> Iterator[Publication]:
    """Yield the messages of a plan, changes first, delistings last.

    Args:
        un_list: The list from which the plan was made.
        planned: The plan.
        publisher: Who publishes it, as when the plan was made.
        report: Takes what the records have no field for; what was not
            understood while reading is told here again.
        on_progress: Called after every entry of the list.

    Raises:
        MalformedError: The file is broken.
        WrongStateError: The file changed since the plan was made.
        ConfigurationError: The state's catalogue does not allow a record.
    """
    report = report or ReadingReport()
    made = read = 0
    for read, entry in enumerate(un_list.entries(report), start=1):
        step = planned.steps.get(entry.reference)
        if step is not None and step.change is not Change.DELISTED:
            if digest_of(entry) != step.entry.digest:
                raise _changed_since()
            yield _publication(entry, planned, publisher, report)
            made += 1
        if on_progress:
            on_progress(Progress(entries=read, messages=made))
    gone = planned.references(Change.DELISTED)
    if made != len(planned.steps) - len(gone):
        raise _changed_since()
    for reference in gone:
        yield _publication(_gone_entry(reference, planned), planned, publisher, report)
        made += 1
        if on_progress:
            on_progress(Progress(entries=read, messages=made))


def _publication(
    entry: ListEntry, planned: Plan, publisher: Publisher, report: ReadingReport
) -> Publication:
    step = planned.steps[entry.reference]
    issue = Issue(
        id=step.entry.id,
        version=step.entry.version,
        created_at=step.entry.published_at,
        generated=planned.generated,
    )
    message = to_message(entry, issue, publisher, report)
    if step.entry.delisted:
        message.header.status = message_pb2.RECORD_STATUS_DELISTED
    return Publication(
        reference=entry.reference, change=step.change, entry=step.entry, message=message
    )


def _gone_entry(reference: str, planned: Plan) -> ListEntry:
    """Return what is still said of an entry that left the list.

    Only that it was listed and is no more: the data of a person who is no
    longer listed are not sent again. The day of the delisting is not known.
    """
    last = planned.steps[reference].entry
    return ListEntry(
        kind=last.kind,
        data_id="",
        version="",
        reference=reference,
        list_type=last.list_type,
        name=last.name,
        listed_on=last.listed_on,
        comments=f"Not on the list that was generated on {planned.generated:%Y-%m-%d}.",
    )


def _watched(
    entries: Iterator[ListEntry], on_progress: OnProgress | None
) -> Iterator[ListEntry]:
    for number, entry in enumerate(entries, start=1):
        yield entry
        if on_progress:
            on_progress(Progress(entries=number, messages=0))


def _changed_since() -> WrongStateError:
    return WrongStateError(
        "The list changed between planning its import and publishing it.",
        remedy="Import it again; what was published already stands.",
    )
