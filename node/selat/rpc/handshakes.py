# SPDX-License-Identifier: Apache-2.0
"""Count the connections that TLS turned away.

gRPC tells a server nothing of a handshake that failed: whoever has no
certificate of an accepted peer never reaches the node's code. But it asks for
the server's certificate once for each connection, and whoever is let in makes
a call. What began and came to no call was turned away, or left by itself.

It is a count and no list: of a stranger nothing is known. It is close and not
exact, since a caller that comes back from the same port within its last few
connections is taken for the one before.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

#: A handshake and the first call take no longer than this, in s.
GRACE_S: Final = 15.0
#: Callers that are remembered, to count each connection once.
_CALLERS_MAX: Final = 256
#: Moments of handshakes that are remembered; older ones are past their grace.
_BEGUN_MAX: Final = 65_536


class Handshakes:
    """What came to the door of one server. Called from any thread.

    Args:
        monotonic: The present time in s, from any start.
    """

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Start with nobody at the door."""
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._begun: deque[float] = deque()
        self._settled = 0
        self._let_in = 0
        self._callers: OrderedDict[str, None] = OrderedDict()
        self._turned_away = 0

    def begun(self) -> None:
        """Note that a connection has begun."""
        with self._lock:
            if len(self._begun) == _BEGUN_MAX:
                self._begun.popleft()
                self._settled += 1
            self._begun.append(self._monotonic())

    def called(self, caller: str) -> None:
        """Note a call; the first one of a connection tells that it was let in.

        Args:
            caller: Address and port, as gRPC names them.
        """
        with self._lock:
            if caller not in self._callers:
                self._let_in += 1
                self._callers[caller] = None
                if len(self._callers) > _CALLERS_MAX:
                    self._callers.popitem(last=False)
            self._callers.move_to_end(caller)

    def turned_away(self) -> int:
        """Return how many connections came to no call; it never falls."""
        with self._lock:
            due = self._monotonic() - GRACE_S
            while self._begun and self._begun[0] <= due:
                self._begun.popleft()
                self._settled += 1
            self._turned_away = max(self._turned_away, self._settled - self._let_in)
            return self._turned_away
