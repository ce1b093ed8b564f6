# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from tests.fakes.identities import Identity
from tests.fakes.local_nodes import NOW_MS, accept_peers, leaves_of, peer_row
from tests.fakes.nodes import person
from tests.fakes.scripted_policies import DENY, ScriptedPolicy, hold, redacting

from selat.core.leaves import HoldLeaf, OfferLeaf, WithholdLeaf, parse_leaf
from selat.core.payloads import SALT_BYTES
from selat.core.sealing import commitment
from selat.desk.publishing import Publisher
from selat.errors import StoreCorruptError
from selat.exchange.forming import (
    SHORT_QUEUE_MAX,
    FormedBatch,
    Sorted,
    form,
    prepare,
    prepare_short,
    restore,
)
from selat.exchange.inspector import Inspector
from selat.exchange.local import LocalNode
from selat.policy.catalogue_file import load_catalogue
from selat.policy.port import PERSONAL
from selat.store.reviews import Act, Review
from selat.store.values import OutboxRow, OutboxState
from selat.v1 import message_pb2 as pb

PEER = "police.xa.example"
CATALOGUE = load_catalogue()


@pytest.fixture
def policy() -> ScriptedPolicy:
    return ScriptedPolicy()


@pytest.fixture
async def sender(local: LocalNode, xa: Identity, policy: ScriptedPolicy) -> LocalNode:
    """Give our node under the scripted policy, with one message queued."""
    node = replace(local, policy=lambda: policy)
    await accept_peers(node, peer_row(xa))
    message = person("Doe, John")
    message.header.title = "Doe, John"
    message.header.subject_role = pb.SUBJECT_ROLE_WITNESS
    message.header.safeguards.append(pb.SAFEGUARD_MINOR)
    message.body.person.person.functions.append("porter")
    publisher = publisher_of(node)
    drafts = publisher.draft_all([message], author="a.lim")
    await publisher.keep(drafts)
    return node


def publisher_of(local: LocalNode) -> Publisher:
    return Publisher(
        local=local,
        inspector=Inspector(schema=local.schema, catalogue=CATALOGUE),
        wake=lambda _peer: None,
    )


async def prepared(local: LocalNode) -> Sorted:
    peer = local.peers.get(PEER)
    return await local.store.read(lambda s: prepare(local, peer, s))


async def formed(local: LocalNode) -> FormedBatch | None:
    queue = await prepared(local)
    return await local.store.write(lambda t: form(t, queue, peer=PEER, now_ms=NOW_MS))


async def test_only_a_short_queue_is_decided_while_other_writers_wait(
    sender: LocalNode,
) -> None:
    peer = sender.peers.get(PEER)
    work = partial(prepare_short, sender, peer)
    short = await sender.store.write(work)
    assert short is not None
    assert (len(short.offers), short.has_more) == (1, False)

    publisher = publisher_of(sender)
    messages = [person(f"Doe, {number}") for number in range(SHORT_QUEUE_MAX)]
    drafts = publisher.draft_all(messages, author="a.lim")
    await publisher.keep(drafts)
    assert await sender.store.write(work) is None
    assert len((await prepared(sender)).offers) == SHORT_QUEUE_MAX + 1


async def entry(local: LocalNode) -> OutboxRow:
    (row,) = await local.store.read(lambda s: s.outbox())
    return row


async def test_policy_is_asked_by_all_that_the_header_says(
    sender: LocalNode, policy: ScriptedPolicy
) -> None:
    await prepared(sender)
    (facts,) = policy.asked
    assert (facts.subject_role, facts.safeguards) == ("witness", ("minor",))
    assert (facts.created_ms, facts.status, facts.holding) == (
        NOW_MS,
        "current",
        "current",
    )


async def test_held_message_waits_with_its_leaf_and_nothing_moves(
    sender: LocalNode, policy: ScriptedPolicy
) -> None:
    policy.release_answer = hold("two-person", "legal")
    assert await formed(sender) is None
    (leaf,) = await leaves_of(sender.store)
    assert isinstance(leaf, HoldLeaf)
    assert (leaf.effect, leaf.policies) == ("hold", ("test/hold",))
    row = await entry(sender)
    assert (row.state, row.reason) == (OutboxState.HELD, "HELD_FOR_REVIEW")
    assert row.obligations == ("two-person", "legal")
    assert (row.held_ms, row.leaf_index) == (NOW_MS, 0)
    assert (await prepared(sender)).is_empty()


async def test_approved_message_is_asked_for_again_with_what_was_met(
    sender: LocalNode, policy: ScriptedPolicy
) -> None:
    policy.release_answer = hold("two-person")
    await formed(sender)
    review = Review(
        act=Act.APPROVE,
        officer="b.tan",
        reason="",
        note="",
        decided_ms=NOW_MS,
        leaf_index=9,
    )
    await sender.store.write(lambda t: t.review_entry(1, review))

    policy.release_answer = hold("two-person", "legal")
    assert await formed(sender) is None
    assert (await entry(sender)).state is OutboxState.HELD
    again = replace(review, leaf_index=10)
    await sender.store.write(lambda t: t.review_entry(1, again))
    batch = await formed(sender)
    assert batch is not None
    assert (await entry(sender)).state is OutboxState.OFFERED


async def test_denied_message_keeps_the_place_of_its_leaf(
    sender: LocalNode, policy: ScriptedPolicy
) -> None:
    policy.release_answer = DENY
    assert await formed(sender) is None
    row = await entry(sender)
    assert (row.state, row.reason, row.leaf_index) == (
        OutboxState.WITHHELD,
        "NOT_TODAY",
        0,
    )


async def test_redacted_message_is_what_the_leaf_commits_to(
    sender: LocalNode, policy: ScriptedPolicy
) -> None:
    policy.release_answer = redacting("person.person.functions", PERSONAL)
    batch = await formed(sender)
    assert batch is not None
    (message,) = batch.messages
    leaf = parse_leaf(message.leaf)
    assert isinstance(leaf, OfferLeaf)
    assert leaf.policies == ("test/redact",)
    assert leaf.commit == commitment(message.message)
    header = pb.Header.FromString(message.message.header)
    assert tuple(header.redacted) == message.redacted
    assert set(message.redacted) >= {
        "header.title",
        "person.person.names",
        "person.person.functions",
    }
    assert b"Doe" not in message.message.data
    assert b"porter" not in message.message.body


async def test_redacted_message_is_restored_byte_for_byte(
    sender: LocalNode, policy: ScriptedPolicy
) -> None:
    policy.release_answer = redacting(PERSONAL)
    batch = await formed(sender)
    assert batch is not None
    policy.release_answer = DENY  # what is offered is not decided again
    again = await sender.store.read(lambda s: restore(sender, batch.batch, s))
    (first,), (second,) = batch.messages, again.messages
    assert (second.leaf, second.message) == (first.leaf, first.message)


@pytest.mark.parametrize("wrong", [(), ("person.person.names", "no.such.field")])
async def test_message_that_its_leaf_does_not_commit_to_is_not_sealed_again(
    sender: LocalNode, policy: ScriptedPolicy, wrong: tuple[str, ...]
) -> None:
    policy.release_answer = redacting(PERSONAL)
    queue = await prepared(sender)
    (offer,) = queue.offers
    spoiled = replace(queue, offers=(offer._replace(redacted=wrong),))
    batch = await sender.store.write(
        lambda t: form(t, spoiled, peer=PEER, now_ms=NOW_MS)
    )
    assert batch is not None
    with pytest.raises(StoreCorruptError):
        await sender.store.read(lambda s: restore(sender, batch.batch, s))


async def test_redaction_of_what_is_not_there_leaves_the_message_as_it_is(
    sender: LocalNode, policy: ScriptedPolicy
) -> None:
    whole = (await prepared(sender)).offers[0]
    policy.release_answer = redacting("vessel.vessel.imo")
    (offer,) = (await prepared(sender)).offers
    assert offer.message.data[SALT_BYTES:] == whole.message.data[SALT_BYTES:]
    assert offer.redacted == ()


@pytest.mark.parametrize("path", ["person.person.nothing", "person", "names"])
async def test_message_that_cannot_be_redacted_is_withheld(
    sender: LocalNode, policy: ScriptedPolicy, path: str
) -> None:
    policy.release_answer = redacting(PERSONAL, path)
    assert await formed(sender) is None
    (leaf,) = await leaves_of(sender.store)
    assert isinstance(leaf, WithholdLeaf)
    assert (leaf.effect, leaf.policies) == ("withhold", ("test/redact",))
    row = await entry(sender)
    assert (row.state, row.reason) == (OutboxState.WITHHELD, "REDACTION_FAILED")
