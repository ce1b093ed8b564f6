# SPDX-License-Identifier: Apache-2.0
"""The public keys on a card, each with its one job and its time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Final

from selat.core.fingerprints import ED25519_PUBLIC_BYTES, MLDSA44_PUBLIC_BYTES
from selat.core.seal_keys import SEAL_PUBLIC_BYTES, SealPublicKey
from selat.identity import card_forms


class KeyPurpose(IntEnum):
    """What a key on a card is for; the numbers equal ``selat.v1.KeyPurpose``."""

    LOG = 1
    WITNESS = 2
    SEAL = 3
    TLS = 4


class KeyAlgorithm(IntEnum):
    """The algorithm of a key; the numbers equal ``selat.v1.KeyAlgorithm``."""

    ED25519 = 1
    MLDSA44 = 2
    MLKEM768_X25519 = 3
    X509_P256 = 4


#: The kinds of keys that every card must list.
REQUIRED_KEYS: Final = frozenset(
    {
        (KeyPurpose.LOG, KeyAlgorithm.ED25519),
        (KeyPurpose.LOG, KeyAlgorithm.MLDSA44),
        (KeyPurpose.WITNESS, KeyAlgorithm.ED25519),
        (KeyPurpose.WITNESS, KeyAlgorithm.MLDSA44),
        (KeyPurpose.SEAL, KeyAlgorithm.MLKEM768_X25519),
        (KeyPurpose.TLS, KeyAlgorithm.X509_P256),
    }
)

_PUBLIC_BYTES: Final = {
    KeyAlgorithm.ED25519: ED25519_PUBLIC_BYTES,
    KeyAlgorithm.MLDSA44: MLDSA44_PUBLIC_BYTES,
    KeyAlgorithm.MLKEM768_X25519: SEAL_PUBLIC_BYTES,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CardKey:
    """One public key and when it is used.

    Attributes:
        purpose: What it is for.
        algorithm: Its algorithm, one that the purpose knows.
        key_id: Its name, unique on the card.
        public: The public key, raw; for TLS the certificate, DER.
        not_before: From when it is used, UTC.
        not_after: Until when it is used, UTC.
    """

    purpose: KeyPurpose
    algorithm: KeyAlgorithm
    key_id: str
    public: bytes
    not_before: datetime
    not_after: datetime

    def __post_init__(self) -> None:
        """Check what can be checked without the node's name."""
        if (self.purpose, self.algorithm) not in REQUIRED_KEYS:
            raise card_forms.wrong("A key's algorithm does not suit its purpose.")
        card_forms.check_key_id(self.key_id)
        card_forms.check_period(self.not_before, self.not_after)
        # A certificate has no fixed length; the card holds it against its name.
        size = _PUBLIC_BYTES.get(self.algorithm, len(self.public))
        if len(self.public) != size:
            raise card_forms.wrong("A key does not have the length of its algorithm.")
        if self.algorithm is KeyAlgorithm.MLKEM768_X25519:
            SealPublicKey(self.public)

    def is_valid(self, at: datetime) -> bool:
        """Tell whether the key is used at a time."""
        return self.is_used_between(at, at)

    def is_used_between(self, since: datetime, until: datetime) -> bool:
        """Tell whether the key is used at some moment between two, both included."""
        return self.not_before <= until and since <= self.not_after


@dataclass(frozen=True, slots=True, kw_only=True)
class SealKey:
    """The key that batches for a node are wrapped to.

    Attributes:
        key_id: Its name on the node's card.
        public: The key.
    """

    key_id: str
    public: SealPublicKey
