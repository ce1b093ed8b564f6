# SPDX-License-Identifier: Apache-2.0
"""A policy that changes while a batch is under way decides the next, and not it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

import pytest
from tests.fakes.nodes import (
    DEADLINE_S,
    Home,
    Running,
    eventually,
    introduce,
    person,
    running,
)
from tests.fakes.reckoning import assert_log_holds, leaves_of

from selat.core.leaf_base import Leaf
from selat.core.leaves import OfferLeaf, PolicyLeaf, ReceiptLeaf, WithholdLeaf
from selat.exchange import delivery
from selat.exchange.forming import SHORT_QUEUE_MAX, prepare
from selat.exchange.judging import Judge
from selat.node import serve
from selat.v1 import desk_service_pb2 as pb

T = TypeVar("T")
RULE = """
@id("rules/not-{action}") @title("Nothing goes on with police.{code}.example")
@principle("A test")
forbid (
  principal == Node::"police.{code}.example", action == Action::"{action}", resource
);
"""


class Pause:
    """Holds up a worker thread after a step, until a test lets it go on."""

    def __init__(self) -> None:
        self.is_reached = threading.Event()
        self.may_go_on = threading.Event()

    def after(
        self, step: Callable[..., T], counts: Callable[[T], bool]
    ) -> Callable[..., T]:
        """Return the step with a pause behind the first outcome that counts."""

        def held_up(*args: object) -> T:
            outcome = step(*args)
            if counts(outcome):
                self.is_reached.set()
                assert self.may_go_on.wait(DEADLINE_S)
            return outcome

        return held_up


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "POLICY_CHECK_S", 0.01)


async def forbid(
    node: Running, action: str, code: str, pause: Pause
) -> tuple[str, str]:
    """Put a rule into force during a pause; return the digests before and after."""

    async def is_reached() -> bool:
        return pause.is_reached.is_set()

    await eventually(is_reached)
    before = (await node.status()).policy_digest
    file = node.home.folder.policy / "rules" / "test.cedar"
    file.write_text(RULE.format(action=action, code=code), "utf-8")

    async def digest() -> str | None:
        found = (await node.status()).policy_digest
        return found if found != before else None

    after = await eventually(digest)
    pause.may_go_on.set()
    return before, after


def decided(home: Home, *, last: int) -> list[tuple[str, str]]:
    """Return the last decisions and changes, each with the policy it names."""
    found: list[tuple[str, str]] = []
    for _, leaf in leaves_of(home, Leaf):
        match leaf:
            case PolicyLeaf():
                found.append((leaf.kind, leaf.digest))
            case OfferLeaf() | WithholdLeaf() | ReceiptLeaf():
                found.append((leaf.kind, leaf.policy))
            case _:
                pass
    return found[-last:]


async def test_batch_leaves_under_the_policy_that_decided_all_of_it(
    xa: Home, xb: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    pause = Pause()
    held_up = pause.after(prepare, lambda queue: not queue.is_empty())
    monkeypatch.setattr(delivery, "prepare", held_up)
    # A shorter queue is decided in the transaction that logs it.
    count = SHORT_QUEUE_MAX + 1
    await introduce(xa, xb)
    async with running(xa) as a, running(xb) as b:
        ids = await a.publish(*[person(f"Doe {number}") for number in range(count)])
        before, after = await forbid(a, "release", "xb", pause)
        await a.settled(b.name, count)
        await a.publish(person("Doe, Joe"))
        *_, entry = await a.settled(b.name, count + 1)
        assert entry.state == pb.OUTBOX_STATE_WITHHELD
        assert await b.received() == ids
    assert decided(xa, last=count + 2) == [
        ("policy", after),
        *[("offer", before)] * count,
        ("withhold", after),
    ]
    assert_log_holds(xa)


async def test_batch_enters_under_the_policy_that_decided_all_of_it(
    xa: Home, xb: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    pause = Pause()
    monkeypatch.setattr(Judge, "judge_all", pause.after(Judge.judge_all, bool))
    await introduce(xa, xb)
    async with running(xa) as a, running(xb) as b:
        ids = await a.publish(person("Doe, Jane"), person("Doe, Jim"))
        before, after = await forbid(b, "accept", "xa", pause)
        await a.settled(b.name, 2)
        await a.publish(person("Doe, Joe"))
        *_, entry = await a.settled(b.name, 3)
        assert entry.state == pb.OUTBOX_STATE_REFUSED
        assert await b.received() == ids
    assert decided(xb, last=4) == [
        ("policy", after),
        ("receipt", before),
        ("receipt", before),
        ("receipt", after),
    ]
    assert_log_holds(xb)
