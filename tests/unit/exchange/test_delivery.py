# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
from typing import Any
from unittest.mock import sentinel

from tests.fakes.identities import Identity
from tests.fakes.local_nodes import accept_peers, peer_row

from selat.exchange.delivery import Session
from selat.exchange.local import LocalNode


def session_of(local: LocalNode, wake: asyncio.Event) -> Session:
    unused: Any = sentinel.unused
    return Session(
        local=local,
        peer=local.peers.get("police.xa.example"),
        stream=unused,
        wake=wake,
        prove=unused,
        ask_reviews=unused,
        on_open=unused,
    )


async def test_last_round_before_waiting_stands_in_the_queue_of_writes(
    local: LocalNode, xa: Identity
) -> None:
    await accept_peers(local, peer_row(xa))
    # A read may not have yet what a write before it in that queue has queued.
    wake = asyncio.Event()
    session = session_of(local, wake)
    session._has_more = True
    assert await session._form_next() is None
    assert wake.is_set(), "it looks again"
    wake.clear()
    assert await session._form_next() is None
    assert not wake.is_set()
