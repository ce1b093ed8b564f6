# SPDX-License-Identifier: Apache-2.0
"""The heap of the C library, which holds what is too large for Python's own."""

from __future__ import annotations

import ctypes
from typing import Final

#: ``M_ARENA_MAX`` of glibc's malloc.h.
_M_ARENA_MAX: Final = -8


def share_heap() -> None:
    """Let all threads take memory from one heap.

    glibc gives threads heaps of their own, up to eight for each processor, and
    batches pass from thread to thread: with one heap, what one of them frees is at
    hand for the next. Threads of Python take turns anyway. Other C libraries have
    no such heaps; nothing is done there.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(_M_ARENA_MAX, 1)
