# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.leaves import OFFER, RECEIPT

from selat.core.bundles import (
    MANIFEST_BYTES_MAX,
    Direction,
    Manifest,
    PeerRange,
    ShardPeriod,
    parse_manifest,
    parse_peer_ranges,
)
from selat.core.leaf_base import LEAF_BYTES_MAX
from selat.core.log_states import LeafRange
from selat.errors import MalformedError, UnsupportedVersionError

NODE = "police.xa.example"
SHARDS = (
    ShardPeriod(origin=f"{NODE}/exchange/2026h2", start_size=12, end_size=900),
    ShardPeriod(origin=f"{NODE}/exchange/2027h1", start_size=0, end_size=3),
)
MANIFEST = Manifest(
    node=NODE,
    from_ms=1_795_456_800_007,
    to_ms=1_795_456_900_000,
    created_ms=1_795_456_900_001,
    shards=SHARDS,
)
TEXT = (
    '{"created":"2026-11-23T18:01:40.001Z","from":"2026-11-23T18:00:00.007Z",'
    '"node":"police.xa.example","shards":['
    '{"end_size":900,"origin":"police.xa.example/exchange/2026h2","start_size":12},'
    '{"end_size":3,"origin":"police.xa.example/exchange/2027h1","start_size":0}],'
    '"to":"2026-11-23T18:01:40.000Z","version":1}\n'
)
RANGE = PeerRange(
    size=600,
    sequence=3,
    direction=Direction.OUT,
    range=LeafRange(
        first_index=512,
        leaves=(OFFER.encode(), RECEIPT.encode()),
        proof=(b"\x01" * 32, b"\x02" * 32),
    ),
)


def lines(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True)


# --- manifest --------------------------------------------------------------
def test_manifest_has_one_form() -> None:
    assert MANIFEST.encode() == TEXT.encode()
    assert parse_manifest(TEXT.encode()) == MANIFEST
    assert [each.shard for each in MANIFEST.shards] == ["2026h2", "2027h1"]


def test_manifest_of_another_version_is_refused() -> None:
    text = TEXT.replace('"version":1', '"version":2')
    with pytest.raises(UnsupportedVersionError, match="bundle"):
        parse_manifest(text.encode())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n", ""),
        ("\n", "\n\n"),
        (":", ": "),
        ('"version":1', '"version":true'),
        ('"version":1', '"version":1,"version":1'),
        ('"version":1', '"version":1,"more":1'),
        (',"version":1', ""),
        ("07Z", "07+00:00"),
        ("07Z", "07"),
        ("2026-11-23T18:00:00.007Z", "yesterday"),
        ("900", "9e2"),
        ("900", '"900"'),
        ("police.xa.example", "police"),
        ('[{"end', '["",{"end'),
        ("{", "["),
        (TEXT, "[]"),
        (TEXT, "[" * 100_000),
        ("police", "p\u00f4lice"),
    ],
)
def test_manifest_of_another_form_is_refused(old: str, new: str) -> None:
    with pytest.raises(MalformedError):
        parse_manifest(TEXT.replace(old, new).encode())


def test_longer_manifest_is_refused() -> None:
    with pytest.raises(MalformedError, match="more than"):
        parse_manifest(TEXT.encode() + b" " * MANIFEST_BYTES_MAX)


@pytest.mark.parametrize(
    "change",
    [
        {"node": "XA"},
        {"node": "police.xb.example"},
        {"from_ms": MANIFEST.to_ms + 1},
        {"from_ms": -1},
        {"created_ms": 2**60},
        {"shards": ()},
        {"shards": SHARDS[::-1]},
        {"shards": (SHARDS[0], SHARDS[0])},
    ],
)
def test_manifest_that_no_bundle_has_cannot_be(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        replace(MANIFEST, **change)


@pytest.mark.parametrize("change", [{"start_size": 901}, {"start_size": -1}])
def test_period_ends_after_it_begins(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedError, match="sizes"):
        replace(SHARDS[0], **change)


# --- leaves of peers -------------------------------------------------------
def test_ranges_come_back() -> None:
    other = replace(RANGE, direction=Direction.IN, sequence=0)
    data = RANGE.encode() + other.encode()
    assert list(parse_peer_ranges(lines(data))) == [RANGE, other]
    assert list(parse_peer_ranges([])) == []


def test_leaves_stand_in_lines_of_their_own() -> None:
    header, *leaves = lines(RANGE.encode())
    assert leaves == [OFFER.encode() + b"\n", RECEIPT.encode() + b"\n"]
    assert header.startswith(b'{"count":2,"direction":"out","first":512,"proof":["AQE')
    assert header.endswith(b'="],"sequence":3,"size":600}\n')


@st.composite
def ranges(draw: st.DrawFn) -> PeerRange:
    leaf = st.binary(max_size=64).filter(lambda data: b"\n" not in data)
    leaves = draw(st.lists(leaf, min_size=1, max_size=256))
    proof = draw(st.lists(st.binary(min_size=32, max_size=32), max_size=128))
    first = draw(st.integers(0, 2**50))
    return PeerRange(
        size=first + len(leaves) + draw(st.integers(0, 2**50)),
        sequence=draw(st.integers(0, 2**63 - 1)),
        direction=draw(st.sampled_from(Direction)),
        range=LeafRange(first_index=first, leaves=tuple(leaves), proof=tuple(proof)),
    )


@given(st.lists(ranges(), max_size=3))
def test_any_ranges_come_back(written: list[PeerRange]) -> None:
    data = b"".join(each.encode() for each in written)
    # splitlines would split at more than line feeds.
    parts = [part + b"\n" for part in data.split(b"\n")[:-1]]
    assert list(parse_peer_ranges(parts)) == written


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"count":2', b'"count":3'),
        (b'"count":2', b'"count":1'),
        (b'"count":2', b'"count":0'),
        (b'"count":2', b'"count":257'),
        (b'"count":2', b'"count":2.0'),
        (b'"count":2', b'"count": 2'),
        (b'"count":2', b'"count":true'),
        (b'"out"', b'"up"'),
        (b'"out"', b"[]"),
        (b'"first":512', b'"first":599'),
        (b'"first":512', b'"first":-1'),
        (b'"size":600', b'"size":9007199254740993'),
        (b'"sequence":3', b'"sequence":9223372036854775808'),
        (b'"sequence":3', b'"seq":3'),
        (b'="]', b'=","AAAA"]'),
        (b'="]', b'=",""]'),
        (b'="]', b'=","!"]'),
        (b'="]', b'=",7]'),
        (b'"size":600}\n', b'"size":600}'),
    ],
)
def test_range_of_another_form_is_refused(old: bytes, new: bytes) -> None:
    data = RANGE.encode().replace(old, new, 1)
    assert data != RANGE.encode()
    with pytest.raises(MalformedError):
        list(parse_peer_ranges(lines(data)))


def test_truncated_range_is_refused() -> None:
    data = RANGE.encode()
    for end in range(1, len(data)):
        with pytest.raises(MalformedError):
            list(parse_peer_ranges(lines(data[:end])))


@pytest.mark.parametrize(
    "change",
    [
        {"leaves": ()},
        {"leaves": (b"a\nb",)},
        {"leaves": (bytes(LEAF_BYTES_MAX + 1),)},
        {"leaves": (b"a",) * 257},
        {"proof": (bytes(31),)},
        {"proof": (bytes(32),) * 129},
    ],
)
def test_range_that_no_batch_has_cannot_be(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        replace(RANGE, size=2**40, range=replace(RANGE.range, **change))
