# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hmac
from hashlib import blake2b

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from selat.core.at_rest import (
    SELECTOR_INDEX_BYTES,
    WRAPPED_KEY_BYTES,
    ProtectedPayload,
    StoreCipher,
)
from selat.errors import InvalidInputError, StoreCorruptError

STORE_KEY = bytes(range(32))
DATA_KEY = bytes(range(32, 64))
NONCE = bytes(range(12))
MESSAGE_ID = bytes(range(16))
NODE = "police.xa.example"


def protect(payload: bytes = b"payload") -> ProtectedPayload:
    return StoreCipher(STORE_KEY).protect(
        payload,
        originator=NODE,
        message_id=MESSAGE_ID,
        version=2,
        data_key=DATA_KEY,
        nonce=NONCE,
    )


def reveal(
    protected: ProtectedPayload,
    *,
    store_key: bytes = STORE_KEY,
    originator: str = NODE,
    message_id: bytes = MESSAGE_ID,
    version: int = 2,
) -> bytes:
    return StoreCipher(store_key).reveal(
        protected, originator=originator, message_id=message_id, version=version
    )


def derived(label: bytes) -> bytes:
    """HKDF-SHA256 (RFC 5869) without salt, for one block."""
    secret = hmac.digest(bytes(32), STORE_KEY, "sha256")
    return hmac.digest(secret, label + b"\x01", "sha256")


@pytest.mark.parametrize("payload", [b"", b"payload", bytes(100_000)])
def test_payload_is_revealed_as_it_was_protected(payload: bytes) -> None:
    protected = protect(payload)
    assert len(protected.wrapped_key) == WRAPPED_KEY_BYTES
    assert reveal(protected) == payload


def test_protected_payload_has_the_documented_form() -> None:
    protected = protect()
    context = b"selat/v1/at-rest" + MESSAGE_ID + b"\x00\x00\x00\x02" + NODE.encode()
    assert protected.wrapped_key[:13] == b"\x01" + NONCE
    wrap = AESGCM(derived(b"selat/v1/store/wrap"))
    assert wrap.decrypt(NONCE, protected.wrapped_key[13:], context) == DATA_KEY
    plain = AESGCM(DATA_KEY).decrypt(bytes(12), protected.ciphertext, context)
    assert plain == b"payload"


@pytest.mark.parametrize(
    "other",
    [
        {"store_key": bytes(32)},
        {"originator": "police.xb.example"},
        {"message_id": bytes(16)},
        {"version": 3},
    ],
)
def test_payload_is_revealed_only_in_its_own_place(other: dict[str, object]) -> None:
    with pytest.raises(StoreCorruptError, match="does not decrypt") as caught:
        reveal(protect(), **other)  # type: ignore[arg-type]  # a table of keywords
    assert "backup" in str(caught.value)


@pytest.mark.parametrize("index", [0, 1, 12, 13, WRAPPED_KEY_BYTES - 1])
def test_changed_wrapped_key_is_refused(index: int) -> None:
    protected = protect()
    data = bytearray(protected.wrapped_key)
    data[index] ^= 1
    with pytest.raises(StoreCorruptError):
        reveal(protected._replace(wrapped_key=bytes(data)))


@pytest.mark.parametrize("data", [b"", b"\x01" * 60, b"\x01" * 62])
def test_wrapped_key_of_another_length_is_refused(data: bytes) -> None:
    with pytest.raises(StoreCorruptError):
        reveal(protect()._replace(wrapped_key=data))


@pytest.mark.parametrize("data", [b"", bytes(16), bytes(23)])
def test_changed_ciphertext_is_refused(data: bytes) -> None:
    with pytest.raises(StoreCorruptError):
        reveal(protect()._replace(ciphertext=data))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("data_key", bytes(16)),
        ("nonce", bytes(11)),
        ("message_id", bytes(15)),
    ],
)
def test_argument_of_another_length_is_refused(name: str, value: bytes) -> None:
    arguments = {"data_key": DATA_KEY, "nonce": NONCE, "message_id": MESSAGE_ID}
    arguments[name] = value
    with pytest.raises(InvalidInputError, match=f"this one {len(value)}"):
        StoreCipher(STORE_KEY).protect(b"", originator=NODE, version=1, **arguments)


def test_store_key_of_another_length_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="store key has 32 bytes"):
        StoreCipher(bytes(31))


def test_selector_index_is_keyed_blake2b_of_128_bits() -> None:
    cipher, key = StoreCipher(STORE_KEY), derived(b"selat/v1/store/index")
    for selector in (b"document\x00AB123", b"phone\x00+999170000000"):
        expected = blake2b(selector, key=key, digest_size=SELECTOR_INDEX_BYTES)
        assert cipher.selector_index(selector) == expected.digest()
    other = StoreCipher(bytes(32))
    assert other.selector_index(b"x") != cipher.selector_index(b"x")


def test_cipher_does_not_show_its_keys() -> None:
    assert repr(StoreCipher(STORE_KEY)) == "StoreCipher(…)"
