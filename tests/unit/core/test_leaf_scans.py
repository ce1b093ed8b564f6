# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.leaves import ERASE, LEAVES, OFFER, OPEN, RECEIPT, TIME_MS

from selat.core import leaf_scans
from selat.core.leaf_base import Leaf
from selat.core.leaf_scans import SHAPES, LeafScanner, Shape
from selat.core.leaves import KINDS, parse_leaf
from selat.errors import InternalError, SelatError


def describe(shape: Shape, texts: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    return shape.kind, dict(zip(shape.names, texts, strict=True))


def like(leaf: Leaf, number: int) -> Leaf:
    """Return a leaf that differs in nothing but what is its own."""
    own = {"id": UUID(int=number), "commit": bytes([number]) * 32}
    own |= {"offer": bytes([number]) * 32, "answers": bytes([number]) * 32}
    named = {name: value for name, value in own.items() if hasattr(leaf, name)}
    return replace(leaf, **named, time_ms=TIME_MS + number, blind=bytes(32))


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.kind)
def test_leaf_of_each_kind_is_read(leaf: Leaf) -> None:
    scanner = LeafScanner(describe)
    (kind, texts), time_ms, own = scanner.scan(leaf.encode())
    assert (kind, time_ms) == (leaf.kind, leaf.time_ms)
    assert texts["blind"] == leaf.blind.hex()
    shape = SHAPES[leaf.kind]
    assert own == tuple(texts[name].encode() for name in shape.own)


def test_every_kind_has_a_shape() -> None:
    assert set(SHAPES) == set(KINDS)
    assert SHAPES["offer"].own == ("blind", "commit", "id", "time_ms")
    assert SHAPES["receipt"].own == ("blind", "id", "offer", "time_ms")
    assert SHAPES["erase"].own == SHAPES["open"].own == ()


@pytest.mark.parametrize("leaf", [OFFER, RECEIPT])
def test_what_leaves_share_is_described_once(leaf: Leaf) -> None:
    described: list[Shape] = []

    def count(shape: Shape, _texts: tuple[str, ...]) -> int:
        described.append(shape)
        return len(described)

    scanner = LeafScanner(count)
    leaves = [leaf, *(like(leaf, number) for number in range(1, 9))]
    scans = [scanner.scan(each.encode()) for each in leaves]
    assert {shared for shared, _, _ in scans} == {1}
    assert [time_ms for _, time_ms, _ in scans] == [each.time_ms for each in leaves]
    names = SHAPES[leaf.kind].own
    for each, (_, _, own) in zip(leaves, scans, strict=True):
        texts = dict(zip(names, own, strict=True))
        assert texts["id"] == str(getattr(each, "id")).encode()  # noqa: B009
        assert texts["blind"] == each.blind.hex().encode()


def test_leaves_with_other_shared_parts_are_told_apart() -> None:
    scanner = LeafScanner(describe)
    categories = ["piracy", "drugs", "judicial", "research"] * 10
    for number, category in enumerate(categories):
        leaf = like(replace(OFFER, category=category), number)
        (_, texts), _, _ = scanner.scan(leaf.encode())
        assert texts["category"] == category


def test_memory_of_shared_parts_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaf_scans, "SHARED_MAX", 3)
    monkeypatch.setattr(leaf_scans, "CASTINGS_MAX", 2)
    scanner = LeafScanner(describe)
    for number in range(20):
        leaf = replace(OFFER, category=f"c{number % 7}")
        (_, texts), _, _ = scanner.scan(leaf.encode())
        assert texts["category"] == f"c{number % 7}"
        assert len(scanner._shared) <= 3
        assert all(len(each) <= 2 for each in scanner._castings.values())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("0b0b0b0b", "0B0b0b0b"),
        ("01932e5c-5c00", "01932e5c55c00"),
        ("01932e5c-5c00", "0193-2e5c5c00"),
        ("0c0c0c0c", "0c-c0c0c"),
        ("2026-11-23", "2026-13-23"),
        ("2026-11-23", "2026-02-30"),
        ("2026-11-23T18", "2026-11-23 18"),
        (".007Z", ".007z"),
    ],
)
def test_wrong_own_text_is_refused_whatever_was_read_before(old: str, new: str) -> None:
    scanner = LeafScanner(describe)
    scanner.scan(OFFER.encode())
    data = OFFER.encode().replace(old.encode(), new.encode(), 1)
    assert data != OFFER.encode()
    with pytest.raises(SelatError):
        scanner.scan(data)


def test_number_that_is_not_exact_everywhere_is_refused() -> None:
    data = OFFER.encode().replace(b'"version":2', b'"version":9007199254740993')
    with pytest.raises(SelatError):
        LeafScanner(describe).scan(data)
    data = OFFER.encode().replace(b'"version":2', b'"version":9007199254740991')
    assert LeafScanner(describe).scan(data)[0][1]["version"] == "9007199254740991"


def test_escape_that_is_not_canonical_is_refused() -> None:
    leaf = replace(RECEIPT, reason='"quoted"')
    (_, texts), _, _ = LeafScanner(describe).scan(leaf.encode())
    assert texts["reason"] == '\\"quoted\\"'
    data = leaf.encode().replace(b'\\"', b"\\u0022")
    with pytest.raises(SelatError):
        LeafScanner(describe).scan(data)


def test_member_is_written_as_it_stands() -> None:
    shape = SHAPES["offer"]
    assert shape.member("category", "piracy") == '"piracy"'
    assert shape.member("version", "2") == "2"
    assert shape.member("codes", '"H1","H2"') == '["H1","H2"]'


def test_leaf_that_only_the_parser_reads_is_a_fault_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leaf_scans, "SHAPES", {})
    with pytest.raises(InternalError, match="kind open"):
        LeafScanner(describe).scan(OPEN.encode())


@given(
    st.lists(
        st.tuples(
            st.sampled_from(LEAVES),
            st.integers(0, 700),
            st.integers(0, 255),
            st.booleans(),
        ),
        max_size=8,
    )
)
def test_scanner_takes_what_the_parser_takes_and_nothing_else(
    changes: list[tuple[Leaf, int, int, bool]],
) -> None:
    scanner = LeafScanner(describe)
    for known in (OFFER, RECEIPT, ERASE):
        scanner.scan(known.encode())
    for leaf, place, value, is_changed in changes:
        data = bytearray(leaf.encode())
        if is_changed:
            data[place % len(data)] = value
        try:
            parsed = parse_leaf(bytes(data))
        except SelatError as expected:
            with pytest.raises(type(expected)):
                scanner.scan(bytes(data))
        else:
            (kind, _), time_ms, _ = scanner.scan(bytes(data))
            assert (kind, time_ms) == (parsed.kind, parsed.time_ms)
