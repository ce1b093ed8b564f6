# SPDX-License-Identifier: Apache-2.0
"""A log is followed over any boundaries, and only if nothing was tampered with."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.fakes.exchanges import SENDER
from tests.fakes.shards import FakeShards

from selat.core.hand_overs import HandOver
from selat.core.log_states import LogState, VerifiedLog, verify_log_state
from selat.errors import PeerError

#: Leaves of each shard besides those of the hand-overs.
FILLS = (3, 0, 9, 1)
LOG = FakeShards(SENDER, *FILLS)
NUMBERS = st.integers(min_value=0, max_value=len(FILLS) - 1)


@st.composite
def points(draw: st.DrawFn) -> tuple[int, int]:
    """Draw the number of a shard and one of its sizes."""
    number = draw(NUMBERS)
    return number, draw(st.integers(min_value=1, max_value=LOG.shards[number].size))


def follow(state: LogState, known: tuple[int, int]) -> VerifiedLog:
    number, size = known
    return verify_log_state(
        state,
        owner=SENDER,
        verifiers=LOG.verifiers,
        known=LOG.shards[number].known(size),
    )


@given(known=points(), new=points(), back_to=NUMBERS)
def test_every_later_state_follows_every_earlier_one(
    known: tuple[int, int], new: tuple[int, int], back_to: int
) -> None:
    assume(known <= new)
    number, size = new
    state = LOG.state(number, size=size, known=known, back_to=min(back_to, number))
    log = follow(state, known)
    assert log.checkpoint == LOG.shards[number].checkpoint(size)
    for older in log.states[:-1]:
        assert older.note in LOG.final_notes


@given(known=points(), new=points())
def test_no_earlier_state_follows_a_later_one(
    known: tuple[int, int], new: tuple[int, int]
) -> None:
    assume(known > new)
    number, size = new
    with pytest.raises(PeerError):
        follow(LOG.state(number, size=size), known)


@given(data=st.data(), known=points(), new=points())
def test_hand_over_with_any_part_tampered_with_is_refused(
    data: st.DataObject, known: tuple[int, int], new: tuple[int, int]
) -> None:
    assume(known[0] < new[0])
    state = LOG.state(new[0], size=new[1], known=known)
    position = data.draw(st.integers(0, len(state.hand_overs) - 1))
    hand_overs = list(state.hand_overs)
    hand_overs[position] = data.draw(tampered(hand_overs[position]))
    with pytest.raises(PeerError):
        follow(replace(state, hand_overs=tuple(hand_overs)), known)


@given(data=st.data(), known=points(), new=points())
def test_line_of_hand_overs_with_one_missing_twice_or_misplaced_is_refused(
    data: st.DataObject, known: tuple[int, int], new: tuple[int, int]
) -> None:
    assume(known[0] < new[0])
    state = LOG.state(new[0], size=new[1], known=known)
    honest = state.hand_overs
    others = (*honest, *LOG.hand_overs(0, len(FILLS) - 1))
    line = tuple(data.draw(st.lists(st.sampled_from(others), max_size=5)))
    # An honest line may begin earlier than it needs to.
    assume(line != LOG.state(new[0], size=new[1], known=known, back_to=0).hand_overs)
    assume(line[-len(honest) :] != honest)
    with pytest.raises(PeerError):
        follow(replace(state, hand_overs=line), known)


def tampered(hand_over: HandOver) -> st.SearchStrategy[HandOver]:
    """Change one byte of one part, or the number of hashes of a proof."""
    return st.sampled_from([field.name for field in fields(hand_over)]).flatmap(
        lambda name: _changed(getattr(hand_over, name)).map(
            lambda value: replace(hand_over, **{name: value})
        )
    )


def _changed(value: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401 - leaf or proof
    if isinstance(value, bytes):
        return st.tuples(st.integers(0, len(value) - 1), st.integers(1, 255)).map(
            lambda at: _flipped(value, *at)
        )
    longer = st.just((*value, bytes(32)))
    if not value:
        return longer
    return st.one_of(
        longer,
        st.just(value[:-1]),
        st.integers(0, len(value) - 1).flatmap(
            lambda at: _changed(value[at]).map(
                lambda item: (*value[:at], item, *value[at + 1 :])
            )
        ),
    )


def _flipped(value: bytes, position: int, mask: int) -> bytes:
    changed = bytes([value[position] ^ mask])
    return value[:position] + changed + value[position + 1 :]
