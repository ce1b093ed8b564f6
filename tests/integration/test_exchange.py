# SPDX-License-Identifier: Apache-2.0
"""Two sovereign nodes, and a third, exchange records."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import grpc
import pytest
from tests.fakes.lying_recipients import Answer, LyingRecipient
from tests.fakes.nodes import (
    Desk,
    Home,
    Running,
    eventually,
    free_port,
    introduce,
    person,
    running,
)
from tests.fakes.reckoning import assert_delivered, leaves_of

from selat.core.checkpoints import open_checkpoint
from selat.core.leaves import PolicyLeaf, WithholdLeaf
from selat.core.merkle import leaf_hash
from selat.core.proofs import verify_range
from selat.core.times import utc
from selat.desk import desk_service
from selat.desk.sight import Sight
from selat.errors import UnauthenticatedError
from selat.exchange.arrivals import Arrived
from selat.exchange.delivery import REFUSALS_MAX
from selat.node import serve
from selat.node.assembly import present_ms
from selat.policy.release_list import format_release_list
from selat.rpc.status import error_from_rpc
from selat.v1 import desk_service_pb2 as pb
from selat.v1 import exchange_pb2, message_pb2

ACCEPTED = pb.OUTBOX_STATE_ACCEPTED
ROUTINE = message_pb2.URGENCY_ROUTINE
URGENT = message_pb2.URGENCY_URGENT
FLASH = message_pb2.URGENCY_FLASH


def states(entries: list[pb.OutboxEntry]) -> set[int]:
    return {entry.state for entry in entries}


async def arrived(desk: Desk, count: int) -> list[pb.FoundMessage]:
    async def inbox() -> list[pb.FoundMessage] | None:
        found = await desk.inbox()
        return found if len(found) >= count else None

    return await eventually(inbox)


# --- delivery -----------------------------------------------------------------


async def test_record_arrives_as_it_was_published(xa: Home, xb: Home) -> None:
    await introduce(xa, xb)
    async with running(xa) as a, running(xb) as b:
        sent = person("Doe, Jane")
        ids = await a.publish(sent)
        assert states(await a.settled(b.name, 1)) == {ACCEPTED}
        (found,) = await b.inbox()
        assert found.message.body == sent.body
        assert found.info.originator == a.name
        assert await a.incidents() == await b.incidents() == {}
    assert_delivered(xa, xb, ids)


async def test_evidence_of_an_exchange_is_verified_with_cards_alone(
    xa: Home, xb: Home
) -> None:
    await introduce(xa, xb)
    async with running(xa) as a, running(xb) as b:
        (message_id,) = await a.publish(person())
        await a.settled(b.name, 1)
        request = pb.GetEvidenceRequest(id=message_id)
        (exchange,) = (await a.desk.GetEvidence(request)).exchanges
    for evidence, owner in ((exchange.offer, xa), (exchange.receipt, xb)):
        origin = evidence.checkpoint.partition(b"\n")[0].decode()
        verifiers = owner.card.card.log_verifiers(origin, at=utc(present_ms()))
        checkpoint = open_checkpoint(
            evidence.checkpoint, origin=origin, verifiers=verifiers
        )
        position = evidence.index - evidence.first_index
        assert evidence.leaf_hashes[position] == leaf_hash(evidence.leaf)
        verify_range(
            leaf_hashes=tuple(evidence.leaf_hashes),
            first=evidence.first_index,
            size=checkpoint.size,
            proof=tuple(evidence.proof),
            root=checkpoint.root,
        )


async def test_records_cross_in_both_directions_at_once(xa: Home, xb: Home) -> None:
    await introduce(xa, xb)
    async with running(xa) as a, running(xb) as b:
        from_a: list[bytes] = []
        from_b: list[bytes] = []
        for number in range(10):
            from_a += await a.publish(person(f"Doe {number}"))
            from_b += await b.publish(person(f"Roe {number}"))
        await a.settled(b.name, 10)
        await b.settled(a.name, 10)
        assert await a.incidents() == await b.incidents() == {}
    assert_delivered(xa, xb, from_a)
    assert_delivered(xb, xa, from_b)


async def test_more_than_a_batch_arrives_whole(xa: Home, xb: Home) -> None:
    await introduce(xa, xb)
    async with running(xa) as a, running(xb) as b:
        for _ in range(3):
            await a.publish(*[person(f"Doe {n}") for n in range(200)])

        async def all_accepted() -> bool:
            return (await a.link(b.name)).accepted == 600

        await eventually(all_accepted)
        assert (await b.status()).messages_in == 600
        assert (await a.link(b.name)).sent_sequence >= 3


async def test_record_without_recipients_goes_to_every_peer(
    xa: Home, xb: Home, xc: Home
) -> None:
    await introduce(xa, xb, xc)
    async with running(xa) as a, running(xb) as b, running(xc) as c:
        ids = await a.publish(person())
        await a.settled(b.name, 1)
        await a.settled(c.name, 1)
        assert await b.received() == await c.received() == ids


async def test_named_recipient_alone_receives(xa: Home, xb: Home, xc: Home) -> None:
    await introduce(xa, xb, xc)
    async with running(xa) as a, running(xb) as b, running(xc) as c:
        ids = await a.publish(person(recipients=(c.name,)))
        await a.settled(c.name, 1)
        assert await c.received() == ids
        assert await b.received() == []
        assert await a.outbox(b.name) == []


async def test_outage_is_caught_up_after_it(xa: Home, xb: Home) -> None:
    await introduce(xa, xb)
    async with running(xa) as a:
        async with running(xb):
            ids = await a.publish(person("Doe 1"))
            await a.settled(xb.name, 1)
        for number in range(2, 5):
            ids += await a.publish(person(f"Doe {number}"))
        assert (await a.link(xb.name)).accepted == 1
        async with running(xb) as b:
            await a.settled(b.name, 4)
    assert_delivered(xa, xb, ids)


async def test_sender_that_was_stopped_goes_on(xa: Home, xb: Home) -> None:
    await introduce(xa, xb)
    async with running(xa) as a:
        ids = await a.publish(person("Doe 1"))
    async with running(xb) as b, running(xa) as a:
        ids += await a.publish(person("Doe 2"))
        await a.settled(b.name, 2)
    assert_delivered(xa, xb, ids)


async def test_message_handed_in_twice_is_delivered_once(xa: Home, xb: Home) -> None:
    await introduce(xa, xb)
    async with running(xa) as a, running(xb) as b:
        message = person()
        (message.header.id,) = await a.publish(message)
        request = pb.PublishRequest(messages=[message])
        (again,) = (await a.desk.Publish(request)).messages
        assert again.duplicate
        assert again.id == message.header.id
        await a.settled(b.name, 1)
    assert_delivered(xa, xb, [message.header.id])


async def test_urgent_records_overtake(xa: Home, xb: Home) -> None:
    await introduce(xa, xb)
    async with running(xa) as a:
        for urgency in (ROUTINE, URGENT, FLASH, ROUTINE):
            await a.publish(person(urgency=urgency))
        async with running(xb) as b:
            found = await arrived(b, 4)
    assert [each.info.urgency for each in found] == [
        "flash",
        "urgent",
        "routine",
        "routine",
    ]


# --- policy -------------------------------------------------------------------


async def test_category_that_is_not_released_is_withheld_on_the_record(
    xa: Home, xb: Home
) -> None:
    await introduce(xa, xb)
    async with running(xa) as a, running(xb) as b:
        await a.add_peer(xb, categories=("piracy",))
        withheld = person(category="terrorism")
        (withheld_id,) = await a.publish(withheld)
        released = await a.publish(person(category="piracy"))
        entries = await a.settled(b.name, 2)
        assert [entry.state for entry in entries] == [
            pb.OUTBOX_STATE_WITHHELD,
            ACCEPTED,
        ]
        assert entries[0].reason == "CATEGORY_NOT_LISTED"
        assert await b.received() == released
    (leaf,) = [leaf for _, leaf in leaves_of(xa, WithholdLeaf)]
    assert leaf.id.bytes == withheld_id
    assert leaf.recipient == xb.name
    assert leaf.policies == ("default/deny",)


@pytest.fixture
def _policy_is_looked_at_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "POLICY_CHECK_S", 0.01)


@pytest.mark.usefixtures("_policy_is_looked_at_often")
async def test_changed_release_list_is_in_force_and_logged_without_a_restart(
    xa: Home, xb: Home
) -> None:
    await introduce(xa, xb)
    async with running(xa) as a, running(xb) as b:
        before = (await a.status()).policy_digest
        changed = format_release_list({b.name: frozenset({"piracy"})})
        xa.folder.release_list.write_text(changed, "utf-8")

        async def digest() -> str | None:
            found = (await a.status()).policy_digest
            return found if found != before else None

        after = await eventually(digest)
        await a.publish(person(category="terrorism"))
        (entry,) = await a.settled(b.name, 1)
        assert entry.state == pb.OUTBOX_STATE_WITHHELD
    *_, last = [leaf for _, leaf in leaves_of(xa, PolicyLeaf)]
    assert (last.previous, last.digest) == (before, after)


@pytest.mark.usefixtures("_policy_is_looked_at_often")
async def test_release_list_that_cannot_be_read_leaves_the_old_one_in_force(
    xa: Home, xb: Home
) -> None:
    await introduce(xa, xb)
    async with running(xa) as a, running(xb) as b:
        before = (await a.status()).policy_digest
        xa.folder.release_list.write_text("[peers", "utf-8")

        async def is_seen() -> bool:
            return ("", "CONFIGURATION") in await a.incidents()

        await eventually(is_seen)
        assert (await a.status()).policy_digest == before
        await a.publish(person())
        assert states(await a.settled(b.name, 1)) == {ACCEPTED}


# --- peers --------------------------------------------------------------------


async def test_removed_peer_delivers_no_more_until_it_is_added_again(
    xa: Home, xb: Home
) -> None:
    await introduce(xa, xb)
    async with running(xa) as a, running(xb) as b:
        ids = await a.publish(person("Doe 1"))
        await a.settled(b.name, 1)
        await b.admin.RemovePeer(pb.RemovePeerRequest(name=a.name))
        ids += await a.publish(person("Doe 2"))

        async def is_told() -> bool:
            return (await a.link(b.name)).last_error == "PEER_REMOVED"

        await eventually(is_told)
        assert await b.received() == ids[:1]
        await b.add_peer(xa)
        await a.settled(b.name, 2)
    assert_delivered(xa, xb, ids)


# --- dead letters -------------------------------------------------------------


async def test_batch_refused_for_good_becomes_dead_letters_that_can_be_retried(
    xa: Home, xb: Home
) -> None:
    await introduce(xa, xb)
    liar = LyingRecipient(xb, xa)
    refused: list[int] = []

    def refuse(batch: exchange_pb2.Batch) -> list[Answer]:
        refused.append(batch.sequence)
        return [
            exchange_pb2.BatchRefusal(
                sequence=batch.sequence, reason="CIPHERTEXT_INVALID"
            )
        ]

    async with running(xa) as a:
        async with liar.serving(refuse):
            ids = await a.publish(person("Doe 1"), person("Doe 2"))
            entries = await _settled_impatiently(a, xb.name, 2)
        assert states(entries) == {pb.OUTBOX_STATE_DEAD}
        assert {entry.reason for entry in entries} == {"CIPHERTEXT_INVALID"}
        assert refused == [1] * REFUSALS_MAX
        async with running(xb) as b:
            await a.desk.RetryOutbox(pb.RetryOutboxRequest(peer=b.name))
            a.node.links.heard_from(b.name)
            await a.settled(b.name, 2)

            async def are_accepted() -> bool:
                return states(await a.outbox(b.name)) == {ACCEPTED}

            await eventually(are_accepted)
            assert sorted(await b.received()) == sorted(ids)


async def test_batches_behind_a_hopeless_one_are_formed_anew(
    xa: Home, xb: Home
) -> None:
    await introduce(xa, xb)
    liar = LyingRecipient(xb, xa)
    seen: list[int] = []

    def refuse_the_first(batch: exchange_pb2.Batch) -> list[Answer]:
        seen.append(batch.sequence)
        if seen[-3:] != [1, 2, 3]:
            return []
        return [exchange_pb2.BatchRefusal(sequence=1, reason="CIPHERTEXT_INVALID")]

    async with running(xa) as a:
        ids: list[bytes] = []
        async with liar.serving(refuse_the_first):
            for number in range(1, 4):
                ids += await a.publish(person(f"Doe {number}"))

                async def is_sent(number: int = number) -> bool:
                    return number in seen

                await eventually(is_sent)
            entries = await _settled_impatiently(a, xb.name, 1)
        assert [entry.state for entry in entries].count(pb.OUTBOX_STATE_DEAD) == 1
        async with running(xb) as b:
            found = await arrived(b, 2)
            assert [each.info.id for each in found] == ids[1:]
            await a.desk.RetryOutbox(pb.RetryOutboxRequest(peer=b.name))
            found = await arrived(b, 3)
            assert [each.info.id for each in found] == [*ids[1:], ids[0]]
            assert await b.incidents() == {}


async def _settled_impatiently(
    node: Running, peer: str, count: int
) -> list[pb.OutboxEntry]:
    """Wait for settled entries, and never for the next attempt."""

    async def entries() -> list[pb.OutboxEntry] | None:
        node.node.links.heard_from(peer)
        found = await node.outbox(peer)
        done = [e for e in found if e.state == pb.OUTBOX_STATE_DEAD]
        return found if len(done) >= count else None

    return await eventually(entries)


# --- subscriptions ------------------------------------------------------------


async def read(
    stream: AsyncIterator[pb.SubscribeResponse], count: int
) -> list[pb.SubscribeResponse]:
    return [await anext(stream) for _ in range(count)]


async def test_subscription_goes_on_after_its_cursor(xa: Home, xb: Home) -> None:
    await introduce(xa, xb)
    async with running(xa) as a:
        ids: list[bytes] = []
        async with running(xb) as b:
            for number in range(3):
                ids += await a.publish(person(f"Doe {number}"))
                await a.settled(b.name, number + 1)
            call = b.desk.Subscribe(pb.SubscribeRequest(with_contents=True))
            first, second = await read(aiter(call), 2)
            assert [first.info.id, second.info.id] == ids[:2]
            assert first.message.body == person("Doe 0").body
            call.cancel()
        async with running(xb) as b:
            call = b.desk.Subscribe(pb.SubscribeRequest(after=second.cursor))
            stream = aiter(call)
            (third,) = await read(stream, 1)
            assert third.info.id == ids[2]
            ids += await a.publish(person("Doe 3"))
            (fourth,) = await read(stream, 1)
            assert fourth.info.id == ids[3]
            assert fourth.cursor > third.cursor
            call.cancel()


async def test_subscription_to_categories_leaves_others_out(xa: Home, xb: Home) -> None:
    await introduce(xa, xb)
    async with running(xa) as a, running(xb) as b:
        call = b.desk.Subscribe(pb.SubscribeRequest(categories=["piracy"]))
        await a.publish(person(category="terrorism"))
        ids = await a.publish(person(category="piracy"))
        (found,) = await read(aiter(call), 1)
        assert found.info.id == ids[0]
        call.cancel()


async def test_subscriber_is_shown_at_once_what_the_inbox_shows_later(
    xa: Home, xb: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    at_hand = desk_service._at_hand

    def observe(step: str) -> None:
        steps.append(step)

    def show(
        request: pb.SubscribeRequest, arrived: Sequence[Arrived], sight: Sight
    ) -> list[pb.SubscribeResponse]:
        steps.append("shown")
        return at_hand(request, arrived, sight)

    monkeypatch.setattr(desk_service, "_at_hand", show)
    await introduce(xa, xb)
    async with running(xa) as a, running(xb, on_step=observe) as b:
        call = b.desk.Subscribe(pb.SubscribeRequest(with_contents=True))
        await a.publish(person("Doe, Jane"))
        (first,) = await read(aiter(call), 1)
        await a.settled(b.name, 1)
        steps.clear()
        await a.publish(person("Doe, John"))
        (second,) = await read(aiter(call), 1)
        call.cancel()
        again = b.desk.Subscribe(
            pb.SubscribeRequest(after=first.cursor, with_contents=True)
        )
        assert await read(aiter(again), 1) == [second]
        again.cancel()
    assert second.message.body == person("Doe, John").body
    kept = steps[: steps.index("shown")]
    assert kept[-2:] == ["store.committed", "intake.committed"], "it is durable"
    assert "sign.before-mark" not in kept, "nobody waits for the signature"


async def test_messages_that_arrive_while_a_subscriber_reads_are_not_lost(
    xa: Home, xb: Home
) -> None:
    await introduce(xa, xb)
    async with running(xa) as a, running(xb) as b:
        stream = aiter(b.desk.Subscribe(pb.SubscribeRequest()))
        ids: list[bytes] = []
        for number in range(12):
            ids += await a.publish(person(f"Doe, {number}"))
        ids += await a.publish(*[person(f"Roe, {number}") for number in range(6)])
        found = await read(stream, len(ids))
    assert [each.info.id for each in found] == ids


async def test_second_endpoint_of_a_card_is_called_when_the_first_is_dead(
    xa: Home, xb: Home
) -> None:
    await introduce(xa, xb)
    async with running(xb) as b:
        dead = f"127.0.0.1:{free_port()}"
        alive = xb.card.card.endpoints[0]
        answer = await b.admin.RenewCard(pb.RenewCardRequest(endpoints=[dead, alive]))
        async with running(xa) as a:
            await a.admin.AddPeer(pb.AddPeerRequest(envelope=answer.envelope))
            await a.publish(person("Doe, Jane"))
            assert states(await a.settled(b.name, 1)) == {ACCEPTED}


async def drained(
    stream: grpc.aio.UnaryStreamCall[pb.SubscribeRequest, pb.SubscribeResponse],
) -> None:
    while await stream.read() is not grpc.aio.EOF:
        pass


async def test_revoked_officer_hears_no_more_of_a_busy_inbox(
    xa: Home, xb: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_service, "ADMISSION_MS", 0)
    await introduce(xa, xb)
    async with running(xa) as a, running(xb) as b:
        admitted: list[str] = []
        admit = b.node.desk_service._door.admit

        async def refuse_the_second(context: object, method: str) -> object:
            admitted.append(method)
            if admitted.count("Subscribe") > 1:
                raise UnauthenticatedError("Nobody valid has that certificate.")
            return await admit(context, method)

        monkeypatch.setattr(b.node.desk_service._door, "admit", refuse_the_second)
        stream = b.desk.Subscribe(pb.SubscribeRequest())
        await a.publish(person("Doe, Jane"))
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await drained(stream)
        assert error_from_rpc(failure.value).reason == "UNAUTHENTICATED"
