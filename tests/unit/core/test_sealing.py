# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from functools import cache
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from selat.core.payloads import pack
from selat.core.seal_keys import SealPrivateKey
from selat.core.sealing import (
    BATCH_BYTES_MAX,
    BATCH_MESSAGES_MAX,
    SEAL_OVERHEAD_BYTES,
    WRAPPED_KEY_BYTES,
    BatchOpener,
    BatchSealer,
    commitment,
    unwrap_batch_key,
    wrap_batch_key,
)
from selat.errors import DecryptionError, InvalidInputError

SENDER = "police.xa.example"
RECIPIENT = "police.xb.example"
KEY = bytes(range(32))
SALT = bytes(range(32, 64))
LEAF = b'{"kind":"offer"}'


@cache
def recipient_key() -> SealPrivateKey:
    return SealPrivateKey(bytes(range(96)))


def wrapped() -> bytes:
    return wrap_batch_key(
        batch_key=KEY,
        recipient_key=recipient_key().public,
        sender=SENDER,
        recipient=RECIPIENT,
        sequence=7,
    )


def unwrap(
    data: bytes,
    *,
    key: SealPrivateKey | None = None,
    sender: str = SENDER,
    recipient: str = RECIPIENT,
    sequence: int = 7,
) -> bytes:
    return unwrap_batch_key(
        data,
        private_key=key or recipient_key(),
        sender=sender,
        recipient=recipient,
        sequence=sequence,
    )


def sealed(position: int = 0) -> bytes:
    return BatchSealer(KEY).seal(
        position,
        leaf=LEAF,
        message=pack(salt=SALT, header=b"header", body=b"body"),
    )


def test_wrapped_key_unwraps_for_its_recipient() -> None:
    data = wrapped()
    assert len(data) == WRAPPED_KEY_BYTES
    assert unwrap(data) == KEY


def test_each_wrap_of_one_key_is_another() -> None:
    assert wrapped() != wrapped()


def test_wrapped_key_does_not_unwrap_with_another_key() -> None:
    with pytest.raises(DecryptionError, match="batch 7 does not unwrap"):
        unwrap(wrapped(), key=SealPrivateKey(bytes(96)))


@pytest.mark.parametrize(
    ("sender", "recipient", "sequence"),
    [
        ("police.xc.example", RECIPIENT, 7),
        (SENDER, "police.xc.example", 7),
        (RECIPIENT, SENDER, 7),
        (SENDER, RECIPIENT, 8),
        # The same letters, divided otherwise.
        (SENDER + RECIPIENT, "", 7),
        (SENDER + RECIPIENT[0], RECIPIENT[1:], 7),
    ],
)
def test_wrapped_key_is_bound_to_its_batch(
    sender: str, recipient: str, sequence: int
) -> None:
    with pytest.raises(DecryptionError):
        unwrap(wrapped(), sender=sender, recipient=recipient, sequence=sequence)


@pytest.mark.parametrize("size", [0, 1120, WRAPPED_KEY_BYTES - 1])
def test_shortened_wrapped_key_is_refused(size: int) -> None:
    with pytest.raises(DecryptionError):
        unwrap(wrapped()[:size])


def test_lengthened_wrapped_key_is_refused() -> None:
    with pytest.raises(DecryptionError):
        unwrap(wrapped() + b"\x00")


@pytest.mark.parametrize("index", [0, 1087, 1088, 1119, 1120, WRAPPED_KEY_BYTES - 1])
def test_changed_wrapped_key_is_refused(index: int) -> None:
    data = bytearray(wrapped())
    data[index] ^= 1
    with pytest.raises(DecryptionError):
        unwrap(bytes(data))


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_batch_key_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(InvalidInputError, match="32 bytes"):
        BatchSealer(bytes(size))
    with pytest.raises(InvalidInputError, match="32 bytes"):
        BatchOpener(bytes(size))
    with pytest.raises(InvalidInputError, match="32 bytes"):
        wrap_batch_key(
            batch_key=bytes(size),
            recipient_key=recipient_key().public,
            sender=SENDER,
            recipient=RECIPIENT,
            sequence=1,
        )


def test_commitment_is_the_documented_hash() -> None:
    preimage = b"selat/v1/commitment\x00" + SALT + b"\x00\x00\x00\x06headerbody"
    expected = sha256(preimage).digest()
    assert commitment(pack(salt=SALT, header=b"header", body=b"body")) == expected


def test_commitment_knows_where_the_header_ends() -> None:
    first = commitment(pack(salt=SALT, header=b"header", body=b"body"))
    assert first != commitment(pack(salt=SALT, header=b"heade", body=b"rbody"))


def test_sealed_message_has_the_documented_form() -> None:
    plaintext = AESGCM(KEY).decrypt(b"\x00" * 11 + b"\x05", sealed(5), LEAF)
    assert plaintext == SALT + b"\x00\x00\x00\x06headerbody"


def test_sealed_message_opens_at_its_position_with_its_leaf() -> None:
    data = sealed(5)
    assert len(data) == len(b"headerbody") + SEAL_OVERHEAD_BYTES
    opened = BatchOpener(KEY).open(5, leaf=LEAF, ciphertext=data)
    assert (opened.salt, opened.header, opened.body) == (SALT, b"header", b"body")


def test_opened_message_does_not_show_its_contents() -> None:
    opened = BatchOpener(KEY).open(0, leaf=LEAF, ciphertext=sealed())
    assert repr(opened) == "Packed(header: 6 B, body: 4 B)"


@pytest.mark.parametrize("position", [1, 255, 256, -1])
def test_sealed_message_does_not_open_elsewhere(position: int) -> None:
    with pytest.raises(DecryptionError, match=f"Message {position} "):
        BatchOpener(KEY).open(position, leaf=LEAF, ciphertext=sealed())


def test_sealed_message_does_not_open_with_another_leaf() -> None:
    with pytest.raises(DecryptionError):
        BatchOpener(KEY).open(0, leaf=LEAF + b" ", ciphertext=sealed())


def test_sealed_message_does_not_open_under_another_key() -> None:
    with pytest.raises(DecryptionError):
        BatchOpener(bytes(32)).open(0, leaf=LEAF, ciphertext=sealed())


@pytest.mark.parametrize(
    "size", [0, SEAL_OVERHEAD_BYTES - 1, BATCH_BYTES_MAX + SEAL_OVERHEAD_BYTES + 1]
)
def test_sealed_message_of_impossible_size_is_refused(size: int) -> None:
    with pytest.raises(DecryptionError):
        BatchOpener(KEY).open(0, leaf=LEAF, ciphertext=bytes(size))


def test_header_longer_than_the_message_is_refused() -> None:
    plaintext = SALT + b"\x00\x00\x00\x05body"
    data = AESGCM(KEY).encrypt(bytes(12), plaintext, LEAF)
    with pytest.raises(DecryptionError):
        BatchOpener(KEY).open(0, leaf=LEAF, ciphertext=data)


def test_no_position_is_sealed_twice() -> None:
    sealer = BatchSealer(KEY)
    empty = pack(salt=SALT, header=b"", body=b"")
    sealer.seal(3, leaf=LEAF, message=empty)
    for position in (3, 2, -1, BATCH_MESSAGES_MAX):
        with pytest.raises(InvalidInputError, match=f"Position {position} "):
            sealer.seal(position, leaf=LEAF, message=empty)
    assert sealer.seal(255, leaf=LEAF, message=empty)
