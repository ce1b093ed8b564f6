# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest
from tests.fakes.identities import Identity
from tests.fakes.local_nodes import NAME, NOW_MS, accept_peers, leaves_of, peer_row
from tests.fakes.scripted_policies import DENY, PERMIT, ScriptedPolicy, hold

from selat.core.leaves import HoldLeaf, ReceiptLeaf, ReviewLeaf
from selat.core.merkle import leaf_hash
from selat.core.payloads import pack
from selat.errors import (
    NotFoundError,
    PolicyDeniedError,
    SelatError,
    SelfReviewError,
    StoreCorruptError,
    WrongStateError,
)
from selat.exchange.local import LocalNode
from selat.exchange.reviewing import DecisionOfPerson, Reviewing
from selat.policy.port import OfficerFacts
from selat.store.port import Transaction
from selat.store.reviews import Act, Held
from selat.store.values import (
    Direction,
    Holding,
    IncomingBatch,
    Lane,
    NewMessage,
    OutboxState,
)
from selat.v1 import message_pb2 as pb

PEER = "police.xa.example"
ID = UUID("01932e5c-5c00-7abc-8def-0123456789ab")


@pytest.fixture
def policy() -> ScriptedPolicy:
    return ScriptedPolicy(accept_answer=hold("review"))


class Office:
    """A node in which things wait, and what it woke."""

    def __init__(self, local: LocalNode) -> None:
        self.local = local
        self.woken: list[str] = []
        self.reviewing = Reviewing(
            local=local,
            wake=self.woken.append,
            arrived=lambda: self.woken.append("inbox"),
        )

    def message(self, direction: Direction, originator: str) -> NewMessage:
        header = pb.Header(
            id=ID.bytes,
            version=1,
            category="terrorism",
            subject_role=pb.SUBJECT_ROLE_VICTIM,
        )
        protected = self.local.cipher.protect(
            pack(salt=b"s" * 32, header=header.SerializeToString(), body=b"").data,
            originator=originator,
            message_id=ID.bytes,
            version=1,
            data_key=self.local.entropy(32),
            nonce=self.local.entropy(12),
        )
        received = direction is Direction.IN
        return NewMessage(
            direction=direction,
            message_id=ID.bytes,
            version=1,
            originator=originator,
            category="terrorism",
            record_type="person",
            status="current",
            lane=Lane.ROUTINE,
            level="restricted",
            tlp="",
            created_ms=NOW_MS,
            expires_ms=None,
            stored_ms=NOW_MS,
            holding=Holding.QUARANTINED if received else Holding.CURRENT,
            wrapped_key=protected.wrapped_key,
            ciphertext=protected.ciphertext,
            author="" if received else "a.lim",
        )

    async def hold(self, leaf: bytes) -> None:
        """Let a message of our own wait under a leaf."""
        message = self.message(Direction.OUT, NAME)

        def work(transaction: Transaction) -> None:
            (number,) = transaction.add_messages([message])
            transaction.enqueue([(number, Lane.ROUTINE)], [PEER], NOW_MS)
            held = Held(
                entry=1,
                leaf_index=transaction.append_leaves([leaf]),
                reason="HELD_FOR_REVIEW",
                obligations=("two-person",),
            )
            transaction.hold([held], NOW_MS)

        await self.local.store.write(work)

    async def quarantine(self, leaf: bytes) -> None:
        """Let a message of the peer wait under a receipt."""
        message = self.message(Direction.IN, PEER)

        def work(transaction: Transaction) -> None:
            numbers = transaction.add_messages([message])
            batch = IncomingBatch(
                peer=PEER,
                sequence=1,
                digest=b"d" * 32,
                first_receipt=transaction.append_leaves([leaf]),
                count=1,
                origin="police.xa.example/exchange/2030h2",
                first_offer=0,
                proof=b"",
                checkpoint_size=1,
                received_ms=NOW_MS,
            )
            transaction.keep_incoming(batch, [b"offer"], numbers)

        await self.local.store.write(work)

    async def state(self) -> OutboxState:
        (row,) = await self.local.store.read(lambda s: s.outbox())
        return row.state

    async def holding(self) -> Holding:
        row = await self.local.store.read(lambda s: s.message(1))
        assert row is not None
        return row.holding


@pytest.fixture
async def office(local: LocalNode, xa: Identity, policy: ScriptedPolicy) -> Office:
    node = replace(local, policy=lambda: policy)
    await accept_peers(node, peer_row(xa))
    return Office(node)


HOLD = HoldLeaf(
    id=ID,
    version=1,
    type="person",
    category="terrorism",
    level="restricted",
    codes=(),
    tlp="",
    purposes=(),
    sender=NAME,
    recipient=PEER,
    time_ms=NOW_MS,
    policy="ab" * 32,
    effect="hold",
    policies=("test/hold",),
    commit=b"c" * 32,
    blind=b"b" * 32,
).encode()
RECEIPT = ReceiptLeaf(
    offer=b"o" * 32,
    id=ID,
    version=1,
    sender=NAME,
    recipient=PEER,
    time_ms=NOW_MS,
    outcome="quarantined",
    reason="HELD_FOR_REVIEW",
    policy="ab" * 32,
    effect="hold",
    policies=("test/hold",),
    blind=b"b" * 32,
).encode()


def by(officer_id: str = "b.tan", act: Act = Act.APPROVE) -> DecisionOfPerson:
    return DecisionOfPerson(
        act=act,
        note="seen",
        officer=OfficerFacts(
            officer_id=officer_id, agency="Police", roles=frozenset({"reviewer"})
        ),
    )


async def last_leaf(office: Office) -> ReviewLeaf:
    leaf = (await leaves_of(office.local.store))[-1]
    assert isinstance(leaf, ReviewLeaf)
    return leaf


@pytest.mark.parametrize(
    ("act", "state", "reason"),
    [
        (Act.APPROVE, OutboxState.QUEUED, ""),
        (Act.REFUSE, OutboxState.WITHHELD, "REVIEW_REFUSED"),
    ],
)
async def test_decision_on_a_release_is_logged_with_the_act(
    office: Office, act: Act, state: OutboxState, reason: str
) -> None:
    await office.hold(HOLD)
    entry, message = await office.reviewing.decide_release(1, by(act=act))
    assert (entry.state, entry.reason) == (state, reason)
    assert message.author == "a.lim"
    leaf = await last_leaf(office)
    assert leaf.answers == leaf_hash(HOLD)
    assert (leaf.act, leaf.reason, leaf.by) == (act.value, reason, "reviewer")
    assert (leaf.node, leaf.peer, leaf.id, leaf.policy) == (NAME, PEER, ID, "cd" * 32)
    assert b"tan" not in leaf.encode()
    (kept,) = await office.local.store.read(lambda s: s.reviews_of_entry(1))
    assert (kept.officer, kept.note, kept.leaf_index) == ("b.tan", "seen", 1)
    assert office.woken == [PEER]


@pytest.mark.parametrize(
    ("act", "holding", "reason"),
    [
        (Act.APPROVE, Holding.CURRENT, ""),
        (Act.REFUSE, Holding.REFUSED, "REVIEW_REFUSED"),
    ],
)
async def test_decision_on_an_intake_is_logged_with_the_act(
    office: Office, act: Act, holding: Holding, reason: str
) -> None:
    await office.quarantine(RECEIPT)
    message = await office.reviewing.decide_intake(1, by(act=act))
    assert message.holding is holding
    leaf = await last_leaf(office)
    assert leaf.answers == leaf_hash(RECEIPT)
    assert (leaf.act, leaf.reason, leaf.peer) == (act.value, reason, PEER)
    (kept,) = await office.local.store.read(lambda s: s.reviews_of_message(1))
    assert kept.officer == "b.tan"
    assert office.woken == ["inbox"]


async def test_author_decides_nothing_whatever_policy_says(
    office: Office, policy: ScriptedPolicy
) -> None:
    await office.hold(HOLD)
    for act in Act:
        with pytest.raises(SelfReviewError):
            await office.reviewing.decide_release(1, by("a.lim", act))
    assert policy.officers == []
    assert await office.state() is OutboxState.HELD
    assert len(await leaves_of(office.local.store)) == 1
    assert office.woken == []


async def test_policy_says_who_approves(office: Office, policy: ScriptedPolicy) -> None:
    await office.hold(HOLD)
    policy.approve_answer = DENY
    with pytest.raises(PolicyDeniedError, match="NOT_TODAY by test/deny"):
        await office.reviewing.decide_release(1, by())
    assert await office.state() is OutboxState.HELD
    assert policy.asked[-1].subject_role == "victim"
    assert policy.officers[-1].officer_id == "b.tan"
    assert len(await leaves_of(office.local.store)) == 1


async def test_message_that_may_no_longer_enter_stays_in_quarantine(
    office: Office, policy: ScriptedPolicy
) -> None:
    await office.quarantine(RECEIPT)
    for late in (DENY, hold("review", then=DENY)):
        policy.accept_answer = late
        with pytest.raises(PolicyDeniedError):
            await office.reviewing.decide_intake(1, by())
    assert await office.holding() is Holding.QUARANTINED
    await office.reviewing.decide_intake(1, by(act=Act.REFUSE))
    assert await office.holding() is Holding.REFUSED


async def test_message_that_policy_holds_no_longer_may_be_let_in(
    office: Office, policy: ScriptedPolicy
) -> None:
    await office.quarantine(RECEIPT)
    policy.accept_answer = PERMIT
    await office.reviewing.decide_intake(1, by())
    assert await office.holding() is Holding.CURRENT


async def test_what_does_not_wait_is_not_decided(office: Office) -> None:
    async def refused(*, expected: type[SelatError]) -> None:
        with pytest.raises(expected):
            await office.reviewing.decide_release(1, by())
        with pytest.raises(expected):
            await office.reviewing.decide_intake(1, by())

    await refused(expected=NotFoundError)
    await office.hold(HOLD)
    await office.reviewing.decide_release(1, by())
    await refused(expected=WrongStateError)


async def test_release_without_its_hold_leaf_is_a_damaged_store(
    office: Office,
) -> None:
    await office.hold(
        ReviewLeaf(
            node=NAME,
            peer=PEER,
            id=ID,
            version=1,
            answers=b"a" * 32,
            act="approve",
            reason="",
            by="reviewer",
            policy="ab" * 32,
            time_ms=NOW_MS,
            blind=b"b" * 32,
        ).encode()
    )
    with pytest.raises(StoreCorruptError):
        await office.reviewing.decide_release(1, by())


async def test_intake_without_its_batch_is_a_damaged_store(office: Office) -> None:
    message = office.message(Direction.IN, PEER)
    await office.local.store.write(lambda t: t.add_messages([message]))
    with pytest.raises(StoreCorruptError):
        await office.reviewing.decide_intake(1, by())
