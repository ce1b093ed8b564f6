# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.fakes.identities import ISSUED, PASSPHRASE, later
from tests.fakes.local_nodes import FakeClock
from tests.unit.node.samples import NAME, initialise

from selat.core.checkpoints import origin_for
from selat.core.origins import end_ms
from selat.core.times import to_ms
from selat.errors import (
    ConfigurationError,
    NodeInUseError,
    SelatError,
    StoreCorruptError,
    WrongPassphraseError,
)
from selat.node.assembly import assemble_node, present_ms
from selat.node.folder import NodeFolder


async def assemble(folder: NodeFolder, passphrase: bytes = PASSPHRASE) -> str:
    """Open a node and close it again; return its name."""
    clock = FakeClock(to_ms(ISSUED))
    async with assemble_node(folder, passphrase=passphrase, clock=clock) as node:
        return node.local.name


def no_configuration(folder: NodeFolder) -> None:
    folder.configuration.unlink()


def damaged_database(folder: NodeFolder) -> None:
    folder.store.write_bytes(b"no database" * 100)


def damaged_mark(folder: NodeFolder) -> None:
    folder.high_water.write_bytes(b"no mark" * 200)


def no_catalogue(folder: NodeFolder) -> None:
    (folder.policy / "categories.toml").unlink()


@pytest.fixture
def folder(tmp_path: Path) -> NodeFolder:
    initialise(tmp_path / "node")
    return NodeFolder(home=tmp_path / "node")


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (no_configuration, ConfigurationError),
        (damaged_database, StoreCorruptError),
        (damaged_mark, StoreCorruptError),
        (no_catalogue, ConfigurationError),
    ],
)
def test_node_that_cannot_be_built_leaves_nothing_open(
    spoil: Callable[[NodeFolder], None], kind: type[SelatError], folder: NodeFolder
) -> None:
    before = threading.active_count()
    spoil(folder)
    with pytest.raises(kind):
        asyncio.run(assemble(folder))
    assert threading.active_count() == before
    with folder.locked():
        pass


def test_node_is_let_go_after_a_wrong_passphrase(folder: NodeFolder) -> None:
    with pytest.raises(WrongPassphraseError):
        asyncio.run(assemble(folder, b"another passphrase"))
    assert asyncio.run(assemble(folder)) == NAME


def test_node_in_use_is_not_opened_again(folder: NodeFolder) -> None:
    with folder.locked(), pytest.raises(NodeInUseError):
        asyncio.run(assemble(folder))


async def origins_of(folder: NodeFolder, clock: FakeClock) -> list[str]:
    """Open a node and close it again; return its shards."""
    async with assemble_node(folder, passphrase=PASSPHRASE, clock=clock) as node:
        shards = await node.local.store.read(lambda snapshot: snapshot.shards())
    return [shard.origin for shard in shards]


def test_node_that_is_opened_in_another_half_year_goes_on_in_its_shard(
    folder: NodeFolder,
) -> None:
    clock = FakeClock(to_ms(ISSUED))
    (first,) = asyncio.run(origins_of(folder, clock))
    clock.now_ms = end_ms(first)
    assert asyncio.run(origins_of(folder, clock)) == [
        first,
        origin_for(NAME, clock.now.date()),
    ]


def test_node_whose_card_has_expired_stays_in_its_shard(folder: NodeFolder) -> None:
    clock = FakeClock(to_ms(later(731)))
    assert len(asyncio.run(origins_of(folder, clock))) == 1


def test_card_vouches_for_the_log_as_long_as_it_is_valid(folder: NodeFolder) -> None:
    clock = FakeClock(to_ms(ISSUED))

    async def vouched(*moments: int) -> list[bool]:
        found = []
        async with assemble_node(folder, passphrase=PASSPHRASE, clock=clock) as node:
            for clock.now_ms in moments:
                found.append(node.card.vouches_for_log())
            clock.now_ms = to_ms(ISSUED)
        return found

    after = to_ms(later(731))
    past_all_years = 10**17
    assert asyncio.run(vouched(to_ms(ISSUED), 0, after, past_all_years)) == [
        True,
        False,
        False,
        False,
    ]


def test_clock_counts_milliseconds_of_the_epoch() -> None:
    assert present_ms() > 1_700_000_000_000
