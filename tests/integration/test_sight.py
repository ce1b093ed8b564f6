# SPDX-License-Identifier: Apache-2.0
"""What policy does not let an officer see is in no list, no count and no proof."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from tests.fakes.lying_recipients import Answer, LyingRecipient
from tests.fakes.nodes import (
    Desk,
    Home,
    Running,
    free_port,
    introduce,
    make_home,
    person,
    running,
)
from tests.fakes.officers import desk_as, failure

from selat.desk import desk_service, sight
from selat.desk.sight import Sight
from selat.errors import InvalidInputError, NotFoundError
from selat.exchange.arrivals import Arrived
from selat.v1 import desk_service_pb2 as pb
from selat.v1 import exchange_pb2, message_pb2


@pytest.fixture
def homes(tmp_path: Path) -> tuple[Home, Home]:
    xa = make_home(tmp_path, "xa", desk_listen=f"127.0.0.1:{free_port()}")
    return xa, make_home(tmp_path, "xb")


@pytest.fixture
async def node(homes: tuple[Home, Home]) -> AsyncIterator[Running]:
    await introduce(*homes)
    async with running(homes[0]) as a, running(homes[1]) as b:
        await a.publish(person())
        await a.publish(secret())
        await a.settled(b.name, 2)
        yield a


def secret() -> message_pb2.Message:
    message = person("Roe, Jane")
    message.header.marking.level = message_pb2.LEVEL_SECRET
    return message


def refuse(batch: exchange_pb2.Batch) -> list[Answer]:
    refusal = exchange_pb2.BatchRefusal(
        sequence=batch.sequence, reason="CIPHERTEXT_INVALID"
    )
    return [refusal]


async def outbox(desk: Desk | Running, size: int = 0) -> list[list[bytes]]:
    """Return the messages in the outbox, page by page."""
    pages: list[list[bytes]] = []
    request = pb.ListOutboxRequest(page_size=size)
    while True:
        page = await desk.desk.ListOutbox(request)
        pages.append([entry.id for entry in page.entries])
        request.page_token = page.next_page_token
        if not page.next_page_token:
            return pages


async def test_outbox_shows_an_officer_only_what_policy_shows(node: Running) -> None:
    ((hidden, shown),) = await outbox(node)
    async with desk_as(node, "a.lim", "officer") as officer:
        assert await outbox(officer) == [[shown]]
        found = await officer.desk.SearchMessages(pb.SearchMessagesRequest())
        assert [each.info.id for each in found.messages] == [shown]
        request = pb.GetMessageRequest(id=hidden)
        error = await failure(officer.desk.GetMessage(request))
    async with desk_as(node, "b.tan", "reviewer") as reviewer:
        assert await outbox(reviewer) == [[hidden, shown]]
    async with desk_as(node, "c.ong", "administrator") as administrator:
        assert await outbox(administrator) == [[hidden, shown]]
    assert isinstance(error, NotFoundError)


async def test_subscriber_is_sent_only_what_policy_shows(
    homes: tuple[Home, Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    at_hand, asked = desk_service._at_hand, list[int]()

    def show(
        request: pb.SubscribeRequest, arrived: Sequence[Arrived], eyes: Sight
    ) -> list[pb.SubscribeResponse]:
        shown = at_hand(request, arrived, eyes)
        asked.append(len(shown))
        return shown

    monkeypatch.setattr(desk_service, "_at_hand", show)
    xa, xb = homes
    await introduce(*homes)
    async with (
        running(xa) as a,
        running(xb) as b,
        desk_as(a, "a.lim", "officer") as officer,
    ):
        stream = aiter(officer.desk.Subscribe(pb.SubscribeRequest()))
        ids: list[bytes] = []
        for sent in (person(), secret(), person("Doe, John")):
            ids += await b.publish(sent)
            await b.settled(a.name, len(ids))
        found = [(await anext(stream)).info.id for _ in range(2)]
    assert found == [ids[0], ids[2]]
    assert 0 in asked, "the secret one was at hand, and policy hid it"


async def test_pages_of_the_outbox_hold_what_is_shown(
    node: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    await node.publish(*[person(f"Doe, {number}") for number in range(3)])
    ((*_, hidden, _),) = await outbox(node)
    monkeypatch.setattr(sight, "_CHUNK", 2)
    async with desk_as(node, "a.lim", "officer") as officer:
        pages = await outbox(officer, 1)
        assert [len(page) for page in pages] == [1, 1, 1, 1]
        assert [hidden] not in pages
        monkeypatch.setattr(sight, "ROWS_EXAMINED_MAX", 2)
        short = await outbox(officer, 4)
    assert [len(page) for page in short] == [2, 1, 1]


async def test_officer_queues_again_only_what_policy_shows(
    homes: tuple[Home, Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("selat.exchange.delivery.REFUSALS_MAX", 1)
    xa, xb = homes
    await introduce(xa, xb)
    liar = LyingRecipient(xb, xa)
    async with running(xa) as a, liar.serving(refuse):
        await a.publish(person(), secret())
        shown, hidden = sorted(entry.number for entry in await a.settled(xb.name, 2))
        async with desk_as(a, "a.lim", "officer") as officer:
            retry = officer.desk.RetryOutbox
            for number in (hidden, 1_000):
                request = pb.RetryOutboxRequest(numbers=[shown, number])
                error = await failure(retry(request))
                assert isinstance(error, NotFoundError)
                assert str(number) in str(error)
            queued = await retry(pb.RetryOutboxRequest(peer=xb.name))
            assert list(queued.numbers) == [shown]
        async with desk_as(a, "c.ong", "administrator") as administrator:
            request = pb.RetryOutboxRequest(numbers=[hidden])
            queued = await administrator.desk.RetryOutbox(request)
            assert list(queued.numbers) == [hidden]


async def test_auditor_has_every_proof_and_no_message(node: Running) -> None:
    ((hidden, _),) = await outbox(node)
    async with desk_as(node, "court", "auditor") as auditor:
        evidence = await auditor.desk.GetEvidence(pb.GetEvidenceRequest(id=hidden))
        (exchange,) = evidence.exchanges
        assert exchange.receipt.leaf
        nobody = pb.GetEvidenceRequest(id=b"\0" * 16)
        assert isinstance(
            await failure(auditor.desk.GetEvidence(nobody)), NotFoundError
        )
        wrong = pb.GetEvidenceRequest(id=b"short")
        assert isinstance(
            await failure(auditor.desk.GetEvidence(wrong)), InvalidInputError
        )
    async with desk_as(node, "a.lim", "officer") as officer:
        error = await failure(
            officer.desk.GetEvidence(pb.GetEvidenceRequest(id=hidden))
        )
    assert isinstance(error, NotFoundError)
