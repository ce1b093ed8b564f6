# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from tests.fakes.identities import EXPIRES, Identity
from tests.fakes.local_nodes import (
    NAME,
    NOW_MS,
    FakeClock,
    accept_peers,
    local_node,
    open_store,
    peer_row,
)
from tests.fakes.logs import ed25519_signer, witness_signer
from tests.fakes.peer_logs import PeerLog, other_history

from selat.core.checkpoints import Checkpoint
from selat.core.cosignatures import cosignatures_of, cosigners, verify_cosignatures
from selat.core.cosigned_states import CosignedState, Extension
from selat.core.log_states import KnownState
from selat.core.notes import sign_note
from selat.core.tiles import consistency_proof
from selat.core.times import to_ms
from selat.core.witnessing import AddCheckpoint
from selat.errors import (
    CheckpointForkedError,
    EquivocationError,
    LogUnknownError,
    ProofError,
    WitnessConflictError,
)
from selat.exchange.local import LocalNode
from selat.exchange.witnessing import COSIGN_INTERVAL_MS, Advance, owner_of
from selat.store.port import Store, Transaction
from selat.store.values import PeerCheckpoint, PeerState
from selat.store.witnessing import Witnessed

T = TypeVar("T")
OURS = witness_signer(f"{NAME}/witness")


@pytest.fixture
async def log(local: LocalNode, xa: Identity) -> PeerLog:
    """Give the log of police.xa.example, a peer."""
    await accept_peers(local, peer_row(xa))
    return PeerLog(xa, leaves=10)


async def advance(
    local: LocalNode,
    log: PeerLog,
    size: int,
    *,
    base: KnownState | None = None,
    extension: Extension | None = None,
) -> Advance:
    return await local.store.write(
        lambda t: local.witness.advance(
            t,
            log.node,
            log.verified(size),
            base=base,
            extension=extension,
            now_ms=NOW_MS,
        )
    )


async def known_size(local: LocalNode, log: PeerLog) -> int:
    kept = await local.store.read(lambda s: s.witnessed(log.origin))
    return 0 if kept is None else kept.size


# --- on the way --------------------------------------------------------------


async def test_first_state_of_a_log_is_cosigned(local: LocalNode, log: PeerLog) -> None:
    found = await advance(local, log, 4)
    assert (found.is_proven, found.known_size) == (True, 4)
    state = await local.witness.cosigned(found)
    assert (state.origin, state.size) == (log.origin, 4)
    made = verify_cosignatures(log.checkpoint(4).text(), state.lines, OURS.verifiers)
    assert cosigners(made) == {f"{NAME}/witness"}
    assert {each.time_s for each in made} == {NOW_MS // 1000}


async def test_state_that_extends_the_cosigned_one_on_its_path_is_cosigned(
    local: LocalNode, log: PeerLog
) -> None:
    await advance(local, log, 4)
    found = await advance(local, log, 7, base=log.known(4))
    assert found.is_proven
    assert await known_size(local, log) == 7


async def test_state_from_another_base_is_not_cosigned(
    local: LocalNode, log: PeerLog
) -> None:
    await advance(local, log, 4)
    found = await advance(local, log, 7, base=log.known(3))
    assert (found.is_proven, found.known_size) == (False, 4)
    assert await local.witness.cosigned(found) == CosignedState(
        origin=log.origin, size=4, lines=b""
    )
    assert await known_size(local, log) == 4


async def test_proof_of_its_own_joins_a_state_from_another_base(
    local: LocalNode, log: PeerLog
) -> None:
    await advance(local, log, 4)
    proof = Extension(old_size=4, proof=consistency_proof(4, 7, log.tree))
    assert (await advance(local, log, 7, base=log.known(3), extension=proof)).is_proven


async def test_proof_from_another_size_is_passed_over(
    local: LocalNode, log: PeerLog
) -> None:
    await advance(local, log, 4)
    proof = Extension(old_size=3, proof=consistency_proof(3, 7, log.tree))
    assert not (await advance(local, log, 7, extension=proof)).is_proven


async def test_proof_that_does_not_hold_is_a_fork(
    local: LocalNode, log: PeerLog
) -> None:
    await advance(local, log, 4)
    wrong = Extension(old_size=4, proof=(bytes(32),))
    with pytest.raises(CheckpointForkedError, match="that we cosigned at 4"):
        await advance(local, log, 7, extension=wrong)
    assert await known_size(local, log) == 4


async def test_same_state_is_cosigned_again(local: LocalNode, log: PeerLog) -> None:
    await advance(local, log, 4)
    found = await advance(local, log, 4)
    assert (found.is_proven, found.known_size) == (True, 4)


async def test_older_state_is_told_what_is_known(
    local: LocalNode, log: PeerLog
) -> None:
    await advance(local, log, 7)
    found = await advance(local, log, 4)
    assert (found.is_proven, found.known_size) == (False, 7)


async def test_second_root_of_one_size_is_equivocation(
    local: LocalNode, log: PeerLog, xa: Identity
) -> None:
    await advance(local, log, 4)
    other = other_history(xa, 4)
    with pytest.raises(EquivocationError) as found:
        await advance(local, other, 4)
    assert found.value.second.startswith(other.checkpoint(4).text())
    assert found.value.first.startswith(log.checkpoint(4).text())


async def test_cosignature_is_handed_back_once(local: LocalNode, log: PeerLog) -> None:
    state = await local.witness.cosigned(await advance(local, log, 4))
    local.witness.hand_back(log.node, state)
    assert local.witness.take_to_hand_back("police.xb.example") is None
    assert local.witness.take_to_hand_back(log.node) == state
    assert local.witness.take_to_hand_back(log.node) is None


async def test_state_that_others_follow_is_cosigned_now_and_then(
    local: LocalNode, log: PeerLog
) -> None:
    witness, moments = local.witness, iter([0, 1, COSIGN_INTERVAL_MS, 2])
    witness.clock = lambda: NOW_MS + next(moments)
    found = await advance(local, log, 4)
    told = [await witness.cosigned(found, follows=True) for _ in range(4)]
    # The last time the clock was set back.
    assert [bool(state.lines) for state in told] == [True, False, True, True]
    assert {(state.origin, state.size) for state in told} == {(log.origin, 4)}


async def test_last_state_of_several_is_always_cosigned(
    local: LocalNode, log: PeerLog
) -> None:
    found = await advance(local, log, 4)
    assert (await local.witness.cosigned(found, follows=True)).lines
    assert (await local.witness.cosigned(found)).lines


async def test_size_alone_takes_the_place_of_no_cosignature(
    local: LocalNode, log: PeerLog
) -> None:
    witness = local.witness
    signed = await witness.cosigned(await advance(local, log, 4))
    size_alone = CosignedState(origin=log.origin, size=4, lines=b"")
    for state in (size_alone, signed, size_alone):
        witness.hand_back(log.node, state)
    assert witness.take_to_hand_back(log.node) == signed


# --- on request --------------------------------------------------------------


async def test_request_is_answered_by_both_signatures(
    local: LocalNode, log: PeerLog
) -> None:
    lines = await local.witness.add_checkpoint(log.request(old_size=0, size=4))
    made = verify_cosignatures(log.checkpoint(4).text(), lines, OURS.verifiers)
    assert cosigners(made) == {f"{NAME}/witness"}
    kept = await local.store.read(lambda s: s.witnessed(log.origin))
    assert kept is not None
    assert (kept.peer, kept.size, kept.witnessed_ms) == (log.node, 4, NOW_MS)


async def test_request_from_another_size_is_a_conflict(
    local: LocalNode, log: PeerLog
) -> None:
    await advance(local, log, 4)
    with pytest.raises(WitnessConflictError) as conflict:
        await local.witness.add_checkpoint(log.request(old_size=3))
    assert conflict.value.context["size"] == 4


async def test_request_with_a_wrong_proof_changes_nothing(
    local: LocalNode, log: PeerLog
) -> None:
    await advance(local, log, 4)
    wrong = AddCheckpoint(old_size=4, proof=(bytes(32),), checkpoint=log.note())
    with pytest.raises(ProofError):
        await local.witness.add_checkpoint(wrong)
    assert await known_size(local, log) == 4


async def test_request_that_is_overtaken_is_a_conflict(
    local: LocalNode, log: PeerLog
) -> None:
    await advance(local, log, 4)
    rival = Witnessed(
        origin=log.origin,
        peer=log.node,
        size=9,
        root=log.checkpoint(9).root,
        note=log.note(9),
        witnessed_ms=NOW_MS,
    )
    store: Any = Overtaken(local.store, lambda t: t.put_witnessed(rival, known_size=4))
    local.witness.store = store
    with pytest.raises(WitnessConflictError) as conflict:
        await local.witness.add_checkpoint(log.request(old_size=4, size=7))
    assert conflict.value.context["size"] == 9
    assert await known_size(local, log) == 9


class Overtaken:
    """A store in which somebody else writes just before each write."""

    def __init__(self, store: Store, rival: Callable[[Transaction], object]) -> None:
        self._store = store
        self._rival = rival
        self.read = store.read

    async def write(self, work: Callable[[Transaction], T]) -> T:
        await self._store.write(self._rival)
        return await self._store.write(work)


async def test_request_that_contradicts_a_delivery_is_equivocation(
    local: LocalNode, log: PeerLog, xa: Identity
) -> None:
    other = other_history(xa, 6)
    shown = PeerCheckpoint(
        origin=log.origin, size=6, root=log.checkpoint(6).root, note=log.note(6)
    )
    await local.store.write(lambda t: t.keep_peer_checkpoint(log.node, shown))
    with pytest.raises(EquivocationError) as found:
        await local.witness.add_checkpoint(other.request(old_size=0))
    assert found.value.first == shown.note
    assert await known_size(local, log) == 0


@pytest.mark.parametrize("state", [PeerState.REMOVED, PeerState.SUSPENDED])
async def test_log_of_a_peer_that_is_not_accepted_is_not_witnessed(
    local: LocalNode, log: PeerLog, xa: Identity, state: PeerState
) -> None:
    await accept_peers(local, peer_row(xa, state=state))
    with pytest.raises(LogUnknownError):
        await local.witness.add_checkpoint(log.request(old_size=0))


async def test_log_under_an_expired_card_is_not_witnessed(
    local: LocalNode, log: PeerLog, clock: FakeClock
) -> None:
    clock.now_ms = to_ms(EXPIRES) + 1
    assert local.witness.verifiers(log.origin) == ()


async def test_log_that_is_configured_is_witnessed(
    tmp_path: Path, clock: FakeClock
) -> None:
    origin = "foreign.example/behind-the-sofa"
    signer = ed25519_signer(origin)
    head = Checkpoint(origin=origin, size=3, root=b"r" * 32, extensions=("an extra",))
    request = AddCheckpoint(
        old_size=0, proof=(), checkpoint=sign_note(head.text(), [signer])
    )
    async with open_store(tmp_path / "store.db") as store:
        local = local_node(store, clock=clock, foreign={origin: (signer.verifier,)})
        await local.witness.add_checkpoint(request)
        note = await local.witness.newest(origin)
        kept = await store.read(lambda s: s.witnessed(origin))
    assert note is not None
    assert cosigners(cosignatures_of(note, OURS.verifiers))
    assert kept is not None
    assert kept.peer == ""


async def test_newest_note_is_cosigned_at_this_moment(
    local: LocalNode, log: PeerLog, clock: FakeClock
) -> None:
    assert await local.witness.newest(log.origin) is None
    await advance(local, log, 4)
    clock.now_ms += 60_000
    note = await local.witness.newest(log.origin)
    assert note is not None
    found = cosignatures_of(note, OURS.verifiers)
    assert {each.time_s for each in found} == {clock.now_ms // 1000}


@pytest.mark.parametrize(
    ("origin", "owner"),
    [
        ("police.xa.example/exchange/2030h2", "police.xa.example"),
        ("foreign.example/log", ""),
    ],
)
def test_owner_is_read_off_the_origin(origin: str, owner: str) -> None:
    assert owner_of(origin) == owner
