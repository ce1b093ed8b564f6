# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from selat.core.tile_paths import (
    TilePath,
    entries_path,
    parse_tile_path,
    tile_path,
    tile_paths,
)
from selat.errors import InvalidInputError, MalformedError


@pytest.mark.parametrize(
    ("level", "index", "width", "path"),
    [
        (0, 0, 256, "tile/0/000"),
        (0, 273, 112, "tile/0/273.p/112"),
        (1, 1_234_067, 256, "tile/1/x001/x234/067"),
        (63, 1_000, 1, "tile/63/x001/000.p/1"),
        (2, 999_999, 255, "tile/2/x999/999.p/255"),
        (0, 2**63 - 1, 9, "tile/0/x009/x223/x372/x036/x854/x775/807.p/9"),
    ],
)
def test_paths_are_those_of_the_specification(
    level: int, index: int, width: int, path: str
) -> None:
    assert tile_path(level, index, width) == path
    assert parse_tile_path(path) == TilePath(level=level, index=index, width=width)


@pytest.mark.parametrize(
    ("index", "width", "path"),
    [
        (0, 256, "tile/entries/000"),
        (1_067, 5, "tile/entries/x001/067.p/5"),
    ],
)
def test_entry_bundles_have_paths_like_tiles(index: int, width: int, path: str) -> None:
    assert entries_path(index, width) == path
    assert parse_tile_path(path) == TilePath(level=None, index=index, width=width)


@pytest.mark.parametrize(
    ("level", "index", "width"),
    [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, 2**63, 1), (0, 0, 0), (0, 0, 257)],
)
def test_no_tile_has_a_path_outside_the_specification(
    level: int, index: int, width: int
) -> None:
    with pytest.raises(InvalidInputError):
        tile_path(level, index, width)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile",
        "tile/0",
        "tile/0/",
        "/tile/0/000",
        "tile/0/000/",
        "tile/0/0",
        "tile/0/0000",
        "tile/0/x000/067",
        "tile/0/001/067",
        "tile/0/x001/x067",
        "tile/0/x1/067",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/data/000",
        "tile/Entries/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/999",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000.p",
        "tile/0/000.p/1000",
        "tile/0/../000",
        "tile/0/000\n",
        "tile/0/000\x00",
        "tile\\0\\000",
        "tile/0/\u0660\u0660\u0660",
        "tile/\u0661/000",
        "tile/0/x009/x223/x372/x036/x854/x775/808",
        "tile/0/x001/" + "x000/" * 20 + "000",
    ],
)
def test_nothing_else_is_a_path(path: str) -> None:
    with pytest.raises(MalformedError):
        parse_tile_path(path)


def test_a_tree_has_the_tiles_of_the_specifications_example() -> None:
    paths = list(tile_paths(70_000))
    assert len(paths) == 2 * 274 + 2 + 1
    assert [str(path) for path in paths if path.width < 256] == [
        "tile/entries/273.p/112",
        "tile/0/273.p/112",
        "tile/1/001.p/17",
        "tile/2/000.p/1",
    ]
    assert len(set(paths)) == len(paths)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, []),
        (1, ["tile/entries/000.p/1", "tile/0/000.p/1"]),
        (255, ["tile/entries/000.p/255", "tile/0/000.p/255"]),
        (256, ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]),
        (
            257,
            [
                "tile/entries/000",
                "tile/entries/001.p/1",
                "tile/0/000",
                "tile/0/001.p/1",
                "tile/1/000.p/1",
            ],
        ),
    ],
)
def test_small_trees_have_few_tiles(size: int, expected: list[str]) -> None:
    assert [str(path) for path in tile_paths(size)] == expected
