# SPDX-License-Identifier: Apache-2.0
"""The signed envelope of a card: DSSE with two signatures.

The payload, opaque here, is signed by both root keys, Ed25519 (RFC 8032) and
ML-DSA-44 (FIPS 204, empty context), over DSSE's pre-authentication encoding
(DSSE protocol v1.0.2). Both signatures must hold: a card is as strong as the
stronger algorithm.

The envelope is DSSE's JSON in exactly one form: members in the order of RFC
8785, no white space, standard base64 with padding, and two signatures, in this
order, with the key ids ``root-ed25519`` and ``root-mldsa44``. Any reader of
DSSE can read it. There is nothing to ignore in it and nothing to hide in it.

Whose root keys these are is not decided here: fingerprints are compared by
people (`selat.core.fingerprints`).
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.mldsa import (
    MLDSA44PrivateKey,
    MLDSA44PublicKey,
)

from selat.core.fingerprints import (
    ED25519_PUBLIC_BYTES,
    MLDSA44_PUBLIC_BYTES,
    Fingerprint,
    fingerprint,
)
from selat.errors import (
    MalformedError,
    SignatureError,
    TooLargeError,
    UnsupportedVersionError,
)

#: DSSE payload type of a card.
PAYLOAD_TYPE: Final = "application/vnd.selat.card.v1"
#: Payload of a card, in bytes: its envelope then fits into one leaf of a log.
CARD_BYTES_MAX: Final = 32 * 1024
#: Envelope of a card, in bytes: payload in base64, two signatures, names.
ENVELOPE_BYTES_MAX: Final = CARD_BYTES_MAX * 4 // 3 + 4096
#: Ed25519 signature, in bytes (RFC 8032 §5.1.6).
ED25519_SIGNATURE_BYTES: Final = 64
#: ML-DSA-44 signature, in bytes (FIPS 204, table 2).
MLDSA44_SIGNATURE_BYTES: Final = 2420

_FORM: Final = (
    '{{"payload":"{payload}","payloadType":"{payload_type}","signatures":['
    '{{"keyid":"root-ed25519","sig":"{ed25519}"}},'
    '{{"keyid":"root-mldsa44","sig":"{mldsa44}"}}]}}'
)
_ENVELOPE: Final = re.compile(
    r'\{"payload":"(?P<payload>[A-Za-z0-9+/]+={0,2})",'
    r'"payloadType":"(?P<payload_type>[a-z0-9./+-]{1,100})",'
    r'"signatures":\['
    r'\{"keyid":"root-ed25519","sig":"(?P<ed25519>[A-Za-z0-9+/]+={0,2})"\},'
    r'\{"keyid":"root-mldsa44","sig":"(?P<mldsa44>[A-Za-z0-9+/]+={0,2})"\}\]\}'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RootPublic:
    """The public root keys of a node.

    Attributes:
        ed25519: 32-byte raw public key.
        mldsa44: 1312-byte raw public key.
    """

    ed25519: bytes
    mldsa44: bytes

    def __post_init__(self) -> None:
        """Check the lengths."""
        lengths = (len(self.ed25519), len(self.mldsa44))
        if lengths != (ED25519_PUBLIC_BYTES, MLDSA44_PUBLIC_BYTES):
            raise MalformedError(
                "A root key does not have the length of its algorithm.",
                remedy="Ask the node for its card again.",
            )

    @property
    def fingerprint(self) -> Fingerprint:
        """What people compare."""
        return fingerprint(ed25519=self.ed25519, mldsa44=self.mldsa44)


class RootKeys:
    """The private root keys of a node; they sign its cards."""

    __slots__ = ("_ed25519", "_mldsa44", "public")

    def __init__(
        self, *, ed25519: Ed25519PrivateKey, mldsa44: MLDSA44PrivateKey
    ) -> None:
        """Take both keys."""
        self._ed25519 = ed25519
        self._mldsa44 = mldsa44
        self.public: Final = RootPublic(
            ed25519=ed25519.public_key().public_bytes_raw(),
            mldsa44=mldsa44.public_key().public_bytes_raw(),
        )

    def sign(self, message: bytes) -> tuple[bytes, bytes]:
        """Return the Ed25519 and the ML-DSA-44 signature of a message."""
        return self._ed25519.sign(message), self._mldsa44.sign(message)

    def __repr__(self) -> str:
        """Show the fingerprint only."""
        return f"RootKeys({self.public.fingerprint})"


@dataclass(frozen=True, slots=True, kw_only=True)
class CardEnvelope:
    """An envelope that was read, and not yet verified.

    Attributes:
        payload: Exact bytes of the card.
        ed25519: 64-byte signature.
        mldsa44: 2420-byte signature.
    """

    payload: bytes
    ed25519: bytes
    mldsa44: bytes


def sign_card(payload: bytes, root: RootKeys) -> bytes:
    """Sign a card with both root keys.

    Args:
        payload: Exact bytes of the card, at most 32 KiB.
        root: The private root keys.

    Returns:
        The envelope.

    Raises:
        TooLargeError: The card is larger.
        MalformedError: The card is empty.
    """
    if len(payload) > CARD_BYTES_MAX:
        raise _too_large()
    if not payload:
        raise _malformed()
    ed25519, mldsa44 = root.sign(pre_authentication_encoding(payload))
    return _encode(CardEnvelope(payload=payload, ed25519=ed25519, mldsa44=mldsa44))


def parse_envelope(envelope: bytes) -> CardEnvelope:
    """Read an envelope, strictly, without verifying its signatures.

    Raises:
        TooLargeError: It is larger than any card's.
        UnsupportedVersionError: It holds something else than a card, version 1.
        MalformedError: It has another form.
    """
    if len(envelope) > ENVELOPE_BYTES_MAX:
        raise _too_large()
    try:
        match = _ENVELOPE.fullmatch(envelope.decode("ascii"))
    except UnicodeDecodeError as error:
        raise _malformed() from error
    if match is None:
        raise _malformed()
    if match["payload_type"] != PAYLOAD_TYPE:
        raise UnsupportedVersionError(
            "The envelope holds something else than a card of version 1.",
            remedy="Upgrade the older of both nodes.",
        )
    try:
        payload, ed25519, mldsa44 = (
            b64decode(match[part], validate=True)
            for part in ("payload", "ed25519", "mldsa44")
        )
    except ValueError as error:
        raise _malformed() from error
    lengths = (len(ed25519), len(mldsa44))
    if lengths != (ED25519_SIGNATURE_BYTES, MLDSA44_SIGNATURE_BYTES):
        raise _malformed()
    parsed = CardEnvelope(payload=payload, ed25519=ed25519, mldsa44=mldsa44)
    # Base64 has spare bits: only their one canonical value is accepted.
    if _encode(parsed) != envelope:
        raise _malformed()
    if len(payload) > CARD_BYTES_MAX:
        raise _too_large()
    return parsed


def verify_card_envelope(envelope: bytes, root_public: RootPublic) -> bytes:
    """Verify both signatures of a card.

    Args:
        envelope: What `sign_card` returned.
        root_public: The root keys that must have signed it.

    Returns:
        Exact bytes of the card.

    Raises:
        SignatureError: One of the signatures is wrong.
        TooLargeError: See `parse_envelope`.
        UnsupportedVersionError: See `parse_envelope`.
        MalformedError: See `parse_envelope`.
    """
    parsed = parse_envelope(envelope)
    message = pre_authentication_encoding(parsed.payload)
    try:
        Ed25519PublicKey.from_public_bytes(root_public.ed25519).verify(
            parsed.ed25519, message
        )
    except InvalidSignature as error:
        raise _bad_signature("Ed25519") from error
    try:
        MLDSA44PublicKey.from_public_bytes(root_public.mldsa44).verify(
            parsed.mldsa44, message
        )
    except InvalidSignature as error:
        raise _bad_signature("ML-DSA-44") from error
    return parsed.payload


def pre_authentication_encoding(payload: bytes) -> bytes:
    """Return the bytes that are signed (DSSE protocol v1.0.2, ``PAE``)."""
    return b"DSSEv1 %d %s %d %s" % (
        len(PAYLOAD_TYPE),
        PAYLOAD_TYPE.encode(),
        len(payload),
        payload,
    )


def card_digest(payload: bytes) -> bytes:
    """Return the 32-byte SHA-256 of a card's exact bytes."""
    return sha256(payload).digest()


def _encode(envelope: CardEnvelope) -> bytes:
    return _FORM.format(
        payload=b64encode(envelope.payload).decode(),
        payload_type=PAYLOAD_TYPE,
        ed25519=b64encode(envelope.ed25519).decode(),
        mldsa44=b64encode(envelope.mldsa44).decode(),
    ).encode()


def _too_large() -> TooLargeError:
    return TooLargeError(
        f"A card has at most {CARD_BYTES_MAX} bytes.",
        remedy="List fewer contact points or retired keys on it.",
    )


def _malformed() -> MalformedError:
    return MalformedError(
        "That is no signed card.",
        remedy="Ask the peer for the output of 'selat peer card', unchanged.",
    )


def _bad_signature(algorithm: str) -> SignatureError:
    return SignatureError(
        f"The card's {algorithm} signature is not of the root key expected.",
        remedy="Do not accept it; compare fingerprints with the peer by telephone.",
        signature_type=algorithm,
    )
