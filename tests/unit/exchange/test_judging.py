# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest
from tests.fakes.identities import Identity
from tests.fakes.local_nodes import NAME, NOW_MS, accept_peers, peer_row
from tests.fakes.nodes import person
from tests.fakes.scripted_policies import DENY, PERMIT, ScriptedPolicy, hold

from selat.core.batches import Offer
from selat.core.leaf_stencils import LeafReader
from selat.core.leaves import OfferLeaf, ReceiptLeaf, parse_leaf
from selat.core.merkle import leaf_hash
from selat.core.message_ids import RANDOM_BYTES, new_message_id
from selat.core.payloads import Packed, pack
from selat.core.sealing import commitment
from selat.exchange.inspector import Inspector
from selat.exchange.judging import Judge
from selat.exchange.local import LocalNode
from selat.policy.catalogue_file import load_catalogue
from selat.store.lifecycle import Erasure
from selat.store.reviews import Act, Review
from selat.store.values import Holding, MessageRow
from selat.v1 import message_pb2 as pb

PEER = "police.xa.example"
CATALOGUE = load_catalogue()
REVIEW = Review(
    act=Act.APPROVE,
    officer="b.tan",
    reason="",
    note="",
    decided_ms=NOW_MS,
    leaf_index=9,
)


@pytest.fixture
def policy() -> ScriptedPolicy:
    return ScriptedPolicy()


@pytest.fixture
async def receiver(local: LocalNode, xa: Identity, policy: ScriptedPolicy) -> LocalNode:
    node = replace(local, policy=lambda: policy)
    await accept_peers(node, peer_row(xa))
    return node


def told(local: LocalNode, name: str = "Doe, John", *, seed: int = 1) -> pb.Message:
    """Return a message of the peer."""
    message = person(name)
    header = message.header
    header.id = new_message_id(NOW_MS, bytes([seed]) * RANDOM_BYTES).bytes
    header.version = 1
    header.type = pb.MESSAGE_TYPE_PERSON
    header.originator.node = PEER
    header.originator.state = "XA"
    header.originator.agency = "Police of XA"
    header.created_at.FromMilliseconds(NOW_MS)
    assert local.name == NAME
    return message


def offered(message: pb.Message) -> tuple[Offer, Packed]:
    header = message.header
    opened = pack(
        salt=b"s" * 32,
        header=header.SerializeToString(),
        body=message.body.SerializeToString(),
    )
    leaf = OfferLeaf(
        id=UUID(bytes=header.id),
        version=header.version,
        type="person",
        category=header.category,
        level="restricted",
        codes=(),
        tlp="",
        purposes=("investigation",),
        sender=PEER,
        recipient=NAME,
        time_ms=NOW_MS,
        policy="ab" * 32,
        effect="permit",
        policies=("release/listed",),
        commit=commitment(opened),
        blind=b"b" * 32,
    )
    data = leaf.encode()
    _, like, own = LeafReader().read(data)
    assert isinstance(like, OfferLeaf)
    return Offer(data, leaf_hash(data), like, own), opened


async def judge(
    local: LocalNode, *messages: pb.Message
) -> list[tuple[ReceiptLeaf, int | None]]:
    """Judge and keep messages as intake does; return receipts and numbers."""
    judging = Judge(
        local=local, inspector=Inspector(schema=local.schema, catalogue=CATALOGUE)
    )
    peer = local.peers.get(PEER)
    offers, opened = zip(*map(offered, messages), strict=True)
    judged = judging.judge_all(peer, offers, opened)
    leaves, numbers = await local.store.write(
        lambda t: judging.keep_all(t, peer, judged, now_ms=NOW_MS)
    )
    receipts = [parse_leaf(leaf) for leaf in leaves]
    return [
        (receipt, number)
        for receipt, number in zip(receipts, numbers, strict=True)
        if isinstance(receipt, ReceiptLeaf)
    ]


async def row(local: LocalNode, number: int) -> MessageRow:
    found = await local.store.read(lambda s: s.message(number))
    assert found is not None
    return found


async def test_held_message_is_quarantined_and_receipted_so(
    receiver: LocalNode, policy: ScriptedPolicy
) -> None:
    policy.accept_answer = hold("review")
    ((receipt, number),) = await judge(receiver, told(receiver))
    assert (receipt.outcome, receipt.reason) == ("quarantined", "HELD_FOR_REVIEW")
    assert (receipt.effect, receipt.policies) == ("hold", ("test/hold",))
    assert number == 1
    assert (await row(receiver, 1)).holding is Holding.QUARANTINED
    assert await receiver.store.read(lambda s: s.payload(1)) is not None


async def test_outcome_follows_the_decision(
    receiver: LocalNode, policy: ScriptedPolicy
) -> None:
    ((accepted, first),) = await judge(receiver, told(receiver, seed=1))
    policy.accept_answer = DENY
    ((refused, second),) = await judge(receiver, told(receiver, seed=2))
    assert (accepted.outcome, accepted.reason, first) == ("accepted", "", 1)
    assert (refused.outcome, refused.reason, second) == ("refused", "NOT_TODAY", None)


async def test_second_copy_is_answered_by_what_the_first_is_held_as(
    receiver: LocalNode, policy: ScriptedPolicy
) -> None:
    message = told(receiver)
    policy.accept_answer = hold("review")
    await judge(receiver, message)
    policy.accept_answer = PERMIT  # would let it in now

    ((waiting, number),) = await judge(receiver, message)
    assert (waiting.outcome, waiting.reason) == ("quarantined", "DUPLICATE")
    assert (waiting.policies, number) == (("intake/once",), None)

    await receiver.store.write(lambda t: t.review_message(1, REVIEW))
    policy.accept_answer = hold("review")  # would quarantine it again
    ((released, number),) = await judge(receiver, message)
    assert (released.outcome, released.reason) == ("accepted", "DUPLICATE")
    assert number is None
    assert (await row(receiver, 1)).holding is Holding.CURRENT


@pytest.mark.parametrize("how", ["refused", "discarded"])
async def test_second_copy_of_what_was_not_let_in_is_refused(
    receiver: LocalNode, policy: ScriptedPolicy, how: str
) -> None:
    message = told(receiver)
    policy.accept_answer = hold("review")
    await judge(receiver, message)
    if how == "refused":
        refusal = replace(REVIEW, act=Act.REFUSE, reason="REVIEW_REFUSED")
        await receiver.store.write(lambda t: t.review_message(1, refusal))
    else:
        erasure = Erasure(reason="EXPIRED", erased_ms=NOW_MS, leaf_index=1)
        await receiver.store.write(lambda t: t.erase(1, erasure))
    assert (await row(receiver, 1)).holding == how

    policy.accept_answer = PERMIT
    ((receipt, number),) = await judge(receiver, message)
    assert (receipt.outcome, receipt.reason) == ("refused", "DUPLICATE")
    assert number is None


async def test_same_message_twice_in_a_batch_is_kept_once(
    receiver: LocalNode, policy: ScriptedPolicy
) -> None:
    policy.accept_answer = hold("review")
    message = told(receiver)
    first, second = await judge(receiver, message, message)
    assert (first[0].outcome, first[0].reason, first[1]) == (
        "quarantined",
        "HELD_FOR_REVIEW",
        1,
    )
    assert (second[0].outcome, second[0].reason, second[1]) == (
        "quarantined",
        "DUPLICATE",
        None,
    )


async def test_quarantined_version_is_not_replaced_by_other_contents(
    receiver: LocalNode, policy: ScriptedPolicy
) -> None:
    policy.accept_answer = hold("review")
    await judge(receiver, told(receiver))
    ((receipt, _),) = await judge(receiver, told(receiver, "Doe, Jane"))
    assert (receipt.outcome, receipt.reason) == ("refused", "VERSION_CONFLICT")


async def test_receipts_name_the_policy_that_decided_and_not_the_one_after(
    receiver: LocalNode, policy: ScriptedPolicy
) -> None:
    judging = Judge(
        local=receiver, inspector=Inspector(schema=receiver.schema, catalogue=CATALOGUE)
    )
    peer = receiver.peers.get(PEER)
    messages = [told(receiver), told(receiver)]
    offers, opened = zip(*map(offered, messages), strict=True)
    before = policy.digest
    judged = judging.judge_all(peer, offers, opened)
    policy.digest = "fe" * 32

    leaves, _ = await receiver.store.write(
        lambda t: judging.keep_all(t, peer, judged, now_ms=NOW_MS)
    )

    receipts = [parse_leaf(leaf) for leaf in leaves]
    digests = [leaf.policy for leaf in receipts if isinstance(leaf, ReceiptLeaf)]
    assert digests == [before, before]
