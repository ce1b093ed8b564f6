# SPDX-License-Identifier: Apache-2.0
"""Signed notes (C2SP signed-note) with the two signature types that logs use.

Type 0x01 is Ed25519 over the note's text. Type 0x06 is the ML-DSA-44 signature
of C2SP tlog-cosignature, which signs a checkpoint's origin, size and root in a
structure of its own. Witnesses' Ed25519 cosignatures (0x04) are not made here.
Parsing is strict; signatures of unknown keys are ignored, as the format asks.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
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

#: A checkpoint with both signatures of its log and cosignatures of a dozen
#: witnesses, in bytes.
NOTE_BYTES_MAX: Final = 64 * 1024
SIGNATURES_MAX: Final = 64
_KEY_ID_BYTES: Final = 4
_MLDSA_TIMESTAMP_BYTES: Final = 8
_DASH: Final = "— "
_NAME: Final = re.compile(r"[^\s+]{1,255}")
_SUBTREE_LABEL: Final = b"subtree/v1\n\x00"


class SignatureType(IntEnum):
    """Signature type identifiers of C2SP signed-note."""

    ED25519 = 0x01
    MLDSA44 = 0x06


def key_id(name: str, signature_type: SignatureType, public_key: bytes) -> bytes:
    """Return the 4-byte key ID of a key (C2SP signed-note, "Signatures")."""
    data = name.encode() + b"\n" + bytes([signature_type]) + public_key
    return sha256(data).digest()[:_KEY_ID_BYTES]


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
    """What both kinds of verifier share."""

    signature_type: SignatureType

    def __init__(self, name: str, public_key: bytes) -> None:
        if not _NAME.fullmatch(name):
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

    def _wrong(self) -> SignatureError:
        return SignatureError(
            f"The {self.signature_type.name} signature of {self.name} does not hold.",
            remedy="Do not rely on the note.",
            signature_type=self.signature_type.name,
            key=self.name,
        )


class Ed25519Verifier(_Verifier):
    """Verify note signatures of type 0x01 (RFC 8032)."""

    signature_type = SignatureType.ED25519

    def __init__(self, name: str, public_key: bytes) -> None:
        """Take the key name and the 32-byte public key."""
        super().__init__(name, public_key)
        self._key = Ed25519PublicKey.from_public_bytes(public_key)

    def verify(self, text: bytes, signature: bytes) -> None:
        """Verify a 64-byte signature over the text."""
        try:
            self._key.verify(signature, text)
        except InvalidSignature as error:
            raise self._wrong() from error


class Mldsa44Verifier(_Verifier):
    """Verify note signatures of type 0x06 (FIPS 204, C2SP tlog-cosignature)."""

    signature_type = SignatureType.MLDSA44

    def __init__(self, name: str, public_key: bytes) -> None:
        """Take the key name and the 1312-byte public key."""
        super().__init__(name, public_key)
        self._key = MLDSA44PublicKey.from_public_bytes(public_key)

    def verify(self, text: bytes, signature: bytes) -> None:
        """Verify a timestamped signature: 8 bytes of time, 2420 of ML-DSA-44."""
        time = int.from_bytes(signature[:_MLDSA_TIMESTAMP_BYTES], "big")
        raw = signature[_MLDSA_TIMESTAMP_BYTES:]
        try:
            self._key.verify(raw, subtree_message(self.name, text, timestamp_s=time))
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
        """Return 8 zero bytes and the 2420-byte signature."""
        message = subtree_message(self.verifier.name, text, timestamp_s=0)
        return bytes(_MLDSA_TIMESTAMP_BYTES) + self._key.sign(message)


def subtree_message(cosigner: str, text: bytes, *, timestamp_s: int) -> bytes:
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
    if any(not 1 <= len(item) <= 255 for item in names):  # noqa: PLR2004 - <1..2^8-1>
        raise MalformedError(
            "A key name or origin has more than 255 bytes.",
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


def parse_vkey(text: str) -> NoteVerifier:
    """Read a verifier key of one of the two types.

    Raises:
        MalformedError: It is malformed, of another type, or its ID is wrong.
    """
    name, _, rest = text.partition("+")
    identifier, _, encoded = rest.partition("+")
    material = _base64(encoded)
    kinds: dict[int, type[Ed25519Verifier | Mldsa44Verifier]] = {
        SignatureType.ED25519: Ed25519Verifier,
        SignatureType.MLDSA44: Mldsa44Verifier,
    }
    kind = kinds.get(material[0]) if material else None
    try:
        if kind is not None:
            verifier = kind(name, material[1:])
            if verifier.id.hex() == identifier:
                return verifier
    except ValueError:
        pass
    raise MalformedError(
        "That is no verifier key of type 0x01 or 0x06.",
        remedy="Copy it whole: name, key ID and key, joined by plus signs.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteSignature:
    """One signature line: key name, 4-byte key ID, signature."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A parsed note; nothing of it is verified."""

    text: bytes
    signatures: tuple[NoteSignature, ...]


def sign_note(text: bytes, signers: Sequence[NoteSigner]) -> bytes:
    """Sign a text that ends in a newline; return the note."""
    lines = []
    for signer in signers:
        signature = signer.verifier.id + signer.sign(text)
        encoded = base64.b64encode(signature).decode()
        lines.append(f"{_DASH}{signer.verifier.name} {encoded}\n")
    return text + b"\n" + "".join(lines).encode()


def parse_note(note: bytes) -> Note:
    """Parse a note without verifying it.

    Raises:
        MalformedError: It has not the form of C2SP signed-note.
    """
    if len(note) > NOTE_BYTES_MAX:
        raise _malformed(f"has more than {NOTE_BYTES_MAX} bytes")
    try:
        decoded = note.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _malformed("is not UTF-8") from error
    if any(character < " " and character != "\n" for character in decoded):
        raise _malformed("holds control characters")
    text, separator, block = decoded.rpartition("\n\n")
    if not separator or not block.endswith("\n") or not text:
        raise _malformed("has no signatures after an empty line")
    lines = block[:-1].split("\n")
    if len(lines) > SIGNATURES_MAX:
        raise _malformed(f"has more than {SIGNATURES_MAX} signatures")
    return Note(
        text=(text + "\n").encode(),
        signatures=tuple(_parse_line(line) for line in lines),
    )


def open_note(note: bytes, verifiers: Sequence[NoteVerifier]) -> bytes:
    """Verify that every given key signed a note; return its text.

    Args:
        note: The signed note.
        verifiers: The keys, all of which must have signed.

    Raises:
        MalformedError: It has not the form of C2SP signed-note.
        SignatureError: A signature is missing or wrong; its context names the
            ``signature_type``.
    """
    parsed = parse_note(note)
    for verifier in verifiers:
        found = [
            line.signature
            for line in parsed.signatures
            if line.name == verifier.name and line.key_id == verifier.id
        ]
        if not found:
            raise SignatureError(
                f"The {verifier.signature_type.name} signature of {verifier.name} is "
                "missing.",
                remedy="Do not rely on the note.",
                signature_type=verifier.signature_type.name,
                key=verifier.name,
            )
        for signature in found:
            verifier.verify(parsed.text, signature)
    return parsed.text


def _parse_line(line: str) -> NoteSignature:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    signature = _base64(encoded)
    if (
        not line.startswith(_DASH)
        or not _NAME.fullmatch(name)
        or len(signature) <= _KEY_ID_BYTES
    ):
        raise _malformed("has a signature line of another form")
    return NoteSignature(
        name=name,
        key_id=signature[:_KEY_ID_BYTES],
        signature=signature[_KEY_ID_BYTES:],
    )


def _base64(encoded: str) -> bytes:
    """Decode canonical base64; anything else gives no bytes."""
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return data if base64.b64encode(data).decode() == encoded else b""


def _malformed(what: str) -> MalformedError:
    return MalformedError(
        f"The signed note {what}.",
        remedy="Ask for the note again, byte for byte.",
    )
