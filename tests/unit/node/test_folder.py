# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from selat.errors import ConfigurationError, NodeInUseError
from selat.node.folder import NodeFolder


@pytest.fixture
def folder(tmp_path: Path) -> NodeFolder:
    return NodeFolder(home=tmp_path)


def test_everything_stands_in_the_folder(folder: NodeFolder) -> None:
    paths = [
        folder.configuration,
        folder.keys,
        folder.card,
        folder.desk_authority,
        folder.store,
        folder.high_water,
        folder.policy,
        folder.release_list,
        folder.socket,
    ]
    assert len(set(paths)) == len(paths)
    assert all(path.is_relative_to(folder.home) for path in paths)
    assert folder.release_list.is_relative_to(folder.policy)


def test_folder_without_a_configuration_is_no_node(folder: NodeFolder) -> None:
    with pytest.raises(ConfigurationError, match="no node in") as caught:
        folder.check()
    assert "selat init" in caught.value.remedy
    folder.configuration.mkdir()
    with pytest.raises(ConfigurationError):
        folder.check()


def test_folder_with_a_configuration_is_a_node(folder: NodeFolder) -> None:
    folder.configuration.touch()
    folder.check()


def test_folder_is_held_by_one_at_a_time(folder: NodeFolder) -> None:
    with folder.locked():
        with pytest.raises(NodeInUseError) as caught, folder.locked():
            pytest.fail("two hold the folder")
        assert "stop it first" in caught.value.remedy
    with folder.locked():
        pass  # it was let go


def test_folder_is_let_go_after_a_failure(folder: NodeFolder) -> None:
    with pytest.raises(KeyError), folder.locked():
        raise KeyError
    with folder.locked():
        assert (folder.home / "lock").stat().st_mode & 0o077 == 0
