# SPDX-License-Identifier: Apache-2.0
"""Threads share one heap, where the C library can be told so."""

from __future__ import annotations

import ctypes
from types import SimpleNamespace

import pytest

from selat.node.heap import share_heap


def test_one_heap_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []

    def mallopt(parameter: int, value: int) -> int:
        asked.append((parameter, value))
        return 1

    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace(mallopt=mallopt))
    share_heap()
    assert asked == [(-8, 1)]


def test_nothing_is_done_where_the_library_has_no_such_heaps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace())
    share_heap()
