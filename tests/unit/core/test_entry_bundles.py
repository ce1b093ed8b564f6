# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from tests.fakes.trees import MemoryTree

from selat.core.entry_bundles import (
    BUNDLE_BYTES_MAX,
    ENTRY_BYTES_MAX,
    encode_entries,
    entries_tile,
    parse_entries,
)
from selat.core.merkle import leaf_hash
from selat.errors import InvalidInputError, MalformedError, TooLargeError


def test_each_leaf_follows_its_length() -> None:
    bundle = b"\x00\x02ab\x00\x00\x01\x00" + b"c" * 256
    leaves = (b"ab", b"", b"c" * 256)
    assert encode_entries(leaves) == bundle
    assert parse_entries(bundle, count=3) == leaves


def test_the_largest_bundle_is_read() -> None:
    leaves = (b"x" * ENTRY_BYTES_MAX,) * 256
    bundle = encode_entries(leaves)
    assert len(bundle) == BUNDLE_BYTES_MAX
    assert parse_entries(bundle, count=256) == leaves


@pytest.mark.parametrize("count", [0, 257])
def test_a_bundle_holds_one_to_256_leaves(count: int) -> None:
    with pytest.raises(InvalidInputError):
        encode_entries([b"x"] * count)
    with pytest.raises(MalformedError):
        parse_entries(b"\x00\x01x" * count, count=count)


def test_a_leaf_is_no_longer_than_its_length_can_say() -> None:
    with pytest.raises(TooLargeError):
        encode_entries([b"x", b"x" * (ENTRY_BYTES_MAX + 1)])


@pytest.mark.parametrize(
    ("data", "count"),
    [
        pytest.param(b"", 1, id="nothing"),
        pytest.param(b"\x00", 1, id="half a length"),
        pytest.param(b"\x00\x01", 1, id="no leaf"),
        pytest.param(b"\x00\x02a", 1, id="half a leaf"),
        pytest.param(b"\x00\x01a", 2, id="too few"),
        pytest.param(b"\x00\x01a\x00", 2, id="too few and a half"),
        pytest.param(b"\x00\x01a\x00\x00", 1, id="too many"),
        pytest.param(b"\x00\x01ab", 1, id="a byte behind"),
        pytest.param(b"\x00\x01a", -1, id="less than nothing"),
        pytest.param(b"\xff\xff", 1, id="a length beyond"),
    ],
)
def test_a_bundle_holds_exactly_its_leaves(data: bytes, count: int) -> None:
    with pytest.raises(MalformedError, match=f"exactly {count} leaves"):
        parse_entries(data, count=count)


def test_the_leaves_of_a_bundle_hash_to_the_lowest_tile() -> None:
    leaves = [f"leaf {number}".encode() for number in range(300)]
    tree = MemoryTree([leaf_hash(leaf) for leaf in leaves])
    assert entries_tile(leaves[:256]) == tree.tile(0, 0)
    assert entries_tile(leaves[256:]) == tree.tile(0, 1)
    assert entries_tile([]) == b""
