# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.fakes.identities import Identity, make_identity
from tests.fakes.local_nodes import NAME, NOW_MS, ORIGIN, open_store, peer_row

from selat.core.times import utc
from selat.node.configuration import NodeConfiguration
from selat.node.findings import Finding, Level
from selat.node.folder import NodeFolder
from selat.node.witness_checks import check_witnessing
from selat.node.witness_settings import WitnessSettings
from selat.store.port import Transaction
from selat.store.values import PeerRow, PeerState
from selat.store.witnessing import OwnCheckpoint

ANCHORED = OwnCheckpoint(
    origin=ORIGIN,
    size=9,
    note=b"note\n",
    cosigners=1,
    signed_ms=NOW_MS,
    anchored_ms=NOW_MS,
)
CONFIGURATION = NodeConfiguration(
    name=NAME,
    state="XC",
    agency="Police of XC",
    listen="node:1",
    witness=WitnessSettings(anchor_age_max_s=60),
)


@pytest.fixture(scope="module")
def xa(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return make_identity(tmp_path_factory.mktemp("xa") / "keys")


async def fill(
    folder: NodeFolder, *rows: PeerRow, checkpoint: OwnCheckpoint | None = None
) -> None:
    def work(transaction: Transaction) -> None:
        for row in rows:
            transaction.put_peer(row)
        if checkpoint is not None:
            transaction.keep_own_checkpoint(checkpoint)

    async with open_store(folder.store) as store:
        await store.write(work)


def examine(
    folder: NodeFolder,
    *,
    now: datetime | None = None,
    configuration: NodeConfiguration = CONFIGURATION,
) -> Sequence[Finding]:
    return list(check_witnessing(folder, configuration, now=now or utc(NOW_MS)))


@pytest.fixture
def folder(tmp_path: Path) -> NodeFolder:
    return NodeFolder(home=tmp_path)


def test_folder_without_a_database_is_for_another_check(folder: NodeFolder) -> None:
    assert examine(folder) == []


def test_database_that_cannot_be_read_is_a_failure(folder: NodeFolder) -> None:
    folder.store.write_bytes(b"no database" * 100)
    (found,) = examine(folder)
    assert (found.check, found.level) == ("anchor", Level.FAIL)


async def test_node_without_peers_needs_no_anchor(folder: NodeFolder) -> None:
    await fill(folder)
    (found,) = examine(folder)
    assert (found.check, found.level) == ("anchor", Level.OK)


async def test_fresh_anchor_is_in_order(folder: NodeFolder, xa: Identity) -> None:
    await fill(folder, peer_row(xa), checkpoint=ANCHORED)
    (found,) = examine(folder)
    assert found.level is Level.OK
    assert "at 9 leaves" in found.message


async def test_old_anchor_is_a_warning(folder: NodeFolder, xa: Identity) -> None:
    await fill(folder, peer_row(xa), checkpoint=ANCHORED)
    (found,) = examine(folder, now=utc(NOW_MS + 61_000))
    assert found.level is Level.WARN
    assert "61 s ago" in found.message


async def test_quorum_that_cannot_be_met_is_a_warning(
    folder: NodeFolder, xa: Identity
) -> None:
    await fill(folder, peer_row(xa), checkpoint=ANCHORED)
    wanting = replace(CONFIGURATION, witness=WitnessSettings(quorum=2))
    (found,) = examine(folder, configuration=wanting)
    assert found.level is Level.WARN


async def test_suspended_peer_is_a_failure(folder: NodeFolder, xa: Identity) -> None:
    await fill(folder, peer_row(xa, state=PeerState.SUSPENDED))
    found = examine(folder, now=datetime(2030, 7, 1, tzinfo=UTC))
    assert [each.level for each in found] == [Level.OK, Level.FAIL]
    assert "selat peer evidence police.xa.example" in found[1].remedy
