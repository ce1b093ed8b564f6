# SPDX-License-Identifier: Apache-2.0
"""Keys of a made-up log and its witness, the same in every run."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from selat.core.cosignatures import CosignatureSigner
from selat.core.notes import (
    Ed25519Signer,
    Mldsa44Signer,
    NoteSigner,
    NoteVerifier,
    sign_note,
)
from selat.core.tree_heads import Checkpoint

ORIGIN = "police.xa.example/exchange/2030h1"


def ed25519_signer(name: str = ORIGIN, *, seed: int = 1) -> Ed25519Signer:
    key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    return Ed25519Signer(name, key)


def mldsa44_signer(name: str = ORIGIN, *, seed: int = 1) -> Mldsa44Signer:
    return Mldsa44Signer(name, MLDSA44PrivateKey.from_seed_bytes(bytes([seed]) * 32))


def log_signers(origin: str = ORIGIN, *, seed: int = 1) -> tuple[NoteSigner, ...]:
    return ed25519_signer(origin, seed=seed), mldsa44_signer(origin, seed=seed)


def verifiers_of(signers: Sequence[NoteSigner]) -> tuple[NoteVerifier, ...]:
    return tuple(signer.verifier for signer in signers)


def witness_signer(
    name: str = "police.xb.example/witness", *, seed: int = 11
) -> CosignatureSigner:
    return CosignatureSigner(
        name,
        Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32),
        MLDSA44PrivateKey.from_seed_bytes(bytes([seed]) * 32),
    )


def signed_head(
    size: int, root: bytes, *, origin: str = ORIGIN, seed: int = 1
) -> bytes:
    """Return the signed checkpoint of a tree."""
    head = Checkpoint(origin=origin, size=size, root=root)
    return sign_note(head.text(), log_signers(origin, seed=seed))
