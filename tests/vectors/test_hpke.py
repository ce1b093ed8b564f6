# SPDX-License-Identifier: Apache-2.0
"""A second receiver of wrapped keys, from the specifications alone.

It is held against the published vector first; what it then unwraps is wrapped
as the specifications say.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from functools import cache
from hashlib import sha3_256, shake_256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import (
    X25519PrivateKey,
    X25519PublicKey,
)
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from selat.core.seal_keys import SealPrivateKey
from selat.core.sealing import unwrap_batch_key, wrap_batch_key

KEM_ID = 0x647A
HKDF_SHA256 = 0x0001
AES_256_GCM = 0x0002
CHACHA20_POLY1305 = 0x0003


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    info: bytes
    seed: bytes
    public: bytes
    encapsulation: bytes
    shared_secret: bytes
    key: bytes
    base_nonce: bytes


@cache
def vector() -> Vector:
    text = Path(__file__).with_name("hpke-mlkem768-x25519.json").read_text()
    values = json.loads(text)
    return Vector(
        info=bytes.fromhex(values["info"]),
        seed=bytes.fromhex(values["skRm"]),
        public=bytes.fromhex(values["pkRm"]),
        encapsulation=bytes.fromhex(values["enc"]),
        shared_secret=bytes.fromhex(values["shared_secret"]),
        key=bytes.fromhex(values["key"]),
        base_nonce=bytes.fromhex(values["base_nonce"]),
    )


def private_key(seed: bytes) -> bytes:
    """Expand an X-Wing seed (draft-connolly-cfrg-xwing-kem §5.2)."""
    return shake_256(seed).digest(96)


def decapsulate(private: bytes, encapsulation: bytes) -> bytes:
    """X-Wing (draft-connolly-cfrg-xwing-kem §5.3 and §5.5)."""
    x25519 = X25519PrivateKey.from_private_bytes(private[64:])
    mlkem_secret = MLKEM768PrivateKey.from_seed_bytes(private[:64]).decapsulate(
        encapsulation[:1088]
    )
    point = encapsulation[1088:]
    x25519_secret = x25519.exchange(X25519PublicKey.from_public_bytes(point))
    own = x25519.public_key().public_bytes_raw()
    label = b"\\./" + b"/^\\"
    return sha3_256(mlkem_secret + x25519_secret + point + own + label).digest()


def extract(salt: bytes, label: bytes, ikm: bytes, suite: bytes) -> bytes:
    """LabeledExtract (RFC 9180 §4)."""
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, "sha256")


def expand(secret: bytes, label: bytes, info: bytes, suite: bytes, size: int) -> bytes:
    """LabeledExpand (RFC 9180 §4), for one block of SHA-256."""
    labelled = size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return hmac.digest(secret, labelled + b"\x01", "sha256")[:size]


def schedule(shared_secret: bytes, info: bytes, aead_id: int) -> tuple[bytes, bytes]:
    """KeySchedule in mode base (RFC 9180 §5.1): key and base nonce."""
    suite = b"HPKE" + b"".join(
        number.to_bytes(2, "big") for number in (KEM_ID, HKDF_SHA256, aead_id)
    )
    context = (
        b"\x00"
        + extract(b"", b"psk_id_hash", b"", suite)
        + extract(b"", b"info_hash", info, suite)
    )
    secret = extract(shared_secret, b"secret", b"", suite)
    return (
        expand(secret, b"key", context, suite, 32),
        expand(secret, b"base_nonce", context, suite, 12),
    )


def test_private_seal_key_has_the_published_public_key() -> None:
    key = SealPrivateKey(private_key(vector().seed))
    assert key.public.to_bytes() == vector().public


def test_second_receiver_agrees_with_the_published_vector() -> None:
    private = private_key(vector().seed)
    shared = decapsulate(private, vector().encapsulation)
    assert shared == vector().shared_secret
    assert schedule(shared, vector().info, CHACHA20_POLY1305) == (
        vector().key,
        vector().base_nonce,
    )


def test_second_receiver_unwraps_our_batch_keys() -> None:
    private = private_key(vector().seed)
    wrapped = wrap_batch_key(
        batch_key=bytes(range(32)),
        recipient_key=SealPrivateKey(private).public,
        sender="police.xa.example",
        recipient="police.xb.example",
        sequence=258,
    )
    info = (
        b"selat/v1/batch"
        b"\x00\x11police.xa.example"
        b"\x00\x11police.xb.example"
        b"\x00\x00\x00\x00\x00\x00\x01\x02"
    )
    shared = decapsulate(private, wrapped[:1120])
    key, nonce = schedule(shared, info, AES_256_GCM)
    assert AESGCM(key).decrypt(nonce, wrapped[1120:], None) == bytes(range(32))


def test_batch_key_that_was_wrapped_once_unwraps_for_ever() -> None:
    text = Path(__file__).with_name("wrapped-batch-key.hex").read_text()
    assert unwrap_batch_key(
        bytes.fromhex(text),
        private_key=SealPrivateKey(private_key(vector().seed)),
        sender="police.xa.example",
        recipient="police.xb.example",
        sequence=258,
    ) == bytes(range(32))
