# SPDX-License-Identifier: Apache-2.0
"""Two sovereign nodes, and a third, exchange records."""

from __future__ import annotations

from tests.fakes.nodes import Home, introduce, person, running

from selat.v1 import desk_service_pb2 as pb


async def test_record_arrives_whole_and_is_receipted(xa: Home, xb: Home) -> None:
    await introduce(xa, xb)
    async with running(xa) as a, running(xb) as b:
        ids = await a.publish(person("Doe, Jane"))
        entries = await a.settled(b.name, 1)
        assert [e.state for e in entries] == [pb.OUTBOX_STATE_ACCEPTED]
        found = await b.inbox()
        assert [m.info.id for m in found] == ids
