# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.identities import MIDYEAR

from selat.core.cards import CARD_BYTES_MAX
from selat.errors import MalformedError, TooLargeError, UnsupportedVersionError
from selat.identity.card_contents import Card
from selat.identity.card_wire import decode_card, encode_card
from selat.identity.contact_points import ContactFunction, ContactPoint
from selat.v1 import card_pb2

CONTACTS = tuple(
    ContactPoint(
        function=function, phone="+99912345678", languages=("en",), hours="24/7"
    )
    for function in ContactFunction
)


@pytest.fixture(scope="module")
def full(card: Card) -> Card:
    """Give a card that has something in every field."""
    return replace(
        card,
        sequence=2,
        previous_digest=bytes(32),
        issued_at=MIDYEAR.replace(microsecond=123_456),
        contact_points=CONTACTS,
        categories=("terrorism", "piracy"),
    )


def changed(card: Card, change: Callable[[card_pb2.Card], object]) -> bytes:
    message = card_pb2.Card.FromString(encode_card(card))
    change(message)
    return message.SerializeToString()


def test_card_is_read_back(full: Card) -> None:
    assert decode_card(encode_card(full)) == full


def test_every_function_of_the_protocol_is_known() -> None:
    names = {f"CONTACT_FUNCTION_{function.name}" for function in ContactFunction}
    assert names | {"CONTACT_FUNCTION_UNSPECIFIED"} == set(
        card_pb2.ContactFunction.keys()
    )


@pytest.mark.parametrize("version", [0, 2, 2**32 - 1])
def test_other_version_is_refused(full: Card, version: int) -> None:
    def change(message: card_pb2.Card) -> None:
        message.schema_version = version

    with pytest.raises(UnsupportedVersionError, match="version"):
        decode_card(changed(full, change))


def test_what_this_version_does_not_know_is_passed_over(full: Card) -> None:
    def change(message: card_pb2.Card) -> None:
        # Kinds that a later version may bring, as numbers beyond ours.
        message.keys.add().MergeFromString(b"\x08\x63\x10\x01")
        message.keys.add().MergeFromString(b"\x08\x01\x10\x63")
        message.contact_points.add().MergeFromString(b"\x08\x63")
        message.MergeFromString(b"\xf8\x3e\x01")

    assert decode_card(changed(full, change)) == full


def test_kinds_that_are_not_stated_are_passed_over(full: Card) -> None:
    def change(message: card_pb2.Card) -> None:
        message.keys.add()
        message.contact_points.add()

    assert decode_card(changed(full, change)) == full


def hostile() -> dict[str, Callable[[card_pb2.Card], object]]:
    return {
        "no name": lambda card: card.ClearField("name"),
        "no root": lambda card: card.ClearField("root"),
        "half a root": lambda card: card.root.ClearField("mldsa44"),
        "no keys": lambda card: card.ClearField("keys"),
        "no beginning": lambda card: card.ClearField("issued_at"),
        "no end": lambda card: card.ClearField("valid_until"),
        "year 10000": lambda card: setattr(card.valid_until, "seconds", 253402300800),
        "year 0": lambda card: setattr(card.issued_at, "seconds", -62135596801),
        "endless time": lambda card: setattr(card.valid_until, "seconds", 2**63 - 1),
        "negative nanoseconds": lambda card: setattr(card.valid_until, "nanos", -1),
        "too many nanoseconds": lambda card: setattr(card.valid_until, "nanos", 10**9),
        "sequence 0": lambda card: setattr(card, "sequence", 0),
        "greatest sequence": lambda card: setattr(card, "sequence", 2**64 - 1),
        "many keys": lambda card: [card.keys.add() for _ in range(33)],
        "many contacts": lambda card: [card.contact_points.add() for _ in range(61)],
        "key without time": lambda card: card.keys[0].ClearField("not_before"),
        "empty key": lambda card: card.keys[0].ClearField("public"),
        "key as certificate": lambda card: setattr(card.keys[5], "public", b"x"),
        "contact without phone": lambda card: card.contact_points[0].ClearField(
            "phone"
        ),
    }


@pytest.mark.parametrize("kind", hostile())
def test_card_that_breaks_a_rule_is_refused(full: Card, kind: str) -> None:
    with pytest.raises(MalformedError) as caught:
        decode_card(changed(full, hostile()[kind]))
    assert caught.value.remedy


@pytest.mark.parametrize("data", [b"\xff", b"\x0a\xff", b"\x12\x02\xff\xfe"])
def test_what_is_no_protobuf_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError, match="no protobuf message"):
        decode_card(data)


def test_empty_card_has_no_version() -> None:
    with pytest.raises(UnsupportedVersionError):
        decode_card(b"")


def test_too_large_card_is_refused_unread() -> None:
    with pytest.raises(TooLargeError):
        decode_card(b"\xff" * (CARD_BYTES_MAX + 1))


@given(data=st.data())
def test_changed_card_is_read_or_refused(full: Card, data: st.DataObject) -> None:
    payload = bytearray(encode_card(full))
    position = data.draw(st.integers(min_value=0, max_value=len(payload) - 1))
    payload[position] = data.draw(st.integers(min_value=0, max_value=255))
    # Anything but a refusal of ours is a way to stop a node.
    with suppress(MalformedError, TooLargeError, UnsupportedVersionError):
        decode_card(bytes(payload))


@given(st.binary(max_size=500))
def test_any_bytes_are_refused(payload: bytes) -> None:
    with pytest.raises((MalformedError, UnsupportedVersionError)):
        decode_card(payload)
