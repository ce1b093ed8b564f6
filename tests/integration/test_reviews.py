# SPDX-License-Identifier: Apache-2.0
"""Holds, redaction and quarantine between two nodes, under the shipped baseline.

What tells of a victim waits for a second person, a witness is not named, and a
restriction in words (H3) is read by a person on both sides.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.fakes.killed import doomed
from tests.fakes.nodes import (
    DEADLINE_S,
    Desk,
    Home,
    Running,
    desk_of,
    eventually,
    free_port,
    introduce,
    make_home,
    person,
    running,
)
from tests.fakes.officers import desk_as, failure
from tests.fakes.reckoning import assert_delivered, assert_log_holds, leaves_of

from selat.cli.evidence import VerifiedExchange, verify_exchange
from selat.core.leaves import HoldLeaf, OfferLeaf, ReceiptLeaf, ReviewLeaf
from selat.core.merkle import leaf_hash
from selat.errors import (
    InvalidInputError,
    NotFoundError,
    PeerUnreachableError,
    RoleMissingError,
    SelfReviewError,
    WrongStateError,
)
from selat.exchange import peer_service, review_keeper
from selat.v1 import desk_service_pb2 as pb
from selat.v1 import message_pb2


@dataclass(frozen=True, kw_only=True)
class Office:
    """A node with an officer who writes and two people who review."""

    node: Running
    officer: Desk
    reviewer: Desk


async def open_office(stack: AsyncExitStack, home: Home) -> Office:
    node = await stack.enter_async_context(running(home))
    return Office(
        node=node,
        # The author may review too, but nothing of her own.
        officer=await stack.enter_async_context(
            desk_as(node, "a.lim", "officer", "reviewer")
        ),
        reviewer=await stack.enter_async_context(desk_as(node, "b.tan", "reviewer")),
    )


@pytest.fixture
def homes(tmp_path: Path) -> tuple[Home, Home]:
    xa, xb = (
        make_home(tmp_path, code, desk_listen=f"127.0.0.1:{free_port()}")
        for code in ("xa", "xb")
    )
    return xa, xb


@pytest.fixture
async def offices(homes: tuple[Home, Home]) -> AsyncIterator[tuple[Office, Office]]:
    await introduce(*homes)
    async with AsyncExitStack() as stack:
        first, second = [await open_office(stack, home) for home in homes]
        yield first, second


def victim() -> message_pb2.Message:
    message = person("Doe, Jane")
    message.header.subject_role = message_pb2.SUBJECT_ROLE_VICTIM
    return message


def witness() -> message_pb2.Message:
    message = person("Doe, Jim")
    message.header.subject_role = message_pb2.SUBJECT_ROLE_WITNESS
    message.header.title = "Jim Doe saw it"
    return message


def restricted() -> message_pb2.Message:
    message = person("Doe, Joe")
    message.header.marking.handling.append(message_pb2.HANDLING_CODE_H3)
    message.header.marking.handling_note = "Tell nobody of the source."
    return message


async def waiting(desk: Desk, *, with_contents: bool = False) -> list[pb.Review]:
    request = pb.ListReviewsRequest(with_contents=with_contents)
    return list((await desk.desk.ListReviews(request)).reviews)


async def reviews(
    desk: Desk, count: int, *, with_contents: bool = False
) -> list[pb.Review]:
    """Wait until so many messages wait for a person."""

    async def look() -> list[pb.Review] | None:
        found = await waiting(desk, with_contents=with_contents)
        return found if len(found) >= count else None

    return await eventually(look)


async def decide(
    desk: Desk,
    review: pb.Review,
    act: pb.ReviewAct.ValueType = pb.REVIEW_ACT_APPROVE,
    note: str = "",
) -> pb.DecideReviewResponse:
    return await desk.desk.DecideReview(
        pb.DecideReviewRequest(
            kind=review.kind, number=review.number, act=act, note=note
        )
    )


async def refuse(desk: Desk, review: pb.Review) -> pb.DecideReviewResponse:
    return await decide(desk, review, pb.REVIEW_ACT_REFUSE, "not needed there")


def one_leaf(home: Home, kind: type[HoldLeaf | ReviewLeaf | OfferLeaf]) -> bytes:
    (leaf,) = [data for data, _ in leaves_of(home, kind)]
    return leaf


# --- release ------------------------------------------------------------------
async def test_held_message_leaves_when_another_person_approves(
    offices: tuple[Office, Office], homes: tuple[Home, Home]
) -> None:
    ours, theirs = offices
    ids = await ours.officer.publish(victim())
    (review,) = await reviews(ours.reviewer, 1, with_contents=True)
    assert review.kind == pb.REVIEW_KIND_RELEASE
    assert (review.peer, review.author) == (theirs.node.name, "a.lim")
    assert not review.own
    assert (review.reason, list(review.obligations)) == (
        "HELD_FOR_REVIEW",
        ["two-person"],
    )
    assert "baseline/victims-held" in review.policies
    assert review.message.body.person.person.names[0].full == "Doe, Jane"
    (entry,) = await ours.node.outbox()
    assert entry.state == pb.OUTBOX_STATE_HELD
    assert entry.held_at == review.waiting_since
    status = await ours.node.status()
    assert (status.held, status.oldest_held_at) == (1, entry.held_at)
    assert status.links[0].held == 1

    (own,) = await reviews(ours.officer, 1)
    assert own.own
    assert isinstance(await failure(decide(ours.officer, own)), SelfReviewError)
    assert await theirs.node.received() == []

    answer = await decide(ours.reviewer, review)
    assert answer.entry.state == pb.OUTBOX_STATE_QUEUED
    assert list(answer.entry.approved) == ["two-person"]
    (entry,) = await ours.node.settled(theirs.node.name, 1)
    assert entry.state == pb.OUTBOX_STATE_ACCEPTED
    assert await theirs.node.received() == ids
    status = await ours.node.status()
    assert status.held == 0
    assert not status.HasField("oldest_held_at")

    home = homes[0]
    assert_delivered(*homes, ids)
    ((review_leaf, said),) = leaves_of(home, ReviewLeaf)
    assert said.answers == leaf_hash(one_leaf(home, HoldLeaf))
    assert (said.act, said.reason, said.by) == ("approve", "", "reviewer")
    assert said.peer == theirs.node.name
    assert b"tan" not in review_leaf


async def test_refused_message_never_leaves(
    offices: tuple[Office, Office], homes: tuple[Home, Home]
) -> None:
    ours, theirs = offices
    await ours.officer.publish(victim())
    (review,) = await reviews(ours.reviewer, 1)
    unsaid = decide(ours.reviewer, review, pb.REVIEW_ACT_REFUSE)
    assert isinstance(await failure(unsaid), InvalidInputError)
    await refuse(ours.reviewer, review)

    (entry,) = await ours.node.settled(theirs.node.name, 1)
    assert (entry.state, entry.reason) == (pb.OUTBOX_STATE_WITHHELD, "REVIEW_REFUSED")
    assert await waiting(ours.reviewer) == []
    again = await failure(decide(ours.reviewer, review))
    assert isinstance(again, WrongStateError)
    ((data, said),) = leaves_of(homes[0], ReviewLeaf)
    assert (said.act, said.reason) == ("refuse", "REVIEW_REFUSED")
    assert b"needed" not in data
    assert list(leaves_of(homes[0], OfferLeaf)) == []
    assert_log_holds(homes[0])


async def test_host_approves_what_an_officer_wrote_and_not_its_own(
    offices: tuple[Office, Office],
) -> None:
    ours, theirs = offices
    await ours.node.publish(victim())
    (review,) = await reviews(ours.node, 1)
    assert review.author == "host"
    assert isinstance(await failure(decide(ours.node, review)), SelfReviewError)
    await ours.officer.publish(victim())
    _, other = await reviews(ours.node, 2)
    await decide(ours.node, other)
    own, approved = await ours.node.settled(theirs.node.name, 1)
    assert own.state == pb.OUTBOX_STATE_HELD
    assert (approved.number, approved.state) == (
        other.number,
        pb.OUTBOX_STATE_ACCEPTED,
    )


async def test_only_reviewers_review(offices: tuple[Office, Office]) -> None:
    ours, _ = offices
    async with desk_as(ours.node, "c.ong", "officer", "administrator") as desk:
        listing = desk.desk.ListReviews(pb.ListReviewsRequest())
        assert isinstance(await failure(listing), RoleMissingError)
        deciding = decide(desk, pb.Review(kind=pb.REVIEW_KIND_RELEASE, number=1))
        assert isinstance(await failure(deciding), RoleMissingError)


async def test_what_does_not_wait_is_not_decided(
    offices: tuple[Office, Office],
) -> None:
    ours, _ = offices
    for kind in (pb.REVIEW_KIND_RELEASE, pb.REVIEW_KIND_INTAKE):
        missing = decide(ours.reviewer, pb.Review(kind=kind, number=7))
        assert isinstance(await failure(missing), NotFoundError)
    for wrong in (
        pb.DecideReviewRequest(number=7, act=pb.REVIEW_ACT_APPROVE),
        pb.DecideReviewRequest(number=7, kind=pb.REVIEW_KIND_INTAKE),
        pb.DecideReviewRequest(
            number=7,
            kind=pb.REVIEW_KIND_INTAKE,
            act=pb.REVIEW_ACT_REFUSE,
            note="x" * 1_025,
        ),
    ):
        call = ours.reviewer.desk.DecideReview(wrong)
        assert isinstance(await failure(call), InvalidInputError)


# --- redaction ----------------------------------------------------------------
async def test_witness_arrives_without_a_name(
    offices: tuple[Office, Office], homes: tuple[Home, Home]
) -> None:
    ours, theirs = offices
    ids = await ours.officer.publish(witness())
    (entry,) = await ours.node.settled(theirs.node.name, 1)
    assert entry.state == pb.OUTBOX_STATE_ACCEPTED
    (found,) = await theirs.node.inbox()
    header = found.message.header
    assert list(header.redacted) == ["header.title", "person.person.names"]
    assert list(entry.redacted) == list(header.redacted)
    assert not header.title
    assert b"Doe" not in found.message.SerializeToString()
    kept = await ours.node.desk.GetMessage(pb.GetMessageRequest(id=ids[0]))
    assert kept.message.header.title == "Jim Doe saw it"
    assert not kept.message.header.redacted
    assert_delivered(*homes, ids)
    ((_, offer),) = leaves_of(homes[0], OfferLeaf)
    assert "baseline/witnesses-unnamed" in offer.policies


@pytest.mark.parametrize("step", ["delivery.formed", "delivery.sent"])
async def test_redacted_message_is_sent_again_under_the_same_leaf_after_a_crash(
    homes: tuple[Home, Home], step: str
) -> None:
    await introduce(*homes)
    xa, xb = homes
    async with running(xb) as b:
        async with doomed(xa, step=step) as ended, desk_of(xa) as desk:
            ids = await desk.publish(witness())
            await asyncio.wait_for(asyncio.shield(ended), DEADLINE_S)
        before = one_leaf(xa, OfferLeaf)
        async with running(xa) as a:
            (entry,) = await a.settled(b.name, 1)
            assert entry.state == pb.OUTBOX_STATE_ACCEPTED
        (found,) = await b.inbox()
        assert "person.person.names" in found.message.header.redacted
    assert one_leaf(xa, OfferLeaf) == before
    assert_delivered(xa, xb, ids)


# --- quarantine ---------------------------------------------------------------
async def quarantined(ours: Office, theirs: Office) -> tuple[bytes, pb.Review]:
    """Let one message of ours wait in their quarantine."""
    (message_id,) = await ours.officer.publish(restricted())
    (held,) = await reviews(ours.reviewer, 1)
    await decide(ours.reviewer, held)
    (review,) = await reviews(theirs.reviewer, 1)
    return message_id, review


async def found(desk: Desk, *, past: bool = True) -> list[bytes]:
    response = await desk.desk.SearchMessages(
        pb.SearchMessagesRequest(
            direction=pb.MESSAGE_DIRECTION_IN, include_past=past, page_size=500
        )
    )
    return [each.info.id for each in response.messages]


async def test_quarantined_message_is_shown_to_nobody_but_reviewers(
    offices: tuple[Office, Office],
) -> None:
    ours, theirs = offices
    message_id, review = await quarantined(ours, theirs)
    (entry,) = await ours.node.settled(theirs.node.name, 1)
    assert (entry.state, entry.reason) == (
        pb.OUTBOX_STATE_QUARANTINED,
        "HELD_FOR_REVIEW",
    )
    assert (review.kind, review.peer) == (pb.REVIEW_KIND_INTAKE, ours.node.name)
    assert "baseline/h3-read-on-arrival" in review.policies
    assert review.info.holding == "quarantined"
    status = await theirs.node.status()
    assert (status.quarantined, status.unacknowledged) == (1, 0)
    assert status.oldest_quarantined_at == review.waiting_since
    assert (await ours.node.status()).links[0].quarantined == 1

    async with desk_as(theirs.node, "c.ong", "officer") as officer:
        assert await found(officer) == []
        get = officer.desk.GetMessage(pb.GetMessageRequest(id=message_id))
        assert isinstance(await failure(get), NotFoundError)
        taken = officer.desk.AcknowledgeMessage(
            pb.AcknowledgeMessageRequest(number=review.number)
        )
        assert isinstance(await failure(taken), NotFoundError)
    assert await found(theirs.reviewer) == [message_id]
    assert await found(theirs.reviewer, past=False) == []
    shown = await theirs.reviewer.desk.GetMessage(pb.GetMessageRequest(id=message_id))
    assert shown.message.header.marking.handling_note


async def test_released_message_reaches_a_subscriber_who_was_past_it(
    offices: tuple[Office, Office], homes: tuple[Home, Home]
) -> None:
    ours, theirs = offices
    message_id, review = await quarantined(ours, theirs)
    (later,) = await ours.officer.publish(person("Doe, Later"))
    await ours.node.settled(theirs.node.name, 2)
    subscription = aiter(theirs.officer.desk.Subscribe(pb.SubscribeRequest()))
    first = await anext(subscription)
    assert first.info.id == later
    assert first.cursor > review.number

    answer = await decide(theirs.reviewer, review)
    assert answer.info.holding == "current"
    second = await anext(subscription)
    assert second.info.id == message_id
    assert second.cursor > first.cursor
    assert (await theirs.node.status()).quarantined == 0

    resumed = aiter(
        theirs.officer.desk.Subscribe(pb.SubscribeRequest(after=first.cursor))
    )
    assert (await anext(resumed)).info.id == message_id
    anew = aiter(theirs.officer.desk.Subscribe(pb.SubscribeRequest()))
    assert [(await anext(anew)).info.id for _ in range(2)] == [later, message_id]
    assert sorted(await theirs.node.received()) == sorted([message_id, later])

    (receipt,) = [
        data
        for data, leaf in leaves_of(homes[1], ReceiptLeaf)
        if leaf.outcome == "quarantined"
    ]
    ((_, said),) = leaves_of(homes[1], ReviewLeaf)
    assert said.answers == leaf_hash(receipt)
    assert (said.act, said.peer) == ("approve", ours.node.name)
    assert_log_holds(homes[1])


async def test_message_refused_on_the_way_in_is_never_shown(
    offices: tuple[Office, Office], homes: tuple[Home, Home]
) -> None:
    ours, theirs = offices
    message_id, review = await quarantined(ours, theirs)
    answer = await refuse(theirs.reviewer, review)
    assert answer.info.holding == "refused"

    assert await found(theirs.reviewer) == []
    assert await waiting(theirs.reviewer) == []
    get = theirs.reviewer.desk.GetMessage(pb.GetMessageRequest(id=message_id))
    assert isinstance(await failure(get), NotFoundError)
    assert isinstance(await failure(decide(theirs.reviewer, review)), WrongStateError)
    ((_, said),) = leaves_of(homes[1], ReviewLeaf)
    assert (said.act, said.reason) == ("refuse", "REVIEW_REFUSED")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nodes ask their peers for reviews all the time."""
    monkeypatch.setattr(review_keeper, "INTERVAL_S", 0.02)


async def outcome(ours: Office, theirs: Office) -> tuple[int, str]:
    """Wait until it is known what became of the one message to the peer."""

    async def look() -> tuple[int, str] | None:
        (entry,) = await ours.node.outbox(theirs.node.name)
        decided = entry.state in {pb.OUTBOX_STATE_ACCEPTED, pb.OUTBOX_STATE_REFUSED}
        return (entry.state, entry.reason) if decided else None

    return await eventually(look)


async def proven(office: Office, message_id: bytes, *homes: Home) -> VerifiedExchange:
    """Verify the one exchange of a message with both cards."""
    request = pb.GetEvidenceRequest(id=message_id)
    (exchange,) = (await office.node.desk.GetEvidence(request)).exchanges
    cards = {home.name: home.card for home in homes}
    return verify_exchange(exchange, cards, message_id=message_id, version=1)


@pytest.mark.usefixtures("quick")
async def test_sender_learns_that_a_quarantined_message_was_let_in(
    offices: tuple[Office, Office], homes: tuple[Home, Home]
) -> None:
    ours, theirs = offices
    message_id, review = await quarantined(ours, theirs)
    await ours.node.settled(theirs.node.name, 1)
    before = await proven(ours, message_id, *homes)
    assert (before.outcome, before.review) == ("quarantined", None)
    await decide(theirs.reviewer, review)

    assert await outcome(ours, theirs) == (pb.OUTBOX_STATE_ACCEPTED, "")
    here = await proven(ours, message_id, *homes)
    there = await proven(theirs, message_id, *homes)
    assert here.act == there.act == "approve"
    assert here.review is not None
    assert there.review is not None
    assert here.review.index == there.review.index
    assert (await ours.node.status()).links[0].accepted == 1
    assert await ours.node.incidents() == {}

    # Both directions still follow one history of the peer's log.
    await ours.officer.publish(person("Doe, Later"))
    await ours.node.settled(theirs.node.name, 2)
    await theirs.officer.publish(person("Doe, Back"))
    await theirs.node.settled(ours.node.name, 1)
    assert await ours.node.incidents() == {}
    for home in homes:
        assert_log_holds(home)


@pytest.mark.usefixtures("quick")
async def test_sender_learns_that_a_quarantined_message_was_refused(
    offices: tuple[Office, Office], homes: tuple[Home, Home]
) -> None:
    ours, theirs = offices
    message_id, review = await quarantined(ours, theirs)
    await refuse(theirs.reviewer, review)

    assert await outcome(ours, theirs) == (pb.OUTBOX_STATE_REFUSED, "REVIEW_REFUSED")
    assert (await proven(ours, message_id, *homes)).act == "refuse"


@pytest.mark.usefixtures("quick")
async def test_every_message_in_quarantine_is_asked_about_in_turn(
    offices: tuple[Office, Office], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review_keeper, "ASKED_MAX", 1)
    ours, theirs = offices
    await ours.officer.publish(restricted(), restricted(), restricted())
    for review in await reviews(ours.reviewer, 3):
        await decide(ours.reviewer, review)
    first, *_ = await reviews(theirs.reviewer, 3)
    await decide(theirs.reviewer, first)

    async def is_learned() -> bool:
        entries = await ours.node.outbox(theirs.node.name)
        states = sorted(entry.state for entry in entries)
        quarantined_, accepted = pb.OUTBOX_STATE_QUARANTINED, pb.OUTBOX_STATE_ACCEPTED
        return states == sorted([accepted, quarantined_, quarantined_])

    await eventually(is_learned)


@pytest.mark.usefixtures("quick")
async def test_peer_that_does_not_know_the_call_is_delivered_to_all_the_same(
    offices: tuple[Office, Office], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    async def unknown(*_asked: object, **_more: object) -> None:
        asked.append(1)
        raise PeerUnreachableError("It ended the call with UNIMPLEMENTED.")

    monkeypatch.setattr(peer_service, "review_answer", unknown)
    ours, theirs = offices
    await quarantined(ours, theirs)

    async def is_asked() -> bool:
        return len(asked) > 1

    await eventually(is_asked)
    await ours.officer.publish(person("Doe, Later"))
    await ours.node.settled(theirs.node.name, 2)
    assert await ours.node.incidents() == {}


async def test_reviews_come_in_pages_what_leaves_first(
    offices: tuple[Office, Office],
) -> None:
    ours, theirs = offices
    for _ in range(2):
        await ours.officer.publish(victim())
        await theirs.officer.publish(restricted())
    for review in await reviews(theirs.reviewer, 2):
        await decide(theirs.reviewer, review)
    everything = await reviews(ours.reviewer, 4)
    kinds = [review.kind for review in everything]
    assert kinds == [pb.REVIEW_KIND_RELEASE] * 2 + [pb.REVIEW_KIND_INTAKE] * 2

    paged: list[pb.Review] = []
    request = pb.ListReviewsRequest(page_size=1)
    for _ in everything:
        page = await ours.reviewer.desk.ListReviews(request)
        paged += page.reviews
        request.page_token = page.next_page_token
    assert paged == everything
    assert not request.page_token
    only = await ours.reviewer.desk.ListReviews(
        pb.ListReviewsRequest(kind=pb.REVIEW_KIND_INTAKE)
    )
    assert list(only.reviews) == everything[2:]
