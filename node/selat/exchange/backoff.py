# SPDX-License-Identifier: Apache-2.0
"""When a peer that failed is tried again.

Equal jitter under an exponential ceiling, kept in the store as part of the
peer's link, and cleared when the peer is heard again.
"""

from __future__ import annotations

from typing import Final

FIRST_CEILING_MS: Final = 1_000
#: A peer that was away for days is still tried every few minutes.
LAST_CEILING_MS: Final = 300_000
#: Two to this power times the first ceiling is past the last one.
_DOUBLINGS_MAX: Final = 9


def delay_ms(attempts: int, *, random: float) -> int:
    """Return how long to wait after the given number of failures.

    Args:
        attempts: Failures since the last success, from 1.
        random: A number from 0 (included) to 1 (excluded).

    Returns:
        Between half and the whole of the ceiling, in ms.
    """
    doublings = min(max(attempts, 1) - 1, _DOUBLINGS_MAX)
    ceiling = min(FIRST_CEILING_MS << doublings, LAST_CEILING_MS)
    return ceiling // 2 + int(random * ceiling / 2)
