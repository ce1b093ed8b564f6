# SPDX-License-Identifier: Apache-2.0
"""Sealing: a batch of messages that only its recipient can open.

A batch has one fresh 32-byte key. HPKE (RFC 9180, base mode, single shot) wraps
it to the recipient's seal key, with KEM MLKEM768-X25519, KDF HKDF-SHA256 and
AEAD AES-256-GCM. Each message is AES-256-GCM under the batch key:

- nonce: the message's position in the batch, from 0, 12 bytes big-endian;
- associated data: the exact bytes of its offer leaf;
- plaintext: salt (32 bytes) ‖ length of the header (4 bytes, big-endian) ‖
  header ‖ body, as `selat.core.payloads` packs it.

A counter is a safe nonce here because the key is drawn anew whenever a batch is
sealed, seals at most 256 messages and is then forgotten; `BatchSealer` refuses
to use a position twice. HPKE authenticates no sender: that is what the leaf in
the sender's signed log does.

The leaf commits to the message by `commitment`, whose salt travels inside the
seal. This module draws no key and no salt; HPKE draws its own encapsulation.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from selat.core.payloads import HEADER_START, Packed, unpack
from selat.core.seal_keys import SealPrivateKey, SealPublicKey
from selat.errors import DecryptionError, InvalidInputError, MalformedError

#: Messages in one batch (docs/protocol.md, "Seal").
BATCH_MESSAGES_MAX: Final = 256
#: Headers and bodies of one batch together, in bytes (docs/protocol.md, "Seal").
BATCH_BYTES_MAX: Final = 1024 * 1024
#: Batch key, in bytes: AES-256.
BATCH_KEY_BYTES: Final = 32
#: Wrapped batch key, in bytes: encapsulation (ML-KEM-768 ciphertext, X25519
#: key), batch key, tag.
WRAPPED_KEY_BYTES: Final = 1088 + 32 + BATCH_KEY_BYTES + 16
#: What sealing adds to header and body, in bytes: salt, length, tag.
SEAL_OVERHEAD_BYTES: Final = HEADER_START + 16

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


def commitment(message: Packed) -> bytes:
    r"""Commit to a message without telling anything of it.

    SHA-256 of ``"selat/v1/commitment\0"`` and the packed message.

    Args:
        message: The message with the salt of the commitment.

    Returns:
        32-byte SHA-256, for the offer leaf.
    """
    return sha256(_COMMITMENT_DOMAIN + message.data).digest()


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

    def seal(self, position: int, *, leaf: bytes, message: Packed) -> bytes:
        """Seal one message.

        Args:
            position: Its position in the batch, from 0, greater than the last.
            leaf: Exact bytes of its offer leaf.
            message: The message with the salt of its commitment.

        Returns:
            Ciphertext ‖ tag, 16 bytes more than the packed message.

        Raises:
            InvalidInputError: The position is taken or outside a batch.
        """
        if not self._next <= position < BATCH_MESSAGES_MAX:
            raise InvalidInputError(
                f"Position {position} of a batch is taken or does not exist.",
                remedy="Seal positions in ascending order, at most "
                f"{BATCH_MESSAGES_MAX} under one key.",
                position=position,
            )
        self._next = position + 1
        return self._cipher.encrypt(position.to_bytes(12, "big"), message.data, leaf)


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

    def open(self, position: int, *, leaf: bytes, ciphertext: bytes) -> Packed:
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
        try:
            return unpack(plaintext)
        except MalformedError as error:
            raise _not_opened(position) from error


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
