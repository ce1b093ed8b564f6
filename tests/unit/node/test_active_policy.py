# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.identities import SeededEntropy
from tests.fakes.local_nodes import NAME, FakeClock, leaves_of

from selat.core.leaves import PolicyLeaf
from selat.errors import ConfigurationError, StoreBusyError
from selat.exchange.local import LocalNode
from selat.node.active_policy import ActivePolicy
from selat.policy.catalogue_file import default_policy_folder
from selat.policy.policy_files import policy_paths
from selat.policy.release_list import format_release_list
from selat.store.port import Store

XB = "police.xb.example"
TERRORISM = frozenset({"terrorism"})


class LockedStore:
    """A store that another process may hold."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.locked = False

    async def read(self, work: Any) -> Any:  # noqa: ANN401 - any work
        return await self._store.read(work)

    async def write(self, work: Any) -> Any:  # noqa: ANN401 - any work
        if self.locked:
            raise StoreBusyError("The database is locked.")
        return await self._store.write(work)

    async def close(self) -> None:
        raise NotImplementedError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "policy"
    shutil.copytree(default_policy_folder(), folder)
    (folder / "release.toml").write_text(format_release_list({}), "utf-8")
    return folder


@pytest.fixture
def store(local: LocalNode) -> LockedStore:
    return LockedStore(local.store)


@pytest.fixture
def declared() -> set[str]:
    """Give what our card declares; a test may change it."""
    return {"terrorism"}


@pytest.fixture
def active(
    folder: Path, store: LockedStore, clock: FakeClock, declared: set[str]
) -> ActivePolicy:
    return ActivePolicy(
        folder=folder,
        node=NAME,
        state="XC",
        own_categories=lambda: frozenset(declared),
        store=store,
        clock=clock,
        entropy=SeededEntropy(NAME),
    )


def release(folder: Path, **peers: frozenset[str]) -> None:
    """Write a release list by hand, at another time than the last."""
    path = folder / "release.toml"
    seen_ns = path.stat().st_mtime_ns
    path.write_text(format_release_list(peers), "utf-8")
    os.utime(path, ns=(seen_ns + 1, seen_ns + 1))


async def logged(local: LocalNode) -> list[tuple[str, str]]:
    """Return the digests before and after of every change that was logged."""
    leaves = await leaves_of(local.store)
    return [
        (leaf.previous, leaf.digest) for leaf in leaves if isinstance(leaf, PolicyLeaf)
    ]


def test_nothing_is_decided_before_a_policy_is_in_force(active: ActivePolicy) -> None:
    with pytest.raises(ConfigurationError, match="No policy is in force"):
        active.policy_set()


async def test_first_policy_is_logged_when_it_comes_into_force(
    active: ActivePolicy, local: LocalNode
) -> None:
    await active.load()
    assert await logged(local) == [("", active.policy_set().digest)]


async def test_same_policy_is_not_logged_again(
    active: ActivePolicy, local: LocalNode
) -> None:
    await active.load()
    await active.load()
    assert len(await logged(local)) == 1


async def test_folder_that_did_not_change_is_not_read_again(
    active: ActivePolicy,
) -> None:
    await active.load()
    before = active.policy_set()
    assert not await active.load_if_changed()
    assert active.policy_set() is before


async def test_changed_file_comes_into_force_and_is_logged(
    active: ActivePolicy, local: LocalNode, folder: Path
) -> None:
    await active.load()
    before = active.policy_set().digest
    release(folder, **{XB: TERRORISM})
    assert await active.load_if_changed()
    assert active.released() == {XB: TERRORISM}
    after = active.policy_set().digest
    assert await logged(local) == [("", before), (before, after)]


async def test_new_file_is_noticed(active: ActivePolicy, folder: Path) -> None:
    await active.load()
    before = active.policy_set().digest
    (folder / "groups.toml").write_text(
        (folder / "examples" / "groups.toml").read_text("utf-8"), "utf-8"
    )
    assert await active.load_if_changed()
    assert active.policy_set().digest != before


async def test_release_to_one_peer_leaves_the_others(
    active: ActivePolicy, folder: Path
) -> None:
    release(folder, **{"police.xa.example": TERRORISM})
    await active.load()
    await active.set_released(XB, frozenset({"drugs"}))
    assert active.released() == {
        "police.xa.example": TERRORISM,
        XB: frozenset({"drugs"}),
    }
    assert not await active.load_if_changed()  # what we wrote ourselves is in force


async def test_what_our_card_declares_is_part_of_the_policy(
    active: ActivePolicy, local: LocalNode, declared: set[str]
) -> None:
    await active.load()
    declared.add("drugs")
    await active.load()
    assert len(await logged(local)) == 2


async def test_folder_that_cannot_be_used_leaves_the_old_policy(
    active: ActivePolicy, local: LocalNode, folder: Path
) -> None:
    await active.load()
    before = active.policy_set()
    (folder / "release.toml").write_text("[peers", "utf-8")
    with pytest.raises(ConfigurationError):
        await active.load_if_changed()
    assert active.policy_set() is before
    assert len(await logged(local)) == 1
    assert not await active.load_if_changed()  # it is complained of once


async def test_folder_without_a_release_list_is_not_used(
    active: ActivePolicy, folder: Path
) -> None:
    await active.load()
    before = active.policy_set()
    (folder / "release.toml").unlink()
    with pytest.raises(ConfigurationError, match=r"release\.toml is missing"):
        await active.load_if_changed()
    assert active.policy_set() is before


async def test_policy_that_cannot_be_logged_does_not_come_into_force_yet(
    active: ActivePolicy, local: LocalNode, store: LockedStore, folder: Path
) -> None:
    await active.load()
    before = active.policy_set()
    release(folder, **{XB: TERRORISM})
    store.locked = True
    with pytest.raises(StoreBusyError):
        await active.load_if_changed()
    assert active.policy_set() is before
    store.locked = False
    assert await active.load_if_changed()  # the same change is tried again
    assert active.released() == {XB: TERRORISM}
    assert len(await logged(local)) == 2


async def test_file_that_is_taken_away_while_we_look_does_not_matter(
    active: ActivePolicy, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release(folder, **{XB: TERRORISM})
    await active.load()
    paths = policy_paths(folder)
    monkeypatch.setattr(
        "selat.node.active_policy.policy_paths", lambda _: [*paths, folder / "gone"]
    )
    assert not await active.load_if_changed()


DEPARTURE = """
version = 1
[[exception]]
file = "baseline/8-emergency.cedar"
change = "removed"
reason = "Emergencies Act, s. 3"
"""


async def test_departure_from_the_baseline_is_logged(
    active: ActivePolicy, folder: Path, local: LocalNode
) -> None:
    await active.load()
    (folder / "baseline" / "8-emergency.cedar").unlink()
    shutil.rmtree(folder / "scenarios")  # they count on what was taken out
    with pytest.raises(ConfigurationError, match=r"8-emergency\.cedar is missing"):
        await active.load_if_changed()
    (folder / "baseline.toml").write_text(DEPARTURE, "utf-8")

    assert await active.load_if_changed()
    *_, last = await leaves_of(local.store)
    assert isinstance(last, PolicyLeaf)
    assert last.departures == ("removed baseline/8-emergency.cedar",)
