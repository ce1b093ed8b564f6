# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import date

from tests.fakes.exchanges import SENDER, FakeLog

from selat.core.log_states import KnownState, verify_log_state
from selat.exchange.chains import answered, known_state, newer
from selat.store.values import Link, PeerCheckpoint


def kept(log: FakeLog, size: int) -> PeerCheckpoint:
    """Return a verified checkpoint as the store keeps it."""
    checkpoint = log.checkpoint(size)
    return PeerCheckpoint(
        origin=log.origin,
        size=size,
        root=checkpoint.root,
        note=log.sign(checkpoint),
    )


def test_kept_checkpoint_is_the_state_that_the_next_one_must_extend() -> None:
    log = FakeLog(SENDER)
    log.fill(9)
    state = known_state(kept(log, 4))
    assert state == KnownState(origin=log.origin, size=4, root=log.checkpoint(4).root)
    verified = verify_log_state(
        log.state(known_size=4), owner=SENDER, verifiers=log.verifiers, known=state
    )
    assert verified.checkpoint.size == 9


def test_peer_that_showed_no_checkpoint_has_no_state() -> None:
    assert known_state(None) is None


def test_checkpoint_of_the_larger_log_is_kept() -> None:
    log = FakeLog(SENDER)
    log.fill(9)
    small, large = kept(log, 4), kept(log, 9)
    assert newer(None, small) is small
    assert newer(small, large) is large
    assert newer(large, small) is large


def test_checkpoint_of_the_later_shard_is_kept_however_small() -> None:
    old, new = FakeLog(SENDER), FakeLog(SENDER, day=date(2030, 7, 1))
    old.fill(9)
    new.fill(1)
    large, small = kept(old, 9), kept(new, 1)
    assert newer(large, small) is small
    assert newer(small, large) is small


def test_first_of_two_checkpoints_of_one_size_is_kept() -> None:
    log = FakeLog(SENDER)
    log.fill(4)
    first, second = kept(log, 4), kept(log, 4)
    assert newer(first, second) is first


def test_link_of_a_peer_that_answers_has_no_failures() -> None:
    failed = Link(
        peer=SENDER,
        received_sequence=3,
        sent_sequence=5,
        attempts=7,
        next_attempt_ms=99,
        last_error="PEER_UNREACHABLE",
        last_contact_ms=12,
    )
    assert answered(failed) == Link(
        peer=SENDER, received_sequence=3, sent_sequence=5, last_contact_ms=12
    )
