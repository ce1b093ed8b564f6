# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.publication.conftest import GrowingLog

from selat.core.entry_bundles import parse_entries
from selat.core.tile_paths import TilePath, tile_paths
from selat.errors import MalformedError, NotFoundError
from selat.publication.resources import (
    PATH_CHARACTERS_MAX,
    Resource,
    parse_resource,
    tile_bytes,
    tile_size,
)
from selat.store.sqlite.inspection import inspect


def test_checkpoint_and_tiles_are_found_below_their_shard() -> None:
    assert parse_resource("/2030h1/checkpoint") == Resource(shard="2030h1", tile=None)
    tile = TilePath(level=1, index=1067, width=5)
    assert parse_resource(f"/2030h2/{tile}") == Resource(shard="2030h2", tile=tile)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "2030h1/checkpoint",
        "/2030h1/checkpoint ",
        "/2030h1/checkpoint\n",
        "/2030h1/Checkpoint",
        "/2030h0/checkpoint",
        "/\u0662\u0660\u0663\u0660h1/checkpoint",
        "/2030h1/tile",
        "/2030h1/../2030h1/checkpoint",
        "/2030h1/%2e%2e/checkpoint",
        "/2030h1/tile/0/000?",
        "/2030h1/tile/0/" + "x001/" * 40 + "000",
    ],
)
def test_other_names_are_not_found(path: str) -> None:
    with pytest.raises(NotFoundError):
        parse_resource(path)


@given(path=st.text(max_size=2 * PATH_CHARACTERS_MAX))
def test_hostile_path_is_refused(path: str) -> None:
    with pytest.raises((NotFoundError, MalformedError)):
        parse_resource(f"/2030h1/tile/{path}/")


@pytest.mark.parametrize(
    ("size", "level", "index", "width"),
    [
        (0, 0, 0, 0),
        (255, 0, 0, 255),
        (70_000, 0, 273, 112),
        (70_000, 0, 274, 0),
        (70_000, 1, 0, 256),
        (70_000, 1, 1, 17),
        (70_000, 2, 0, 1),
        (70_000, 63, 0, 0),
        (70_000, None, 273, 112),
    ],
)
def test_width_of_a_tile_follows_from_the_size_of_the_tree(
    size: int, level: int | None, index: int, width: int
) -> None:
    assert tile_size(TilePath(level=level, index=index), size) == width


async def test_nothing_beyond_the_size_is_shown(growing: GrowingLog) -> None:
    await growing.grow_to(300)
    shard = growing.shard()

    def read(tile: TilePath, size: int) -> bytes:
        return inspect(growing.path, lambda s: tile_bytes(s, shard, tile, size=size))

    for tile in tile_paths(260):
        data = read(tile, 260)
        if tile.level is None:
            assert len(parse_entries(data, count=tile.width)) == tile.width
        else:
            assert len(data) == 32 * tile.width
    for tile in (
        TilePath(level=0, index=1, width=5),
        TilePath(level=None, index=1, width=5),
        TilePath(level=1, index=0, width=2),
    ):
        with pytest.raises(NotFoundError):
            read(tile, 260)
