# SPDX-License-Identifier: Apache-2.0
"""Checkpoints, cosignatures and what is made of them, with published keys."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from scripts.vector_files.forms import Json, Tree, kept

from selat.core.checkpoints import open_checkpoint
from selat.core.cosignatures import (
    CosignatureSigner,
    cosignatures_of,
    cosigners,
    with_cosignatures,
)
from selat.core.equivocation import Equivocation
from selat.core.note_keys import cosigned_message, timed_text
from selat.core.notes import (
    Ed25519Signer,
    Mldsa44Signer,
    NoteVerifier,
    parse_note,
    sign_note,
)
from selat.core.tiles import consistency_proof, inclusion_proof
from selat.core.tlog_policies import (
    PolicyGroup,
    PolicyLog,
    PolicyWitness,
    TlogPolicy,
)
from selat.core.tlog_proofs import TlogProof
from selat.core.tree_heads import Checkpoint
from selat.core.witnessing import AddCheckpoint
from selat.errors import SignatureError

_ORIGIN: Final = "police.xa.example/exchange/2026h2"
_WITNESS: Final = "police.xb.example/witness"
_LOG_SEEDS: Final = (bytes([1]) * 32, bytes([2]) * 32)
_WITNESS_SEEDS: Final = (bytes([3]) * 32, bytes([4]) * 32)
_TIME_S: Final = 1_795_456_800
_SIZE: Final = 7

_SIGNERS: Final = (
    Ed25519Signer(_ORIGIN, Ed25519PrivateKey.from_private_bytes(_LOG_SEEDS[0])),
    Mldsa44Signer(_ORIGIN, MLDSA44PrivateKey.from_seed_bytes(_LOG_SEEDS[1])),
)
_KEYS: Final = tuple(signer.verifier for signer in _SIGNERS)
_COSIGNER: Final = CosignatureSigner(
    _WITNESS,
    Ed25519PrivateKey.from_private_bytes(_WITNESS_SEEDS[0]),
    MLDSA44PrivateKey.from_seed_bytes(_WITNESS_SEEDS[1]),
)


def vectors(before: Json) -> Json:
    """Return the file."""
    tree = Tree(_SIZE)
    head = Checkpoint(origin=_ORIGIN, size=_SIZE, root=tree.root(_SIZE))
    text = head.text()
    note = _note(head, before.get("note"))
    cosigned = _cosigned(note, before.get("cosigned_note"))
    fork = Checkpoint(origin=_ORIGIN, size=_SIZE, root=bytes(32))
    second = _note(fork, before.get("forked_note"))
    return {
        "about": "A log of 'leaf 0' to 'leaf 6'. Seeds are those of RFC 8032 and "
        "FIPS 204. ML-DSA-44 signatures are random: verify them.",
        "keys": [
            *map(_key, _KEYS, _LOG_SEEDS),
            *map(_key, _COSIGNER.verifiers, _WITNESS_SEEDS),
        ],
        "text": text.decode(),
        "messages": {
            "0x01": sha256(text).hexdigest(),
            "0x04": sha256(timed_text(text, timestamp_s=_TIME_S)).hexdigest(),
            "0x06 log": _message(_ORIGIN, text, 0),
            "0x06 witness": _message(_WITNESS, text, _TIME_S),
        },
        "time": _TIME_S,
        "note": note,
        "cosigned_note": cosigned,
        "add_checkpoint": AddCheckpoint(
            old_size=3,
            proof=consistency_proof(3, _SIZE, tree),
            checkpoint=note.encode(),
        )
        .encode()
        .decode(),
        "tlog_proof": TlogProof(
            index=4,
            proof=inclusion_proof(4, _SIZE, tree),
            checkpoint=cosigned.encode(),
        )
        .encode()
        .decode(),
        "tlog_policy": _policy().encode().decode(),
        "forked_note": second,
        "equivocation": Equivocation(first=note.encode(), second=second.encode())
        .encode()
        .decode(),
    }


def _key(verifier: NoteVerifier, seed: bytes) -> Json:
    return {
        "type": verifier.signature_type,
        "seed": seed.hex(),
        "id": verifier.id.hex(),
        "vkey": verifier.vkey,
    }


def _message(signer: str, text: bytes, time_s: int) -> str:
    return sha256(cosigned_message(signer, text, timestamp_s=time_s)).hexdigest()


def _note(head: Checkpoint, before: object) -> str:
    def holds(note: str) -> None:
        if open_checkpoint(note.encode(), origin=_ORIGIN, verifiers=_KEYS) != head:
            raise SignatureError("It is another checkpoint.")

    return kept(before, holds, lambda: sign_note(head.text(), _SIGNERS).decode())


def _cosigned(note: str, before: object) -> str:
    text = parse_note(note.encode()).text

    def holds(cosigned: str) -> None:
        found = cosignatures_of(cosigned.encode(), _COSIGNER.verifiers)
        again = with_cosignatures(note.encode(), [each.line for each in found])
        if again.decode() != cosigned or cosigners(found) != {_WITNESS}:
            raise SignatureError("It is another note.")

    def make() -> str:
        lines = _COSIGNER.cosign(text, time_s=_TIME_S)
        return with_cosignatures(note.encode(), [lines]).decode()

    return kept(before, holds, make)


def _policy() -> TlogPolicy:
    names = ("xb-ed25519", "xb-mldsa44")
    return TlogPolicy(
        logs=tuple(PolicyLog(key=key) for key in _KEYS),
        witnesses=tuple(
            PolicyWitness(name=name, key=key)
            for name, key in zip(names, _COSIGNER.verifiers, strict=True)
        ),
        groups=(PolicyGroup(name="xb", threshold=2, members=names),),
        quorum="xb",
    )
