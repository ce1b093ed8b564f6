# SPDX-License-Identifier: Apache-2.0
"""Keys of signed notes: signature types, key IDs and verifier keys (C2SP).

Type 0x01 is Ed25519 over the note's text: a log's signature. Type 0x04 is
Ed25519 over a time and a checkpoint: a witness's. Type 0x06 is the ML-DSA-44
signature of C2SP tlog-cosignature, of logs and witnesses both, which signs a
checkpoint's origin, size and root in a structure of its own and nothing of its
extension lines. Witnesses sign in `selat.core.cosignatures`.
"""

from __future__ import annotations

import base64
import binascii
import re
from enum import IntEnum
from hashlib import sha256
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.mldsa import (
    MLDSA44PrivateKey,
    MLDSA44PublicKey,
)

from selat.core.tree_heads import parse_tree_head
from selat.errors import MalformedError, SignatureError

KEY_ID_BYTES: Final = 4
ED25519_SIGNATURE_BYTES: Final = 64
MLDSA44_SIGNATURE_BYTES: Final = 2420
#: Names in C2SP tlog-cosignature's ``cosigned_message``: ``<1..2^8-1>``.
COSIGNED_NAME_BYTES_MAX: Final = 255
#: Longest verifier key: its name, an ID and an ML-DSA-44 key, with room.
VKEY_CHARACTERS_MAX: Final = 4096
#: The greatest timestamp of a cosignature, s.
TIMESTAMP_S_MAX: Final = 2**63 - 1
TIMESTAMP_BYTES: Final = 8
# Neither Unicode spaces nor plus (C2SP signed-note); notes as a whole hold no
# ASCII control characters and are UTF-8, which has no halves of characters.
_NAME: Final = re.compile(r"[^\s+\x00-\x1f\ud800-\udfff]+")
_SUBTREE_LABEL: Final = b"subtree/v1\n\x00"


class SignatureType(IntEnum):
    """Signature type identifiers of C2SP signed-note."""

    ED25519 = 0x01
    COSIGNATURE_ED25519 = 0x04
    MLDSA44 = 0x06


def key_id(name: str, signature_type: SignatureType, public_key: bytes) -> bytes:
    """Return the 4-byte key ID of a key (C2SP signed-note, "Signatures")."""
    data = name.encode() + b"\n" + bytes([signature_type]) + public_key
    return sha256(data).digest()[:KEY_ID_BYTES]


def is_key_name(text: str) -> bool:
    """Tell whether a text may be a key's name (C2SP signed-note, "Format")."""
    return _NAME.fullmatch(text) is not None


class NoteVerifier(Protocol):
    """A known key that verifies signatures of one type."""

    @property
    def name(self) -> str:
        """Return the key name."""

    @property
    def signature_type(self) -> SignatureType:
        """Return the signature type."""

    @property
    def id(self) -> bytes:
        """Return the 4-byte key ID."""

    @property
    def public_key(self) -> bytes:
        """Return the raw public key."""

    @property
    def vkey(self) -> str:
        """Return the key as a verifier key."""

    def verify(self, text: bytes, signature: bytes) -> None:
        """Verify a signature over a note's text.

        Raises:
            SignatureError: It does not hold.
        """


class NoteSigner(Protocol):
    """A private key that signs notes."""

    @property
    def verifier(self) -> NoteVerifier:
        """Return the verifier of what this signer signs."""

    def sign(self, text: bytes) -> bytes:
        """Return the signature over a note's text."""


class _Verifier:
    """What all kinds of verifier share."""

    signature_type: SignatureType

    def __init__(self, name: str, public_key: bytes) -> None:
        if not is_key_name(name):
            raise MalformedError(
                "A key name must not be empty nor hold spaces or plus signs.",
                remedy="Use the origin of the log.",
            )
        self.name: Final = name
        self.public_key: Final = public_key
        self.id: Final = key_id(name, self.signature_type, public_key)

    @property
    def vkey(self) -> str:
        """Return ``name+hex(id)+base64(type ‖ key)`` (C2SP signed-note)."""
        material = base64.b64encode(bytes([self.signature_type]) + self.public_key)
        return f"{self.name}+{self.id.hex()}+{material.decode()}"

    def _no_key(self) -> MalformedError:
        return MalformedError(
            f"The {self.signature_type.name} key of {self.name} is no such key.",
            remedy="Ask its owner for the key again.",
            key=self.name,
        )

    def _wrong(self) -> SignatureError:
        return SignatureError(
            f"The {self.signature_type.name} signature of {self.name} does not hold.",
            remedy="Do not rely on the note.",
            signature_type=self.signature_type.name,
            key=self.name,
        )

    def _split(self, signature: bytes, *, length: int) -> tuple[int, bytes]:
        """Split a ``timestamped_signature`` (C2SP tlog-cosignature, "Format").

        Args:
            signature: 8 bytes of time and a signature.
            length: What the signature alone must have, in bytes.

        Returns:
            The time, POSIX s, and the signature alone.

        Raises:
            SignatureError: It has another length, or a time beyond 63 bits.
        """
        time_s = timestamp_of(signature)
        if len(signature) != TIMESTAMP_BYTES + length or time_s > TIMESTAMP_S_MAX:
            raise self._wrong()
        return time_s, signature[TIMESTAMP_BYTES:]


class _AnyEd25519Verifier(_Verifier):
    """What both types of Ed25519 signature share (RFC 8032)."""

    def __init__(self, name: str, public_key: bytes) -> None:
        """Take the key name and the 32-byte public key."""
        super().__init__(name, public_key)
        try:
            self._key = Ed25519PublicKey.from_public_bytes(public_key)
        except ValueError as error:
            raise self._no_key() from error

    def _verify(self, message: bytes, signature: bytes) -> None:
        try:
            self._key.verify(signature, message)
        except InvalidSignature as error:
            raise self._wrong() from error


class Ed25519Verifier(_AnyEd25519Verifier):
    """Verify note signatures of type 0x01."""

    signature_type = SignatureType.ED25519

    def verify(self, text: bytes, signature: bytes) -> None:
        """Verify a 64-byte signature over the text.

        Raises:
            SignatureError: The signature does not hold.
        """
        self._verify(text, signature)


class Ed25519CosignatureVerifier(_AnyEd25519Verifier):
    """Verify cosignatures of type 0x04 (C2SP tlog-cosignature)."""

    signature_type = SignatureType.COSIGNATURE_ED25519

    def verify(self, text: bytes, signature: bytes) -> None:
        """Verify a timestamped signature: 8 bytes of time, 64 of Ed25519.

        Raises:
            MalformedError: The text is no checkpoint.
            SignatureError: The signature does not hold.
        """
        parse_tree_head(text)
        time_s, plain = self._split(signature, length=ED25519_SIGNATURE_BYTES)
        self._verify(timed_text(text, timestamp_s=time_s), plain)


class Mldsa44Verifier(_Verifier):
    """Verify note signatures of type 0x06 (FIPS 204, C2SP tlog-cosignature)."""

    signature_type = SignatureType.MLDSA44

    def __init__(self, name: str, public_key: bytes) -> None:
        """Take the key name and the 1312-byte public key."""
        super().__init__(name, public_key)
        try:
            self._key = MLDSA44PublicKey.from_public_bytes(public_key)
        except ValueError as error:
            raise self._no_key() from error

    def verify(self, text: bytes, signature: bytes) -> None:
        """Verify a timestamped signature: 8 bytes of time, 2420 of ML-DSA-44.

        Raises:
            MalformedError: The text is no checkpoint.
            SignatureError: The signature does not hold.
        """
        time_s, plain = self._split(signature, length=MLDSA44_SIGNATURE_BYTES)
        message = cosigned_message(self.name, text, timestamp_s=time_s)
        try:
            self._key.verify(plain, message)
        except InvalidSignature as error:
            raise self._wrong() from error


class Ed25519Signer:
    """Sign notes with type 0x01."""

    def __init__(self, name: str, private_key: Ed25519PrivateKey) -> None:
        """Take the key name and the private key."""
        self._key = private_key
        self.verifier: Final = Ed25519Verifier(
            name, private_key.public_key().public_bytes_raw()
        )

    def sign(self, text: bytes) -> bytes:
        """Return the 64-byte signature."""
        return self._key.sign(text)


class Mldsa44Signer:
    """Sign checkpoints with type 0x06, without a statement of time.

    The time is zero: a log that signs its own checkpoint says nothing about
    which one is its newest, and a time in it could be neither checked nor kept
    equal when the same checkpoint is signed again.
    """

    def __init__(self, name: str, private_key: MLDSA44PrivateKey) -> None:
        """Take the key name and the private key."""
        self._key = private_key
        self.verifier: Final = Mldsa44Verifier(
            name, private_key.public_key().public_bytes_raw()
        )

    def sign(self, text: bytes) -> bytes:
        """Return 8 zero bytes and the 2420-byte signature.

        Raises:
            MalformedError: The text is no checkpoint.
        """
        message = cosigned_message(self.verifier.name, text, timestamp_s=0)
        return bytes(TIMESTAMP_BYTES) + self._key.sign(message)


def timestamp_of(signature: bytes) -> int:
    """Return the time of a timestamped signature, POSIX s; 0 says nothing."""
    return int.from_bytes(signature[:TIMESTAMP_BYTES], "big")


def timed_text(text: bytes, *, timestamp_s: int) -> bytes:
    """Return what an Ed25519 cosignature over a checkpoint signs.

    C2SP tlog-cosignature, "Ed25519 signed message".

    Args:
        text: The checkpoint, a note's text.
        timestamp_s: POSIX time of the signature in s.
    """
    return f"cosignature/v1\ntime {timestamp_s}\n".encode() + text


def cosigned_message(cosigner: str, text: bytes, *, timestamp_s: int) -> bytes:
    """Return what an ML-DSA-44 signature over a checkpoint signs.

    ``cosigned_message`` of C2SP tlog-cosignature: label, cosigner name,
    timestamp, log origin, start 0, end, hash.

    Args:
        cosigner: Key name of the signer.
        text: The checkpoint, a note's text.
        timestamp_s: POSIX time of the signature in s, or 0.

    Raises:
        MalformedError: The text is no checkpoint.
    """
    head = parse_tree_head(text)
    names = [item.encode() for item in (cosigner, head.origin)]
    if any(len(item) > COSIGNED_NAME_BYTES_MAX for item in names):
        raise MalformedError(
            f"A key name or origin has more than {COSIGNED_NAME_BYTES_MAX} bytes.",
            remedy="Use a shorter node name.",
        )
    return b"".join(
        (
            _SUBTREE_LABEL,
            bytes([len(names[0])]),
            names[0],
            timestamp_s.to_bytes(8, "big"),
            bytes([len(names[1])]),
            names[1],
            bytes(8),
            head.size.to_bytes(8, "big"),
            head.root,
        )
    )


_KINDS: Final[
    dict[
        int,
        type[Ed25519Verifier | Ed25519CosignatureVerifier | Mldsa44Verifier],
    ]
] = {
    kind.signature_type: kind
    for kind in (Ed25519Verifier, Ed25519CosignatureVerifier, Mldsa44Verifier)
}


def parse_vkey(text: str) -> NoteVerifier:
    """Read a verifier key of one of the three types.

    Raises:
        MalformedError: It is malformed, of another type, or its ID is wrong.
    """
    if len(text) > VKEY_CHARACTERS_MAX:
        raise _no_vkey()
    name, _, rest = text.partition("+")
    identifier, _, encoded = rest.partition("+")
    material = decode_base64(encoded)
    kind = _KINDS.get(material[0]) if material else None
    if kind is not None:
        verifier = kind(name, material[1:])
        if verifier.id.hex() == identifier:
            return verifier
    raise _no_vkey()


def _no_vkey() -> MalformedError:
    return MalformedError(
        "That is no verifier key of type 0x01, 0x04 or 0x06.",
        remedy="Copy it whole: name, key ID and key, joined by plus signs.",
    )


def decode_base64(encoded: str) -> bytes:
    """Decode canonical base64 (RFC 4648 §4); anything else gives no bytes."""
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return data if base64.b64encode(data).decode() == encoded else b""
