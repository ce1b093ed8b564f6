# SPDX-License-Identifier: Apache-2.0
"""Wake those who follow the inbox when something was kept."""

from __future__ import annotations

import asyncio


class Arrivals:
    """A bell; the store is where arrivals are read from."""

    def __init__(self) -> None:
        """Start silent."""
        self._rung = asyncio.Event()
        self.closed = False

    def ring(self) -> None:
        """Wake everybody who waits now."""
        rung, self._rung = self._rung, asyncio.Event()
        rung.set()

    def close(self) -> None:
        """Send everybody away who waits now or will."""
        self.closed = True
        self.ring()

    def next_ring(self) -> asyncio.Event:
        """Return the event of the next ring; take it before reading the store."""
        return self._rung
