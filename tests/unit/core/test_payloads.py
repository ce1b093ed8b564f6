# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hmac

import pytest

from selat.core.payloads import offer_salt, pack, unpack
from selat.errors import MalformedError

SALT = bytes(range(32))
MESSAGE = pack(salt=SALT, header=b"header", body=b"the body")


@pytest.mark.parametrize(
    ("header", "body"),
    [(b"", b""), (b"header", b""), (b"", b"body"), (b"h" * 70_000, b"\x00" * 300)],
)
def test_what_was_packed_is_unpacked(header: bytes, body: bytes) -> None:
    message = pack(salt=SALT, header=header, body=body)
    assert unpack(message.data) == message


def test_a_payload_has_the_layout_that_is_documented() -> None:
    assert MESSAGE.data == SALT + b"\x00\x00\x00\x06" + b"header" + b"the body"


@pytest.mark.parametrize("size", [0, 31, 32, 35, 41])
def test_a_payload_that_was_cut_off_is_refused(size: int) -> None:
    with pytest.raises(MalformedError, match="shorter"):
        unpack(MESSAGE.data[:size])


@pytest.mark.parametrize("salt", [b"", SALT[:-1], SALT + b"\x00"])
def test_a_salt_of_another_length_is_refused(salt: bytes) -> None:
    with pytest.raises(MalformedError, match="32 bytes"):
        pack(salt=salt, header=b"", body=b"")
    with pytest.raises(MalformedError, match="32 bytes"):
        MESSAGE.salted(salt)


def test_message_with_another_salt_is_the_same_message() -> None:
    other = MESSAGE.salted(SALT[::-1])
    assert other == pack(salt=SALT[::-1], header=b"header", body=b"the body")
    assert (MESSAGE.salt, other.salt) == (SALT, SALT[::-1])


def test_a_packed_message_shows_sizes_only() -> None:
    assert repr(MESSAGE) == "Packed(header: 6 B, body: 8 B)"


def test_an_offer_salt_is_the_hmac_that_is_documented() -> None:
    blind = bytes(32)
    message = b"selat/v1/offer-salt\x00" + blind + b"police.bb.example"
    expected = hmac.digest(SALT, message, "sha256")
    assert offer_salt(SALT, recipient="police.bb.example", blind=blind) == expected


def test_every_offer_has_a_salt_of_its_own() -> None:
    seeds = (SALT, SALT[::-1])
    recipients = ("police.aa.example", "police.bb.example")
    blinds = (bytes(32), b"\x01" + bytes(31))
    salts = {
        offer_salt(seed, recipient=recipient, blind=blind)
        for seed in seeds
        for recipient in recipients
        for blind in blinds
    }
    assert len(salts) == 8
