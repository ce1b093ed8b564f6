# SPDX-License-Identifier: Apache-2.0
"""Wake those who follow the inbox when something was kept.

The store is where arrivals are read from. A few that were kept just now are
handed over with the ring as well: whoever has all that came before them need not
read them again. Nothing of them is remembered beyond those who wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple

from selat.core.payloads import Packed
from selat.store.values import MessageRow

#: So many messages are handed over with a ring, at the most: they are shown to
#: each follower without leaving the event loop.
HANDED_OVER_MAX: Final = 4


class Arrived(NamedTuple):
    """A received message that is kept, and its octets."""

    row: MessageRow
    message: Packed


class Ring(asyncio.Event):
    """One ring of the bell, to be waited for.

    Attributes:
        number: How many rings were before it.
        arrived: What was kept before it, in the order of arrival; empty when the
            store has to be read.
    """

    def __init__(self, number: int) -> None:
        """Start silent."""
        super().__init__()
        self.number: Final = number
        self.arrived: tuple[Arrived, ...] = ()


class Arrivals:
    """A bell."""

    def __init__(self) -> None:
        """Start silent."""
        self._next = Ring(0)
        self.closed = False

    def ring(self, arrived: Sequence[Arrived] = ()) -> None:
        """Wake everybody who waits now.

        Args:
            arrived: All that was kept by one transaction, with cursors that follow
                each other; empty for what the store is to be asked for.
        """
        rung, self._next = self._next, Ring(self._next.number + 1)
        rung.arrived = tuple(arrived)
        rung.set()

    def close(self) -> None:
        """Send everybody away who waits now or will."""
        self.closed = True
        self.ring()

    def next_ring(self) -> Ring:
        """Return the next ring; take it before reading the store."""
        return self._next

    def all_since(self, ring: Ring, cursor: int) -> tuple[Arrived, ...]:
        """Return all that arrived after a cursor, if it came with a ring.

        Args:
            ring: The ring that was waited for.
            cursor: That of the last arrival known.

        Returns:
            Messages in the order of arrival; none when the store has to be read.
        """
        is_all = ring.is_set() and ring.number + 1 == self._next.number
        if is_all and ring.arrived and ring.arrived[0].row.cursor == cursor + 1:
            return ring.arrived
        return ()
