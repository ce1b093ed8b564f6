# SPDX-License-Identifier: Apache-2.0
"""Our own card, from the key store and the configuration."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from selat.identity.card import SignedCard, issue_card
from selat.identity.card_contents import (
    Card,
    ContactPoint,
)
from selat.identity.card_keys import CardKey, KeyAlgorithm, KeyPurpose
from selat.identity.certificate_checks import certificate_digest
from selat.identity.key_kinds import KEY_ID_DIGITS, KeyKind
from selat.identity.keystore import KeyStore

#: Protocol versions that this node speaks.
PROTOCOL_VERSIONS: Final = ("selat/1",)

_KINDS: Final = (
    (KeyKind.LOG_ED25519, KeyPurpose.LOG, KeyAlgorithm.ED25519),
    (KeyKind.LOG_MLDSA44, KeyPurpose.LOG, KeyAlgorithm.MLDSA44),
    (KeyKind.WITNESS_ED25519, KeyPurpose.WITNESS, KeyAlgorithm.ED25519),
    (KeyKind.WITNESS_MLDSA44, KeyPurpose.WITNESS, KeyAlgorithm.MLDSA44),
    (KeyKind.SEAL, KeyPurpose.SEAL, KeyAlgorithm.MLKEM768_X25519),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeProfile:
    """What the configuration says of the node.

    Attributes:
        name: Node name.
        state: ISO 3166-1 alpha-2 code.
        agency: The agency that runs the node.
        endpoints: Where peers can call it, ``host:port``.
        contact_points: Whom people can call.
        categories: Categories that it wishes to receive.
    """

    name: str
    state: str
    agency: str
    endpoints: tuple[str, ...] = ()
    contact_points: tuple[ContactPoint, ...] = ()
    categories: tuple[str, ...] = ()


def build_card(
    profile: NodeProfile,
    key_store: KeyStore,
    *,
    tls_certificate: bytes,
    issued_at: datetime,
    valid_until: datetime,
    previous: SignedCard | None = None,
) -> SignedCard:
    """Issue the node's next card.

    It lists the current key of every kind. A key that the card before listed
    too keeps the beginning of its validity. Retired keys for log and witness
    stay on the card, ended, so that what they signed can be verified; retired
    seal and TLS keys go.

    Args:
        profile: What the configuration says.
        key_store: The node's keys, with the root keys.
        tls_certificate: The node's TLS certificate, DER.
        issued_at: The present time, UTC, less what peers' clocks may be behind.
        valid_until: When the card expires, UTC.
        previous: The card before; None for the first.

    Raises:
        KeyStoreError: A key is missing, or the root keys are others.
        MalformedError: The profile breaks a rule.
        TooLargeError: The card would be too large.
    """
    before = previous.card.keys if previous else ()
    current = _current_keys(key_store, tls_certificate, issued_at, valid_until, before)
    root = key_store.root()
    card = Card(
        name=profile.name,
        state=profile.state,
        agency=profile.agency,
        sequence=previous.card.sequence + 1 if previous else 1,
        previous_digest=previous.digest if previous else b"",
        issued_at=issued_at,
        valid_until=valid_until,
        root=root.public,
        keys=(*current, *_retired_keys(before, current, issued_at)),
        endpoints=profile.endpoints,
        contact_points=profile.contact_points,
        protocol_versions=PROTOCOL_VERSIONS,
        categories=profile.categories,
        log_origin_prefix=f"{profile.name}/exchange/",
    )
    return issue_card(card, root)


def _current_keys(
    key_store: KeyStore,
    tls_certificate: bytes,
    issued_at: datetime,
    valid_until: datetime,
    before: tuple[CardKey, ...],
) -> tuple[CardKey, ...]:
    since = {key.public: key.not_before for key in before}
    certificate_id = certificate_digest(tls_certificate).hex()[:KEY_ID_DIGITS]
    listed = [
        (purpose, algorithm, key_store.key_id(kind), key_store.public(kind))
        for kind, purpose, algorithm in _KINDS
    ]
    return tuple(
        CardKey(
            purpose=purpose,
            algorithm=algorithm,
            key_id=key_id,
            public=public,
            not_before=since.get(public, issued_at),
            not_after=valid_until,
        )
        for purpose, algorithm, key_id, public in (
            *listed,
            (KeyPurpose.TLS, KeyAlgorithm.X509_P256, certificate_id, tls_certificate),
        )
    )


def _retired_keys(
    before: tuple[CardKey, ...], current: tuple[CardKey, ...], issued_at: datetime
) -> tuple[CardKey, ...]:
    used = {key.public for key in current}
    return tuple(
        replace(key, not_after=min(key.not_after, issued_at))
        for key in before
        if key.public not in used
        and key.purpose in {KeyPurpose.LOG, KeyPurpose.WITNESS}
        and key.not_before < issued_at
    )
