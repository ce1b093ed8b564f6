# SPDX-License-Identifier: Apache-2.0
"""Go reads the files that a node publishes from its database."""

from __future__ import annotations

import base64
from functools import partial
from pathlib import Path

import pytest
from tests.fakes.foreign import Program
from tests.fakes.local_nodes import open_store, signers_of
from tests.unit.publication.conftest import GrowingLog

from selat.core.tiles import consistency_proof, inclusion_proof
from selat.publication.tile_tree import TileTree
from selat.store.port import Snapshot
from selat.store.sqlite.inspection import inspection

pytestmark = pytest.mark.timeout(1200)  # the first test builds the program


def proofs(
    snapshot: Snapshot, *, origin: str, before: int, size: int
) -> list[list[str]]:
    """Return the proofs that our own database gives."""
    tiles = snapshot.shard_tiles(origin)
    made = (
        inclusion_proof(size - 1, size, tiles),
        consistency_proof(before, size, tiles),
    )
    return [[base64.b64encode(item).decode() for item in proof] for proof in made]


async def test_a_published_log_is_read_as_it_grows(
    logs: Program, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    async with open_store(tmp_path / "store.db") as store:
        log = GrowingLog(path=tmp_path / "store.db", store=store)
        before = 1
        for size in (200, 256, 700, 1_500):
            note = await log.grow_to(size)
            shard = log.shard()
            vkey = signers_of(shard.origin)[0].verifier.vkey
            questions = [{"index": size - 1}, {"old_size": before}]
            with inspection(log.path) as reads:
                tree = TileTree(out, shard, reads=reads)
                tree.bring_up_to(note, progress=lambda _count: None)
                expected = reads(
                    partial(proofs, origin=shard.origin, before=before, size=size)
                )
            # It reads every tile and every entry before it answers.
            found = logs.ask("tiles", str(out / log.name), vkey, questions=questions)
            assert found == expected
            before = size
