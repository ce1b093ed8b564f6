# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import fields, replace
from typing import Final, get_type_hints

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.leaves import OFFER, RECEIPT

from selat.core.leaf_base import Leaf
from selat.core.leaf_json import (
    NUMBER_MAX,
    TIME_MS_MAX,
    Digest,
    DigestOrNone,
    HexDigest,
    HexDigestOrNone,
    Identifier,
    Moment,
    Number,
    Text,
    Texts,
)
from selat.core.leaf_stencils import LeafReader
from selat.core.leaves import (
    KINDS,
    Act,
    Action,
    Effect,
    LegalHoldAct,
    LegalHoldCode,
    Outcome,
    PurposeName,
    parse_leaf,
)
from selat.errors import MalformedError, UnsupportedVersionError

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
digests = st.binary(min_size=32, max_size=32)
hex_digests = digests.map(bytes.hex)

VALUES: Final[dict[object, st.SearchStrategy[object]]] = {
    Act: st.sampled_from(["approve", "refuse"]),
    Action: st.sampled_from(["accepted", "updated", "removed"]),
    Digest: digests,
    DigestOrNone: digests | st.just(b""),
    Effect: st.sampled_from(["permit", "hold", "withhold"]),
    HexDigest: hex_digests,
    LegalHoldAct: st.sampled_from(["set", "release"]),
    LegalHoldCode: st.from_regex("[A-Z0-9_-]{1,32}", fullmatch=True),
    HexDigestOrNone: hex_digests | st.just(""),
    Identifier: st.uuids(),
    Moment: st.integers(min_value=0, max_value=TIME_MS_MAX),
    Number: st.integers(min_value=0, max_value=NUMBER_MAX),
    Outcome: st.sampled_from(["accepted", "refused", "quarantined"]),
    PurposeName: st.from_regex("[a-z_]{1,32}", fullmatch=True),
    Text: texts,
    Texts: st.lists(texts, max_size=4).map(tuple),
}


def of_kind(cls: type[Leaf]) -> st.SearchStrategy[Leaf]:
    """Leaves of one kind, with any value that each attribute may have."""
    hints = get_type_hints(cls, include_extras=True)
    return st.builds(cls, **{f.name: VALUES[hints[f.name]] for f in fields(cls)})


leaves = st.one_of([of_kind(cls) for cls in KINDS.values()])


@given(leaf=leaves)
def test_leaves_are_read_as_they_were_written(leaf: Leaf) -> None:
    assert parse_leaf(leaf.encode()) == leaf


@given(leaf=leaves)
def test_leaves_are_canonical_json(leaf: Leaf) -> None:
    data = leaf.encode()
    assert rfc8785.dumps(json.loads(data)) == data


@given(text=texts)
def test_any_text_stands_in_a_leaf_as_rfc_8785_writes_it(text: str) -> None:
    assert rfc8785.dumps(text) in replace(OFFER, category=text).encode()


@given(leaf=leaves, data=st.data())
def test_changed_bytes_are_another_leaf_or_none(
    leaf: Leaf, data: st.DataObject
) -> None:
    encoded = bytearray(leaf.encode())
    position = data.draw(st.integers(min_value=0, max_value=len(encoded) - 1))
    encoded[position] ^= data.draw(st.integers(min_value=1, max_value=255))
    with suppress(MalformedError, UnsupportedVersionError):
        other = parse_leaf(bytes(encoded))
        assert other != leaf
        assert other.encode() == encoded


@given(leaf=leaves, spaces=st.integers(min_value=1, max_value=3))
def test_the_same_leaf_in_other_spelling_is_refused(leaf: Leaf, spaces: int) -> None:
    members = json.loads(leaf.encode())
    spelled = (
        json.dumps(members, indent=spaces),
        json.dumps(dict(sorted(members.items(), reverse=True)), separators=(",", ":")),
        leaf.encode().decode().replace('"v":1', '"\\u0076":1'),
    )
    for text in spelled:
        with pytest.raises(MalformedError):
            parse_leaf(text.encode())


@given(data=st.binary(max_size=200))
def test_bytes_at_random_are_refused(data: bytes) -> None:
    with pytest.raises((MalformedError, UnsupportedVersionError)):
        parse_leaf(data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(name=st.sampled_from(sorted(json.loads(RECEIPT.encode()))), value=json_values)
def test_any_value_in_a_member_is_taken_or_refused(name: str, value: object) -> None:
    members = json.loads(RECEIPT.encode()) | {name: value}
    text = json.dumps(members, sort_keys=True, separators=(",", ":"))
    data = text.encode("utf-8", "surrogatepass")
    with suppress(MalformedError, UnsupportedVersionError):
        assert parse_leaf(data).encode() == data


@given(position=st.integers(0, 800), octet=st.integers(0, 255), size=st.integers(0, 2))
def test_leaf_is_read_alike_whatever_was_read_before(
    position: int, octet: int, size: int
) -> None:
    whole = OFFER.encode()
    data = whole[:position] + bytes([octet] * size) + whole[position + 1 :]
    reader = LeafReader()
    reader.read(whole)
    try:
        leaf = parse_leaf(data)
    except (MalformedError, UnsupportedVersionError) as error:
        with pytest.raises(type(error)):
            reader.read(data)
    else:
        assert reader.read(data).leaf == leaf
