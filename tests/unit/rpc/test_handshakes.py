# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from selat.rpc import handshakes
from selat.rpc.handshakes import GRACE_S, Handshakes


class Clock:
    """A time that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def door(clock: Clock) -> Handshakes:
    return Handshakes(monotonic=clock)


def test_connection_without_a_call_was_turned_away_after_its_grace(
    door: Handshakes, clock: Clock
) -> None:
    door.begun()
    clock.now = GRACE_S / 2
    assert door.turned_away() == 0
    clock.now = GRACE_S
    assert door.turned_away() == 1
    assert door.turned_away() == 1


def test_connection_that_calls_was_let_in_however_often_it_calls(
    door: Handshakes, clock: Clock
) -> None:
    for caller in ("ipv4:192.0.2.1:5000", "ipv4:192.0.2.1:5001"):
        door.begun()
        door.called(caller)
        door.called(caller)
    door.begun()
    clock.now = GRACE_S
    assert door.turned_away() == 1


def test_count_never_falls_when_a_call_comes_late(
    door: Handshakes, clock: Clock
) -> None:
    door.begun()
    clock.now = GRACE_S
    assert door.turned_away() == 1
    door.called("ipv4:192.0.2.1:5000")
    assert door.turned_away() == 1


def test_memory_is_bounded_whoever_knocks(
    door: Handshakes, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handshakes, "_BEGUN_MAX", 3)
    monkeypatch.setattr(handshakes, "_CALLERS_MAX", 1)
    for number in range(5):
        door.begun()
        door.called(f"ipv4:192.0.2.1:{number}")
    door.begun()
    clock.now = GRACE_S
    assert door.turned_away() == 1
