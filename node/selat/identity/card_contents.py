# SPDX-License-Identifier: Apache-2.0
"""What a card says, as values that cannot exist invalid.

A card that stands here has a sound form. Whether its signatures hold is known
by `selat.identity.card`, and whether it is a peer's, by the person who compared
its fingerprint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from selat.core.cards import RootPublic
from selat.core.fingerprints import Fingerprint
from selat.core.note_keys import Ed25519CosignatureVerifier
from selat.core.notes import Ed25519Verifier, Mldsa44Verifier, NoteVerifier
from selat.core.seal_keys import SealPublicKey
from selat.errors import CardExpiredError, MalformedError, PeerUnknownError
from selat.identity import card_forms
from selat.identity.card_keys import (
    REQUIRED_KEYS,
    CardKey,
    KeyAlgorithm,
    KeyPurpose,
    SealKey,
)
from selat.identity.certificate_checks import (
    certificate_digest,
    check_node_certificate,
    to_pem,
)
from selat.identity.contact_points import ContactPoint

#: Keys on a card, in use and retired.
KEYS_MAX: Final = 32
#: Endpoints on a card.
ENDPOINTS_MAX: Final = 8
#: Contact points on a card: three for every function.
CONTACT_POINTS_MAX: Final = 60
#: Categories on a card: the catalogue has seventeen.
CATEGORIES_MAX: Final = 64
#: Protocol versions on a card.
PROTOCOL_VERSIONS_MAX: Final = 8
#: Keys that are kept ready, of each kind: those of all peers, and of their logs.
_KEYS_KEPT: Final = 256


def witness_name(node: str) -> str:
    """Return the key name under which a node cosigns other logs."""
    return f"{node}/witness"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A node's description of itself.

    Attributes:
        name: Node name.
        state: ISO 3166-1 alpha-2 code.
        agency: The agency that runs the node.
        sequence: Number of the card, from 1.
        previous_digest: SHA-256 of the card before; empty on the first.
        issued_at: From when the card holds, UTC.
        valid_until: Until when it holds, UTC.
        root: The public root keys.
        keys: Every other public key.
        endpoints: Where the node can be called, ``host:port``.
        contact_points: Whom people can call.
        protocol_versions: For example ``selat/1``.
        categories: Categories that the node wishes to receive.
        log_origin_prefix: With what the origin of each of its logs begins.
    """

    name: str
    state: str
    agency: str
    sequence: int
    previous_digest: bytes
    issued_at: datetime
    valid_until: datetime
    root: RootPublic
    keys: tuple[CardKey, ...]
    endpoints: tuple[str, ...]
    contact_points: tuple[ContactPoint, ...]
    protocol_versions: tuple[str, ...]
    categories: tuple[str, ...]
    log_origin_prefix: str

    def __post_init__(self) -> None:
        """Check every field, and the fields against each other."""
        card_forms.check_name(self.name)
        card_forms.check_state(self.state)
        card_forms.check_text("agency", self.agency)
        card_forms.check_link(self.sequence, self.previous_digest)
        card_forms.check_period(self.issued_at, self.valid_until)
        self._check_keys()
        card_forms.check_count("endpoints", self.endpoints, 0, ENDPOINTS_MAX)
        for endpoint in self.endpoints:
            card_forms.check_endpoint(endpoint)
        card_forms.check_count(
            "contact points", self.contact_points, 0, CONTACT_POINTS_MAX
        )
        card_forms.check_count(
            "protocol versions", self.protocol_versions, 1, PROTOCOL_VERSIONS_MAX
        )
        for version in self.protocol_versions:
            card_forms.check_protocol_version(version)
        card_forms.check_count("categories", self.categories, 0, CATEGORIES_MAX)
        for category in self.categories:
            card_forms.check_category(category)
        card_forms.check_origin_prefix(self.log_origin_prefix, name=self.name)

    @property
    def fingerprint(self) -> Fingerprint:
        """What people compare."""
        return self.root.fingerprint

    @property
    def tls_certificates(self) -> tuple[bytes, ...]:
        """Every TLS certificate on the card, DER, whenever it is used."""
        return tuple(key.public for key in self._of(KeyPurpose.TLS))

    def tls_certificates_pem(self, *, at: datetime) -> bytes:
        """Return the TLS certificates that are not retired at a time as one PEM text.

        Those of an expired card are not: a connection may fetch its successor.

        Raises:
            CardExpiredError: All of them are.
        """
        since = min(at, self.valid_until)
        lasting = [key for key in self._of(KeyPurpose.TLS) if since <= key.not_after]
        if not lasting:
            raise self._expired(KeyPurpose.TLS)
        return b"".join(to_pem(key.public) for key in lasting)

    def key(
        self, purpose: KeyPurpose, algorithm: KeyAlgorithm, at: datetime
    ) -> CardKey:
        """Return the key that is used at a time; the newest when there are two.

        Args:
            purpose: What for.
            algorithm: Which algorithm.
            at: When the key was used, aware; not necessarily now.

        Raises:
            CardExpiredError: No such key was in use, or the card had expired.
        """
        valid = [
            key
            for key in self._of(purpose)
            if key.algorithm is algorithm and key.is_valid(at)
        ]
        if not valid or at > self.valid_until:
            raise self._expired(purpose)
        return max(valid, key=lambda key: key.not_before)

    def log_verifiers(
        self, origin: str, *, at: datetime
    ) -> tuple[NoteVerifier, NoteVerifier]:
        """Return what verifies the checkpoints of one of the node's logs.

        Args:
            origin: Origin of the log.
            at: When the checkpoint was signed, aware.

        Returns:
            The Ed25519 and the ML-DSA-44 verifier; both must have signed.

        Raises:
            MalformedError: The card does not vouch for logs of that origin.
            CardExpiredError: The card or its keys are outside their validity.
        """
        self._check_origin(origin)
        ed25519 = self.key(KeyPurpose.LOG, KeyAlgorithm.ED25519, at)
        mldsa44 = self.key(KeyPurpose.LOG, KeyAlgorithm.MLDSA44, at)
        return (
            _log_verifier(origin, ed25519.algorithm, ed25519.public),
            _log_verifier(origin, mldsa44.algorithm, mldsa44.public),
        )

    def log_verifiers_between(
        self, origin: str, *, since: datetime, until: datetime
    ) -> tuple[NoteVerifier, ...]:
        """Return what verifies checkpoints that were signed at an inexact time.

        Args:
            origin: Origin of the log.
            since: The first moment at which the checkpoint can have been signed.
            until: The last one, aware like the first.

        Returns:
            A verifier for each key that was in use at some moment between both;
            one Ed25519 and one ML-DSA-44 key must have signed.

        Raises:
            MalformedError: The card does not vouch for logs of that origin.
            CardExpiredError: The card or its keys are outside their validity.
        """
        self._check_origin(origin)
        return tuple(
            _log_verifier(origin, key.algorithm, key.public)
            for key in self._used(KeyPurpose.LOG, since, until)
        )

    def every_log_verifier(self, origin: str) -> tuple[NoteVerifier, ...]:
        """Return what verifies one of the node's logs, by every key it lists.

        For evidence of an unknown time: retired keys are among them.

        Raises:
            MalformedError: The card does not vouch for logs of that origin.
        """
        self._check_origin(origin)
        return tuple(
            _log_verifier(origin, key.algorithm, key.public)
            for key in self._of(KeyPurpose.LOG)
        )

    def witness_verifiers(self, *, at: datetime) -> tuple[NoteVerifier, NoteVerifier]:
        """Return what verifies the node's cosignatures of other logs.

        Args:
            at: When the cosignature was made, aware.

        Returns:
            The Ed25519 and the ML-DSA-44 verifier; both must have signed.

        Raises:
            CardExpiredError: The card or its keys are outside their validity.
        """
        ed25519 = self.key(KeyPurpose.WITNESS, KeyAlgorithm.ED25519, at)
        mldsa44 = self.key(KeyPurpose.WITNESS, KeyAlgorithm.MLDSA44, at)
        return (
            _witness_verifier(self.name, ed25519.algorithm, ed25519.public),
            _witness_verifier(self.name, mldsa44.algorithm, mldsa44.public),
        )

    def witness_verifiers_between(
        self, *, since: datetime, until: datetime
    ) -> tuple[NoteVerifier, ...]:
        """Return what verifies cosignatures that the node made between two moments.

        Args:
            since: The first moment, aware.
            until: The last moment, aware.

        Raises:
            CardExpiredError: The card or its keys are outside their validity.
        """
        return tuple(
            _witness_verifier(self.name, key.algorithm, key.public)
            for key in self._used(KeyPurpose.WITNESS, since, until)
        )

    def seal_key(self, at: datetime) -> SealKey:
        """Return the key to wrap a batch key to.

        Raises:
            CardExpiredError: The card or its seal key is outside its validity.
        """
        key = self.key(KeyPurpose.SEAL, KeyAlgorithm.MLKEM768_X25519, at)
        return SealKey(key_id=key.key_id, public=_seal_key(key.public))

    def tls_digests(self, at: datetime) -> frozenset[bytes]:
        """Return the SHA-256 of each TLS certificate that is used at a time."""
        if at > self.valid_until:
            return frozenset()
        return frozenset(
            certificate_digest(key.public)
            for key in self._of(KeyPurpose.TLS)
            if key.is_valid(at)
        )

    def check_tls_certificate(self, digest: bytes, *, at: datetime) -> None:
        """Check that the node may use a TLS certificate at a time.

        Args:
            digest: 32-byte SHA-256 of the certificate, DER.
            at: When, aware.

        Raises:
            PeerUnknownError: The card does not list the certificate.
            CardExpiredError: The card or that key is outside its validity.
        """
        if digest in self.tls_digests(at):
            return
        if digest in map(certificate_digest, self.tls_certificates):
            raise self._expired(KeyPurpose.TLS)
        raise PeerUnknownError(
            f"The card of {self.name} does not list that certificate.",
            remedy=f"Add the newest card of {self.name}.",
            peer=self.name,
        )

    def _check_origin(self, origin: str) -> None:
        if not origin.startswith(self.log_origin_prefix):
            raise MalformedError(
                f"The log is not one that the card of {self.name} vouches for.",
                remedy="Ask the peer for a checkpoint of its own log.",
                peer=self.name,
            )

    def _of(self, purpose: KeyPurpose) -> Sequence[CardKey]:
        return [key for key in self.keys if key.purpose is purpose]

    def _used(
        self, purpose: KeyPurpose, since: datetime, until: datetime
    ) -> Sequence[CardKey]:
        """Return the keys that were in use at some moment between two."""
        used = [key for key in self._of(purpose) if key.is_used_between(since, until)]
        found = {(key.purpose, key.algorithm) for key in used}
        needed = {pair for pair in REQUIRED_KEYS if pair[0] is purpose}
        if found != needed or until > self.valid_until:
            raise self._expired(purpose)
        return used

    def _check_keys(self) -> None:
        card_forms.check_count("keys", self.keys, len(REQUIRED_KEYS), KEYS_MAX)
        publics = {self.root.ed25519, self.root.mldsa44}
        publics.update(key.public for key in self.keys)
        if len(publics) != len(self.keys) + 2:
            raise card_forms.wrong("One key stands for two: each key does one job.")
        if len({key.key_id for key in self.keys}) != len(self.keys):
            raise card_forms.wrong("Two keys have one name.")
        listed = {(key.purpose, key.algorithm) for key in self.keys}
        if listed != REQUIRED_KEYS:
            raise card_forms.wrong("A key for log, witness, seal or TLS is missing.")
        for certificate in self.tls_certificates:
            check_node_certificate(certificate, name=self.name)

    def _expired(self, purpose: KeyPurpose) -> CardExpiredError:
        return CardExpiredError(
            f"The card of {self.name} has no {purpose.name} key for that time.",
            remedy=f"Add the newest card of {self.name}, and check both clocks.",
            peer=self.name,
        )


# Keys are read off their bytes, and checked, once and not for every batch.
_seal_key: Final = lru_cache(_KEYS_KEPT)(SealPublicKey)


@lru_cache(_KEYS_KEPT)
def _log_verifier(
    origin: str, algorithm: KeyAlgorithm, public: bytes
) -> Ed25519Verifier | Mldsa44Verifier:
    if algorithm is KeyAlgorithm.ED25519:
        return Ed25519Verifier(origin, public)
    return Mldsa44Verifier(origin, public)


@lru_cache(_KEYS_KEPT)
def _witness_verifier(
    node: str, algorithm: KeyAlgorithm, public: bytes
) -> Ed25519CosignatureVerifier | Mldsa44Verifier:
    if algorithm is KeyAlgorithm.ED25519:
        return Ed25519CosignatureVerifier(witness_name(node), public)
    return Mldsa44Verifier(witness_name(node), public)
