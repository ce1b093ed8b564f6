# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from tests.fakes.local_nodes import ORIGIN, MemoryMark, signers_of

from selat.core.checkpoints import open_checkpoint
from selat.core.notes import NoteSigner
from selat.errors import LogRolledBackError, StoreFullError
from selat.exchange.local import LocalNode
from selat.exchange.signing import CheckpointSigner
from selat.store.port import Store


class Watched:
    """A signer whose mark, signatures and steps are kept in their order."""

    def __init__(self, store: Store) -> None:
        self.happened: list[str] = []
        self.mark = MemoryMark()
        self.signer = CheckpointSigner(
            store=store, mark=self, signers=self.signers, on_step=self.on_step
        )

    def raise_to(self, *, origin: str, size: int, root: bytes) -> None:
        self.happened.append(f"mark {size}")
        self.mark.raise_to(origin=origin, size=size, root=root)

    def signers(self, origin: str) -> Sequence[NoteSigner]:
        self.happened.append("sign")
        return signers_of(origin)

    def on_step(self, step: str) -> None:
        self.happened.append(step)


@pytest.fixture
def watched(local: LocalNode) -> Watched:
    return Watched(local.store)


async def log(local: LocalNode, *leaves: bytes) -> int:
    """Commit leaves; return the size of the log."""
    await local.store.write(lambda t: t.append_leaves(leaves))
    return await local.store.read(lambda s: s.tree_head().frontier.size)


async def test_checkpoint_is_of_what_is_committed_and_verifies(
    watched: Watched, local: LocalNode
) -> None:
    size = await log(local, b"one", b"two")
    head = await watched.signer.at_least(size)
    verifiers = [signer.verifier for signer in signers_of(ORIGIN)]
    opened = open_checkpoint(head.note, origin=ORIGIN, verifiers=verifiers)
    assert opened == head.checkpoint
    frontier = await local.store.read(lambda s: s.tree_head().frontier)
    assert head.checkpoint.origin == ORIGIN
    assert head.checkpoint.size == 2
    assert head.checkpoint.root == frontier.root()


async def test_mark_is_raised_before_the_signature(
    watched: Watched, local: LocalNode
) -> None:
    await watched.signer.at_least(await log(local, b"one"))
    assert watched.happened == [
        "sign.before-mark",
        "mark 1",
        "sign.marked",
        "sign",
        "sign.signed",
    ]


async def test_one_signature_serves_all_who_ask_at_once(
    watched: Watched, local: LocalNode
) -> None:
    size = await log(local, b"one", b"two")
    heads = await asyncio.gather(*(watched.signer.at_least(size) for _ in range(8)))
    assert all(head is heads[0] for head in heads)
    assert watched.happened.count("sign") == 1


async def test_signed_head_serves_for_smaller_sizes(
    watched: Watched, local: LocalNode
) -> None:
    head = await watched.signer.at_least(await log(local, b"one", b"two"))
    await log(local, b"three")
    assert await watched.signer.at_least(1) is head


async def test_larger_log_is_signed_anew(watched: Watched, local: LocalNode) -> None:
    await watched.signer.at_least(await log(local, b"one"))
    head = await watched.signer.at_least(await log(local, b"two", b"three"))
    assert head.checkpoint.size == 3
    assert [size for _, size, _ in watched.mark.raised] == [1, 3]


@pytest.mark.parametrize(
    "failure", [StoreFullError("The disk is full."), LogRolledBackError("It is old.")]
)
async def test_nothing_is_signed_unless_the_mark_is_durable(
    failure: Exception,
    watched: Watched,
    local: LocalNode,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(**_head: object) -> None:
        raise failure

    size = await log(local, b"one")
    with monkeypatch.context() as patch:
        patch.setattr(watched.mark, "raise_to", refuse)
        with pytest.raises(type(failure)):
            await watched.signer.at_least(size)
    assert "sign" not in watched.happened
    # The failure does not stay: the next caller gets a signature.
    assert (await watched.signer.at_least(size)).checkpoint.size == 1


async def test_halted_signer_signs_nothing_not_even_what_it_signed(
    watched: Watched, local: LocalNode
) -> None:
    await watched.signer.at_least(await log(local, b"one"))
    first = LogRolledBackError("The first.")
    watched.signer.halt(first)
    watched.signer.halt(LogRolledBackError("The second."))
    with pytest.raises(LogRolledBackError) as halted:
        await watched.signer.at_least(1)
    assert halted.value is first


async def test_head_is_signed_anew_when_the_keys_have_changed(
    watched: Watched, local: LocalNode
) -> None:
    size = await log(local, b"one")
    head = await watched.signer.at_least(size)
    watched.signer.forget()
    again = await watched.signer.at_least(size)
    assert again is not head
    assert again.checkpoint == head.checkpoint
    assert watched.happened.count("sign") == 2
