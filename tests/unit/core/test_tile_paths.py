# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from selat.core.tile_paths import tile_path
from selat.errors import InvalidInputError


@pytest.mark.parametrize(
    ("level", "index", "width", "path"),
    [
        (0, 0, 256, "tile/0/000"),
        (0, 273, 112, "tile/0/273.p/112"),
        (1, 1_234_067, 256, "tile/1/x001/x234/067"),
        (63, 1_000, 1, "tile/63/x001/000.p/1"),
        (2, 999_999, 255, "tile/2/x999/999.p/255"),
    ],
)
def test_paths_are_those_of_the_specification(
    level: int, index: int, width: int, path: str
) -> None:
    assert tile_path(level, index, width) == path


@pytest.mark.parametrize(
    ("level", "index", "width"),
    [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)],
)
def test_no_tile_has_a_path_outside_the_specification(
    level: int, index: int, width: int
) -> None:
    with pytest.raises(InvalidInputError):
        tile_path(level, index, width)
