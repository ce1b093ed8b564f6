# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from uuid import RFC_4122, UUID

import pytest

from selat.core.message_ids import RANDOM_BYTES, new_message_id
from selat.errors import InvalidInputError

# RFC 9562 appendix A.6: 2022-02-22 14:22:22.00 GMT-05:00, rand_a 0xCC3,
# rand_b 0x18C4DC0C0C07398F. Our 80 random bits are rand_a, 6 that are not used,
# and rand_b.
EXAMPLE_MS = 0x017F22E279B0
EXAMPLE_RANDOM = ((0xCC3 << 68) | 0x18C4DC0C0C07398F).to_bytes(RANDOM_BYTES, "big")


def test_the_example_of_rfc_9562_comes_out() -> None:
    example = UUID("017F22E2-79B0-7CC3-98C4-DC0C0C07398F")
    assert new_message_id(EXAMPLE_MS, EXAMPLE_RANDOM) == example


@pytest.mark.parametrize("random", [bytes(10), b"\xff" * 10])
@pytest.mark.parametrize("now_ms", [0, 1_790_000_000_000, 2**48 - 1])
def test_version_variant_and_time_hold_for_all_random_bits(
    now_ms: int, random: bytes
) -> None:
    identifier = new_message_id(now_ms, random)
    assert identifier.version == 7
    assert identifier.variant == RFC_4122
    assert identifier.int >> 80 == now_ms


def test_identifiers_sort_by_time() -> None:
    assert new_message_id(1, b"\xff" * 10) < new_message_id(2, bytes(10))


@pytest.mark.parametrize("bit", [0, 61, 68, 79])
def test_each_random_bit_that_is_used_changes_the_identifier(bit: int) -> None:
    random = (1 << bit).to_bytes(RANDOM_BYTES, "big")
    assert new_message_id(0, random) != new_message_id(0, bytes(10))


@pytest.mark.parametrize("size", [0, 9, 11])
def test_fewer_or_more_random_bytes_are_refused(size: int) -> None:
    with pytest.raises(InvalidInputError, match="10 random bytes"):
        new_message_id(0, bytes(size))


@pytest.mark.parametrize("now_ms", [-1, 2**48])
def test_a_time_that_does_not_fit_is_refused(now_ms: int) -> None:
    with pytest.raises(InvalidInputError, match="time"):
        new_message_id(now_ms, bytes(10))
