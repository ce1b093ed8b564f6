# SPDX-License-Identifier: Apache-2.0
"""Our own card, from the key store and the configuration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final, cast

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from selat.core.cards import RootKeys
from selat.identity.card import SignedCard, issue_card
from selat.identity.card_contents import Card
from selat.identity.card_keys import CardKey, KeyAlgorithm, KeyPurpose
from selat.identity.certificate_checks import certificate_digest, load
from selat.identity.contact_points import ContactPoint
from selat.identity.key_kinds import KEY_ID_DIGITS, KeyId, KeyKind, key_id
from selat.identity.keystore import KeyStore

#: Protocol versions that this node speaks.
PROTOCOL_VERSIONS: Final = ("selat/1",)

#: The kinds of keys that stand on a card, with what they are for there.
CARD_KINDS: Final[Mapping[KeyKind, tuple[KeyPurpose, KeyAlgorithm]]] = MappingProxyType(
    {
        KeyKind.LOG_ED25519: (KeyPurpose.LOG, KeyAlgorithm.ED25519),
        KeyKind.LOG_MLDSA44: (KeyPurpose.LOG, KeyAlgorithm.MLDSA44),
        KeyKind.WITNESS_ED25519: (KeyPurpose.WITNESS, KeyAlgorithm.ED25519),
        KeyKind.WITNESS_MLDSA44: (KeyPurpose.WITNESS, KeyAlgorithm.MLDSA44),
        KeyKind.SEAL: (KeyPurpose.SEAL, KeyAlgorithm.MLKEM768_X25519),
        KeyKind.TLS: (KeyPurpose.TLS, KeyAlgorithm.X509_P256),
    }
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
    root: RootKeys,
    *,
    keys: Iterable[CardKey],
    issued_at: datetime,
    valid_until: datetime,
    previous: SignedCard | None = None,
) -> SignedCard:
    """Issue the node's next card.

    Args:
        profile: What the configuration says.
        root: The root keys, which sign it.
        keys: The keys that it lists.
        issued_at: The present time, UTC, less what peers' clocks may be behind.
        valid_until: When the card expires, UTC.
        previous: The card before; None for the first.

    Raises:
        KeyStoreError: The root keys are others than those of the card before.
        MalformedError: The profile breaks a rule.
        TooLargeError: The card would be too large.
    """
    card = Card(
        name=profile.name,
        state=profile.state,
        agency=profile.agency,
        sequence=previous.card.sequence + 1 if previous else 1,
        previous_digest=previous.digest if previous else b"",
        issued_at=issued_at,
        valid_until=valid_until,
        root=previous.card.root if previous else root.public,
        keys=tuple(keys),
        endpoints=profile.endpoints,
        contact_points=profile.contact_points,
        protocol_versions=PROTOCOL_VERSIONS,
        categories=profile.categories,
        log_origin_prefix=f"{profile.name}/exchange/",
    )
    return issue_card(card, root)


def newest_names(key_store: KeyStore) -> dict[KeyKind, KeyId]:
    """Return the names of the newest keys of the kinds that stand on a card.

    Raises:
        KeyStoreError: One is missing.
    """
    return {kind: key_store.key_id(kind) for kind in CARD_KINDS}


def card_keys(
    key_store: KeyStore,
    names: Mapping[KeyKind, KeyId],
    *,
    tls_certificate: bytes,
    not_before: datetime,
    not_after: datetime,
) -> tuple[CardKey, ...]:
    """Return keys of a key store as a card lists them.

    Args:
        key_store: The node's keys.
        names: Which ones.
        tls_certificate: The certificate of the TLS key among them, DER.
        not_before: From when they are valid, UTC.
        not_after: Until when, UTC.

    Raises:
        KeyStoreError: One is missing.
    """
    keys: list[CardKey] = []
    for kind, name in names.items():
        purpose, algorithm = CARD_KINDS[kind]
        name_on_card, public = str(name), key_store.public(kind, name)
        if kind is KeyKind.TLS:
            name_on_card = certificate_digest(tls_certificate).hex()[:KEY_ID_DIGITS]
            public = tls_certificate
        keys.append(
            CardKey(
                purpose=purpose,
                algorithm=algorithm,
                key_id=name_on_card,
                public=public,
                not_before=not_before,
                not_after=not_after,
            )
        )
    return tuple(keys)


def private_name(key: CardKey) -> KeyId:
    """Return the name under which a key store has the private part of a key.

    A card names a TLS key by its certificate.
    """
    if key.purpose is not KeyPurpose.TLS:
        return KeyId(key.key_id)
    # A card lists certificates of this type alone.
    public = cast("EllipticCurvePublicKey", load(key.public).public_key())
    point = public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    return key_id(KeyKind.TLS, point)
