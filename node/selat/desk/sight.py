# SPDX-License-Identifier: Apache-2.0
"""What one caller of the desk may see, as the state's policy has it.

What a caller may not see does not exist for that caller: not in a list, not in
a count, not as an error of another kind than for what was never there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from selat.desk.access import ADMINISTRATOR, AUDITOR, REVIEWER, Caller
from selat.desk.reading import open_all
from selat.errors import InvalidInputError, NotFoundError
from selat.exchange.facts import facts_of, facts_of_row
from selat.exchange.local import LocalNode
from selat.policy.port import Action, DeskPolicy, Effect, OfficerFacts
from selat.store.port import Snapshot
from selat.store.values import Holding, MessageQuery, MessageRow, OutboxRow
from selat.v1 import message_pb2

#: Rows that one page looks at, at the most; a page may then be short.
ROWS_EXAMINED_MAX: Final = 4_096
ID_BYTES: Final = 16
_CHUNK: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A message that the caller may see; contents are None when erased."""

    row: MessageRow
    message: message_pb2.Message | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Messages that the caller may see, and where the next page starts.

    Attributes:
        seen: The messages, newest first.
        next_before: The next page holds arrivals below this; None on the last.
    """

    seen: tuple[Seen, ...]
    next_before: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPage:
    """Outbox entries that the caller may see, and where the next page starts."""

    entries: tuple[OutboxRow, ...]
    next_before: int | None


class ReadEntries(Protocol):
    """Reads outbox entries, newest first, below an entry."""

    def __call__(self, *, before: int | None, limit: int) -> list[OutboxRow]:
        """Return at most ``limit`` of them."""


class Sight:
    """Decide what one caller may see, by one policy set.

    Args:
        local: Our node.
        caller: Who is calling.
    """

    def __init__(self, *, local: LocalNode, caller: Caller) -> None:
        """Take the policy set in force now, for the whole call."""
        self._local = local
        self._caller = caller
        self._policy: DeskPolicy = local.policy()
        self._now_ms = local.clock()

    def officer(self, author: str) -> OfficerFacts:
        """Return what policies may know of the caller.

        Args:
            author: Who published the message in question.
        """
        return OfficerFacts(
            officer_id=self._caller.officer_id,
            agency=self._caller.agency,
            roles=self._caller.roles,
            functions=self._caller.functions,
            is_author=author == self._caller.officer_id,
        )

    def may(
        self, action: Action, row: MessageRow, message: message_pb2.Message | None
    ) -> bool:
        """Tell whether policy lets the caller view or search a message.

        Args:
            action: `Action.VIEW` or `Action.SEARCH`.
            row: The message.
            message: Its contents; None when they are erased.
        """
        if row.holding.is_hidden and not self._reviews(row):
            return False
        if message is None:
            # Of an erased message only the row is left: its age decides no more
            # who may know that it was here.
            facts = facts_of_row(row).dated(expires_ms=None, created_ms=None)
        else:
            facts = facts_of(message.header, holding=row.holding)
        ask = self._policy.view if action is Action.VIEW else self._policy.search
        decision = ask(facts, self.officer(row.author), now_ms=self._now_ms)
        return decision.effect is Effect.PERMIT

    def _reviews(self, row: MessageRow) -> bool:
        """Tell whether a message waits for a reviewer and the caller is one.

        What a reviewer refused, or nobody was shown in time, is for no one.
        """
        waits = row.holding is Holding.QUARANTINED
        return waits and REVIEWER in self._caller.roles

    def visible(
        self, snapshot: Snapshot, rows: Sequence[MessageRow], action: Action
    ) -> Iterator[Seen]:
        """Yield those of some messages that the caller may see, in their order."""
        messages = open_all(self._local, snapshot, rows)
        return self.visible_of(zip(rows, messages, strict=True), action)

    def visible_of(
        self,
        messages: Iterable[tuple[MessageRow, message_pb2.Message | None]],
        action: Action,
    ) -> Iterator[Seen]:
        """Yield as `visible`, of messages whose contents are at hand."""
        for row, message in messages:
            if self.may(action, row, message):
                yield Seen(row=row, message=message)

    def open(
        self, snapshot: Snapshot, message_id: bytes, version: int, originator: str = ""
    ) -> Seen:
        """Return one message that the caller may view.

        Args:
            snapshot: Where to look.
            message_id: 16-byte UUIDv7.
            version: The version; 0 for the newest.
            originator: Who published it, when not empty.

        Raises:
            NotFoundError: There is none that the caller may view.
            InvalidInputError: The identifier is none, or more than one node
                published such a message.
        """
        _check_identifier(message_id)
        rows = snapshot.find(message_id, version or None, originator)
        found = list(self.visible(snapshot, rows, Action.VIEW))
        if not found:
            raise not_found()
        if len({seen.row.originator for seen in found}) > 1:
            raise InvalidInputError(
                "More than one node published a message with this identifier.",
                remedy="Name the originator too.",
            )
        return found[0]

    def exchanged(
        self, snapshot: Snapshot, message_id: bytes, version: int
    ) -> MessageRow:
        """Return one message whose proofs the caller may have.

        An auditor need not be one who may view it: leaves and proofs tell
        nothing of what is in it.

        Raises:
            NotFoundError: There is none, or none that the caller may view.
            InvalidInputError: The identifier is none.
        """
        if AUDITOR not in self._caller.roles:
            return self.open(snapshot, message_id, version).row
        _check_identifier(message_id)
        rows = snapshot.find(message_id, version or None)
        if not rows:
            raise not_found()
        return rows[0]

    def entries(
        self, snapshot: Snapshot, read: ReadEntries, *, before: int | None, size: int
    ) -> EntryPage:
        """Return one page of the outbox, of what the caller may see.

        An administrator, who looks after deliveries and not after messages,
        sees all of it.

        Args:
            snapshot: Where the messages are.
            read: Reads the entries.
            before: Only entries below this one.
            size: At most so many.
        """
        seen: list[OutboxRow] = []
        examined = 0
        while True:
            rows = read(before=before, limit=_CHUNK)
            shown = None if self._sees_all_entries else self._shown(snapshot, rows)
            for row in rows:
                if shown is not None and row.message not in shown:
                    continue
                if len(seen) == size:
                    return EntryPage(entries=tuple(seen), next_before=seen[-1].number)
                seen.append(row)
            if len(rows) < _CHUNK:
                return EntryPage(entries=tuple(seen), next_before=None)
            before = rows[-1].number
            examined += len(rows)
            if examined >= ROWS_EXAMINED_MAX:
                return EntryPage(entries=tuple(seen), next_before=before)

    def check_entry(self, snapshot: Snapshot, number: int) -> None:
        """Raise unless the caller may see an entry of the outbox.

        Raises:
            NotFoundError: There is none that the caller may see; whether there is
                one is not told.
        """
        row = snapshot.outbox_entry(number)
        if row is None or not (self._sees_all_entries or self._shown(snapshot, [row])):
            raise NotFoundError(
                f"There is no outbox entry {number} for you to see.",
                remedy="Look for it with `selat outbox list`.",
            )

    @property
    def _sees_all_entries(self) -> bool:
        return ADMINISTRATOR in self._caller.roles

    def _shown(self, snapshot: Snapshot, entries: Sequence[OutboxRow]) -> set[int]:
        """Return the messages among those of entries that the caller may see."""
        found = [
            snapshot.message(number)
            for number in dict.fromkeys(entry.message for entry in entries)
        ]
        rows = [row for row in found if row is not None]
        return {each.row.number for each in self.visible(snapshot, rows, Action.SEARCH)}

    def page(
        self, snapshot: Snapshot, query: MessageQuery, *, before: int | None, size: int
    ) -> Page:
        """Return one page of a search, of what the caller may see."""
        seen: list[Seen] = []
        examined = 0
        while True:
            rows = snapshot.search(query, before=before, limit=_CHUNK)
            for found in self.visible(snapshot, rows, Action.SEARCH):
                if len(seen) == size:
                    return Page(seen=tuple(seen), next_before=seen[-1].row.number)
                seen.append(found)
            if len(rows) < _CHUNK:
                return Page(seen=tuple(seen), next_before=None)
            before = rows[-1].number
            examined += len(rows)
            if examined >= ROWS_EXAMINED_MAX:
                return Page(seen=tuple(seen), next_before=before)


def _check_identifier(message_id: bytes) -> None:
    if len(message_id) != ID_BYTES:
        raise InvalidInputError(
            f"A message identifier has {ID_BYTES} bytes.",
            remedy="Give the UUID of the message.",
        )


def not_found() -> NotFoundError:
    """Return the error for what is not kept, or not for this caller."""
    return NotFoundError(
        "No such message is kept here for you to see.",
        remedy="Look for it with `selat search` or `selat inbox --all`.",
    )
