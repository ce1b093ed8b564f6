# SPDX-License-Identifier: Apache-2.0
"""Sealing: a batch of messages that only its recipient can open.

A batch has one fresh 32-byte key. HPKE (RFC 9180, base mode, single shot) wraps
it to the recipient's seal key, with KEM MLKEM768-X25519, KDF HKDF-SHA256 and
AEAD AES-256-GCM. Each message is AES-256-GCM under the batch key:

- nonce: the message's position in the batch, from 0, 12 bytes big-endian;
- associated data: the exact bytes of its offer leaf;
- plaintext: salt (32 bytes) ‖ length of the header (4 bytes, big-endian) ‖
  header ‖ body.

A counter is a safe nonce here because the key is drawn anew whenever a batch is
sealed, seals at most 256 messages and is then forgotten; `BatchSealer` refuses
to use a position twice. HPKE authenticates no sender: that is what the leaf in
the sender's signed log does.

The leaf commits to the message by `commitment`, whose salt travels inside the
seal. This module draws no key and no salt; HPKE draws its own encapsulation.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from selat.core.seal_keys import SealPrivateKey, SealPublicKey
from selat.errors import DecryptionError, InvalidInputError

#: Messages in one batch (docs/protocol.md, "Seal").
BATCH_MESSAGES_MAX: Final = 256
#: Headers and bodies of one batch together, in bytes (docs/protocol.md, "Seal").
BATCH_BYTES_MAX: Final = 1024 * 1024
#: Batch key, in bytes: AES-256.
BATCH_KEY_BYTES: Final = 32
#: Wrapped batch key, in bytes: encapsulation (ML-KEM-768 ciphertext, X25519
#: key), batch key, tag.
WRAPPED_KEY_BYTES: Final = 1088 + 32 + BATCH_KEY_BYTES + 16
#: Salt of a commitment, in bytes.
SALT_BYTES: Final = 32
#: What sealing adds to header and body, in bytes: salt, length, tag.
SEAL_OVERHEAD_BYTES: Final = SALT_BYTES + 4 + 16

_INFO_LABEL: Final = b"selat/v1/batch"
_COMMITMENT_DOMAIN: Final = b"selat/v1/commitment\x00"
_SUITE: Final = hpke.Suite(
    hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM
)


def wrap_batch_key(
    *,
    batch_key: bytes,
    recipient_key: SealPublicKey,
    sender: str,
    recipient: str,
    sequence: int,
) -> bytes:
    """Wrap a batch key for one recipient and one batch.

    Args:
        batch_key: 32 fresh random bytes.
        recipient_key: The recipient's seal key.
        sender: Node name of the sender.
        recipient: Node name of the recipient.
        sequence: Number of the batch, from 1.

    Returns:
        Encapsulated key ‖ ciphertext, 1168 bytes.

    Raises:
        InvalidInputError: The batch key has another length.
    """
    _check_key(batch_key)
    info = _info(sender, recipient, sequence)
    return _SUITE.encrypt(batch_key, recipient_key.hpke_key, info)


def unwrap_batch_key(
    wrapped_key: bytes,
    *,
    private_key: SealPrivateKey,
    sender: str,
    recipient: str,
    sequence: int,
) -> bytes:
    """Unwrap the key of a batch.

    Args:
        wrapped_key: What `wrap_batch_key` returned.
        private_key: The recipient's seal key.
        sender: Node name of the peer that delivers the batch.
        recipient: Our own node name.
        sequence: Number of the batch.

    Returns:
        The batch key, 32 bytes.

    Raises:
        DecryptionError: It was wrapped for another key, sender, recipient or
            batch, or was changed on the way.
    """
    if len(wrapped_key) != WRAPPED_KEY_BYTES:
        raise _not_unwrapped(sequence)
    info = _info(sender, recipient, sequence)
    try:
        return _SUITE.decrypt(wrapped_key, private_key.hpke_key, info)
    except InvalidTag as error:
        raise _not_unwrapped(sequence) from error


def commitment(*, salt: bytes, header: bytes, body: bytes) -> bytes:
    r"""Commit to a message without telling anything of it.

    SHA-256 of ``"selat/v1/commitment\0" ‖ salt ‖ length of the header (4 bytes,
    big-endian) ‖ header ‖ body``.

    Args:
        salt: 32 fresh random bytes.
        header: Exact bytes of the message's header.
        body: Exact bytes of the message's body.

    Returns:
        32-byte SHA-256, for the offer leaf.

    Raises:
        InvalidInputError: The salt has another length.
    """
    return sha256(_COMMITMENT_DOMAIN + _plaintext(salt, header, body)).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What stood inside a seal.

    Attributes:
        salt: 32-byte salt of the commitment.
        header: Exact bytes of the header.
        body: Exact bytes of the body.
    """

    salt: bytes
    header: bytes
    body: bytes

    def __repr__(self) -> str:
        """Show sizes only."""
        return f"Opened(header: {len(self.header)} B, body: {len(self.body)} B)"


class BatchSealer:
    """Seals the messages of one batch, in the order of their positions.

    Not to be shared between threads.
    """

    __slots__ = ("_cipher", "_next")

    def __init__(self, batch_key: bytes) -> None:
        """Take a batch key that was drawn for this sealing alone.

        Raises:
            InvalidInputError: The key has another length than 32 bytes.
        """
        _check_key(batch_key)
        self._cipher = AESGCM(batch_key)
        self._next = 0

    def seal(
        self, position: int, *, leaf: bytes, salt: bytes, header: bytes, body: bytes
    ) -> bytes:
        """Seal one message.

        Args:
            position: Its position in the batch, from 0, greater than the last.
            leaf: Exact bytes of its offer leaf.
            salt: The 32-byte salt of its commitment.
            header: Exact bytes of the header.
            body: Exact bytes of the body.

        Returns:
            Ciphertext ‖ tag, 52 bytes more than header and body.

        Raises:
            InvalidInputError: The position is taken or outside a batch, or the
                salt has another length.
        """
        if not self._next <= position < BATCH_MESSAGES_MAX:
            raise InvalidInputError(
                f"Position {position} of a batch is taken or does not exist.",
                remedy="Seal positions in ascending order, at most "
                f"{BATCH_MESSAGES_MAX} under one key.",
                position=position,
            )
        plaintext = _plaintext(salt, header, body)
        self._next = position + 1
        return self._cipher.encrypt(position.to_bytes(12, "big"), plaintext, leaf)


class BatchOpener:
    """Opens the messages of one batch, in any order."""

    __slots__ = ("_cipher",)

    def __init__(self, batch_key: bytes) -> None:
        """Take the unwrapped batch key.

        Raises:
            InvalidInputError: The key has another length than 32 bytes.
        """
        _check_key(batch_key)
        self._cipher = AESGCM(batch_key)

    def open(self, position: int, *, leaf: bytes, ciphertext: bytes) -> Opened:
        """Open one message.

        Args:
            position: Its position in the batch, from 0.
            leaf: Exact bytes of its offer leaf.
            ciphertext: The sealed message.

        Raises:
            DecryptionError: It was sealed under another key, at another
                position or for another leaf, or was changed on the way.
        """
        size = len(ciphertext) - SEAL_OVERHEAD_BYTES
        if not (0 <= size <= BATCH_BYTES_MAX and 0 <= position < BATCH_MESSAGES_MAX):
            raise _not_opened(position)
        nonce = position.to_bytes(12, "big")
        try:
            plaintext = self._cipher.decrypt(nonce, ciphertext, leaf)
        except InvalidTag as error:
            raise _not_opened(position) from error
        start = SALT_BYTES + 4
        end = start + int.from_bytes(plaintext[SALT_BYTES:start], "big")
        if end > len(plaintext):
            raise _not_opened(position)
        return Opened(
            salt=plaintext[:SALT_BYTES],
            header=plaintext[start:end],
            body=plaintext[end:],
        )


def _info(sender: str, recipient: str, sequence: int) -> bytes:
    """Bind a wrapped key to its batch (RFC 9180 §5.1, ``info``).

    ``"selat/v1/batch" ‖ len(sender) ‖ sender ‖ len(recipient) ‖ recipient ‖
    sequence``: names in UTF-8 after their length in 2 bytes, sequence in 8
    bytes, all numbers big-endian. No two batches share one info.
    """
    parts = [_INFO_LABEL]
    for name in (sender.encode(), recipient.encode()):
        parts += (len(name).to_bytes(2, "big"), name)
    parts.append(sequence.to_bytes(8, "big"))
    return b"".join(parts)


def _plaintext(salt: bytes, header: bytes, body: bytes) -> bytes:
    if len(salt) != SALT_BYTES:
        raise InvalidInputError(
            f"A commitment's salt has {SALT_BYTES} bytes, this one {len(salt)}.",
            remedy="Draw a fresh salt for every message.",
        )
    return b"".join((salt, len(header).to_bytes(4, "big"), header, body))


def _check_key(batch_key: bytes) -> None:
    if len(batch_key) != BATCH_KEY_BYTES:
        raise InvalidInputError(
            f"A batch key has {BATCH_KEY_BYTES} bytes, this one {len(batch_key)}.",
            remedy="Draw a fresh key for every batch.",
        )


def _not_unwrapped(sequence: int) -> DecryptionError:
    return DecryptionError(
        f"The key of batch {sequence} does not unwrap.",
        remedy="Check that the sender holds this node's newest card, then let it "
        "seal the batch again.",
        sequence=sequence,
    )


def _not_opened(position: int) -> DecryptionError:
    return DecryptionError(
        f"Message {position} of the batch does not open with its leaf.",
        remedy="Let the sender seal the batch again.",
        position=position,
    )
