# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from selat.core.times import from_rfc3339, rfc3339, to_ms, utc

FIRST_MS = -62_135_596_800_000
LAST_MS = 253_402_300_799_999


def test_the_epoch_is_zero() -> None:
    assert utc(0) == datetime(1970, 1, 1, tzinfo=UTC)
    assert to_ms(datetime(1970, 1, 1, tzinfo=UTC)) == 0


def test_a_moment_is_told_in_utc() -> None:
    moment = utc(1_893_456_000_123)
    assert moment == datetime(2030, 1, 1, 0, 0, 0, 123_000, tzinfo=UTC)
    assert moment.tzinfo is UTC


@pytest.mark.parametrize("start", [FIRST_MS, -500, 1_790_000_000_000, LAST_MS - 999])
def test_no_millisecond_is_lost(start: int) -> None:
    moments = range(start, start + 1000)
    assert [to_ms(utc(ms)) for ms in moments] == list(moments)


def test_microseconds_are_rounded_down() -> None:
    after = timedelta(microseconds=1999)
    assert to_ms(utc(1000) + after) == 1001
    assert to_ms(utc(-1000) - timedelta(microseconds=1)) == -1001


def test_other_time_zones_name_the_same_moment() -> None:
    singapore = timezone(timedelta(hours=8))
    assert to_ms(datetime(1970, 1, 1, 8, tzinfo=singapore)) == 0


def test_a_datetime_without_zone_is_no_moment() -> None:
    with pytest.raises(TypeError):
        to_ms(datetime(2030, 1, 1))  # noqa: DTZ001 - that is what is refused


@pytest.mark.parametrize("ms", [FIRST_MS - 1, LAST_MS + 1, 2**63])
def test_years_that_have_no_four_digits_are_refused(ms: int) -> None:
    with pytest.raises(OverflowError):
        utc(ms)


@pytest.mark.parametrize("ms", [FIRST_MS, -1, 0, 1_893_456_000_120, LAST_MS])
def test_a_moment_has_one_text(ms: int) -> None:
    assert from_rfc3339(rfc3339(ms)) == ms


@pytest.mark.parametrize(
    "text",
    [
        "2030-01-01T00:00:00.000",
        "2030-01-01T00:00:00Z",
        "2030-01-01 00:00:00.000Z",
        "2030-01-01T00:00:00.000000Z",
        "2030-01-01T00:00:00.000+00:00",
        "2030-02-30T00:00:00.000Z",
        "",
    ],
)
def test_a_moment_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no moment"):
        from_rfc3339(text)
