# SPDX-License-Identifier: Apache-2.0
"""Many nodes live through loss, reordering, restarts, an old backup and a liar.

The world's oracle asserts at every step what `tests.fakes.simulation.world`
says: a lie is caught in the first message in which an honest node can see it,
no honest node is accused, no witness cosigns two histories. Where a database is
restored without its high-water mark, every peer is asked before anything is
signed; a node that none can tell would be taken for a liar, and rightly so.
"""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest
from tests.fakes.simulation import witness
from tests.fakes.simulation.keys import KeyMaker, cheap_keys, real_keys
from tests.fakes.simulation.world import LIAR, RESTORED, World

from selat.core import log_states, witnessing

STEPS = 10_000
LYING_SEEDS = (1, 4, 5, 6, 28)


def lived(
    seed: int,
    *,
    liar: bool,
    mark: bool | None = None,
    keys: KeyMaker = cheap_keys,
    steps: int = STEPS,
) -> World:
    """Return a world at the end of its days."""
    world = World(seed, keys, liar=liar, mark=mark)
    world.run(steps)
    world.check()
    return world


@cache
def lied_to(seed: int) -> World:
    """Return a world with a liar, and in half of them an old backup as well."""
    return lived(seed, liar=True, mark=True if seed % 2 else None)


def accusers(world: World) -> list[str]:
    return [
        node.name
        for node in world.honest()
        if node.database.ways[LIAR].knowledge.accused
    ]


def test_honest_nodes_are_never_accused_and_all_is_receipted() -> None:
    world = lived(20, liar=False)
    assert not any(node.halted for node in world.nodes.values())
    sizes = [node.database.log.size for node in world.nodes.values()]
    assert min(sizes) > 500
    # Every pair has cosigned each other's whole log (`World.check`).
    assert len(world.signed) == len(sizes) * (len(sizes) - 1)


@pytest.mark.parametrize("seed", LYING_SEEDS)
def test_a_log_of_two_histories_is_caught_by_all_who_can_see_it(seed: int) -> None:
    world = lied_to(seed)
    assert world.liar is not None
    assert len(world.liar.branches) == 2
    awake = [node.name for node in world.honest() if not node.halted]
    assert set(awake) <= set(accusers(world))


def test_lies_were_in_sight_in_every_kind_of_message() -> None:
    caught: Counter[str] = Counter()
    for seed in LYING_SEEDS:
        caught += lied_to(seed).caught
    assert set(caught) == {
        "add-checkpoint",
        "batch",
        "proven",
        "receipt",
        "witnessed",
    }


def test_some_lies_leave_a_proof_that_everybody_has_at_last() -> None:
    proven = [
        seed
        for seed in LYING_SEEDS
        if any(
            node.database.ways[LIAR].knowledge.proof for node in lied_to(seed).honest()
        )
    ]
    # Two roots of one size are chance; who has seen them is not (`World.check`).
    assert proven


@pytest.mark.parametrize("seed", [1, 5])
def test_an_old_backup_halts_its_node_by_the_high_water_mark(seed: int) -> None:
    world = lied_to(seed)
    assert world.restored_behind
    assert world.nodes[RESTORED].halted == "LOG_ROLLED_BACK"


@pytest.mark.parametrize("seed", [30, 31])
def test_an_old_backup_without_a_mark_halts_its_node_by_what_peers_hold(
    seed: int,
) -> None:
    world = lived(seed, liar=False, mark=False)
    assert world.restored_behind
    assert world.nodes[RESTORED].halted == "LOG_ROLLED_BACK"


@pytest.mark.timeout(300)  # about 10,000 signatures with ML-DSA-44
def test_real_keys_tell_the_same() -> None:
    world = lived(4, liar=True, mark=True, keys=real_keys)
    cheap = lived(4, liar=True, mark=True)
    assert world.caught == cheap.caught
    assert accusers(world) == accusers(cheap)
    assert world.nodes[RESTORED].halted == "LOG_ROLLED_BACK"


def test_a_seed_decides_everything() -> None:
    first, second = (lived(40, liar=True, mark=True, steps=2_000) for _ in range(2))
    assert [node.database.log.leaves for node in first.nodes.values()] == [
        node.database.log.leaves for node in second.nodes.values()
    ]
    assert first.caught == second.caught


@pytest.mark.parametrize(
    ("where", "seed"), [(log_states, 4), (witness, 5), (witnessing, 6)]
)
def test_the_oracle_sees_nodes_that_verify_nothing(
    where: object, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def verify_nothing(**_: object) -> None: ...

    monkeypatch.setattr(where, "verify_consistency", verify_nothing)
    with pytest.raises(AssertionError):
        lived(seed, liar=True, mark=True if seed % 2 else None)
