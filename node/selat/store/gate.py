# SPDX-License-Identifier: Apache-2.0
"""A gate before the writes of a store.

While it is shut, whoever shut it is the only one who writes; the others wait
rather than fail, and go on in the order of their calls, which nobody who comes
later passes. Writes that were begun before are finished first, because a store
runs them in their order.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from selat.store.port import Snapshot, Store, Transaction

T = TypeVar("T")


class GatedStore:
    """A store with a gate; see `selat.store.port.Store`. For one event loop."""

    def __init__(self, store: Store) -> None:
        """Start with the gate open."""
        self._store = store
        self._gate = asyncio.Lock()  # lets in first who came first
        self._waiting = set[object]()

    def write(self, work: Callable[[Transaction], T]) -> Awaitable[T]:
        """Run ``work`` in a transaction, once the gate is open."""
        if not (self._gate.locked() or self._waiting):
            return self._store.write(work)
        turn = asyncio.ensure_future(self._write_in_turn(work))
        self._waiting.add(turn)
        turn.add_done_callback(self._waiting.discard)
        return turn

    async def _write_in_turn(self, work: Callable[[Transaction], T]) -> T:
        async with self._gate:
            kept = self._store.write(work)
            self._waiting.discard(asyncio.current_task())
        return await kept

    async def read(self, work: Callable[[Snapshot], T]) -> T:
        """Run ``work`` on a snapshot; the gate does not matter."""
        return await self._store.read(work)

    async def close(self) -> None:
        """Finish the writes in hand and close."""
        await self._store.close()

    @asynccontextmanager
    async def shut(self) -> AsyncIterator[Store]:
        """Shut the gate for as long as the context lasts; give the way past it.

        One at a time may do so.
        """
        async with self._gate:
            yield self._store
