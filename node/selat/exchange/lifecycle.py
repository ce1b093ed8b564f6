# SPDX-License-Identifier: Apache-2.0
"""End messages: erase what has expired or is kept no longer, and log it.

What is still queued for a peer, or waits for a person, is withheld in the same
transaction. A message in a batch that waits for its receipt stays until then,
because that batch may have to be sealed again; one under legal hold stays
until it is released.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from selat.core.leaves import EraseLeaf, WithholdLeaf
from selat.core.merkle import leaf_hash
from selat.core.payloads import offer_salt, unpack
from selat.core.sealing import commitment
from selat.errors import StoreCorruptError
from selat.exchange.facts import facts_of
from selat.exchange.local import LocalNode
from selat.policy.catalogue import Catalogue
from selat.policy.port import Effect
from selat.store.lifecycle import Erasure
from selat.store.port import Snapshot, Transaction
from selat.store.values import (
    Direction,
    MessageRow,
    OutboxRow,
    OutboxState,
    Settled,
)
from selat.v1 import message_pb2

_log = logging.getLogger(__name__)

#: Reason of an erasure, and of an entry that was withheld for it.
EXPIRED: Final = "EXPIRED"
#: Reason of an erasure: the category keeps its messages no longer.
RETENTION: Final = "RETENTION"
#: Reason of an entry that was withheld because its message was erased by hand.
ERASED: Final = "ERASED"
#: Policy id of an entry that is withheld because its message ends.
_ENDED: Final = "lifecycle/ended"

#: Messages that end in one transaction: a moment's work for the one writer.
BATCH_MESSAGES_MAX: Final = 64
#: More recipients than any message has.
_ENTRIES_MAX: Final = 10_000
_BLIND_BYTES: Final = 32
_DAY_MS: Final = 86_400_000
_WAITS: Final = frozenset({OutboxState.QUEUED, OutboxState.HELD})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """A message that is due.

    Attributes:
        row: The message.
        reason: ``EXPIRED`` or ``RETENTION``, or the code that a person gave.
        entries: Its outbox entries.
        leaf_index: Index of its erase leaf; None while it is not erased.
        officer: Who has it erased; empty when the node does so by itself.
    """

    row: MessageRow
    reason: str
    entries: tuple[OutboxRow, ...]
    leaf_index: int | None = None
    officer: str = ""

    @property
    def is_on_its_way(self) -> bool:
        """Tell whether a batch that holds it waits for its receipt."""
        return any(entry.state is OutboxState.OFFERED for entry in self.entries)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """An ending with the leaves of the entries that are withheld for it.

    A leaf is None when the payload does not open.
    """

    ending: Ending
    withheld: tuple[tuple[OutboxRow, bytes | None], ...]


class Lifecycle:
    """Find the messages that are due, and end them.

    Args:
        local: Our node.
        catalogue: Gives the categories in force.
    """

    def __init__(self, *, local: LocalNode, catalogue: Callable[[], Catalogue]) -> None:
        """Take what ending messages needs."""
        self._local = local
        self._catalogue = catalogue
        self._running = asyncio.Lock()

    async def due(self, *, limit: int) -> list[Ending]:
        """Return what is due, by ascending number; change nothing."""
        return await self._due(after=0, limit=limit)

    async def run(self, *, limit: int | None = None) -> list[Ending]:
        """End what is due, at most ``limit`` messages; return what was erased.

        Raises:
            StoreError: The database failed; what was erased before stays so.
        """
        erased: list[Ending] = []
        async with self._running:
            after = 0
            while limit is None or len(erased) < limit:
                room = BATCH_MESSAGES_MAX
                if limit is not None:
                    room = min(room, limit - len(erased))
                due = await self._due(after=after, limit=room)
                if not due:
                    break
                after = due[-1].row.number
                erased += await self._end(due)
        if erased:
            _log.info("messages erased", extra={"count": len(erased)})
        return erased

    async def end(self, endings: Sequence[Ending]) -> list[Ending]:
        """End messages that a person wants erased now; return what was erased.

        One that changed in the meantime, or that is on its way, is left out.

        Raises:
            StoreError: The database failed; nothing was erased.
        """
        async with self._running:
            return await self._end(endings)

    async def _due(self, *, after: int, limit: int) -> list[Ending]:
        now_ms = self._local.clock()
        aged_ms = _aged_ms(self._catalogue(), now_ms)

        def work(snapshot: Snapshot) -> list[Ending]:
            rows = snapshot.due(
                expired_ms=now_ms, aged_ms=aged_ms, after=after, limit=limit
            )
            return [
                Ending(
                    row=row,
                    reason=_reason(row, now_ms),
                    entries=entries_of(snapshot, row),
                )
                for row in rows
            ]

        return await self._local.store.read(work)

    async def _end(self, due: Sequence[Ending]) -> list[Ending]:
        """End those that nothing keeps back, in one transaction."""
        local, now_ms = self._local, self._local.clock()
        ready = [ending for ending in due if not ending.is_on_its_way]
        if not ready:
            return []

        def prepare(snapshot: Snapshot) -> list[_Prepared]:
            return [self._prepare(snapshot, ending, now_ms) for ending in ready]

        prepared = await local.store.read(prepare)
        local.on_step("lifecycle.prepared")
        erased = await local.store.write(lambda t: self._erase(t, prepared, now_ms))
        local.on_step("lifecycle.erased")
        return erased

    def _prepare(self, snapshot: Snapshot, ending: Ending, now_ms: int) -> _Prepared:
        waiting = [entry for entry in ending.entries if entry.state in _WAITS]
        return _Prepared(
            ending=ending,
            withheld=tuple(
                (entry, self._withhold_leaf(snapshot, ending.row, entry, now_ms))
                for entry in waiting
            ),
        )

    def _withhold_leaf(
        self, snapshot: Snapshot, row: MessageRow, entry: OutboxRow, now_ms: int
    ) -> bytes | None:
        """Return the leaf that says that a message does not go to a peer."""
        local, payload = self._local, snapshot.payload(row.number)
        if payload is None:
            return None
        try:
            stored = unpack(
                local.cipher.reveal(
                    payload,
                    originator=row.originator,
                    message_id=row.message_id,
                    version=row.version,
                )
            )
        except StoreCorruptError:
            return None  # it is erased all the same
        facts = facts_of(message_pb2.Header.FromString(stored.header))
        blind = local.entropy(_BLIND_BYTES)
        salt = offer_salt(stored.salt, recipient=entry.peer, blind=blind)
        return WithholdLeaf(
            id=UUID(bytes=row.message_id),
            version=row.version,
            type=facts.record_type,
            category=facts.category,
            level=facts.level,
            codes=facts.codes,
            tlp=facts.tlp,
            purposes=facts.purposes,
            sender=local.name,
            recipient=entry.peer,
            time_ms=now_ms,
            policy=local.policy().digest,
            effect=Effect.WITHHOLD.value,
            policies=(_ENDED,),
            commit=commitment(stored.salted(salt)),
            blind=blind,
        ).encode()

    def _erase(
        self, transaction: Transaction, prepared: list[_Prepared], now_ms: int
    ) -> list[Ending]:
        """Log and erase what has not changed since it was prepared."""
        erased: list[Ending] = []
        for item in prepared:
            row = item.ending.row
            unchanged = (
                transaction.message(row.number) == row
                and entries_of(transaction, row) == item.ending.entries
            )
            if unchanged:  # else the next run looks again
                erased.append(self._erase_one(transaction, item, now_ms))
        return erased

    def _erase_one(
        self, transaction: Transaction, item: _Prepared, now_ms: int
    ) -> Ending:
        ending, row = item.ending, item.ending.row
        leaves = [leaf for _, leaf in item.withheld if leaf is not None]
        logged = _first_leaf(transaction, ending) or (leaves[0] if leaves else None)
        erase = EraseLeaf(
            node=self._local.name,
            id=UUID(bytes=row.message_id),
            version=row.version,
            offer=b"" if logged is None else leaf_hash(logged),
            reason=ending.reason,
            time_ms=now_ms,
            blind=self._local.entropy(_BLIND_BYTES),
        )
        first = transaction.append_leaves([*leaves, erase.encode()])
        places = iter(range(first, first + len(leaves)))
        transaction.settle(
            [
                Settled(
                    entry=entry.number,
                    state=OutboxState.WITHHELD,
                    reason=ERASED if ending.officer else EXPIRED,
                    leaf_index=None if leaf is None else next(places),
                )
                for entry, leaf in item.withheld
            ],
            now_ms,
        )
        index = first + len(leaves)
        transaction.erase(
            row.number,
            Erasure(
                reason=ending.reason,
                erased_ms=now_ms,
                leaf_index=index,
                officer=ending.officer,
            ),
        )
        return replace(ending, leaf_index=index)


def _aged_ms(catalogue: Catalogue, now_ms: int) -> Mapping[str, int]:
    """Return until when a message must have been created to be due, by category."""
    return {
        category.id: now_ms - category.longest_retention_days * _DAY_MS
        for category in catalogue.categories.values()
    }


def _reason(row: MessageRow, now_ms: int) -> str:
    has_expired = row.expires_ms is not None and row.expires_ms <= now_ms
    return EXPIRED if has_expired else RETENTION


def entries_of(snapshot: Snapshot, row: MessageRow) -> tuple[OutboxRow, ...]:
    """Return the outbox entries of a message; none of one that came in."""
    if row.direction is Direction.IN:
        return ()
    return tuple(snapshot.outbox(message=row.number, limit=_ENTRIES_MAX))


def _first_leaf(snapshot: Snapshot, ending: Ending) -> bytes | None:
    """Return the first leaf of our log that is about a message, or None."""
    if ending.row.direction is Direction.IN:
        found = snapshot.arrival_batch(ending.row.number)
        if found is None:
            return None
        batch, position = found
        index = batch.first_receipt + position
    else:
        known = [
            entry.leaf_index for entry in ending.entries if entry.leaf_index is not None
        ]
        if not known:
            return None
        index = min(known)
    return snapshot.leaves(index, 1)[0]
