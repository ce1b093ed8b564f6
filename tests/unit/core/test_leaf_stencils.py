# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest
from tests.fakes.leaves import OFFER, RECEIPT

from selat.core.leaf_base import Leaf
from selat.core.leaf_json import identifier_text, moment_ms, moment_text
from selat.core.leaf_stencils import STENCIL_BYTES_MAX, LeafReader, Stencil
from selat.core.leaves import parse_leaf
from selat.errors import MalformedError, SelatError, UnsupportedVersionError

OTHER = replace(
    OFFER,
    id=UUID(int=7),
    time_ms=OFFER.time_ms + 1,
    commit=b"\x07" * 32,
    blind=b"\x08" * 32,
)


def own(leaf: Leaf) -> dict[str, str]:
    return dict(LeafReader().read(leaf.encode()).own)


def test_stencil_writes_the_leaf_that_differs_in_its_own_attributes() -> None:
    stencil = Stencil(OFFER)
    values = own(OTHER)
    assert stencil.encode(**values) == OTHER.encode()


def test_stencil_keeps_what_looks_like_a_place_for_a_value() -> None:
    leaf = replace(RECEIPT, reason='%s 100 % "quoted"')
    stencil = Stencil(leaf)
    values = own(leaf)
    assert stencil.encode(**values) == leaf.encode()
    read = stencil.read(leaf.encode())
    assert read is not None
    assert read.leaf == leaf


@pytest.mark.parametrize(
    ("name", "text"), [("commit", "00" * 31), ("blind", ""), ("time_ms", "today")]
)
def test_stencil_writes_no_text_of_another_length(name: str, text: str) -> None:
    with pytest.raises(MalformedError, match="another length"):
        Stencil(OFFER).encode(**own(OTHER) | {name: text})


def test_stencil_asks_for_its_own_attributes_and_no_others() -> None:
    values = own(OTHER)
    with pytest.raises(TypeError, match="own attributes"):
        Stencil(OFFER).encode(**values | {"version": "2"})
    del values["blind"]
    for change in ({}, {"version": "2"}):
        with pytest.raises(TypeError, match="own attributes"):
            Stencil(OFFER).encode(**values | change)


def test_stencil_of_a_leaf_that_cannot_be_written_is_refused() -> None:
    with pytest.raises(MalformedError, match="UTF-8"):
        Stencil(replace(RECEIPT, reason="\ud800"))


def test_reader_reads_leaves_whatever_it_read_before() -> None:
    leaves = [OFFER, OTHER, RECEIPT, replace(OTHER, version=3), OTHER]
    reader = LeafReader()
    assert [reader.read(leaf.encode()).leaf for leaf in leaves] == leaves


def test_texts_read_from_one_leaf_are_written_into_another() -> None:
    reader = LeafReader()
    for leaf in (OFFER, OTHER):
        data, like, texts = reader.read(leaf.encode())
        assert data == leaf.encode()
        assert Stencil(like).encode(**texts) == data
        assert identifier_text(leaf.id.bytes) == texts["id"]
        assert moment_text(leaf.time_ms) == texts["time_ms"]
        assert moment_ms(texts["time_ms"]) == leaf.time_ms


def test_reader_reads_leaves_that_are_too_long_to_compare_with() -> None:
    leaf = replace(OFFER, category="x" * STENCIL_BYTES_MAX)
    reader = LeafReader()
    assert [reader.read(leaf.encode()).leaf for _ in range(2)] == [leaf] * 2


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"blind":"', b'"blind": "'),
        (OTHER.commit.hex().encode(), OTHER.commit.hex().upper().encode() + b"0"),
        (OTHER.commit.hex().encode(), b"0x" + OTHER.commit.hex()[2:].encode()),
        (str(OTHER.id).encode(), OTHER.id.hex.encode()),
        (b"2}", b"2}\n"),
        (b'"id"', b'"id\xff"'),
        (b"T", b" "),
        (b'"time":"20', b'"time":"2026-02-30T00:00:00.000Z","time":"20'),
        (b'"v":1', b'"v":2'),
        (b'"v":1', b'"v":1,"w":1'),
    ],
)
def test_reader_refuses_what_a_parser_refuses(old: bytes, new: bytes) -> None:
    data = OTHER.encode().replace(old, new, 1)
    assert data != OTHER.encode()
    with pytest.raises((MalformedError, UnsupportedVersionError)) as alone:
        parse_leaf(data)
    reader = LeafReader()
    reader.read(OFFER.encode())
    with pytest.raises(SelatError) as after:
        reader.read(data)
    assert (type(after.value), str(after.value)) == (
        type(alone.value),
        str(alone.value),
    )


@pytest.mark.parametrize("day", [b"2026-02-30", b"1969-12-31"])
def test_reader_refuses_a_day_that_no_leaf_has(day: bytes) -> None:
    data = OTHER.encode()
    start = data.index(b'"time":"') + len(b'"time":"')
    data = data[:start] + day + data[start + 10 :]
    reader = LeafReader()
    reader.read(OFFER.encode())
    with pytest.raises(MalformedError):
        reader.read(data)
