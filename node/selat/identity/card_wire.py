# SPDX-License-Identifier: Apache-2.0
"""Cards as protobuf and back. Signatures are judged elsewhere, over the bytes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp

from selat.core.cards import CARD_BYTES_MAX, RootPublic
from selat.errors import TooLargeError, UnsupportedVersionError
from selat.identity import card_forms
from selat.identity.card_contents import (
    CONTACT_POINTS_MAX,
    KEYS_MAX,
    Card,
)
from selat.identity.card_keys import CardKey, KeyAlgorithm, KeyPurpose
from selat.identity.contact_points import ContactFunction, ContactPoint
from selat.v1 import card_pb2

#: Version of the description that this node writes and reads.
SCHEMA_VERSION: Final = 1

_PURPOSES: Final[frozenset[int]] = frozenset(map(int, KeyPurpose))
_ALGORITHMS: Final[frozenset[int]] = frozenset(map(int, KeyAlgorithm))
_FUNCTION_PREFIX: Final = "CONTACT_FUNCTION_"
_FUNCTIONS: Final = {
    card_pb2.ContactFunction.Value(f"{_FUNCTION_PREFIX}{function.name}"): function
    for function in ContactFunction
}


def encode_card(card: Card) -> bytes:
    """Return a card's bytes, to be signed and kept; never encode it again."""
    message = card_pb2.Card(
        schema_version=SCHEMA_VERSION,
        name=card.name,
        state=card.state,
        agency=card.agency,
        sequence=card.sequence,
        previous_digest=card.previous_digest,
        issued_at=_timestamp(card.issued_at),
        valid_until=_timestamp(card.valid_until),
        root=card_pb2.RootKeys(ed25519=card.root.ed25519, mldsa44=card.root.mldsa44),
        keys=[_encode_key(key) for key in card.keys],
        endpoints=card.endpoints,
        contact_points=[_encode_contact(contact) for contact in card.contact_points],
        protocol_versions=card.protocol_versions,
        categories=card.categories,
        log_origin_prefix=card.log_origin_prefix,
    )
    return message.SerializeToString(deterministic=True)


def decode_card(payload: bytes) -> Card:
    """Read a card's bytes, strictly.

    Unknown fields, and keys and contact points of unknown kinds, are passed
    over: a newer node may list more than we know.

    Raises:
        TooLargeError: There are more bytes than a card has.
        UnsupportedVersionError: Its version is unknown.
        MalformedError: It breaks a rule.
    """
    if len(payload) > CARD_BYTES_MAX:
        raise TooLargeError(
            f"A card has at most {CARD_BYTES_MAX} bytes.",
            remedy="Let the node that it describes issue a smaller one.",
        )
    try:
        message = card_pb2.Card.FromString(payload)
    except DecodeError as error:
        raise card_forms.wrong("It is no protobuf message.") from error
    if message.schema_version != SCHEMA_VERSION:
        raise UnsupportedVersionError(
            "The card has a version that this node does not know.",
            remedy="Upgrade the older of both nodes.",
        )
    card_forms.check_count("keys", message.keys, 0, KEYS_MAX)
    card_forms.check_count(
        "contact points", message.contact_points, 0, CONTACT_POINTS_MAX
    )
    return Card(
        name=message.name,
        state=message.state,
        agency=message.agency,
        sequence=message.sequence,
        previous_digest=message.previous_digest,
        issued_at=_moment(message.issued_at),
        valid_until=_moment(message.valid_until),
        root=RootPublic(ed25519=message.root.ed25519, mldsa44=message.root.mldsa44),
        keys=_decode_keys(message.keys),
        endpoints=tuple(message.endpoints),
        contact_points=_decode_contacts(message.contact_points),
        protocol_versions=tuple(message.protocol_versions),
        categories=tuple(message.categories),
        log_origin_prefix=message.log_origin_prefix,
    )


def _encode_key(key: CardKey) -> card_pb2.CardKey:
    return card_pb2.CardKey(
        purpose=card_pb2.KeyPurpose.ValueType(key.purpose),
        algorithm=card_pb2.KeyAlgorithm.ValueType(key.algorithm),
        key_id=key.key_id,
        public=key.public,
        not_before=_timestamp(key.not_before),
        not_after=_timestamp(key.not_after),
    )


def _decode_keys(keys: Iterable[card_pb2.CardKey]) -> tuple[CardKey, ...]:
    return tuple(
        CardKey(
            purpose=KeyPurpose(key.purpose),
            algorithm=KeyAlgorithm(key.algorithm),
            key_id=key.key_id,
            public=key.public,
            not_before=_moment(key.not_before),
            not_after=_moment(key.not_after),
        )
        for key in keys
        if key.purpose in _PURPOSES and key.algorithm in _ALGORITHMS
    )


def _encode_contact(contact: ContactPoint) -> card_pb2.ContactPoint:
    return card_pb2.ContactPoint(
        function=card_pb2.ContactFunction.Value(
            f"{_FUNCTION_PREFIX}{contact.function.name}"
        ),
        phone=contact.phone,
        languages=contact.languages,
        hours=contact.hours,
    )


def _decode_contacts(
    contacts: Iterable[card_pb2.ContactPoint],
) -> tuple[ContactPoint, ...]:
    return tuple(
        ContactPoint(
            function=_FUNCTIONS[contact.function],
            phone=contact.phone,
            languages=tuple(contact.languages),
            hours=contact.hours,
        )
        for contact in contacts
        if contact.function in _FUNCTIONS
    )


def _timestamp(moment: datetime) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp


def _moment(timestamp: Timestamp) -> datetime:
    if timestamp == Timestamp():
        raise card_forms.wrong("A time is missing.")
    try:
        return timestamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise card_forms.wrong("A time is outside the calendar.") from error
