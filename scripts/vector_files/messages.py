# SPDX-License-Identifier: Apache-2.0
"""Values around messages and cards: commitment, salt, batch key, envelope."""

from __future__ import annotations

from hashlib import sha256, shake_256
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from scripts.vector_files.forms import Json, kept

from selat.core.cards import (
    RootKeys,
    card_digest,
    pre_authentication_encoding,
    sign_card,
    verify_card_envelope,
)
from selat.core.payloads import offer_salt, pack
from selat.core.seal_keys import SealPrivateKey
from selat.core.sealing import commitment, unwrap_batch_key, wrap_batch_key
from selat.errors import DecryptionError, SignatureError

_SENDER: Final = "police.xa.example"
_RECIPIENT: Final = "police.xb.example"
_SEQUENCE: Final = 258
_COUNTED: Final = bytes(range(32))
_BLIND: Final = b"\xff" * 32
_SEAL_SEED: Final = bytes([5]) * 32
_ROOT_SEEDS: Final = (bytes([6]) * 32, bytes([7]) * 32)
_CARD: Final = b"card"


def vectors(before: Json) -> Json:
    """Return the file."""
    packed = pack(salt=_COUNTED, header=b"header", body=b"body")
    return {
        "about": "Texts are UTF-8, all else hexadecimal. Wrapped keys and ML-DSA-44 "
        "signatures are random: unwrap and verify them. The seal key is the "
        "96-byte expansion of an X-Wing seed.",
        "commitment": {
            "salt": _COUNTED.hex(),
            "header": "header",
            "body": "body",
            "commit": commitment(packed).hex(),
        },
        "offer_salt": {
            "seed": _COUNTED.hex(),
            "blind": _BLIND.hex(),
            "recipient": _RECIPIENT,
            "salt": offer_salt(_COUNTED, recipient=_RECIPIENT, blind=_BLIND).hex(),
        },
        "batch_key": _batch_key(before.get("batch_key", {})),
        "card": _card(before.get("card", {})),
    }


def _batch_key(before: Json) -> Json:
    private = SealPrivateKey(shake_256(_SEAL_SEED).digest(96))

    def holds(wrapped: str) -> None:
        key = unwrap_batch_key(
            bytes.fromhex(wrapped),
            private_key=private,
            sender=_SENDER,
            recipient=_RECIPIENT,
            sequence=_SEQUENCE,
        )
        if key != _COUNTED:
            raise DecryptionError("It is another key.")

    def make() -> str:
        return wrap_batch_key(
            batch_key=_COUNTED,
            recipient_key=private.public,
            sender=_SENDER,
            recipient=_RECIPIENT,
            sequence=_SEQUENCE,
        ).hex()

    return {
        "seal_seed": _SEAL_SEED.hex(),
        "seal_public_sha256": sha256(private.public.to_bytes()).hexdigest(),
        "sender": _SENDER,
        "recipient": _RECIPIENT,
        "sequence": _SEQUENCE,
        "batch_key": _COUNTED.hex(),
        "wrapped_key": kept(before.get("wrapped_key"), holds, make),
    }


def _card(before: Json) -> Json:
    root = RootKeys(
        ed25519=Ed25519PrivateKey.from_private_bytes(_ROOT_SEEDS[0]),
        mldsa44=MLDSA44PrivateKey.from_seed_bytes(_ROOT_SEEDS[1]),
    )

    def holds(envelope: str) -> None:
        if verify_card_envelope(envelope.encode(), root.public) != _CARD:
            raise SignatureError("It is another card.")

    encoding = pre_authentication_encoding(_CARD)
    return {
        "root_seeds": [seed.hex() for seed in _ROOT_SEEDS],
        "fingerprint": root.public.fingerprint.digest.hex(),
        "payload": _CARD.decode(),
        "digest": card_digest(_CARD).hex(),
        "pre_authentication_encoding_sha256": sha256(encoding).hexdigest(),
        "envelope": kept(
            before.get("envelope"), holds, lambda: sign_card(_CARD, root).decode()
        ),
    }
