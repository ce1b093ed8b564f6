# SPDX-License-Identifier: Apache-2.0
"""Cosignatures of checkpoints (C2SP tlog-cosignature), made and verified.

Every cosigner signs with two keys, Ed25519 (type 0x04) and ML-DSA-44 (type
0x06), and counts only when both hold. Whether a checkpoint may be cosigned is
decided in `selat.core.witnessing`; which cosigners suffice, by a policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from selat.core.note_keys import (
    TIMESTAMP_BYTES,
    TIMESTAMP_S_MAX,
    Ed25519CosignatureVerifier,
    Mldsa44Verifier,
    NoteVerifier,
    SignatureType,
    cosigned_message,
    timed_text,
    timestamp_of,
)
from selat.core.notes import (
    NOTE_BYTES_MAX,
    SIGNATURES_MAX,
    NoteSignature,
    parse_note,
    parse_signatures,
)
from selat.errors import InvalidInputError, SignatureError

#: The types with which a cosigner must have signed to be counted.
REQUIRED_TYPES: Final = frozenset(
    {SignatureType.COSIGNATURE_ED25519, SignatureType.MLDSA44}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosignature:
    """One verified cosignature.

    Attributes:
        name: Key name of the cosigner.
        signature_type: Its type, one of `REQUIRED_TYPES`.
        key_id: 4-byte key ID.
        time_s: When it was made, by the cosigner's clock, POSIX s.
        line: The signature line with its newline.
    """

    name: str
    signature_type: SignatureType
    key_id: bytes
    time_s: int
    line: bytes


class CosignatureSigner:
    """Cosign checkpoints with both keys of a witness."""

    def __init__(
        self,
        name: str,
        ed25519_private: Ed25519PrivateKey,
        mldsa44_private: MLDSA44PrivateKey,
    ) -> None:
        """Take the witness's key name and its two private keys.

        Neither key may sign anything else: an Ed25519 cosignature does not say
        whose it is (C2SP tlog-cosignature, "Ed25519 signed message").
        """
        self._ed25519 = ed25519_private
        self._mldsa44 = mldsa44_private
        self.name: Final = name
        self.verifiers: Final = cosigner_verifiers(
            name,
            ed25519_private.public_key().public_bytes_raw(),
            mldsa44_private.public_key().public_bytes_raw(),
        )

    def cosign(self, text: bytes, *, time_s: int) -> bytes:
        """Return two signature lines over a checkpoint, Ed25519 first.

        Args:
            text: The checkpoint, a note's text with its last newline.
            time_s: Now, POSIX s; the checkpoint is the newest one seen.

        Raises:
            InvalidInputError: The time is 0, which says nothing, or none.
            MalformedError: The text is no checkpoint.
        """
        if not 0 < time_s <= TIMESTAMP_S_MAX:
            raise InvalidInputError(
                f"A cosignature cannot be made at the time {time_s}.",
                remedy="Set this machine's clock.",
            )
        message = cosigned_message(self.name, text, timestamp_s=time_s)
        plain = (
            self._ed25519.sign(timed_text(text, timestamp_s=time_s)),
            self._mldsa44.sign(message),
        )
        time = time_s.to_bytes(TIMESTAMP_BYTES, "big")
        return b"".join(
            NoteSignature(
                name=self.name, key_id=verifier.id, signature=time + signature
            ).line()
            for verifier, signature in zip(self.verifiers, plain, strict=True)
        )


def cosigner_verifiers(
    name: str, ed25519_public: bytes, mldsa44_public: bytes
) -> tuple[NoteVerifier, NoteVerifier]:
    """Return the verifiers of a cosigner's two keys, Ed25519 first.

    Args:
        name: Key name of the cosigner.
        ed25519_public: 32-byte public key.
        mldsa44_public: 1312-byte public key.

    Raises:
        MalformedError: The name or a key is none.
    """
    return (
        Ed25519CosignatureVerifier(name, ed25519_public),
        Mldsa44Verifier(name, mldsa44_public),
    )


def verify_cosignatures(
    text: bytes, lines: bytes, verifiers: Sequence[NoteVerifier]
) -> tuple[Cosignature, ...]:
    """Verify what a witness answered for a checkpoint.

    Args:
        text: The checkpoint, a note's text with its last newline.
        lines: Signature lines, each with its newline.
        verifiers: The witness keys that are known, of `REQUIRED_TYPES`.

    Returns:
        The cosignatures of known keys in their order; those of others are
        passed over.

    Raises:
        MalformedError: They are no signature lines, or the text is no
            checkpoint.
        SignatureError: One of a known key does not hold, or states no time.
    """
    return _verify(text, parse_signatures(lines), verifiers)


def cosignatures_of(
    note: bytes, verifiers: Sequence[NoteVerifier]
) -> tuple[Cosignature, ...]:
    """Verify the cosignatures under a checkpoint, as `verify_cosignatures`.

    The log's own signatures are not looked at: `open_checkpoint` is for those.

    Raises:
        MalformedError: It is no signed note, or no checkpoint.
        SignatureError: One of a known key does not hold, or states no time.
    """
    parsed = parse_note(note)
    return _verify(parsed.text, parsed.signatures, verifiers)


def cosigners(cosignatures: Iterable[Cosignature]) -> frozenset[str]:
    """Return who cosigned with every one of `REQUIRED_TYPES`, each once."""
    types: dict[str, set[SignatureType]] = {}
    for each in cosignatures:
        types.setdefault(each.name, set()).add(each.signature_type)
    return frozenset(name for name, has in types.items() if has >= REQUIRED_TYPES)


def with_cosignatures(note: bytes, lines: Iterable[bytes]) -> bytes:
    """Add cosignatures to a note, behind those that it has.

    A key that signed the note already is not added again, nor is what a note
    has no room for. Nothing is verified here: give lines that were.

    Args:
        note: The signed note.
        lines: Signature lines, one or more in each item.

    Raises:
        MalformedError: It is no signed note, or those are no signature lines.
    """
    signatures = parse_note(note).signatures
    present, count = {(each.name, each.key_id) for each in signatures}, len(signatures)
    for each in (found for item in lines for found in parse_signatures(item)):
        key, line = (each.name, each.key_id), each.line()
        if (
            key not in present
            and count < SIGNATURES_MAX
            and len(note) + len(line) <= NOTE_BYTES_MAX
        ):
            present.add(key)
            count += 1
            note += line
    return note


def _verify(
    text: bytes,
    signatures: Sequence[NoteSignature],
    verifiers: Sequence[NoteVerifier],
) -> tuple[Cosignature, ...]:
    known = {
        (verifier.name, verifier.id): verifier
        for verifier in verifiers
        if verifier.signature_type in REQUIRED_TYPES
    }
    verified = []
    for each in signatures:
        verifier = known.get((each.name, each.key_id))
        if verifier is None:
            continue
        verifier.verify(text, each.signature)
        time_s = timestamp_of(each.signature)
        if time_s == 0:
            raise SignatureError(
                f"The cosignature of {each.name} states no time.",
                remedy="Ask the witness for a cosignature of the newest checkpoint.",
                signature_type=verifier.signature_type.name,
                key=each.name,
            )
        verified.append(
            Cosignature(
                name=each.name,
                signature_type=verifier.signature_type,
                key_id=each.key_id,
                time_s=time_s,
                line=each.line(),
            )
        )
    return tuple(verified)
