# SPDX-License-Identifier: Apache-2.0
"""The kinds of keys that a node has: one job each, and what they are made of.

A secret is the shortest form of a key: the seed, scalar or key itself.
"""

from __future__ import annotations

import hmac
from enum import StrEnum
from hashlib import sha256
from typing import Final, NewType

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from selat.core.at_rest import KEY_BYTES
from selat.core.seal_keys import SEAL_PRIVATE_BYTES, SealPrivateKey
from selat.identity.p256 import SCALAR_BYTES, Entropy, draw_scalar, private_key

#: Name of one key: 16 hexadecimal digits that follow from the key.
KeyId = NewType("KeyId", str)

#: Digits of a key id.
KEY_ID_DIGITS: Final = 16

_KEY_ID_DOMAIN: Final = b"selat/v1/key-id\x00"
# Ed25519 private key (RFC 8032 §5.1.5) and ML-DSA seed (FIPS 204 §5.1), bytes.
_SEED_BYTES: Final = 32


class KeyKind(StrEnum):
    """What a key is for, and its algorithm where there are two."""

    ROOT_ED25519 = "root-ed25519"
    ROOT_MLDSA44 = "root-mldsa44"
    LOG_ED25519 = "log-ed25519"
    LOG_MLDSA44 = "log-mldsa44"
    WITNESS_ED25519 = "witness-ed25519"
    WITNESS_MLDSA44 = "witness-mldsa44"
    SEAL = "seal"
    TLS = "tls"
    DESK = "desk"
    STORE = "store"


_ED25519: Final = (KeyKind.ROOT_ED25519, KeyKind.LOG_ED25519, KeyKind.WITNESS_ED25519)
_MLDSA44: Final = (KeyKind.ROOT_MLDSA44, KeyKind.LOG_MLDSA44, KeyKind.WITNESS_MLDSA44)
_P256: Final = (KeyKind.TLS, KeyKind.DESK)


def secret_bytes(kind: KeyKind) -> int:
    """Return the length of a kind's secret, in bytes."""
    match kind:
        case KeyKind.SEAL:
            return SEAL_PRIVATE_BYTES
        case KeyKind.TLS | KeyKind.DESK:
            return SCALAR_BYTES
        case KeyKind.STORE:
            return KEY_BYTES
        case _:
            return _SEED_BYTES


def draw_secret(kind: KeyKind, entropy: Entropy) -> bytes:
    """Return the secret of a new key."""
    if kind in _P256:
        return draw_scalar(entropy)
    return entropy(secret_bytes(kind))


def public_bytes(kind: KeyKind, secret: bytes) -> bytes:
    """Return the public key of a secret, raw; what stands for it if it has none."""
    if kind in _ED25519:
        return (
            Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
        )
    if kind in _MLDSA44:
        return MLDSA44PrivateKey.from_seed_bytes(secret).public_key().public_bytes_raw()
    if kind in _P256:
        public = private_key(secret).public_key()
        return public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    if kind is KeyKind.SEAL:
        return SealPrivateKey(secret).public.to_bytes()
    return hmac.digest(secret, _KEY_ID_DOMAIN, "sha256")


def key_id(kind: KeyKind, public: bytes) -> KeyId:
    r"""Return the name of a key.

    The first 64 bits of SHA-256 of ``"selat/v1/key-id\0" ‖ kind ‖ "\0" ‖
    public key``, so that no two keys are taken for one, even after an old
    backup of the key store was restored.
    """
    digest = sha256(_KEY_ID_DOMAIN + kind.encode() + b"\x00" + public)
    return KeyId(digest.hexdigest()[:KEY_ID_DIGITS])
