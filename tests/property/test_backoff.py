# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from selat.exchange.backoff import FIRST_CEILING_MS, LAST_CEILING_MS, delay_ms

ATTEMPTS = st.integers(min_value=0, max_value=2**63 - 1)
FRACTIONS = st.floats(min_value=0, max_value=1, exclude_max=True)


@given(attempts=ATTEMPTS, random=FRACTIONS)
def test_wait_is_never_none_and_never_long(attempts: int, random: float) -> None:
    assert FIRST_CEILING_MS // 2 <= delay_ms(attempts, random=random) <= LAST_CEILING_MS


@given(attempts=ATTEMPTS, random=FRACTIONS)
def test_more_failures_never_shorten_the_wait(attempts: int, random: float) -> None:
    assert delay_ms(attempts, random=random) <= delay_ms(attempts + 1, random=random)


@given(attempts=ATTEMPTS, randoms=st.tuples(FRACTIONS, FRACTIONS))
def test_waits_of_many_nodes_differ_by_half_at_most(
    attempts: int, randoms: tuple[float, float]
) -> None:
    first, second = (delay_ms(attempts, random=random) for random in randoms)
    assert max(first, second) <= 2 * min(first, second)
