# SPDX-License-Identifier: Apache-2.0
"""A gate before the writes of a store.

While it is shut, whoever shut it is the only one who writes; the others wait
rather than fail. Writes that were begun before are finished first, because a
store runs them in their order.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from selat.store.port import Snapshot, Store, Transaction

T = TypeVar("T")


class GatedStore:
    """A store with a gate; see `selat.store.port.Store`. For one event loop."""

    def __init__(self, store: Store) -> None:
        """Start with the gate open."""
        self._store = store
        self._is_open = asyncio.Event()
        self._is_open.set()

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` in a transaction, once the gate is open."""
        while not self._is_open.is_set():
            await self._is_open.wait()
        return await self._store.write(work)

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
        self._is_open.clear()
        try:
            yield self._store
        finally:
            self._is_open.set()
