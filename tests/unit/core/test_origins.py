# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from selat.core.origins import end_ms, is_later, node_of, origin_for
from selat.core.times import to_ms
from selat.errors import MalformedError

NODE = "police.xa.example"


@pytest.mark.parametrize(
    ("shard", "end"),
    [
        ("2030h1", datetime(2030, 7, 1, tzinfo=UTC)),
        ("2030h2", datetime(2031, 1, 1, tzinfo=UTC)),
        ("2032h1", datetime(2032, 7, 1, tzinfo=UTC)),
    ],
)
def test_half_year_ends_where_the_next_begins(shard: str, end: datetime) -> None:
    origin = f"{NODE}/exchange/{shard}"
    assert end_ms(origin) == to_ms(end)
    assert origin_for(NODE, end.date()) != origin


def test_last_half_year_of_all_has_an_end() -> None:
    last = origin_for(NODE, date(9999, 12, 31))
    assert end_ms(last) == to_ms(datetime(9999, 12, 31, tzinfo=UTC)) + 86_400_000


def test_origin_names_its_node() -> None:
    assert node_of(f"{NODE}/exchange/2030h1") == NODE


@pytest.mark.parametrize(
    "origin",
    [
        "",
        NODE,
        f"{NODE}/exchange/",
        f"{NODE}/exchange/2030h3",
        f"{NODE}/exchange/0999h1",
        f"{NODE}/exchange/2030h1 ",
        f"{NODE}/exchange/2030h1\n",
        f"{NODE}/exchange/\u0662030h1",
        f"{NODE}/log/2030h1",
        f"{NODE}/more/exchange/2030h1",
        "/exchange/2030h1",
        f"{'x' * 239}/exchange/2030h1.",
        f"{'x' * 240}/exchange/2030h1",
    ],
)
def test_what_is_no_origin_of_a_shard_is_refused(origin: str) -> None:
    with pytest.raises(MalformedError):
        node_of(origin)


def test_origins_of_one_log_are_ordered() -> None:
    shards = ["2030h1", "2030h2", "2031h1", "2031h2"]
    origins = [f"{NODE}/exchange/{shard}" for shard in shards]
    for number, origin in enumerate(origins):
        assert [is_later(origin, other) for other in origins] == [
            position < number for position in range(len(origins))
        ]


def test_origins_of_two_nodes_are_not_ordered() -> None:
    assert not is_later(f"{NODE}/exchange/2031h1", "police.xb.example/exchange/2030h1")
