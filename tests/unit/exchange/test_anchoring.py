# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
from tests.fakes.identities import EXPIRES, Identity
from tests.fakes.local_nodes import (
    NOW_MS,
    ORIGIN,
    FakeClock,
    accept_peers,
    local_node,
    open_store,
    peer_row,
    signers_of,
)
from tests.fakes.logs import witness_signer
from tests.fakes.peer_logs import cosigner_of

from selat.core.checkpoints import open_checkpoint
from selat.core.cosignatures import cosignatures_of, cosigners
from selat.core.cosigned_states import CosignedState
from selat.core.log_states import NOTHING_KNOWN, LogPoint
from selat.core.notes import parse_note
from selat.core.proofs import verify_consistency
from selat.core.times import to_ms
from selat.exchange import anchoring
from selat.exchange.anchoring import AnchorStanding, Gathered, renewed
from selat.exchange.local import LocalNode
from selat.exchange.signing import SignedHead
from selat.store.port import Transaction
from selat.store.values import PeerState
from selat.store.witnessing import OwnCheckpoint

XA, XB = "police.xa.example", "police.xb.example"


async def grow(local: LocalNode, count: int = 1) -> SignedHead:
    """Append leaves to our log, sign it and show it."""

    def work(transaction: Transaction) -> int:
        transaction.append_leaves([b"leaf"] * count)
        return transaction.tree_head().end

    head = await local.signer.at_least(await local.store.write(work))
    local.anchors.show(head)
    return head


def cosigned(
    identity: Identity, head: SignedHead, *, time_s: int = NOW_MS // 1000
) -> CosignedState:
    lines = cosigner_of(identity).cosign(head.checkpoint.text(), time_s=time_s)
    return CosignedState(
        origin=head.checkpoint.origin, size=head.checkpoint.size, lines=lines
    )


async def gather(
    local: LocalNode, name: str, state: CosignedState, *, now_ms: int = NOW_MS
) -> Gathered | None:
    found = local.anchors.verify(local.peers.get(name), state)
    if found is not None:
        await local.store.write(lambda t: local.anchors.keep(t, found, now_ms=now_ms))
    return found


async def newest(local: LocalNode) -> OwnCheckpoint | None:
    return await local.store.read(lambda s: s.newest_anchored())


@pytest.fixture
async def met(local: LocalNode, xa: Identity, xb: Identity) -> LocalNode:
    """Give our node with two accepted peers."""
    await accept_peers(local, peer_row(xa), peer_row(xb))
    return local


# --- what comes back ---------------------------------------------------------


async def test_one_cosignature_anchors_where_the_quorum_is_one(
    met: LocalNode, xa: Identity
) -> None:
    head = await grow(met, 3)
    await gather(met, XA, cosigned(xa, head))
    anchored = await newest(met)
    assert anchored is not None
    assert (anchored.size, anchored.cosigners, anchored.anchored_ms) == (3, 1, NOW_MS)
    log_keys = [signer.verifier for signer in signers_of(ORIGIN)]
    opened = open_checkpoint(anchored.note, origin=ORIGIN, verifiers=log_keys)
    assert opened == head.checkpoint
    found = cosignatures_of(anchored.note, cosigner_of(xa).verifiers)
    assert cosigners(found) == {f"{XA}/witness"}
    by = await met.store.read(lambda s: s.cosigned(XA, ORIGIN))
    assert by is not None
    assert (by.size, by.cosigned_ms) == (3, NOW_MS)
    assert met.anchors.known_size(XA, ORIGIN) == 3


async def test_two_cosignatures_anchor_where_the_quorum_is_two(
    tmp_path: Path, clock: FakeClock, xa: Identity, xb: Identity
) -> None:
    async with open_store(tmp_path / "store.db") as store:
        local = local_node(store, clock=clock, quorum=2)
        await accept_peers(local, peer_row(xa), peer_row(xb))
        head = await grow(local)
        await gather(local, XA, cosigned(xa, head))
        assert await newest(local) is None
        waiting = await store.read(lambda s: s.own_checkpoint(ORIGIN, 1))
        assert waiting is not None
        assert waiting.cosigners == 1
        await gather(local, XB, cosigned(xb, head))
        anchored = await newest(local)
    assert anchored is not None
    assert anchored.cosigners == 2


async def test_without_a_quorum_the_first_cosignature_is_kept_all_the_same(
    tmp_path: Path, clock: FakeClock, xa: Identity
) -> None:
    async with open_store(tmp_path / "store.db") as store:
        local = local_node(store, clock=clock, quorum=0)
        await accept_peers(local, peer_row(xa))
        await gather(local, XA, cosigned(xa, await grow(local)))
        assert await newest(local) is not None


async def test_cosigner_that_was_removed_counts_no_more(
    met: LocalNode, xa: Identity, xb: Identity
) -> None:
    head = await grow(met)
    await gather(met, XA, cosigned(xa, head))
    await accept_peers(met, peer_row(xa, state=PeerState.REMOVED))
    await gather(met, XB, cosigned(xb, head))
    anchored = await newest(met)
    assert anchored is not None
    assert anchored.cosigners == 1
    assert len(parse_note(anchored.note).signatures) == 6  # it did cosign


async def test_newer_cosignature_takes_the_place_of_the_older(
    met: LocalNode, xa: Identity
) -> None:
    head = await grow(met)
    await gather(met, XA, cosigned(xa, head))
    later = NOW_MS + 60_000
    await gather(met, XA, cosigned(xa, head, time_s=later // 1000), now_ms=later)
    anchored = await newest(met)
    assert anchored is not None
    assert (anchored.signed_ms, anchored.anchored_ms) == (NOW_MS, later)
    found = cosignatures_of(anchored.note, cosigner_of(xa).verifiers)
    assert [each.time_s for each in found] == [later // 1000] * 2


async def test_late_cosignature_below_an_anchored_state_is_not_kept(
    met: LocalNode, xa: Identity, xb: Identity
) -> None:
    first, second = await grow(met), await grow(met)
    await gather(met, XA, cosigned(xa, second))
    await gather(met, XB, cosigned(xb, first))
    kept = await met.store.read(lambda s: s.own_checkpoints(ORIGIN))
    assert [each.size for each in kept] == [2]
    by = await met.store.read(lambda s: s.cosigned(XB, ORIGIN))
    assert by is not None
    assert by.size == 1


async def test_size_alone_is_remembered(met: LocalNode) -> None:
    state = CosignedState(origin=ORIGIN, size=7, lines=b"")
    assert await gather(met, XA, state) is None
    assert met.anchors.known_size(XA, ORIGIN) == 7
    assert met.anchors.known_size(XB, ORIGIN) == 0


async def test_nothing_that_came_is_nothing_to_keep(met: LocalNode) -> None:
    assert met.anchors.verify(met.peers.get(XA), None) is None


async def test_cosignature_of_what_was_not_shown_is_passed_over(
    met: LocalNode, xa: Identity
) -> None:
    head = await grow(met)
    state = cosigned(xa, head)
    other = CosignedState(origin=ORIGIN, size=2, lines=state.lines)
    assert await gather(met, XA, other) is None


async def test_heads_that_are_remembered_are_bounded(
    met: LocalNode, xa: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(anchoring, "_HEADS_MAX", 2)
    heads = [await grow(met) for _ in range(3)]
    assert await gather(met, XA, cosigned(xa, heads[0])) is None
    assert await gather(met, XA, cosigned(xa, heads[1])) is not None


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda lines: lines.splitlines(keepends=True)[0], id="one type"),
        pytest.param(lambda lines: lines[:-9] + b"AAAAAAA=\n", id="wrong"),
        pytest.param(lambda _: b"no line\n", id="malformed"),
        pytest.param(
            lambda _: witness_signer(f"{XB}/witness").cosign(
                b"police.xb.example/exchange/2030h2\n1\n" + b"A" * 43 + b"=\n",
                time_s=5,
            ),
            id="another's",
        ),
    ],
)
async def test_cosignature_that_does_not_hold_is_an_incident_and_no_anchor(
    met: LocalNode, xa: Identity, spoil: object
) -> None:
    assert callable(spoil)
    head = await grow(met)
    state = cosigned(xa, head)
    wrong = CosignedState(origin=ORIGIN, size=1, lines=spoil(state.lines))
    found = await gather(met, XA, wrong)
    assert found is not None
    assert found.lines == b""
    assert await newest(met) is None
    (incident,) = await met.store.read(lambda s: s.incidents(limit=9))
    assert (incident.peer, incident.reason) == (XA, "COSIGNATURE_INVALID")
    assert met.anchors.known_size(XA, ORIGIN) == 0


async def test_cosignature_under_an_expired_card_does_not_count(
    met: LocalNode, xa: Identity, clock: FakeClock
) -> None:
    head = await grow(met)
    clock.now_ms = to_ms(EXPIRES) + 1
    found = await gather(met, XA, cosigned(xa, head))
    assert found is not None
    assert found.fault is not None
    assert await newest(met) is None


async def test_lines_of_other_keys_and_doubles_are_left_out(
    met: LocalNode, xa: Identity
) -> None:
    head = await grow(met)
    state = cosigned(xa, head)
    foreign = witness_signer("foreign.example/witness").cosign(
        head.checkpoint.text(), time_s=5
    )
    more = CosignedState(
        origin=ORIGIN, size=1, lines=state.lines + foreign + state.lines
    )
    found = await gather(met, XA, more)
    assert found is not None
    assert found.lines == state.lines


async def test_renewing_keeps_the_log_first(met: LocalNode, xa: Identity) -> None:
    head = await grow(met)
    note = renewed(head.note, cosigned(xa, head).lines)
    assert note.startswith(head.note)
    names = [each.name for each in parse_note(note).signatures]
    assert names == [ORIGIN, ORIGIN, f"{XA}/witness", f"{XA}/witness"]


# --- what is shown -----------------------------------------------------------


async def test_proof_is_added_where_the_one_that_travels_does_not_serve(
    met: LocalNode, xa: Identity
) -> None:
    first = await grow(met, 3)
    await gather(met, XA, cosigned(xa, first))
    head = await grow(met, 2)

    async def extension(base: LogPoint, head: SignedHead = head) -> object:
        return await met.store.read(
            lambda s: met.anchors.extension(s, XA, head, base=base)
        )

    assert await extension(LogPoint(origin=ORIGIN, size=3)) is None
    assert await extension(NOTHING_KNOWN, first) is None
    proof = await met.store.read(
        lambda s: met.anchors.extension(s, XA, head, base=NOTHING_KNOWN)
    )
    assert proof is not None
    assert proof.old_size == 3
    verify_consistency(
        old_size=3,
        old_root=first.checkpoint.root,
        new_size=5,
        new_root=head.checkpoint.root,
        proof=proof.proof,
    )


async def test_peer_that_has_cosigned_nothing_needs_no_proof(met: LocalNode) -> None:
    head = await grow(met, 3)
    assert (
        await met.store.read(
            lambda s: met.anchors.extension(s, XA, head, base=NOTHING_KNOWN)
        )
        is None
    )


# --- what is told ------------------------------------------------------------


def anchored_at(ms: int | None) -> OwnCheckpoint:
    return OwnCheckpoint(
        origin=ORIGIN,
        size=9,
        note=b"",
        cosigners=1,
        signed_ms=NOW_MS,
        anchored_ms=ms,
    )


@pytest.mark.parametrize(
    ("quorum", "peers", "anchored", "warning"),
    [
        (0, 5, None, ""),
        (1, 0, None, ""),
        (3, 2, None, "The quorum is 3, but 2"),
        (2, 2, None, "No checkpoint of our log is anchored yet"),
        (1, 1, anchored_at(NOW_MS - 60_000), ""),
        (1, 1, anchored_at(NOW_MS - 61_000), "last anchored 61 s ago, at 9 leaves"),
    ],
)
def test_standing_warns_of_what_is_amiss(
    quorum: int, peers: int, anchored: OwnCheckpoint | None, warning: str
) -> None:
    standing = AnchorStanding(
        quorum=quorum, peers=peers, anchored=anchored, age_max_s=60
    )
    told = standing.warning(NOW_MS)
    assert bool(told) is bool(warning)
    assert warning in told
