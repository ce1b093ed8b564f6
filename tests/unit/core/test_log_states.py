# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from tests.fakes.exchanges import RECIPIENT, SENDER, FakeLog
from tests.fakes.shards import FakeShards

from selat.core.checkpoints import Checkpoint
from selat.core.log_states import (
    KnownState,
    LogPoint,
    LogState,
    VerifiedLog,
    verify_joined,
    verify_leaf_range,
    verify_log_state,
)
from selat.core.merkle import EMPTY_ROOT, leaf_hash
from selat.core.notes import NoteVerifier, sign_note
from selat.errors import (
    BatchMalformedError,
    CheckpointEd25519Error,
    CheckpointForkedError,
    CheckpointMldsaError,
    CheckpointRolledBackError,
    HandOverError,
    MalformedError,
    ProofError,
    SignatureError,
)


@pytest.fixture
def log() -> FakeLog:
    log = FakeLog(SENDER)
    log.fill(11)
    return log


def verify(
    log: FakeLog, state: LogState, known: KnownState | None = None
) -> Checkpoint:
    return verify_log_state(
        state, owner=SENDER, verifiers=log.verifiers, known=known
    ).checkpoint


# --- honest states -----------------------------------------------------------


def test_first_state_needs_no_proof(log: FakeLog) -> None:
    assert verify(log, log.state()) == log.checkpoint()


@pytest.mark.parametrize("size", [1, 4, 8, 10])
def test_state_that_extends_the_known_one_is_verified(log: FakeLog, size: int) -> None:
    state = log.state(known_size=size)
    assert verify(log, state, log.known(size)) == log.checkpoint()


def test_same_state_again_is_verified(log: FakeLog) -> None:
    state = log.state(known_size=11)
    assert state.consistency_proof == ()
    assert verify(log, state, log.known(11)) == log.checkpoint()


def test_every_log_extends_the_empty_one(log: FakeLog) -> None:
    known = KnownState(origin=log.origin, size=0, root=EMPTY_ROOT)
    assert verify(log, log.state(), known) == log.checkpoint()


# --- step 3: signatures ------------------------------------------------------


@pytest.mark.parametrize(
    ("position", "error"), [(0, CheckpointEd25519Error), (1, CheckpointMldsaError)]
)
def test_each_missing_signature_is_refused_by_its_own_reason(
    log: FakeLog, position: int, error: type[Exception]
) -> None:
    signers = [log.signers[1 - position]]
    state = replace(log.state(), checkpoint=sign_note(log.checkpoint().text(), signers))
    with pytest.raises(error) as caught:
        verify(log, state)
    assert isinstance(caught.value.__cause__, SignatureError)


@pytest.mark.parametrize(
    ("position", "error"), [(0, CheckpointEd25519Error), (1, CheckpointMldsaError)]
)
def test_each_wrong_signature_is_refused_by_its_own_reason(
    log: FakeLog, position: int, error: type[Exception]
) -> None:
    other = Checkpoint(origin=log.origin, size=11, root=bytes(32))
    lines = log.sign(log.checkpoint()).splitlines(keepends=True)
    lines[4 + position] = log.sign(other).splitlines(keepends=True)[4 + position]
    state = replace(log.state(), checkpoint=b"".join(lines))
    with pytest.raises(error, match="no valid signature"):
        verify(log, state)


def test_keys_of_another_node_do_not_count(log: FakeLog) -> None:
    stranger = FakeLog(SENDER, seed=9)
    stranger.fill(11)
    with pytest.raises(CheckpointEd25519Error):
        verify(log, stranger.state())


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"\n",
        b"police.xa.example\n",
        b"police.xa.example.evil/exchange/2030h1\n",
        b"police.xb.example/exchange/2030h1\n11\n",
        "pol\u0131ce.xa.example/exchange/2030h1\n".encode(),
        b"\xff\n",
    ],
)
def test_checkpoint_of_another_node_is_refused(log: FakeLog, note: bytes) -> None:
    state = replace(log.state(), checkpoint=note)
    with pytest.raises(BatchMalformedError, match="not one of the exchange log"):
        verify(log, state)


@pytest.mark.parametrize("end", [1, 60, -1])
def test_checkpoint_that_was_cut_off_is_refused(log: FakeLog, end: int) -> None:
    state = log.state()
    note = f"{log.origin}\n".encode() + state.checkpoint[len(log.origin) + 1 :][:end]
    with pytest.raises(BatchMalformedError, match="not a signed note"):
        verify(log, replace(state, checkpoint=note))


def test_log_that_the_card_does_not_vouch_for_is_refused(log: FakeLog) -> None:
    def vouch_for_none(
        origin: str, _at_ms: int | None = None
    ) -> Sequence[NoteVerifier]:
        raise MalformedError(f"The card does not vouch for {origin}.")

    with pytest.raises(BatchMalformedError):
        verify_log_state(
            log.state(), owner=SENDER, verifiers=vouch_for_none, known=None
        )


@pytest.mark.parametrize("size", [2**53, 2**63 - 1])
def test_log_longer_than_a_leaf_can_name_is_refused(log: FakeLog, size: int) -> None:
    checkpoint = replace(log.checkpoint(), size=size)
    state = replace(log.state(), checkpoint=log.sign(checkpoint))
    with pytest.raises(BatchMalformedError, match="more leaves than any log"):
        verify(log, state)


# --- step 4: one history -----------------------------------------------------


def test_shard_that_the_known_one_did_not_hand_over_to_is_refused(
    log: FakeLog,
) -> None:
    known = replace(log.known(8), origin=f"{SENDER}/exchange/2029h2")
    with pytest.raises(HandOverError, match="2029h2 did not hand over to it"):
        verify(log, log.state(known_size=8), known)


def test_shard_before_the_known_one_was_rolled_back(log: FakeLog) -> None:
    known = replace(log.known(8), origin=f"{SENDER}/exchange/2030h2")
    with pytest.raises(CheckpointRolledBackError, match="2030h1 but had signed"):
        verify(log, log.state(known_size=8), known)


def test_smaller_log_was_rolled_back(log: FakeLog) -> None:
    with pytest.raises(CheckpointRolledBackError, match="7 leaves but had signed 8"):
        verify(log, log.state(size=7), log.known(8))


def test_proof_must_start_from_what_is_known(log: FakeLog) -> None:
    with pytest.raises(BatchMalformedError, match="starts at size 7, not at 8") as got:
        verify(log, log.state(known_size=7), log.known(8))
    assert got.value.context["expected_size"] == 8


def test_first_state_starts_from_nothing(log: FakeLog) -> None:
    with pytest.raises(BatchMalformedError, match="starts at size 8, not at 0"):
        verify(log, log.state(known_size=8))
    with pytest.raises(BatchMalformedError, match="starts at size 0, not at 0"):
        verify(log, replace(log.state(), consistency_proof=(bytes(32),)))


def test_log_that_was_rewritten_is_forked(log: FakeLog) -> None:
    rewritten = FakeLog(SENDER)
    rewritten.append(b"another first leaf")
    rewritten.fill(12)
    with pytest.raises(CheckpointForkedError, match="does not extend") as caught:
        verify(log, rewritten.state(known_size=8), log.known(8))
    assert isinstance(caught.value.__cause__, ProofError)


def test_two_roots_of_one_size_are_a_fork(log: FakeLog) -> None:
    known = replace(log.known(11), root=bytes(32))
    with pytest.raises(CheckpointForkedError):
        verify(log, log.state(known_size=11), known)


def test_state_without_its_proof_is_a_fork(log: FakeLog) -> None:
    state = replace(log.state(known_size=8), consistency_proof=())
    with pytest.raises(CheckpointForkedError):
        verify(log, state, log.known(8))


def test_nobody_else_may_show_the_log(log: FakeLog) -> None:
    with pytest.raises(BatchMalformedError, match="not one of the exchange log"):
        verify_log_state(
            log.state(), owner=RECIPIENT, verifiers=log.verifiers, known=None
        )


# --- from shard to shard -----------------------------------------------------
@pytest.fixture(scope="module")
def shards() -> FakeShards:
    return FakeShards(SENDER, 6, 3, 5)


def follow(
    shards: FakeShards, state: LogState, known: KnownState | None = None
) -> VerifiedLog:
    return verify_log_state(
        state, owner=SENDER, verifiers=shards.verifiers, known=known
    )


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("size", [1, 4, 7])
def test_log_is_followed_over_boundaries(
    shards: FakeShards, number: int, size: int
) -> None:
    known = shards.shards[0].known(size)
    log = follow(shards, shards.state(number, known=(0, size)), known)
    assert [each.checkpoint for each in log.states] == [
        shard.checkpoint() for shard in shards.shards[: number + 1]
    ]
    newest = shards.shards[number]
    assert log.known == newest.known(newest.size)
    assert log.known.point == LogPoint(origin=newest.origin, size=newest.size)
    assert log.of("") == log.states[-1]
    assert log.of(known.origin).note == shards.final_notes[0]


def test_peer_that_knows_nothing_may_be_shown_older_shards(shards: FakeShards) -> None:
    log = follow(shards, shards.state(2, back_to=1))
    assert [each.checkpoint.origin for each in log.states] == [
        shard.origin for shard in shards.shards[1:]
    ]


def test_older_shard_may_be_shown_to_who_knows_a_newer_one(shards: FakeShards) -> None:
    newest = shards.shards[2]
    state = shards.state(2, known=(2, 3), back_to=0)
    log = follow(shards, state, newest.known(3))
    leaves = replace(shards.shards[0].range(2, 3), origin=shards.shards[0].origin)
    assert verify_leaf_range(leaves, log=log) == [
        leaf_hash(leaf) for leaf in leaves.leaves
    ]
    with pytest.raises(ProofError):
        verify_leaf_range(replace(leaves, origin=shards.shards[1].origin), log=log)


def test_leaves_of_a_shard_that_was_not_shown_are_not_proven(
    shards: FakeShards,
) -> None:
    log = follow(shards, shards.state(2, back_to=1))
    leaves = replace(shards.shards[0].range(2, 3), origin=shards.shards[0].origin)
    with pytest.raises(ProofError, match="does not go back to"):
        verify_leaf_range(leaves, log=log)


def test_shard_that_was_closed_smaller_was_rolled_back(shards: FakeShards) -> None:
    old = shards.shards[0]
    known = replace(old.known(4), size=old.size + 1)
    state = replace(shards.state(1, known=(0, 4)), consistency_size=known.size)
    with pytest.raises(CheckpointRolledBackError):
        follow(shards, state, known)


def test_shard_that_was_closed_on_another_history_is_forked(
    shards: FakeShards,
) -> None:
    known = replace(shards.shards[0].known(4), root=bytes(32))
    with pytest.raises(CheckpointForkedError):
        follow(shards, shards.state(1, known=(0, 4)), known)


def test_proof_over_a_boundary_starts_from_what_is_known(shards: FakeShards) -> None:
    with pytest.raises(BatchMalformedError, match="starts at size 3, not at 4"):
        follow(shards, shards.state(1, known=(0, 3)), shards.shards[0].known(4))


def test_hand_over_that_does_not_hold_is_refused(shards: FakeShards) -> None:
    state = shards.state(1, known=(0, 4))
    (hand_over,) = state.hand_overs
    broken = replace(hand_over, close_proof=())
    with pytest.raises(HandOverError):
        follow(shards, replace(state, hand_overs=(broken,)), shards.shards[0].known(4))


# --- two states that are known -----------------------------------------------
def join(shards: FakeShards, proof: LogState, old: KnownState, new: KnownState) -> None:
    verify_joined(proof, owner=SENDER, verifiers=shards.verifiers, old=old, new=new)


def test_known_states_of_one_log_are_joined(shards: FakeShards) -> None:
    first, _, third = shards.shards
    join(shards, first.state(known_size=2, size=5), first.known(2), first.known(5))
    for size in (1, 4, third.size):
        proof = shards.state(2, known=(0, 3), size=size)
        join(shards, replace(proof, checkpoint=b""), first.known(3), third.known(size))


def test_known_states_of_two_histories_are_not_joined(shards: FakeShards) -> None:
    first, _, third = shards.shards
    other = FakeShards(SENDER, 4, 3, 5)
    proof = shards.state(2, known=(0, 3))
    with pytest.raises(HandOverError):
        join(shards, proof, first.known(3), other.shards[2].known(third.size))
    with pytest.raises(HandOverError, match="did not hand over"):
        join(
            shards,
            replace(proof, hand_overs=()),
            first.known(3),
            third.known(third.size),
        )
    with pytest.raises(CheckpointForkedError):
        join(
            shards,
            first.state(known_size=3, size=5),
            first.known(3),
            replace(first.known(5), root=bytes(32)),
        )
