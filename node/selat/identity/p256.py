# SPDX-License-Identifier: Apache-2.0
"""ECDSA keys on P-256, which TLS knows, from given entropy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    derive_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

#: Gives so many random bytes, for example ``os.urandom``.
Entropy = Callable[[int], bytes]

#: Private scalar, in bytes.
SCALAR_BYTES: Final = 32

# Order of the base point (FIPS 186-5; SP 800-186 §3.2.1.3).
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
# 64 bits more than the order has make the bias of the remainder negligible.
_DRAWN_BYTES: Final = SCALAR_BYTES + 8


def draw_scalar(entropy: Entropy) -> bytes:
    """Return a new private scalar, 32 bytes (FIPS 186-5, A.2.1)."""
    drawn = int.from_bytes(entropy(_DRAWN_BYTES), "big")
    return (drawn % (_ORDER - 1) + 1).to_bytes(SCALAR_BYTES, "big")


def private_key(scalar: bytes) -> EllipticCurvePrivateKey:
    """Return the key of a private scalar."""
    return derive_private_key(int.from_bytes(scalar, "big"), SECP256R1())


def private_key_pem(key: EllipticCurvePrivateKey) -> bytes:
    """Return a private key as unencrypted PKCS #8, PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
