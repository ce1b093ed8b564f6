# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from tests.fakes.identities import Identity
from tests.fakes.local_nodes import (
    DAY_MS,
    NAME,
    NOW_MS,
    accept_peers,
    peer_row,
)
from tests.fakes.nodes import person
from tests.unit.store.samples import message as store_message

from selat.core.payloads import unpack
from selat.desk.publishing import (
    MESSAGE_BYTES_MAX,
    MESSAGES_MAX,
    Published,
    Publisher,
)
from selat.errors import (
    AlreadyExistsError,
    InvalidInputError,
    InvalidRecordError,
    TooLargeError,
)
from selat.exchange.inspector import Inspector
from selat.exchange.local import LocalNode
from selat.policy.catalogue_file import load_catalogue
from selat.store.lifecycle import Erasure
from selat.store.port import Snapshot
from selat.store.values import Direction, Lane, MessageQuery, MessageRow, PeerState
from selat.v1 import message_pb2 as pb

XA, XB = "police.xa.example", "police.xb.example"
CATALOGUE = load_catalogue()


class Desk:
    """A publisher with what it woke."""

    def __init__(self, local: LocalNode) -> None:
        self.local = local
        self.woken: list[str] = []
        self.publisher = Publisher(
            local=local,
            inspector=Inspector(schema=local.schema, catalogue=CATALOGUE),
            wake=self.woken.append,
        )

    async def publish(self, *messages: pb.Message) -> list[Published]:
        """Publish as the desk service does."""
        drafts = self.publisher.draft_all(messages, author="desk-3")
        return await self.publisher.keep(drafts)

    async def kept(self) -> list[MessageRow]:
        """Return what is kept, oldest first."""

        def work(snapshot: Snapshot) -> list[MessageRow]:
            query = MessageQuery(direction=Direction.OUT, current_only=False)
            return snapshot.search(query, before=None, limit=1_000)[::-1]

        return await self.local.store.read(work)

    async def queued(self) -> list[tuple[str, int, Lane]]:
        """Return peer, version and lane of what waits."""
        rows = await self.local.store.read(lambda s: s.outbox(limit=1_000))
        return sorted((row.peer, row.version, row.lane) for row in rows)

    async def contents(self, row: MessageRow) -> tuple[pb.Header, pb.Body]:
        """Open what is kept of a message."""
        payload = await self.local.store.read(lambda s: s.payload(row.number))
        assert payload is not None
        stored = unpack(
            self.local.cipher.reveal(
                payload,
                originator=row.originator,
                message_id=row.message_id,
                version=row.version,
            )
        )
        return (
            pb.Header.FromString(stored.header),
            pb.Body.FromString(stored.body),
        )


@pytest.fixture
async def desk(local: LocalNode, xa: Identity, xb: Identity) -> Desk:
    await accept_peers(local, peer_row(xa), peer_row(xb))
    return Desk(local)


async def test_message_is_completed_protected_and_queued_for_every_peer(
    desk: Desk,
) -> None:
    message = person()
    (published,) = await desk.publish(message)
    (row,) = await desk.kept()
    header, body = await desk.contents(row)

    assert published.recipients == (XA, XB)
    assert not published.duplicate
    assert (row.message_id, row.version) == (published.message_id, 1)
    assert (row.originator, row.category) == (NAME, "terrorism")
    assert row.record_type == "person"
    assert (row.status, row.level) == ("current", "restricted")
    assert (row.created_ms, row.stored_ms) == (NOW_MS, NOW_MS)
    assert row.author == "desk-3"
    assert row.expires_ms is None
    assert body == message.body
    assert header.originator == pb.Originator(
        node=NAME, state="XC", agency="Police of XC"
    )
    assert (header.id, header.version) == (published.message_id, 1)
    assert header.type == pb.MESSAGE_TYPE_PERSON
    assert header.created_at.ToMilliseconds() == NOW_MS
    assert await desk.queued() == [(XA, 1, Lane.ROUTINE), (XB, 1, Lane.ROUTINE)]
    assert sorted(desk.woken) == [XA, XB]


async def test_message_keeps_what_its_author_set(desk: Desk) -> None:
    message = person(urgency=pb.URGENCY_FLASH)
    header = message.header
    header.id = bytes.fromhex("0192f0c1a2b37c3d8e4f5a6b7c8d9e0f")
    header.version = 3
    header.type = pb.MESSAGE_TYPE_PERSON
    header.originator.node = NAME
    header.originator.agency = "Border Police of XC"
    header.created_at.FromMilliseconds(NOW_MS - DAY_MS)
    header.expires_at.FromMilliseconds(NOW_MS + DAY_MS)
    (published,) = await desk.publish(message)
    (row,) = await desk.kept()
    assert (published.message_id, published.version) == (header.id, 3)
    assert row.lane is Lane.FLASH
    assert (row.created_ms, row.expires_ms) == (NOW_MS - DAY_MS, NOW_MS + DAY_MS)
    kept, _ = await desk.contents(row)
    assert kept.originator.agency == "Border Police of XC"


async def test_message_goes_to_named_recipients_only(desk: Desk) -> None:
    (published,) = await desk.publish(person(recipients=(XB,)))
    assert published.recipients == (XB,)
    assert await desk.queued() == [(XB, 1, Lane.ROUTINE)]
    assert desk.woken == [XB]


async def test_whoever_is_woken_finds_what_was_published(
    desk: Desk, local: LocalNode
) -> None:
    found: list[asyncio.Future[int]] = []

    def look(peer: str) -> None:
        work = local.store.write(lambda t: len(t.queued(peer, limit=10)))
        found.append(asyncio.ensure_future(work))

    desk.publisher._wake = look
    await desk.publish(person())
    assert await asyncio.gather(*found) == [1, 1]


async def test_messages_of_one_call_are_kept_in_their_order(desk: Desk) -> None:
    published = await desk.publish(
        person("First", recipients=(XB,)), person("Second"), person("Third")
    )
    rows = await desk.kept()
    assert [row.message_id for row in rows] == [each.message_id for each in published]
    assert len(await desk.queued()) == 5
    assert sorted(desk.woken) == [XA, XB]


async def test_message_is_kept_though_nobody_is_to_have_it(local: LocalNode) -> None:
    desk = Desk(local)
    (published,) = await desk.publish(person())
    assert published.recipients == ()
    assert len(await desk.kept()) == 1
    assert not await desk.queued()
    assert not desk.woken


async def test_removed_peer_gets_nothing(
    desk: Desk, local: LocalNode, xa: Identity
) -> None:
    await accept_peers(local, peer_row(xa, state=PeerState.REMOVED))
    (published,) = await desk.publish(person())
    assert published.recipients == (XB,)


async def test_warnings_are_told_and_counted(desk: Desk) -> None:
    message = person()
    document = message.body.person.person.documents.add(
        type=1, issuer="XA", number="L898902C3"
    )
    document.mrz_lines.extend(
        [
            "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
            "L898902C36UTO7408122F1204159ZE184226B<<<<<11",
        ]
    )
    (published,) = await desk.publish(message)
    (row,) = await desk.kept()
    assert published.warnings
    assert row.warnings == len(published.warnings)


# --- once and only once ------------------------------------------------------
def with_id(message: pb.Message, number: int = 1, *, version: int = 1) -> pb.Message:
    """Give a message an identifier of its author's, as a retry has it."""
    message.header.id = bytes.fromhex("0192f0c1a2b37c3d8e4f5a6b7c8d9e") + bytes(
        [number]
    )
    message.header.version = version
    return message


async def test_message_published_again_is_not_queued_again(desk: Desk) -> None:
    (first,) = await desk.publish(with_id(person()))
    (again,) = await desk.publish(with_id(person()))
    assert (first.duplicate, again.duplicate) == (False, True)
    assert len(await desk.kept()) == 1
    assert len(await desk.queued()) == 2


async def test_message_twice_in_one_call_is_kept_once(desk: Desk) -> None:
    published = await desk.publish(with_id(person()), with_id(person()))
    assert [each.duplicate for each in published] == [False, True]
    assert len(await desk.kept()) == 1


@pytest.mark.parametrize("calls", [1, 2])
async def test_version_with_another_body_is_refused(desk: Desk, calls: int) -> None:
    first, second = with_id(person("First")), with_id(person("Second"))
    if calls == 1:
        with pytest.raises(AlreadyExistsError):
            await desk.publish(first, second)
        assert not await desk.kept()
        return
    await desk.publish(first)
    with pytest.raises(AlreadyExistsError) as caught:
        await desk.publish(with_id(person("Other"), 2), second)
    assert "next version" in caught.value.remedy
    assert len(await desk.kept()) == 1


async def test_message_that_was_erased_is_not_published_again(desk: Desk) -> None:
    local = desk.local
    await desk.publish(with_id(person()))
    (row,) = await desk.kept()
    leaf_index = await local.store.write(lambda t: t.append_leaves([b"erased"]))
    erasure = Erasure(reason="EXPIRED", erased_ms=NOW_MS, leaf_index=leaf_index)
    await local.store.write(lambda t: t.erase(row.number, erasure))
    (again,) = await desk.publish(with_id(person("Whoever")))
    assert again.duplicate
    assert len(await desk.kept()) == 1


async def test_message_of_ours_that_came_back_is_no_message_of_ours(
    desk: Desk,
) -> None:
    ours = with_id(person())
    echo = store_message(originator=NAME)._replace(
        message_id=ours.header.id, category="drugs"
    )
    await desk.local.store.write(lambda t: t.add_messages([echo]))
    (published,) = await desk.publish(ours)
    assert not published.duplicate
    assert len(await desk.kept()) == 1


async def test_next_version_follows(desk: Desk) -> None:
    await desk.publish(with_id(person("First")))
    (second,) = await desk.publish(with_id(person("Second"), version=2))
    assert not second.duplicate
    assert [row.version for row in await desk.kept()] == [1, 2]


# --- what is refused ---------------------------------------------------------
def of_another_node(message: pb.Message) -> None:
    message.header.originator.node = XA


def to_a_stranger(message: pb.Message) -> None:
    message.header.recipients.append("police.xd.example")


def of_no_category(message: pb.Message) -> None:
    message.header.category = "chess"


def without_a_record(message: pb.Message) -> None:
    message.body.Clear()


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (of_another_node, InvalidInputError),
        (to_a_stranger, InvalidInputError),
        (of_no_category, InvalidRecordError),
        (without_a_record, InvalidRecordError),
    ],
)
async def test_one_message_that_cannot_go_stops_its_whole_call(
    spoil: Callable[[pb.Message], None], kind: type[Exception], desk: Desk
) -> None:
    bad = person()
    spoil(bad)
    with pytest.raises(kind):
        await desk.publish(person(), bad)
    assert not await desk.kept()
    assert not desk.woken


async def test_removed_peer_cannot_be_named(
    desk: Desk, local: LocalNode, xa: Identity
) -> None:
    await accept_peers(local, peer_row(xa, state=PeerState.REMOVED))
    with pytest.raises(InvalidInputError, match="was removed"):
        await desk.publish(person(recipients=(XA,)))


@pytest.mark.parametrize("count", [0, MESSAGES_MAX + 1])
async def test_call_with_none_or_too_many_messages_is_refused(
    count: int, desk: Desk
) -> None:
    with pytest.raises(
        InvalidInputError, match=rf"1 to 256 messages, this one {count}"
    ):
        await desk.publish(*[person()] * count)
    assert not await desk.kept()


async def test_message_over_the_size_limit_is_refused(desk: Desk) -> None:
    big = person()  # every field within its limit, in letters of four bytes
    big.body.person.summary = "𐤀" * 16_384
    big.body.person.person.functions.extend(["𐤀" * 2_048] * 32)
    await desk.publish(big)
    for number in range(16):
        organisation = big.body.person.affiliations.add(activity="𐤀" * 4_096)
        organisation.names.add(full=f"Company {number}")
    assert big.ByteSize() > MESSAGE_BYTES_MAX
    with pytest.raises(TooLargeError, match=r"524288 are allowed"):
        await desk.publish(big)
    assert len(await desk.kept()) == 1


async def test_recipient_cannot_be_named_twice(desk: Desk) -> None:
    with pytest.raises(InvalidRecordError, match="recipients"):
        await desk.publish(person(recipients=(XB, XB)))


async def test_message_for_a_suspended_peer_waits_in_its_queue(
    local: LocalNode, xa: Identity, xb: Identity
) -> None:
    await accept_peers(local, peer_row(xa, state=PeerState.SUSPENDED), peer_row(xb))
    desk = Desk(local)
    published = await desk.publish(person("First"), person("Doe", recipients=(XA,)))
    assert [each.recipients for each in published] == [(XA, XB), (XA,)]
    assert [peer for peer, _, _ in await desk.queued()] == [XA, XA, XB]
