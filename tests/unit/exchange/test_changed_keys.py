# SPDX-License-Identifier: Apache-2.0
"""What a peer signed is judged with the keys that it had, when it has others."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from tests.fakes.identities import (
    EXPIRES,
    MIDYEAR,
    Identity,
    SeededEntropy,
    card_of,
    make_identity,
)
from tests.fakes.local_nodes import (
    ORIGIN,
    FakeClock,
    accept_peers,
    peer_row,
)
from tests.fakes.peer_logs import PeerLog, ScriptedPeer, cosigner_of

from selat.core.cosignatures import CosignatureSigner
from selat.core.cosigned_states import CosignedState
from selat.core.times import to_ms
from selat.errors import LogUnknownError, SignatureError
from selat.exchange.local import LocalNode
from selat.exchange.signing import SignedHead
from selat.exchange.view_comparison import ViewComparison
from selat.identity.key_kinds import KeyKind
from selat.identity.own_card import NodeProfile
from selat.store.port import Transaction
from selat.store.values import Link, PeerCheckpoint

XA, XB = "police.xa.example", "police.xb.example"
CHANGED = MIDYEAR + timedelta(days=10)
HOUR = timedelta(hours=1)
SIGNING = (
    KeyKind.LOG_ED25519,
    KeyKind.LOG_MLDSA44,
    KeyKind.WITNESS_ED25519,
    KeyKind.WITNESS_MLDSA44,
)


@pytest.fixture
def changing(tmp_path: Path) -> Identity:
    """Give police.xa.example, which is about to change its keys."""
    return make_identity(tmp_path / "xa")


async def change(local: LocalNode, node: Identity) -> None:
    """Let a peer have other keys of log and witness since `CHANGED`; take its card."""
    for kind in SIGNING:
        node.key_store.add(kind, created=CHANGED, entropy=SeededEntropy(f"new {kind}"))
    card = card_of(
        NodeProfile(name=XA, state="XA", agency="Police of XA"),
        node.key_store,
        tls_certificate=node.tls_certificate,
        issued_at=CHANGED,
        valid_until=EXPIRES,
        previous=node.card,
    )
    await accept_peers(local, peer_row(node, envelope=card.envelope))


async def grow(local: LocalNode) -> SignedHead:
    end = await local.store.write(_append)
    head = await local.signer.at_least(end)
    local.anchors.show(head)
    return head


def _append(transaction: Transaction) -> int:
    transaction.append_leaves([b"leaf"])
    return transaction.tree_head().end


async def test_late_cosignature_is_judged_by_the_time_that_it_states(
    local: LocalNode, clock: FakeClock, changing: Identity
) -> None:
    await accept_peers(local, peer_row(changing))
    old = cosigner_of(changing)
    head = await grow(local)
    checkpoint = head.checkpoint
    clock.now_ms = to_ms(CHANGED + 2 * HOUR)
    await change(local, changing)

    def verified(time: int, *, by: CosignatureSigner = old) -> bool:
        lines = by.cosign(checkpoint.text(), time_s=time)
        state = CosignedState(origin=ORIGIN, size=checkpoint.size, lines=lines)
        gathered = local.anchors.verify(local.peers.get(XA), state)
        assert gathered is not None
        return gathered.fault is None

    before, after = (to_ms(CHANGED + each) // 1000 for each in (-HOUR, HOUR))
    assert verified(before)
    assert not verified(after)
    assert not verified(after + 86_400)  # a time to come is not believed
    assert verified(after, by=cosigner_of(changing))


async def test_final_checkpoint_of_an_older_shard_is_cosigned_under_its_old_keys(
    local: LocalNode, clock: FakeClock, changing: Identity
) -> None:
    log = PeerLog(changing, leaves=3)
    await change(local, changing)
    clock.now_ms = to_ms(MIDYEAR.replace(month=12))
    with pytest.raises(SignatureError, match="is missing"):
        await local.witness.add_checkpoint(log.request(old_size=0))
    clock.now_ms = to_ms(EXPIRES)
    # The keys had gone before the half-year was over.
    with pytest.raises(SignatureError, match="is missing"):
        await local.witness.add_checkpoint(log.request(old_size=0))
    older = PeerLog(changing)
    older.origin = f"{XA}/exchange/2030h1"
    ed25519, mldsa44 = (
        changing.key_store.generations(kind)[-1].key_id for kind in SIGNING[:2]
    )
    older.signers = changing.key_store.log_signers(older.origin, ed25519, mldsa44)
    older.fill(3)
    assert await local.witness.add_checkpoint(older.request(old_size=0))


async def test_log_without_valid_keys_is_not_witnessed(
    local: LocalNode, clock: FakeClock, changing: Identity
) -> None:
    log = PeerLog(changing, leaves=3)
    await change(local, changing)
    clock.now_ms = to_ms(EXPIRES + HOUR)
    with pytest.raises(LogUnknownError):
        await local.witness.add_checkpoint(log.request(old_size=0))


async def test_what_a_third_node_was_shown_before_the_change_is_compared(
    local: LocalNode, clock: FakeClock, changing: Identity, xb: Identity
) -> None:
    log = PeerLog(changing, leaves=10)
    await change(local, changing)
    await accept_peers(local, peer_row(xb))
    clock.now_ms = to_ms(CHANGED + HOUR)
    mine = PeerCheckpoint(
        origin=log.origin, size=6, root=log.checkpoint(6).root, note=log.note(6)
    )
    await local.store.write(lambda t: t.put_link(Link(peer=XA, checkpoint=mine)))
    owner = ScriptedPeer(log=log)
    views = ViewComparison(local=local, connections=lambda: {XA: owner})
    other = PeerLog(changing)
    other.signers = log.signers
    other.append(*(f"other {index}".encode() for index in range(6)))
    await views.compare(XB, ScriptedPeer(notes=[other.note(6)]))
    rows = await local.store.read(lambda s: s.equivocations(XA))
    assert [row.size for row in rows] == [6]
