# SPDX-License-Identifier: Apache-2.0
"""What a policy set remembers, within bounds."""

from __future__ import annotations

from typing import TypeVar

_K = TypeVar("_K")
_V = TypeVar("_V")


def keep(memory: dict[_K, _V], key: _K, value: _V, *, limit: int) -> None:
    """Keep a value; a full memory begins anew, which costs little and stays simple."""
    if len(memory) >= limit:
        memory.clear()
    memory[key] = value
