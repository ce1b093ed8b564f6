# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.fakes.exchanges import RECIPIENT, SENDER, FakeLog
from tests.fakes.leaves import CARD
from tests.fakes.shards import DAYS, FakeShards, closing, opening

from selat.core.hand_overs import (
    HAND_OVERS_MAX,
    HandOver,
    SignedState,
    check_hand_over,
    verify_hand_over,
    verify_hand_overs,
)
from selat.core.leaves import parse_leaf
from selat.core.origins import end_ms
from selat.core.shard_leaves import CloseLeaf, OpenLeaf
from selat.core.tiles import inclusion_proof
from selat.errors import HandOverError, ProofError


@pytest.fixture(scope="module")
def log() -> FakeShards:
    return FakeShards(SENDER, 5, 6, 7)


def newest(log: FakeShards) -> SignedState:
    shard = log.shards[-1]
    checkpoint = shard.checkpoint()
    return SignedState(checkpoint=checkpoint, note=shard.sign(checkpoint))


def verify(log: FakeShards, hand_over: HandOver, *, number: int = 1) -> SignedState:
    return verify_hand_over(
        hand_over, newer=log.shards[number].checkpoint(), verifiers=log.verifiers
    )


def between(older: FakeLog, newer: FakeLog) -> HandOver:
    """Return the hand-over between two shards, whatever their leaves say."""
    return HandOver(
        close_leaf=older.leaves[-1],
        close_proof=inclusion_proof(older.size - 1, older.size, older.tree),
        open_leaf=newer.leaves[0],
        open_proof=inclusion_proof(0, newer.size, newer.tree),
    )


# --- honest hand-overs -------------------------------------------------------
def test_hand_over_gives_the_final_state_and_its_exact_note(log: FakeShards) -> None:
    (hand_over,) = log.hand_overs(0, 1)
    assert verify(log, hand_over) == SignedState(
        checkpoint=log.shards[0].checkpoint(), note=log.final_notes[0]
    )


def test_hand_over_is_proven_in_any_state_of_the_newer_shard(log: FakeShards) -> None:
    newer = log.shards[1]
    for size in range(1, newer.size + 1):
        (hand_over,) = log.hand_overs(0, 1, size=size)
        verify_hand_over(
            hand_over, newer=newer.checkpoint(size), verifiers=log.verifiers
        )


def test_hand_overs_lead_back_from_shard_to_shard(log: FakeShards) -> None:
    states = verify_hand_overs(
        log.hand_overs(0, 2), newest=newest(log), verifiers=log.verifiers
    )
    assert [state.checkpoint for state in states] == [
        shard.checkpoint() for shard in log.shards
    ]
    assert [state.note for state in states[:2]] == log.final_notes


def test_no_hand_over_leads_to_the_newest_state_alone(log: FakeShards) -> None:
    state = newest(log)
    assert verify_hand_overs((), newest=state, verifiers=log.verifiers) == (state,)


def test_keys_are_those_of_the_time_at_which_the_newer_shard_was_opened(
    log: FakeShards,
) -> None:
    asked: list[tuple[str, int | None]] = []

    def verifiers(origin: str, at_ms: int | None = None) -> object:
        asked.append((origin, at_ms))
        return log.verifiers(origin)

    (hand_over,) = log.hand_overs(0, 1)
    verify_hand_over(
        hand_over,
        newer=log.shards[1].checkpoint(),
        verifiers=verifiers,  # type: ignore[arg-type] # remembers what it is asked
    )
    origin = log.shards[0].origin
    assert asked == [(origin, end_ms(origin))]


# --- what is refused ---------------------------------------------------------
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h: replace(h, open_leaf=b"{}"), "does not begin with an open leaf"),
        (
            lambda h: replace(h, open_leaf=CARD.encode()),
            "does not begin with an open leaf",
        ),
        (
            lambda h: replace(h, open_leaf=_changed(h.open_leaf, node=RECIPIENT)),
            "was opened by another node",
        ),
        (
            lambda h: replace(h, open_leaf=_changed(h.open_leaf, origin="nothing")),
            "has no origin of an exchange log",
        ),
        (
            lambda h: replace(
                h,
                open_leaf=_changed(h.open_leaf, origin=f"{SENDER}/exchange/2031h2"),
            ),
            "begins with the opening of another shard",
        ),
        (lambda h: replace(h, open_proof=h.open_proof[:-1]), "first one of"),
        (
            lambda h: replace(h, open_leaf=_changed(h.open_leaf, blind=bytes(32))),
            "first one of",
        ),
        (lambda h: replace(h, close_proof=h.close_proof[1:]), "last one of"),
        (lambda h: replace(h, close_leaf=CARD.encode()), "last one of"),
    ],
    ids=[
        "no leaf",
        "another kind",
        "another node",
        "no origin",
        "another shard",
        "short proof",
        "another leaf",
        "short proof of the last",
        "another last leaf",
    ],
)
def test_hand_over_with_one_part_changed_is_refused(
    log: FakeShards, change: Callable[[HandOver], HandOver], message: str
) -> None:
    (hand_over,) = log.hand_overs(0, 1)
    with pytest.raises(HandOverError, match=message):
        verify(log, change(hand_over))


def _changed(data: bytes, **changes: object) -> bytes:
    leaf = parse_leaf(data)
    return replace(leaf, **changes).encode()  # type: ignore[arg-type] # any attribute


def test_missing_proof_is_the_cause(log: FakeShards) -> None:
    (hand_over,) = log.hand_overs(0, 1)
    with pytest.raises(HandOverError) as caught:
        verify(log, replace(hand_over, close_proof=()))
    assert isinstance(caught.value.__cause__, ProofError)
    assert caught.value.context == {"origin": log.shards[1].origin}


def test_shard_that_ends_without_a_close_leaf_is_refused() -> None:
    log = FakeShards(SENDER, 5, 2)
    older = FakeLog(SENDER, day=DAYS[0])
    older.fill(6)
    newer = _opened_on(log, older.sign(older.checkpoint()))
    with pytest.raises(HandOverError, match="no close leaf ends"):
        verify_hand_over(
            between(older, newer), newer=newer.checkpoint(), verifiers=log.verifiers
        )
    older.append(CARD)
    newer = _opened_on(log, older.sign(older.checkpoint()))
    with pytest.raises(HandOverError, match="no close leaf ends"):
        verify_hand_over(
            between(older, newer), newer=newer.checkpoint(), verifiers=log.verifiers
        )


def test_close_leaf_that_is_not_the_last_is_refused() -> None:
    log = FakeShards(SENDER, 5, 2)
    older = log.shards[0]
    index = older.size - 1
    older.fill(1)
    newer = _opened_on(log, older.sign(older.checkpoint()))
    hand_over = replace(
        between(older, newer),
        close_leaf=older.leaves[index],
        close_proof=inclusion_proof(index, older.size, older.tree),
    )
    with pytest.raises(HandOverError, match="last one of"):
        verify_hand_over(hand_over, newer=newer.checkpoint(), verifiers=log.verifiers)


def test_shard_that_the_close_leaf_does_not_name_is_refused() -> None:
    log = FakeShards(SENDER, 5, 2, 2)
    older = FakeLog(SENDER, day=DAYS[0])
    older.append(closing(older, log.shards[2].origin))
    newer = _opened_on(log, older.sign(older.checkpoint()))
    with pytest.raises(HandOverError, match="not the one that the shard before names"):
        verify_hand_over(
            between(older, newer), newer=newer.checkpoint(), verifiers=log.verifiers
        )


def _opened_on(log: FakeShards, note: bytes) -> FakeLog:
    """Return a second shard that begins on a note of any kind."""
    newer = FakeLog(SENDER, day=DAYS[1])
    at_ms = end_ms(log.shards[0].origin)
    newer.append(opening(newer, previous=note, at_ms=at_ms))
    newer.fill(2)
    return newer


@pytest.mark.parametrize(
    ("previous", "message"),
    [
        (b"", "no signed checkpoint of the shard before"),
        (b"police.xa.example/exchange/2030h1\n", "no signed checkpoint"),
        (b"police.xa.example/exchange/2031h1\n", "does not follow an earlier shard"),
        (b"police.xb.example/exchange/2030h1\n", "does not follow an earlier shard"),
        (b"police.xa.example/exchange/2030h2\n", "does not follow an earlier shard"),
    ],
    ids=["first of all", "no note", "later", "of another node", "itself"],
)
def test_shard_opened_on_something_else_is_refused(
    log: FakeShards, previous: bytes, message: str
) -> None:
    newer = _opened_on(log, previous)
    with pytest.raises(HandOverError, match=message):
        verify_hand_over(
            between(log.shards[0], newer),
            newer=newer.checkpoint(),
            verifiers=log.verifiers,
        )


@pytest.mark.parametrize("position", [0, 1])
def test_final_checkpoint_that_one_key_did_not_sign_is_refused(position: int) -> None:
    log = FakeShards(SENDER, 5, 2)
    older = log.shards[0]
    lines = older.sign(older.checkpoint()).splitlines(keepends=True)
    del lines[4 + position]
    newer = _opened_on(log, b"".join(lines))
    with pytest.raises(HandOverError, match="no signed checkpoint"):
        verify_hand_over(
            between(older, newer), newer=newer.checkpoint(), verifiers=log.verifiers
        )


def test_line_of_hand_overs_with_a_gap_is_refused(log: FakeShards) -> None:
    first, second = log.hand_overs(0, 2)
    for broken in [(first,), (second, first), (second, second)]:
        with pytest.raises(HandOverError):
            verify_hand_overs(broken, newest=newest(log), verifiers=log.verifiers)


def test_more_hand_overs_than_a_log_can_have_are_refused(log: FakeShards) -> None:
    many = log.hand_overs(0, 1) * (HAND_OVERS_MAX + 1)
    with pytest.raises(HandOverError, match=f"more than {HAND_OVERS_MAX}"):
        verify_hand_overs(many, newest=newest(log), verifiers=log.verifiers)


# --- leaves alone ------------------------------------------------------------
def test_leaves_of_both_sides_agree(log: FakeShards) -> None:
    for number, note in enumerate(log.final_notes):
        check_hand_over(
            final_note=note,
            close_leaf=log.shards[number].leaves[-1],
            open_leaf=log.shards[number + 1].leaves[0],
        )


def test_leaves_of_two_boundaries_do_not_agree(log: FakeShards) -> None:
    first, second, third = log.shards
    notes = log.final_notes
    with pytest.raises(HandOverError, match="on another checkpoint"):
        check_hand_over(
            final_note=notes[1],
            close_leaf=first.leaves[-1],
            open_leaf=second.leaves[0],
        )
    with pytest.raises(HandOverError, match="not the one that the shard before names"):
        check_hand_over(
            final_note=notes[1],
            close_leaf=first.leaves[-1],
            open_leaf=third.leaves[0],
        )
    with pytest.raises(HandOverError, match="no close leaf ends"):
        check_hand_over(
            final_note=notes[0],
            close_leaf=first.leaves[0],
            open_leaf=second.leaves[0],
        )


def test_leaves_of_the_hand_over_are_what_they_say(log: FakeShards) -> None:
    close = parse_leaf(log.shards[0].leaves[-1])
    opened = parse_leaf(log.shards[1].leaves[0])
    assert isinstance(close, CloseLeaf)
    assert isinstance(opened, OpenLeaf)
    assert (close.origin, close.next) == (log.shards[0].origin, opened.origin)
    assert opened.previous.encode() == log.final_notes[0]
