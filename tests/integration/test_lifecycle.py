# SPDX-License-Identifier: Apache-2.0
"""Messages end by themselves, on both sides, unless a legal hold stops it."""

from __future__ import annotations

from collections.abc import Sequence

import grpc
import pytest
from tests.fakes.liars import Liar
from tests.fakes.lying_recipients import Answer, LyingRecipient
from tests.fakes.nodes import (
    Desk,
    Home,
    Running,
    ShiftedClock,
    desk_of,
    eventually,
    introduce,
    person,
    running,
)
from tests.fakes.reckoning import assert_log_holds, leaves_of

from selat.core.leaves import (
    EraseLeaf,
    LegalHoldLeaf,
    OfferLeaf,
    ReceiptLeaf,
    WithholdLeaf,
)
from selat.core.merkle import leaf_hash
from selat.errors import InvalidInputError, NotFoundError, WrongStateError
from selat.node import serve
from selat.policy.catalogue_file import load_catalogue
from selat.rpc.status import error_from_rpc
from selat.store.port import Snapshot
from selat.v1 import desk_service_pb2 as pb
from selat.v1 import exchange_pb2, message_pb2

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
RETENTION_DAYS = load_catalogue().categories["terrorism"].longest_retention_days


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "LIFECYCLE_INTERVAL_S", 0.02)


@pytest.fixture
def clock() -> ShiftedClock:
    return ShiftedClock()


def expiring(
    clock: ShiftedClock, name: str = "Doe, John", *, after_ms: int = HOUR_MS
) -> message_pb2.Message:
    message = person(name)
    message.header.expires_at.FromMilliseconds(clock() + after_ms)
    return message


async def get(node: Desk, message_id: bytes) -> pb.GetMessageResponse:
    return await node.desk.GetMessage(pb.GetMessageRequest(id=message_id))


async def erased(node: Desk, message_id: bytes) -> pb.GetMessageResponse:
    """Wait until a message is erased; return what the desk shows of it."""

    async def look() -> pb.GetMessageResponse | None:
        try:
            found = await get(node, message_id)
        except grpc.aio.AioRpcError as failure:
            if failure.code() is not grpc.StatusCode.NOT_FOUND:
                raise
            return None  # expired, and not erased yet: policy shows it to nobody
        return found if found.HasField("erasure") else None

    return await eventually(look)


async def run(node: Desk, *, dry_run: bool = False) -> list[pb.LifecycleEntry]:
    response = await node.admin.RunLifecycle(pb.RunLifecycleRequest(dry_run=dry_run))
    assert not response.more
    return list(response.entries)


async def listed(
    node: Desk, view: pb.LifecycleView.ValueType
) -> list[pb.LifecycleEntry]:
    response = await node.admin.ListLifecycle(pb.ListLifecycleRequest(view=view))
    return list(response.entries)


async def named(node: Desk, name: str, *, past: bool = False) -> list[bytes]:
    """Return the ids of messages found by a name."""
    request = pb.SearchMessagesRequest(include_past=past)
    request.selectors.add(value=name)
    found = await node.desk.SearchMessages(request)
    return [each.info.id for each in found.messages]


def is_kept(home: Home, message_id: bytes) -> bool:
    """Tell whether the payload of a message is in the store."""

    def work(snapshot: Snapshot) -> bool:
        (row,) = snapshot.find(message_id, None)
        return snapshot.payload(row.number) is not None

    return home.inspect(work)


def log_size(snapshot: Snapshot) -> int:
    return snapshot.tree_head().frontier.size


def erasures(home: Home) -> list[EraseLeaf]:
    return [leaf for _, leaf in leaves_of(home, EraseLeaf)]


# --- by itself -------------------------------------------------------------
async def test_expired_message_is_erased_on_both_sides_by_itself(
    xa: Home, xb: Home, clock: ShiftedClock
) -> None:
    await introduce(xa, xb)
    async with running(xa, clock=clock) as a, running(xb, clock=clock) as b:
        (ended,) = await a.publish(expiring(clock))
        (lasting,) = await a.publish(expiring(clock, "Roe, Jane", after_ms=DAY_MS))
        await a.settled(b.name, 2)
        for node in (a, b):
            assert await named(node, "Doe, John") == [ended]

        clock.ahead_ms = 2 * HOUR_MS

        for node in (a, b):
            shown = await erased(node, ended)
            assert shown.info.holding == "erased"
            assert not shown.HasField("message")
            assert shown.erasure.reason == "EXPIRED"
            assert await named(node, "Doe, John") == []
            assert await named(node, "Doe, John", past=True) == []
            assert await named(node, "Roe, Jane") == [lasting]
            assert (await get(node, lasting)).HasField("message")
            evidence = await node.desk.GetEvidence(pb.GetEvidenceRequest(id=ended))
            (exchange,) = evidence.exchanges
            assert exchange.offer.leaf
            assert exchange.receipt.leaf
            (entry,) = await listed(node, pb.LIFECYCLE_VIEW_ERASED)
            assert entry.info.id == ended
            assert entry.leaf_index == shown.erasure.leaf_index
            assert entry.place == shown.erasure.place
            assert entry.place.index == entry.leaf_index  # of the first shard
            assert await node.incidents() == {}
    offer = next(
        data for data, leaf in leaves_of(xa, OfferLeaf) if leaf.id.bytes == ended
    )
    receipt = next(
        data for data, leaf in leaves_of(xb, ReceiptLeaf) if leaf.id.bytes == ended
    )
    for home, logged in ((xa, offer), (xb, receipt)):
        (leaf,) = erasures(home)
        assert leaf.id.bytes == ended
        assert leaf.reason == "EXPIRED"
        assert leaf.node == home.name
        assert leaf.offer == leaf_hash(logged)
        assert_log_holds(home)


async def test_message_without_expiry_ends_with_the_retention_of_its_category(
    xa: Home, xb: Home, clock: ShiftedClock
) -> None:
    await introduce(xa, xb)
    async with running(xa, clock=clock) as a, running(xb, clock=clock) as b:
        message = person()
        message.header.created_at.FromMilliseconds(
            clock() - RETENTION_DAYS * DAY_MS + HOUR_MS
        )
        (message_id,) = await a.publish(message)
        await a.settled(b.name, 1)
        shown = await get(b, message_id)
        assert shown.HasField("message")
        assert not shown.info.HasField("expires_at")

        clock.ahead_ms = 2 * HOUR_MS

        for node in (a, b):
            assert (await erased(node, message_id)).erasure.reason == "RETENTION"


async def test_message_that_waits_for_an_absent_peer_is_withheld_when_it_expires(
    xa: Home, xb: Home, clock: ShiftedClock
) -> None:
    await introduce(xa, xb)
    async with running(xa, clock=clock) as a:
        (message_id,) = await a.publish(expiring(clock))
        clock.ahead_ms = 2 * HOUR_MS
        await erased(a, message_id)
        (entry,) = await a.outbox(xb.name)
        assert entry.state == pb.OUTBOX_STATE_WITHHELD
        assert entry.reason == "EXPIRED"
        async with running(xb, clock=clock) as b:
            await a.publish(person("Roe, Jane"))
            await a.settled(b.name, 2)
            assert len(await b.received()) == 1
    ((withheld, leaf),) = leaves_of(xa, WithholdLeaf)
    assert leaf.id.bytes == message_id
    assert leaf.policies == ("lifecycle/ended",)
    assert [each.offer for each in erasures(xa)] == [leaf_hash(withheld)]


async def test_message_in_an_open_batch_is_erased_after_its_receipt(
    xa: Home, xb: Home, clock: ShiftedClock
) -> None:
    await introduce(xa, xb)
    liar = LyingRecipient(xb, xa)
    seen: list[exchange_pb2.Batch] = []

    def say_nothing(batch: exchange_pb2.Batch) -> list[Answer]:
        seen.append(batch)
        return []

    async with running(xa, clock=clock) as a:
        async with liar.serving(say_nothing):
            (message_id,) = await a.publish(expiring(clock))

            async def is_sent() -> bool:
                return bool(seen)

            await eventually(is_sent)
            clock.ahead_ms = 2 * HOUR_MS
            (entry,) = await run(a, dry_run=True)
            assert entry.on_its_way
            assert await run(a) == []
            assert is_kept(xa, message_id)
        async with running(xb, clock=clock) as b:
            # Expired in the meantime, so that the honest recipient refuses it.
            (settled,) = await a.settled(b.name, 1)
            assert settled.state == pb.OUTBOX_STATE_REFUSED
            await erased(a, message_id)
    assert_log_holds(xa)


async def test_erased_message_does_not_come_back(
    xa: Home, xb: Home, clock: ShiftedClock
) -> None:
    await introduce(xa, xb)
    liar = Liar(xa, xb)
    async with running(xb, clock=clock) as b, liar.stream() as stream:
        await stream.open()
        message = expiring(clock)
        told = liar.tell(message, header=liar.header(message))
        assert await stream.outcomes(liar.batch(told)) == [("accepted", "")]
        (message_id,) = await b.received()
        clock.ahead_ms = 2 * HOUR_MS
        await erased(b, message_id)

        clock.ahead_ms = 0
        again = await stream.outcomes(liar.batch(told))

        assert again == [("accepted", "DUPLICATE")]
        assert not (await get(b, message_id)).HasField("message")
        assert await named(b, "Doe, John", past=True) == []
    assert len(erasures(xb)) == 1


async def test_failure_to_erase_is_an_incident_and_tried_again(
    xa: Home, clock: ShiftedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(xa, clock=clock) as a:
        (message_id,) = await a.publish(expiring(clock))
        with monkeypatch.context() as patch:

            async def fail() -> None:
                raise WrongStateError("It does not work.")

            patch.setattr(a.node.lifecycle, "run", fail)

            async def is_noted() -> bool:
                return ("", "WRONG_STATE") in await a.incidents()

            await eventually(is_noted)
        clock.ahead_ms = 2 * HOUR_MS
        await erased(a, message_id)


# --- legal hold ------------------------------------------------------------
async def test_message_under_legal_hold_stays_until_it_is_released(
    xa: Home, clock: ShiftedClock
) -> None:
    async with running(xa, clock=clock) as a:
        held, other = await a.publish(expiring(clock), expiring(clock, "Roe, Jane"))
        response = await a.admin.SetLegalHold(
            pb.SetLegalHoldRequest(id=held, reason_code="COURT-ORDER-17")
        )
        assert [each.legal_hold for each in response.messages] == ["COURT-ORDER-17"]
        assert (await get(a, held)).info.legal_hold == "COURT-ORDER-17"

        clock.ahead_ms = 2 * HOUR_MS
        await erased(a, other)
        assert await run(a) == []

        assert is_kept(xa, held)
        (entry,) = await listed(a, pb.LIFECYCLE_VIEW_LEGAL_HOLD)
        assert (entry.info.id, entry.reason) == (held, "COURT-ORDER-17")
        assert entry.officer == "host"

        await a.admin.ReleaseLegalHold(pb.ReleaseLegalHoldRequest(id=held))
        await erased(a, held)
        assert await listed(a, pb.LIFECYCLE_VIEW_LEGAL_HOLD) == []
    acts = [leaf for _, leaf in leaves_of(xa, LegalHoldLeaf)]
    assert [(leaf.act, leaf.code, leaf.by) for leaf in acts] == [
        ("set", "COURT-ORDER-17", "administrator"),
        ("release", "COURT-ORDER-17", "administrator"),
    ]
    assert_log_holds(xa)


async def test_legal_hold_is_on_every_version_that_is_kept(xa: Home) -> None:
    async with running(xa) as a:
        first = person()
        (message_id,) = await a.publish(first)
        second = person("Doe, Jonathan")
        second.header.id = message_id
        second.header.version = 2
        await a.publish(second)

        async def versions(request: pb.SetLegalHoldRequest) -> list[int]:
            response = await a.admin.SetLegalHold(request)
            return [each.version for each in response.messages]

        one = pb.SetLegalHoldRequest(id=message_id, version=1, reason_code="A")
        every = pb.SetLegalHoldRequest(id=message_id, reason_code="B")
        assert await versions(one) == [1]
        assert await versions(every) == [2]
        released = await a.admin.ReleaseLegalHold(
            pb.ReleaseLegalHoldRequest(id=message_id)
        )
        assert [each.version for each in released.messages] == [2, 1]


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (pb.SetLegalHoldRequest(id=b"x" * 16, reason_code="A"), NotFoundError),
        (pb.SetLegalHoldRequest(id=b"x", reason_code="A"), InvalidInputError),
        (pb.SetLegalHoldRequest(id=b"x" * 16, reason_code="court"), InvalidInputError),
        (pb.SetLegalHoldRequest(id=b"x" * 16, reason_code=""), InvalidInputError),
    ],
    ids=["unknown", "no identifier", "words", "no code"],
)
async def test_wrong_legal_hold_is_refused(
    xa: Home, request_: pb.SetLegalHoldRequest, error: type[Exception]
) -> None:
    async with desk_of(xa) as desk:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await desk.admin.SetLegalHold(request_)
    assert isinstance(error_from_rpc(refused.value), error)


async def test_what_is_held_or_erased_or_free_says_so(
    xa: Home, clock: ShiftedClock
) -> None:
    async with running(xa, clock=clock) as a:
        gone, kept = await a.publish(expiring(clock), person("Roe, Jane"))
        clock.ahead_ms = 2 * HOUR_MS
        await erased(a, gone)
        hold = pb.SetLegalHoldRequest(id=kept, reason_code="A")

        async def refusal(call: object) -> str:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call  # type: ignore[misc] # a call of any of the methods
            error = error_from_rpc(refused.value)
            assert isinstance(error, WrongStateError)
            return error.message

        free = a.admin.ReleaseLegalHold(pb.ReleaseLegalHoldRequest(id=kept))
        assert "not under" in await refusal(free)
        await a.admin.SetLegalHold(hold)
        assert "already under" in await refusal(a.admin.SetLegalHold(hold))
        late = pb.SetLegalHoldRequest(id=gone, reason_code="A")
        assert "erased" in await refusal(a.admin.SetLegalHold(late))


# --- reports ---------------------------------------------------------------
async def test_dry_run_tells_what_a_run_erases_and_changes_nothing(
    xa: Home, xb: Home, clock: ShiftedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "LIFECYCLE_INTERVAL_S", 3_600.0)
    await introduce(xa, xb)
    async with running(xa, clock=clock) as a:
        ids = await a.publish(
            *(expiring(clock, f"Doe {number}") for number in range(1, 4)),
            person("Roe, Jane"),
        )
        clock.ahead_ms = 2 * HOUR_MS
        size = xa.inspect(log_size)

        would = await run(a, dry_run=True)

        assert [each.info.id for each in would] == ids[:3]
        assert {each.reason for each in would} == {"EXPIRED"}
        assert not any(each.HasField("at") for each in would)
        assert xa.inspect(log_size) == size
        assert await listed(a, pb.LIFECYCLE_VIEW_ERASED) == []
        assert all(is_kept(xa, message_id) for message_id in ids)
        assert {each.state for each in await a.outbox()} == {pb.OUTBOX_STATE_QUEUED}

        done = await run(a)

        assert [each.info.id for each in done] == ids[:3]
        report = await listed(a, pb.LIFECYCLE_VIEW_ERASED)
        assert [each.info.id for each in report] == ids[2::-1]
        assert [each.leaf_index for each in reversed(report)] == [
            each.leaf_index for each in done
        ]
        assert await run(a) == []


async def test_report_of_erasures_comes_in_pages(xa: Home, clock: ShiftedClock) -> None:
    async with running(xa, clock=clock) as a:
        ids = await a.publish(
            *(expiring(clock, f"Doe {number}") for number in range(1, 4))
        )
        clock.ahead_ms = 2 * HOUR_MS
        for message_id in ids:
            await erased(a, message_id)
        assert await _paged(a, pb.LIFECYCLE_VIEW_ERASED) == ids[::-1]


async def test_message_is_shown_from_its_review_date_on(
    xa: Home, xb: Home, clock: ShiftedClock
) -> None:
    await introduce(xa, xb)
    async with running(xa, clock=clock) as a, running(xb, clock=clock) as b:
        message = person()
        message.header.review_at.FromMilliseconds(clock() + HOUR_MS)
        message_id, _ = await a.publish(message, person("Roe, Jane"))
        await a.settled(b.name, 2)
        for node in (a, b):
            assert await listed(node, pb.LIFECYCLE_VIEW_DUE_REVIEW) == []
        clock.ahead_ms = 2 * HOUR_MS
        for node in (a, b):
            (entry,) = await listed(node, pb.LIFECYCLE_VIEW_DUE_REVIEW)
            assert entry.info.id == message_id
            assert entry.info.HasField("review_at")
            assert (await get(node, message_id)).HasField("message")


async def test_list_without_a_view_is_refused(xa: Home) -> None:
    async with desk_of(xa) as desk:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await desk.admin.ListLifecycle(pb.ListLifecycleRequest())
    assert isinstance(error_from_rpc(refused.value), InvalidInputError)


async def _paged(node: Running, view: pb.LifecycleView.ValueType) -> Sequence[bytes]:
    request = pb.ListLifecycleRequest(view=view, page_size=2)
    ids: list[bytes] = []
    while True:
        response = await node.admin.ListLifecycle(request)
        ids += [entry.info.id for entry in response.entries]
        if not response.next_page_token:
            return ids
        request.page_token = response.next_page_token
