# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from selat.exchange.backoff import FIRST_CEILING_MS, LAST_CEILING_MS, delay_ms

ALMOST_ONE = 1 - 2**-53


@pytest.mark.parametrize(
    ("attempts", "ceiling_ms"),
    [
        (1, 1_000),
        (2, 2_000),
        (3, 4_000),
        (9, 256_000),
        (10, 300_000),
        (11, 300_000),
        (10**9, 300_000),
    ],
)
def test_wait_is_between_half_and_the_whole_of_a_doubling_ceiling(
    attempts: int, ceiling_ms: int
) -> None:
    assert delay_ms(attempts, random=0.0) == ceiling_ms // 2
    assert delay_ms(attempts, random=0.5) == ceiling_ms * 3 // 4
    assert ceiling_ms - 1 <= delay_ms(attempts, random=ALMOST_ONE) <= ceiling_ms


@pytest.mark.parametrize("attempts", [0, -1])
def test_peer_that_did_not_fail_waits_like_after_the_first_failure(
    attempts: int,
) -> None:
    assert delay_ms(attempts, random=0.0) == FIRST_CEILING_MS // 2


def test_peer_that_was_away_for_days_is_tried_every_few_minutes() -> None:
    assert delay_ms(5_000, random=ALMOST_ONE) <= LAST_CEILING_MS <= 5 * 60_000
