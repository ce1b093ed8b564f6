# SPDX-License-Identifier: Apache-2.0
r"""Fingerprints of root keys, for people to compare by telephone.

A fingerprint is SHA-256 of ``"selat/v1/root-fingerprint\0" ‖ Ed25519 public
key (32 bytes) ‖ ML-DSA-44 public key (1312 bytes)``, not truncated: peers are
compared once, and what rests on the comparison lasts for decades.

It is shown as sixteen groups of four hexadecimal digits, and as sixteen
proquints (D. S. Wilkerson, "A Proposal for Proquints", arXiv:0901.4016): 16
bits become a word of five letters that can be said in any language, with no
list of words to agree on. ``7f00 0001`` is ``lusab babad``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Self

from selat.errors import MalformedError

#: Raw Ed25519 public key, in bytes (RFC 8032 §5.1.5).
ED25519_PUBLIC_BYTES: Final = 32
#: Raw ML-DSA-44 public key, in bytes (FIPS 204, table 2).
MLDSA44_PUBLIC_BYTES: Final = 1312

_DOMAIN: Final = b"selat/v1/root-fingerprint\x00"
_DIGEST_BYTES: Final = 32
_GROUPS: Final = 16
# Sixteen words of five letters, with room for line breaks and indents.
_TEXT_CHARACTERS_MAX: Final = 200

_CONSONANTS: Final = "bdfghjklmnprstvz"
_VOWELS: Final = "aiou"
_HEX_GROUP: Final = re.compile("[0-9a-f]{4}")
_PROQUINT: Final = re.compile(
    f"[{_CONSONANTS}][{_VOWELS}][{_CONSONANTS}][{_VOWELS}][{_CONSONANTS}]"
)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The fingerprint of a node's root keys.

    Attributes:
        digest: 32-byte SHA-256.
    """

    digest: bytes

    def __post_init__(self) -> None:
        """Check the length."""
        if len(self.digest) != _DIGEST_BYTES:
            raise _malformed()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what a person typed: hexadecimal groups or proquints.

        Groups are separated by single hyphens or by white space; case does not
        matter. All sixteen must be there, in one of both forms.

        Raises:
            MalformedError: The text is no fingerprint.
        """
        if len(text) > _TEXT_CHARACTERS_MAX or not text.isascii():
            raise _malformed()
        groups = re.split(r"-|\s+", text.strip().lower())
        if len(groups) != _GROUPS:
            raise _malformed()
        if all(_HEX_GROUP.fullmatch(group) for group in groups):
            return cls(bytes.fromhex("".join(groups)))
        if all(_PROQUINT.fullmatch(group) for group in groups):
            return cls(b"".join(map(_from_proquint, groups)))
        raise _malformed()

    def hex_groups(self) -> str:
        """Return sixteen groups of four hexadecimal digits."""
        return self.digest.hex(" ", 2)

    def words(self) -> str:
        """Return sixteen proquints."""
        pairs = zip(self.digest[::2], self.digest[1::2], strict=True)
        return " ".join(_to_proquint(high << 8 | low) for high, low in pairs)

    def __str__(self) -> str:
        """Return the hexadecimal groups."""
        return self.hex_groups()


def fingerprint(*, ed25519: bytes, mldsa44: bytes) -> Fingerprint:
    """Return the fingerprint of both root keys.

    Args:
        ed25519: 32-byte raw public key.
        mldsa44: 1312-byte raw public key.

    Raises:
        MalformedError: A key has another length.
    """
    if len(ed25519) != ED25519_PUBLIC_BYTES or len(mldsa44) != MLDSA44_PUBLIC_BYTES:
        raise MalformedError(
            "A root key does not have the length of its algorithm.",
            remedy="Ask the node for its card again.",
        )
    return Fingerprint(sha256(_DOMAIN + ed25519 + mldsa44).digest())


def _to_proquint(value: int) -> str:
    """Spell 16 bits, from the highest: consonant 4, vowel 2, and so on."""
    return (
        _CONSONANTS[value >> 12]
        + _VOWELS[value >> 10 & 3]
        + _CONSONANTS[value >> 6 & 15]
        + _VOWELS[value >> 4 & 3]
        + _CONSONANTS[value & 15]
    )


def _from_proquint(word: str) -> bytes:
    value = 0
    for letter in word:
        if letter in _VOWELS:
            value = value << 2 | _VOWELS.index(letter)
        else:
            value = value << 4 | _CONSONANTS.index(letter)
    return value.to_bytes(2, "big")


def _malformed() -> MalformedError:
    return MalformedError(
        f"That is no fingerprint: it has {_GROUPS} groups of four hexadecimal "
        f"digits, or {_GROUPS} words of five letters.",
        remedy="Copy it whole from the peer's 'selat peer card'.",
    )
