# SPDX-License-Identifier: Apache-2.0
"""A message is erased by hand, before its time, unless a legal hold stops it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.fakes.lying_recipients import LyingRecipient
from tests.fakes.nodes import Home, Running, eventually, introduce, person, running
from tests.fakes.officers import failure
from tests.fakes.reckoning import assert_log_holds, leaves_of

from selat.core.leaves import EraseLeaf, OfferLeaf, WithholdLeaf
from selat.core.merkle import leaf_hash
from selat.errors import InvalidInputError, NotFoundError, WrongStateError
from selat.exchange.lifecycle import Lifecycle
from selat.store.port import Snapshot
from selat.v1 import desk_service_pb2 as pb
from selat.v1 import exchange_pb2

CODE = "COURT-ORDER-17"


def order(message_id: bytes, **values: Any) -> pb.EraseMessageRequest:  # noqa: ANN401 - any field
    return pb.EraseMessageRequest(
        **{"id": message_id, "reason_code": CODE, **values},
    )


async def erase(node: Running, message_id: bytes, **values: Any) -> list[int]:  # noqa: ANN401 - any field
    """Erase a message; return the versions."""
    answer = await node.admin.EraseMessage(order(message_id, **values))
    return [entry.info.version for entry in answer.entries]


async def get(node: Running, message_id: bytes) -> pb.GetMessageResponse:
    return await node.desk.GetMessage(pb.GetMessageRequest(id=message_id))


def is_kept(home: Home, message_id: bytes) -> bool:
    def work(snapshot: Snapshot) -> bool:
        rows = snapshot.find(message_id, None)
        return any(snapshot.payload(row.number) is not None for row in rows)

    return home.inspect(work)


async def test_message_is_erased_by_hand_on_one_node_and_stays_on_the_other(
    xa: Home, xb: Home
) -> None:
    await introduce(xa, xb)
    async with running(xa) as a, running(xb) as b:
        (message_id,) = await a.publish(person())
        await a.settled(b.name, 1)
        size = xa.inspect(lambda s: s.tree_head().frontier.size)
        assert await erase(a, message_id, dry_run=True) == [1]
        assert is_kept(xa, message_id)
        assert xa.inspect(lambda s: s.tree_head().frontier.size) == size

        assert await erase(a, message_id) == [1]

        shown = await get(a, message_id)
        assert shown.erasure.reason == CODE
        assert not shown.HasField("message")
        listed = await a.admin.ListLifecycle(
            pb.ListLifecycleRequest(view=pb.LIFECYCLE_VIEW_ERASED)
        )
        ((reason, officer),) = [(e.reason, e.officer) for e in listed.entries]
        assert (reason, officer) == (CODE, "host")
        assert (await get(b, message_id)).HasField("message")
    assert not is_kept(xa, message_id)
    ((offer, _),) = leaves_of(xa, OfferLeaf)
    ((_, leaf),) = leaves_of(xa, EraseLeaf)
    assert (leaf.reason, leaf.offer) == (CODE, leaf_hash(offer))
    assert_log_holds(xa)


async def test_what_still_waits_for_a_peer_is_withheld(xa: Home, xb: Home) -> None:
    await introduce(xa, xb)
    async with running(xa) as a:
        (message_id,) = await a.publish(person())
        await erase(a, message_id)
        (entry,) = await a.outbox(xb.name)
    assert (entry.state, entry.reason) == (pb.OUTBOX_STATE_WITHHELD, "ERASED")
    ((_, leaf),) = leaves_of(xa, WithholdLeaf)
    assert leaf.policies == ("lifecycle/ended",)


async def test_every_version_is_erased_or_the_one_that_is_named(xa: Home) -> None:
    async with running(xa) as a:
        (message_id,) = await a.publish(person())
        for version in (2, 3):
            message = person("Doe, Jonathan")
            message.header.id = message_id
            message.header.version = version
            await a.publish(message)

        assert await erase(a, message_id, version=2) == [2]
        assert await erase(a, message_id) == [3, 1]
        again = await failure(a.admin.EraseMessage(order(message_id)))
    assert isinstance(again, WrongStateError)
    assert "erased already" in again.message


async def test_legal_hold_stops_erasing(xa: Home) -> None:
    async with running(xa) as a:
        (message_id,) = await a.publish(person())
        await a.admin.SetLegalHold(
            pb.SetLegalHoldRequest(id=message_id, reason_code="INQUIRY-3")
        )
        for dry_run in (True, False):
            call = a.admin.EraseMessage(order(message_id, dry_run=dry_run))
            error = await failure(call)
            assert isinstance(error, WrongStateError)
            assert "under legal hold (INQUIRY-3)" in error.message
    assert is_kept(xa, message_id)
    assert list(leaves_of(xa, EraseLeaf)) == []


async def test_message_on_its_way_is_not_erased(xa: Home, xb: Home) -> None:
    await introduce(xa, xb)
    seen: list[exchange_pb2.Batch] = []

    def say_nothing(batch: exchange_pb2.Batch) -> list[Any]:
        seen.append(batch)
        return []

    async def is_sent() -> bool:
        return bool(seen)

    async with running(xa) as a, LyingRecipient(xb, xa).serving(say_nothing):
        (message_id,) = await a.publish(person())
        await eventually(is_sent)
        error = await failure(a.admin.EraseMessage(order(message_id)))
    assert isinstance(error, WrongStateError)
    assert "waits for its receipt" in error.message
    assert is_kept(xa, message_id)


async def test_version_that_changes_at_that_moment_is_told(
    xa: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def end(_self: Lifecycle, _endings: object) -> list[object]:
        return []

    async with running(xa) as a:
        (message_id,) = await a.publish(person())
        monkeypatch.setattr(Lifecycle, "end", end)
        error = await failure(a.admin.EraseMessage(order(message_id)))
    assert isinstance(error, WrongStateError)
    assert "0 of 1 versions" in error.message


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"reason_code": "because of J. Doe"}, InvalidInputError),
        ({"reason_code": ""}, InvalidInputError),
        ({"reason_code": "EXPIRED"}, InvalidInputError),
        ({"id": b"short"}, InvalidInputError),
        ({"id": b"\0" * 16}, NotFoundError),
    ],
)
async def test_order_that_cannot_be_followed_is_refused(
    xa: Home, values: dict[str, Any], kind: type[Exception]
) -> None:
    async with running(xa) as a:
        (message_id,) = await a.publish(person())
        error = await failure(a.admin.EraseMessage(order(message_id, **values)))
    assert type(error) is kind
    assert is_kept(xa, message_id)
