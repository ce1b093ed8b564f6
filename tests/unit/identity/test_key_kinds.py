# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from tests.fakes.identities import SeededEntropy

from selat.core.seal_keys import SealPrivateKey
from selat.identity.key_kinds import (
    KeyKind,
    draw_secret,
    key_id,
    public_bytes,
    secret_bytes,
)


@pytest.mark.parametrize("kind", KeyKind)
def test_drawn_secret_has_the_length_of_its_kind(kind: KeyKind) -> None:
    secret = draw_secret(kind, SeededEntropy("a"))
    assert len(secret) == secret_bytes(kind)
    assert secret != draw_secret(kind, SeededEntropy("b"))


@pytest.mark.parametrize("kind", KeyKind)
def test_public_key_follows_from_the_secret(kind: KeyKind) -> None:
    secret = draw_secret(kind, SeededEntropy("a"))
    assert public_bytes(kind, secret) == public_bytes(kind, secret)
    assert secret not in public_bytes(kind, secret)


def test_public_keys_are_those_of_their_algorithms() -> None:
    seed = bytes(range(32))
    ed25519 = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    assert public_bytes(KeyKind.LOG_ED25519, seed) == ed25519.public_bytes_raw()
    mldsa44 = MLDSA44PrivateKey.from_seed_bytes(seed).public_key()
    assert public_bytes(KeyKind.LOG_MLDSA44, seed) == mldsa44.public_bytes_raw()
    seal = SealPrivateKey(seed * 3)
    assert public_bytes(KeyKind.SEAL, seed * 3) == seal.public.to_bytes()
    assert len(public_bytes(KeyKind.TLS, seed)) == 33


def test_key_id_is_the_documented_hash() -> None:
    digest = sha256(b"selat/v1/key-id\x00seal\x00public").hexdigest()
    assert key_id(KeyKind.SEAL, b"public") == digest[:16]


def test_key_id_depends_on_the_kind() -> None:
    ids = {key_id(kind, b"public") for kind in KeyKind}
    assert len(ids) == len(KeyKind)
