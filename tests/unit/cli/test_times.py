# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from selat.cli.times import parse_duration, parse_moment
from selat.errors import InvalidInputError

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("90m", timedelta(minutes=90)),
        ("12h", timedelta(hours=12)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(weeks=2)),
    ],
)
def test_so_long_ago_is_counted_from_now(text: str, ago: timedelta) -> None:
    assert parse_duration(text) == ago
    assert parse_moment(text, now=NOW) == NOW - ago


def test_a_time_without_an_offset_is_utc() -> None:
    assert parse_moment("2026-01-31", now=NOW) == datetime(2026, 1, 31, tzinfo=UTC)
    assert parse_moment("2026-01-31T08:00+08:00", now=NOW) == datetime(
        2026, 1, 31, tzinfo=UTC
    )


@pytest.mark.parametrize("text", ["", "yesterday", "7", "0d", "-7d", "7y", "999999d"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="is no time"):
        parse_moment(text, now=NOW)
    with pytest.raises(InvalidInputError, match="is no length of time"):
        parse_duration(text)
