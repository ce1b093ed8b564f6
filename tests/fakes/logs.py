# SPDX-License-Identifier: Apache-2.0
"""Keys of a made-up log, the same in every run."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from selat.core.cosignatures import CosignatureSigner
from selat.core.notes import Ed25519Signer, Mldsa44Signer

ORIGIN = "police.xa.example/exchange/2030h1"


def ed25519_signer(name: str = ORIGIN, *, seed: int = 1) -> Ed25519Signer:
    key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    return Ed25519Signer(name, key)


def mldsa44_signer(name: str = ORIGIN, *, seed: int = 1) -> Mldsa44Signer:
    return Mldsa44Signer(name, MLDSA44PrivateKey.from_seed_bytes(bytes([seed]) * 32))


def cosigner(name: str, *, seed: int = 7) -> CosignatureSigner:
    return CosignatureSigner(
        name,
        Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32),
        MLDSA44PrivateKey.from_seed_bytes(bytes([seed]) * 32),
    )
