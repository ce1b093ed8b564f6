# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tests.fakes.identities import ISSUED, PASSPHRASE
from tests.unit.node.samples import NAME, NEW, initialise

from selat.core.checkpoints import origin_for
from selat.core.leaves import CardLeaf, parse_leaf
from selat.core.shard_leaves import OpenLeaf
from selat.core.times import to_ms
from selat.errors import AlreadyExistsError, InvalidInputError, SelatError
from selat.identity.card import parse_card
from selat.identity.key_schedule import CLOCK_ALLOWANCE
from selat.identity.keystore import KeyStore
from selat.node.configuration import read_configuration
from selat.node.folder import NodeFolder
from selat.node.high_water import HighWaterFile
from selat.node.initialise import (
    CARD_VALID_DAYS,
    NewNode,
)
from selat.policy.policy_files import read_policy_files
from selat.policy.release_list import parse_release_list
from selat.store.port import Snapshot
from selat.store.sqlite.inspection import inspect


def named(name: str) -> NewNode:
    return replace(NEW, configuration=replace(NEW.configuration, name=name))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "node"


def test_new_node_has_everything_that_it_needs(home: Path) -> None:
    card = initialise(home)
    folder = NodeFolder(home=home)
    folder.check()
    assert read_configuration(folder.configuration) == NEW.configuration
    assert parse_card(folder.card.read_bytes()) == card
    assert KeyStore.open(folder.keys, PASSPHRASE).root().public == card.card.root
    released = folder.release_list.read_text("utf-8")
    assert parse_release_list(released, source="release.toml") == {}
    assert "categories.toml" in read_policy_files(folder.policy).contents
    mark = HighWaterFile(folder.high_water)
    mark.close()
    assert mark.mark is None


def test_card_says_what_was_asked_for(home: Path) -> None:
    card = initialise(home).card
    assert (card.name, card.state, card.agency) == (NAME, "XC", "Police of XC")
    assert card.endpoints == NEW.endpoints
    assert set(card.categories) == {"terrorism", "drugs"}
    assert card.sequence == 1
    # Valid from a little earlier, for peers whose clocks are behind.
    assert card.issued_at == ISSUED - CLOCK_ALLOWANCE
    assert (card.valid_until - card.issued_at).days == CARD_VALID_DAYS
    assert len(card.tls_certificates) == 1


def test_log_begins_with_its_opening_and_the_card(home: Path) -> None:
    card = initialise(home)

    def work(snapshot: Snapshot) -> tuple[str, list[bytes]]:
        head = snapshot.tree_head()
        return head.origin, snapshot.leaves(0, head.frontier.size)

    origin, leaves = inspect(NodeFolder(home=home).store, work)
    opening, first_card = map(parse_leaf, leaves)
    assert origin == origin_for(NAME, ISSUED.date())
    assert isinstance(opening, OpenLeaf)
    assert (opening.origin, opening.previous) == (origin, "")
    assert opening.time_ms == to_ms(ISSUED)
    assert isinstance(first_card, CardLeaf)
    assert (first_card.sequence, first_card.digest) == (1, card.digest)
    assert opening.blind != first_card.blind


def test_folder_is_for_its_owner_only(home: Path) -> None:
    initialise(home)
    assert home.stat().st_mode & 0o077 == 0


def test_empty_folder_becomes_the_node(home: Path) -> None:
    home.mkdir()
    initialise(home)
    NodeFolder(home=home).check()


def test_what_a_killed_attempt_left_is_not_in_the_way(home: Path) -> None:
    partial = home.with_name(".node.partial")
    (partial / "keys").mkdir(parents=True)
    (partial / "keys" / "half").touch()
    initialise(home)
    assert not partial.exists()
    assert not (home / "keys" / "half").exists()


@pytest.mark.parametrize(
    ("new", "passphrase", "told"),
    [
        (named("police"), PASSPHRASE, "lower-case DNS name"),
        (named("Police.XC.example"), PASSPHRASE, "lower-case DNS name"),
        (replace(NEW, categories=("drugs", "chess")), PASSPHRASE, "chess"),
        (replace(NEW, endpoints=("nowhere",)), PASSPHRASE, "host:port"),
        (NEW, b"short", "passphrase"),
    ],
    ids=["one label", "upper case", "category", "endpoint", "passphrase"],
)
def test_node_that_cannot_be_leaves_nothing(
    new: NewNode, passphrase: bytes, told: str, home: Path
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        initialise(home, new, passphrase=passphrase)
    assert told in str(caught.value)
    assert not list(home.parent.iterdir())


def test_failure_half_way_leaves_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copytree", fail)
    with pytest.raises(OSError, match="No space"):
        initialise(home)
    assert not list(home.parent.iterdir())


def test_folder_with_contents_is_not_touched(home: Path) -> None:
    home.mkdir()
    (home / "diary").write_text("mine")
    with pytest.raises(AlreadyExistsError, match="has contents"):
        initialise(home)
    assert [path.name for path in home.parent.rglob("*")] == ["node", "diary"]


def test_file_in_the_place_of_the_folder_is_not_touched(home: Path) -> None:
    home.write_text("mine")
    with pytest.raises(AlreadyExistsError):
        initialise(home)
    assert home.read_text() == "mine"


def test_node_is_not_made_twice(home: Path) -> None:
    card = initialise(home)
    with pytest.raises(SelatError):
        initialise(home)
    assert parse_card(NodeFolder(home=home).card.read_bytes()) == card
