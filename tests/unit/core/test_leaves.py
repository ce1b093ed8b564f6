# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import rfc8785
from tests.fakes.leaves import (
    CARD,
    ERASE,
    EXPORT,
    HOLD,
    LEAVES,
    LEGAL_HOLD,
    OFFER,
    OPEN,
    PEER,
    PEER_CHECKPOINT,
    POLICY,
    RECEIPT,
    REVIEW,
    TIME,
    TIME_MS,
    WITHHOLD,
)

from selat.core.leaf_base import LEAF_BYTES_MAX, Leaf
from selat.core.leaves import KINDS, OfferLeaf, parse_leaf
from selat.errors import MalformedError, UnsupportedVersionError

each_kind = pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.kind)

ID = "01932e5c-5c00-7abc-8def-0123456789ab"


def members_of(leaf: Leaf) -> dict[str, Any]:
    members: dict[str, Any] = json.loads(leaf.encode())
    return members


def test_there_is_an_example_of_every_kind() -> None:
    assert sorted(leaf.kind for leaf in LEAVES) == sorted(KINDS)


@each_kind
def test_a_leaf_is_read_as_it_was_written(leaf: Leaf) -> None:
    assert parse_leaf(leaf.encode()) == leaf


@each_kind
def test_a_leaf_is_canonical_json(leaf: Leaf) -> None:
    assert leaf.encode() == rfc8785.dumps(members_of(leaf))


def test_an_offer_has_the_members_of_the_protocol() -> None:
    assert members_of(OFFER) == {
        "v": 1,
        "kind": "offer",
        "id": ID,
        "version": 2,
        "type": "person",
        "category": "terrorism",
        "marking": {"level": "restricted", "codes": ["H1", "H2"], "tlp": "amber"},
        "purposes": ["prevention"],
        "from": "police.xa.example",
        "to": "police.xb.example",
        "time": TIME,
        "policy": "ab" * 32,
        "decision": {"effect": "permit", "policies": ["release/listed"]},
        "commit": "0c" * 32,
        "blind": "0b" * 32,
    }


def test_a_receipt_has_the_members_of_the_protocol() -> None:
    assert members_of(RECEIPT) == {
        "v": 1,
        "kind": "receipt",
        "offer": "0f" * 32,
        "id": ID,
        "version": 2,
        "from": "police.xb.example",
        "to": "police.xa.example",
        "time": TIME,
        "outcome": "refused",
        "reason": "POLICY_DENIED",
        "policy": "ab" * 32,
        "decision": {"effect": "withhold", "policies": ["accept/declared"]},
        "blind": "0b" * 32,
    }


@pytest.mark.parametrize(
    ("leaf", "own"),
    [
        (
            PEER_CHECKPOINT,
            {
                "from": "police.xa.example",
                "peer": "police.xb.example",
                "origin": "police.xb.example/exchange/2026h2",
                "size": 512,
                "root": "0d" * 32,
                "sequence": 3,
            },
        ),
        (CARD, {"node": "police.xa.example", "sequence": 1, "digest": "0e" * 32}),
        (
            PEER,
            {
                "node": "police.xa.example",
                "peer": "police.xb.example",
                "action": "accepted",
                "card": "0e" * 32,
                "by": "administrator",
            },
        ),
        (
            POLICY,
            {
                "node": "police.xa.example",
                "digest": "cd" * 32,
                "previous": "",
                "departures": ["removed baseline/8-emergency.cedar"],
            },
        ),
        (
            ERASE,
            {
                "node": "police.xa.example",
                "id": ID,
                "version": 2,
                "offer": "0f" * 32,
                "reason": "RECALLED",
            },
        ),
        (
            EXPORT,
            {
                "node": "police.xa.example",
                "id": ID,
                "version": 2,
                "purpose": "investigation",
                "by": "officer",
                "policy": "cd" * 32,
                "decision": {"effect": "permit", "policies": ["rules/export"]},
            },
        ),
        (
            LEGAL_HOLD,
            {
                "node": "police.xa.example",
                "id": ID,
                "version": 2,
                "act": "set",
                "code": "COURT-ORDER",
                "by": "administrator",
            },
        ),
        (
            REVIEW,
            {
                "node": "police.xa.example",
                "peer": "police.xb.example",
                "id": ID,
                "version": 2,
                "answers": "0f" * 32,
                "act": "refuse",
                "reason": "REVIEW_REFUSED",
                "by": "reviewer",
                "policy": "ab" * 32,
            },
        ),
        (
            OPEN,
            {
                "node": "police.xa.example",
                "origin": "police.xa.example/exchange/2026h2",
                "previous": "",
            },
        ),
    ],
    ids=lambda value: value.kind if isinstance(value, Leaf) else "",
)
def test_other_kinds_have_the_members_of_the_protocol(
    leaf: Leaf, own: dict[str, object]
) -> None:
    common = {"v": 1, "kind": leaf.kind, "time": TIME, "blind": "0b" * 32}
    assert members_of(leaf) == common | own


def test_a_message_that_was_never_logged_can_be_erased() -> None:
    leaf = replace(ERASE, offer=b"")
    assert members_of(leaf)["offer"] == ""
    assert parse_leaf(leaf.encode()) == leaf


@pytest.mark.parametrize("code", ["", "court", "A B", "A" * 33, "Ä", "A\n"])
def test_a_legal_hold_names_a_short_code_and_no_free_text(code: str) -> None:
    with pytest.raises(MalformedError):
        replace(LEGAL_HOLD, code=code).encode()


@pytest.mark.parametrize("leaf", [WITHHOLD, HOLD], ids=lambda leaf: leaf.kind)
def test_a_message_that_does_not_leave_is_no_offer(leaf: Leaf) -> None:
    assert not isinstance(parse_leaf(leaf.encode()), OfferLeaf)


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (TIME_MS, TIME),
        (951_782_400_999, "2000-02-29T00:00:00.999Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_times_are_rfc_3339_in_milliseconds(ms: int, text: str) -> None:
    leaf = replace(OPEN, time_ms=ms)
    assert members_of(leaf)["time"] == text
    assert parse_leaf(leaf.encode()) == leaf


@pytest.mark.parametrize(
    ("leaf", "change"),
    [
        (OFFER, {"version": -1}),
        (OFFER, {"version": True}),
        (OFFER, {"version": 2**53}),
        (OFFER, {"time_ms": -1}),
        (OFFER, {"time_ms": 253_402_300_800_000}),
        (OFFER, {"policy": ""}),
        (OFFER, {"policy": "AB" * 32}),
        (OFFER, {"policy": "ab" * 31}),
        (OFFER, {"effect": "allow"}),
        (OFFER, {"commit": b""}),
        (OFFER, {"blind": bytes(33)}),
        (RECEIPT, {"outcome": "maybe"}),
        (RECEIPT, {"offer": bytes(31)}),
        (PEER, {"action": ""}),
        (POLICY, {"previous": "none"}),
        (PEER_CHECKPOINT, {"size": -1}),
    ],
    ids=lambda value: value.kind if isinstance(value, Leaf) else str(value)[:40],
)
def test_no_leaf_says_what_its_kind_does_not_know(
    leaf: OfferLeaf, change: dict[str, Any]
) -> None:
    with pytest.raises(MalformedError, match=f"has a wrong {next(iter(change))}"):
        replace(leaf, **change)


def test_a_policy_may_follow_another() -> None:
    leaf = replace(POLICY, previous="ef" * 32)
    assert parse_leaf(leaf.encode()) == leaf


def test_a_text_that_is_no_unicode_is_not_written() -> None:
    with pytest.raises(MalformedError, match="UTF-8"):
        replace(OPEN, node="\ud800").encode()


def test_a_leaf_is_as_long_as_an_entry_of_the_log_may_be() -> None:
    room = LEAF_BYTES_MAX - len(OPEN.encode())
    longest = replace(OPEN, previous="x" * room)
    assert parse_leaf(longest.encode()) == longest
    with pytest.raises(MalformedError, match="65535 bytes"):
        replace(OPEN, previous="x" * (room + 1)).encode()
    with pytest.raises(MalformedError, match="65535 bytes"):
        parse_leaf(b" " * (LEAF_BYTES_MAX + 1))


@pytest.mark.parametrize("version", [0, 2, -1, 2**64])
def test_another_version_is_not_guessed_at(version: int) -> None:
    data = rfc8785.dumps({"v": 1}).replace(b"1", str(version).encode())
    data = data[:-1] + b',"kind":"offer"}'
    with pytest.raises(UnsupportedVersionError):
        parse_leaf(data)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{", id="cut off"),
        pytest.param(b"\xff", id="not UTF-8"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"1", id="a number"),
        pytest.param(b'"offer"', id="a text"),
        pytest.param(b"null", id="null"),
        pytest.param(b"{}", id="no members"),
        pytest.param(b'{"v":1}', id="no kind"),
        pytest.param(b'{"kind":"offer"}', id="no version"),
        pytest.param(b'{"kind":"offer","v":true}', id="a version that is true"),
        pytest.param(b'{"kind":"offer","v":"1"}', id="a version that is a text"),
        pytest.param(b'{"kind":"offer","v":1.0}', id="a version that is a fraction"),
        pytest.param(b'{"kind":"offer","v":NaN}', id="a version that is no number"),
        pytest.param(b'{"kind":"","v":1}', id="no known kind"),
        pytest.param(b'{"kind":["offer"],"v":1}', id="a kind that is a list"),
        pytest.param(b'{"kind":"offer","v":1}', id="nothing but the kind"),
        pytest.param(b"[" * 60_000, id="deep"),
        pytest.param(b'{"v":' + b"1" * 5_000 + b"}", id="a huge number"),
        pytest.param(OFFER.encode() + b"\n", id="a newline after it"),
        pytest.param(OFFER.encode() + OFFER.encode(), id="two of them"),
        pytest.param(b"\xef\xbb\xbf" + OFFER.encode(), id="a byte order mark"),
        pytest.param(OFFER.encode().decode().encode("utf-16"), id="UTF-16"),
        pytest.param(
            json.dumps(members_of(OFFER), sort_keys=True).encode(), id="spaces"
        ),
        pytest.param(
            OFFER.encode().replace(b"person", b"\\u0070erson"), id="a needless escape"
        ),
        pytest.param(
            OFFER.encode().replace(b"person", b"\\u000a"), id="an escape too long"
        ),
        pytest.param(OFFER.encode().replace(b'"H1"', b'"\\u0009"'), id="one in a list"),
        pytest.param(
            OFFER.encode().replace(b"person", b"\\u001F"), id="one in capitals"
        ),
        pytest.param(
            OFFER.encode().replace(b"person", b"\\/"), id="an escaped solidus"
        ),
        pytest.param(
            OFFER.encode().replace(b"person", b"\x1f"), id="a raw control character"
        ),
        pytest.param(
            OFFER.encode().replace(b"person", b"\\ud800"), id="half a character"
        ),
        pytest.param(
            OFFER.encode().replace(b"person", b"\xed\xa0\x80"), id="a raw half of one"
        ),
        pytest.param(
            OFFER.encode().replace(b'"v":1', b'"v":1,"v":1'), id="a member twice"
        ),
        pytest.param(
            OFFER.encode().replace(b'"tlp":', b'"tlp":"red","tlp":'),
            id="an inner member twice",
        ),
        pytest.param(
            OFFER.encode().replace(b'"version":2', b'"version":2e0'), id="an exponent"
        ),
        pytest.param(
            OFFER.encode().replace(b'"version":2', b'"version":-0'), id="minus zero"
        ),
    ],
)
def test_nothing_else_is_a_leaf(data: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_leaf(data)


@each_kind
def test_members_are_neither_missing_nor_new(leaf: Leaf) -> None:
    members = members_of(leaf)
    for name in members:
        fewer = {key: value for key, value in members.items() if key != name}
        with pytest.raises(MalformedError):
            parse_leaf(rfc8785.dumps(fewer))
    with pytest.raises(MalformedError, match="canonical"):
        parse_leaf(rfc8785.dumps(members | {"zzz": 1}))


@pytest.mark.parametrize("group", ["marking", "decision"])
def test_members_of_groups_are_neither_missing_nor_new(group: str) -> None:
    members = members_of(OFFER)
    inner: dict[str, object] = members[group]
    for name in inner:
        fewer = {key: value for key, value in inner.items() if key != name}
        with pytest.raises(MalformedError):
            parse_leaf(rfc8785.dumps(members | {group: fewer}))
    with pytest.raises(MalformedError):
        parse_leaf(rfc8785.dumps(members | {group: inner | {"zzz": 1}}))


TEXT_MEMBERS = {
    "type",
    "category",
    "from",
    "to",
    "origin",
    "peer",
    "node",
    "by",
    "reporter",
    "reason",
    "next",
}


@each_kind
@pytest.mark.parametrize("wrong", [None, True, 1.5, {}, [1], -1], ids=repr)
def test_members_have_their_type(leaf: Leaf, wrong: object) -> None:
    members = members_of(leaf)
    for name in members.keys() - {"v"}:
        with pytest.raises(MalformedError):
            parse_leaf(rfc8785.dumps(members | {name: wrong}))


@each_kind
def test_members_that_are_no_free_text_take_none(leaf: Leaf) -> None:
    members = members_of(leaf)
    free = TEXT_MEMBERS | ({"previous"} if leaf.kind == "open" else set())
    for name in members.keys() - free - {"v"}:
        with pytest.raises(MalformedError):
            parse_leaf(rfc8785.dumps(members | {name: "?"}))


@pytest.mark.parametrize(
    ("member", "value"),
    [
        pytest.param("id", ID.upper(), id="an identifier in capitals"),
        pytest.param("id", ID.replace("-", ""), id="an identifier without hyphens"),
        pytest.param("id", f"urn:uuid:{ID}", id="an identifier as URN"),
        pytest.param("id", f"{{{ID}}}", id="an identifier in braces"),
        pytest.param("id", ID[:-1], id="a short identifier"),
        pytest.param("blind", "0B" * 32, id="capital hexadecimal"),
        pytest.param("blind", "0b " * 32, id="hexadecimal with spaces"),
        pytest.param("blind", "0b" * 31, id="short hexadecimal"),
        pytest.param("blind", "0g" * 32, id="no hexadecimal"),
        pytest.param("policy", "0B" * 32, id="a policy in capitals"),
        pytest.param("time", "2026-11-23T18:00:00Z", id="no milliseconds"),
        pytest.param("time", "2026-11-23T18:00:00.007000Z", id="microseconds"),
        pytest.param("time", "2026-11-23T18:00:00.007", id="no zone"),
        pytest.param("time", "2026-11-23T18:00:00.007+00:00", id="an offset"),
        pytest.param("time", "2026-11-23T19:00:00.007+01:00", id="another zone"),
        pytest.param("time", "2026-11-23 18:00:00.007Z", id="a space"),
        pytest.param("time", "20261123T180000.007Z", id="the basic format"),
        pytest.param("time", "2026-W48-1T18:00:00.007Z", id="a week"),
        pytest.param("time", "2026-11-23T24:00:00.000Z", id="hour 24"),
        pytest.param("time", "2026-11-23T18:00:60.000Z", id="second 60"),
        pytest.param("time", "2026-02-29T18:00:00.000Z", id="no such day"),
        pytest.param("time", "1969-12-31T23:59:59.999Z", id="before the epoch"),
        pytest.param("time", "0001-01-01T00:00:00.000+23:59", id="before year one"),
        pytest.param("time", 1_795_456_800_007, id="a number"),
        pytest.param("version", 2**53, id="a number that is not exact"),
        pytest.param("purposes", "prevention", id="a text for a list"),
        pytest.param("purposes", [["prevention"]], id="a list in a list"),
        pytest.param("marking", "HLT", id="a text for an object"),
        pytest.param("marking", ["level"], id="a list for an object"),
    ],
)
def test_values_have_one_form(member: str, value: object) -> None:
    members = members_of(OFFER) | {member: value}
    with pytest.raises(MalformedError):
        parse_leaf(json.dumps(members, sort_keys=True, separators=(",", ":")).encode())
