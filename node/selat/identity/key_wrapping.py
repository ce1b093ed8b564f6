# SPDX-License-Identifier: Apache-2.0
"""The encryption of a key store.

The master key is AES-256-GCM under a key that Argon2id (RFC 9106) derives from
the passphrase. Every secret is AES-256-GCM under the master key; what its file
says openly (kind, name, date) is its associated data, so that no file can be
put in another's place. Salts, nonces and the master key are arguments.
"""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from selat.errors import DecryptionError, InvalidInputError, WrongPassphraseError
from selat.identity.key_files import (
    Argon2Cost,
    KeyName,
    SealedKey,
    SealedMaster,
    associated_data,
)

#: Shortest passphrase, in bytes (NIST SP 800-63B asks for 8; this one guards
#: what is kept for decades).
PASSPHRASE_BYTES_MIN: Final = 12
#: Longest passphrase, in bytes.
PASSPHRASE_BYTES_MAX: Final = 1024

_MASTER_LABEL: Final = b"selat/v1/key-store/master"


def seal_master(
    master_key: bytes, passphrase: bytes, *, cost: Argon2Cost, salt: bytes, nonce: bytes
) -> SealedMaster:
    """Wrap the master key under a passphrase.

    Args:
        master_key: 32 bytes.
        passphrase: From 12 to 1024 bytes.
        cost: Parameters of Argon2id.
        salt: 16 fresh random bytes.
        nonce: 12 fresh random bytes.

    Raises:
        InvalidInputError: The passphrase is too short or too long.
    """
    if not PASSPHRASE_BYTES_MIN <= len(passphrase) <= PASSPHRASE_BYTES_MAX:
        raise InvalidInputError(
            f"A passphrase has from {PASSPHRASE_BYTES_MIN} to {PASSPHRASE_BYTES_MAX} "
            "bytes.",
            remedy="Choose six words at random, or a long random text from a safe.",
        )
    cipher = AESGCM(_derive(passphrase, cost=cost, salt=salt))
    ciphertext = cipher.encrypt(nonce, master_key, _MASTER_LABEL)
    return SealedMaster(cost=cost, salt=salt, nonce=nonce, ciphertext=ciphertext)


def open_master(sealed: SealedMaster, passphrase: bytes) -> bytes:
    """Unwrap the master key.

    Raises:
        WrongPassphraseError: The passphrase is another.
    """
    key = _derive(passphrase, cost=sealed.cost, salt=sealed.salt)
    try:
        return AESGCM(key).decrypt(sealed.nonce, sealed.ciphertext, _MASTER_LABEL)
    except InvalidTag as error:
        raise WrongPassphraseError(
            "The passphrase does not open the key store.",
            remedy="Check the passphrase and that this is the right node's folder.",
        ) from error


def seal_key(
    secret: bytes, name: KeyName, *, master_key: bytes, nonce: bytes
) -> SealedKey:
    """Encrypt one secret under the master key.

    Args:
        secret: The key's seed, scalar or bytes.
        name: Which key it is.
        master_key: 32 bytes.
        nonce: 12 fresh random bytes.
    """
    context = associated_data(name.fields())
    ciphertext = AESGCM(master_key).encrypt(nonce, secret, context)
    return SealedKey(name=name, nonce=nonce, ciphertext=ciphertext)


def open_key(sealed: SealedKey, *, master_key: bytes) -> bytes:
    """Decrypt one secret.

    Raises:
        DecryptionError: It was changed, or is of another key store.
    """
    context = associated_data(sealed.name.fields())
    try:
        return AESGCM(master_key).decrypt(sealed.nonce, sealed.ciphertext, context)
    except InvalidTag as error:
        raise DecryptionError(
            "The file was changed, or belongs to another key store.",
            remedy="Restore it from the backup of the key store.",
        ) from error


def _derive(passphrase: bytes, *, cost: Argon2Cost, salt: bytes) -> bytes:
    return Argon2id(
        salt=salt,
        length=32,
        iterations=cost.passes,
        lanes=cost.lanes,
        memory_cost=cost.memory_kib,
    ).derive(passphrase)
