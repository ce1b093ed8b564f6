# SPDX-License-Identifier: Apache-2.0
"""Keys of simulated nodes: real ones, and cheap ones that stand in for them.

Cheap ones go through the same code; only the arithmetic under a signature is
another. Nobody in a simulation makes one without its owner's object.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from tests.fakes.logs import log_signers, witness_signer

from selat.core.note_keys import (
    TIMESTAMP_BYTES,
    NoteSigner,
    NoteVerifier,
    SignatureType,
    key_id,
    timestamp_of,
)
from selat.core.notes import NoteSignature
from selat.errors import SignatureError


class Cosigner(Protocol):
    """What of a `CosignatureSigner` a node uses."""

    @property
    def name(self) -> str: ...
    @property
    def verifiers(self) -> tuple[NoteVerifier, NoteVerifier]: ...
    def cosign(self, text: bytes, *, time_s: int) -> bytes: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeKeys:
    """The keys of a node's log and of its witness."""

    origin: str
    signers: tuple[NoteSigner, ...]
    witness: Cosigner

    @property
    def verifiers(self) -> tuple[NoteVerifier, ...]:
        return tuple(signer.verifier for signer in self.signers)


KeyMaker = Callable[[str, int], NodeKeys]


def origin_of(node: str) -> str:
    return f"{node}/exchange/2030h1"


def real_keys(node: str, seed: int) -> NodeKeys:
    return NodeKeys(
        origin=origin_of(node),
        signers=log_signers(origin_of(node), seed=2 * seed),
        witness=witness_signer(f"{node}/witness", seed=2 * seed + 1),
    )


def cheap_keys(node: str, seed: int) -> NodeKeys:
    return NodeKeys(
        origin=origin_of(node),
        signers=(
            CheapSigner(origin_of(node), SignatureType.ED25519, 2 * seed),
            CheapSigner(origin_of(node), SignatureType.MLDSA44, 2 * seed),
        ),
        witness=CheapCosigner(f"{node}/witness", 2 * seed + 1),
    )


class CheapVerifier:
    """Verify what `CheapSigner` signs: a hash of name, type, seed and text."""

    def __init__(self, name: str, signature_type: SignatureType, seed: int) -> None:
        self.name = name
        self.signature_type = signature_type
        self.public_key = bytes([seed]) * 32
        self.id = key_id(name, signature_type, self.public_key)
        self.vkey = ""

    def value(self, text: bytes, *, time_s: int) -> bytes:
        time = time_s.to_bytes(TIMESTAMP_BYTES, "big")
        return time + sha256(self.id + self.public_key + time + text).digest()

    def verify(self, text: bytes, signature: bytes) -> None:
        if signature != self.value(text, time_s=timestamp_of(signature)):
            raise SignatureError("That is another signature.")


class CheapSigner:
    """Sign for a log, at no time."""

    def __init__(self, name: str, signature_type: SignatureType, seed: int) -> None:
        self.verifier = CheapVerifier(name, signature_type, seed)

    def sign(self, text: bytes) -> bytes:
        return self.verifier.value(text, time_s=0)


class CheapCosigner:
    """Sign for a witness, with both types."""

    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        self._keys = (
            CheapVerifier(name, SignatureType.COSIGNATURE_ED25519, seed),
            CheapVerifier(name, SignatureType.MLDSA44, seed),
        )

    @property
    def verifiers(self) -> tuple[NoteVerifier, NoteVerifier]:
        return self._keys

    def cosign(self, text: bytes, *, time_s: int) -> bytes:
        return b"".join(
            NoteSignature(
                name=self.name, key_id=key.id, signature=key.value(text, time_s=time_s)
            ).line()
            for key in self._keys
        )
