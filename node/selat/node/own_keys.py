# SPDX-License-Identifier: Apache-2.0
"""The keys that our node uses, as its card and the clock say.

Nothing is switched: whoever signs asks here each time. What was made with a key
before, and would go on being shown, is made anew once another key is in use.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from selat.core.cosignatures import CosignatureSigner
from selat.core.notes import NoteSigner, NoteVerifier
from selat.core.times import utc
from selat.exchange.local import Clock
from selat.identity.card import SignedCard
from selat.identity.card_contents import witness_name
from selat.identity.card_keys import CardKey, KeyAlgorithm, KeyPurpose
from selat.identity.certificate_checks import to_pem
from selat.identity.key_schedule import key_in_use
from selat.identity.keystore import KeyStore
from selat.identity.own_card import CARD_KINDS, private_name
from selat.identity.p256 import private_key_pem

#: Signers that are kept ready: those of two shards with two pairs of keys.
_KEPT = 4


class OwnKeys:
    """Give the keys in use.

    Args:
        keys: The key store.
        card: Gives our card in force.
        clock: The present time.
    """

    def __init__(
        self, *, keys: KeyStore, card: Callable[[], SignedCard], clock: Clock
    ) -> None:
        """Take where the keys are, and what says which one is used."""
        self._card = card
        self._clock = clock
        self._keys = keys
        # Drawn from their seeds once: that takes as long as a signature.
        self._log_signers = lru_cache(_KEPT)(keys.log_signers)
        self._cosigner = lru_cache(_KEPT)(self._make_cosigner)

    def in_use(self) -> dict[KeyPurpose, frozenset[str]]:
        """Return the names of the keys in use, by what they are for."""
        used: dict[KeyPurpose, frozenset[str]] = {}
        for purpose, algorithm in CARD_KINDS.values():
            name = self._used(purpose, algorithm).key_id
            used[purpose] = used.get(purpose, frozenset()) | {name}
        return used

    def log_signers(self, origin: str) -> tuple[NoteSigner, NoteSigner]:
        """Return what signs the checkpoints of our log: Ed25519, ML-DSA-44.

        Args:
            origin: Origin of the log.

        Raises:
            KeyStoreError: A key is not in the key store.
        """
        return self._log_signers(
            origin,
            self._used(KeyPurpose.LOG, KeyAlgorithm.ED25519).key_id,
            self._used(KeyPurpose.LOG, KeyAlgorithm.MLDSA44).key_id,
        )

    def log_verifiers(self, origin: str) -> tuple[NoteVerifier, ...]:
        """Return what verifies what our log ever signed, also with retired keys.

        Args:
            origin: Origin of the log.

        Raises:
            MalformedError: It is not one of our logs.
        """
        return self._card().card.every_log_verifier(origin)

    def cosigner(self) -> CosignatureSigner:
        """Return what cosigns other logs' checkpoints.

        Raises:
            KeyStoreError: A key is not in the key store.
        """
        return self._cosigner(
            self._used(KeyPurpose.WITNESS, KeyAlgorithm.ED25519).key_id,
            self._used(KeyPurpose.WITNESS, KeyAlgorithm.MLDSA44).key_id,
        )

    def tls(self) -> tuple[bytes, bytes]:
        """Return our TLS key and its certificate, PEM.

        Raises:
            KeyStoreError: The key is not in the key store.
        """
        key = self._used(KeyPurpose.TLS, KeyAlgorithm.X509_P256)
        private = self._keys.tls(private_name(key))
        return private_key_pem(private), to_pem(key.public)

    def _used(self, purpose: KeyPurpose, algorithm: KeyAlgorithm) -> CardKey:
        keys = self._card().card.keys
        return key_in_use(keys, purpose, algorithm, utc(self._clock()))

    def _make_cosigner(self, ed25519: str, mldsa44: str) -> CosignatureSigner:
        name = witness_name(self._card().card.name)
        return CosignatureSigner(name, *self._keys.witness(ed25519, mldsa44))
