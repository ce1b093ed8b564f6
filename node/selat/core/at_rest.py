# SPDX-License-Identifier: Apache-2.0
"""Encryption at rest: payloads and search keys under the store key.

Every record has a data key of its own, so that to erase the record is to erase
32 bytes. Two keys are derived from the store key by HKDF-SHA256 (RFC 5869),
each for one job: ``wrap`` wraps data keys, ``index`` hashes selectors.

- wrapped key: version (1 byte, 0x01) ‖ nonce (12 bytes) ‖ AES-256-GCM of the
  data key under ``wrap`` (32 + 16 bytes);
- ciphertext: AES-256-GCM of the payload under the data key, which encrypts
  nothing else, so that its nonce is zero;
- associated data of both: ``"selat/v1/at-rest" ‖ message id (16 bytes) ‖
  version (4 bytes, big-endian) ‖ originator``, so that no payload can be put in
  another's place.

Random 96-bit nonces bound one store key to 2**32 records (NIST SP 800-38D
§8.3). Data key and nonce are arguments; nothing is drawn here.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from selat.errors import InvalidInputError, StoreCorruptError

#: Store key and data key, in bytes: AES-256.
KEY_BYTES: Final = 32
#: Nonce of AES-GCM, in bytes (NIST SP 800-38D §5.2.1.1).
NONCE_BYTES: Final = 12
#: Wrapped data key, in bytes.
WRAPPED_KEY_BYTES: Final = 1 + NONCE_BYTES + KEY_BYTES + 16
#: Index entry of a selector, in bytes: 128 bits keep chance matches away.
SELECTOR_INDEX_BYTES: Final = 16

_VERSION: Final = b"\x01"
_CONTEXT_LABEL: Final = b"selat/v1/at-rest"
_ONLY_NONCE: Final = bytes(NONCE_BYTES)


class ProtectedPayload(NamedTuple):
    """A payload as it may be written down; a tuple, for there are thousands.

    Attributes:
        wrapped_key: The data key under the store key, 61 bytes.
        ciphertext: The payload under the data key.
    """

    wrapped_key: bytes
    ciphertext: bytes


class StoreCipher:
    """Protects and reveals payloads under one store key.

    Safe to share between threads.
    """

    __slots__ = ("_keyed", "_wrap")

    def __init__(self, store_key: bytes) -> None:
        """Derive the working keys.

        Args:
            store_key: 32 bytes from the key store.

        Raises:
            InvalidInputError: The key has another length.
        """
        _check_length("store key", store_key, KEY_BYTES)
        self._wrap = AESGCM(_derive(store_key, b"selat/v1/store/wrap"))
        # Taking the key in takes as long as hashing a selector: it is done once.
        self._keyed = blake2b(
            key=_derive(store_key, b"selat/v1/store/index"),
            digest_size=SELECTOR_INDEX_BYTES,
        )

    def __repr__(self) -> str:
        """Show that there is a key, and nothing of it."""
        return "StoreCipher(…)"

    def protect(
        self,
        payload: bytes,
        *,
        originator: str,
        message_id: bytes,
        version: int,
        data_key: bytes,
        nonce: bytes,
    ) -> ProtectedPayload:
        """Encrypt one payload under a data key of its own.

        Args:
            payload: What to protect.
            originator: Node that published the message.
            message_id: 16-byte UUIDv7.
            version: Version of the message.
            data_key: 32 fresh random bytes, for this payload alone.
            nonce: 12 fresh random bytes.

        Raises:
            InvalidInputError: A key, nonce or identifier has another length.
        """
        _check_length("data key", data_key, KEY_BYTES)
        _check_length("nonce", nonce, NONCE_BYTES)
        context = _context(originator, message_id, version)
        wrapped = self._wrap.encrypt(nonce, data_key, context)
        return ProtectedPayload(
            wrapped_key=_VERSION + nonce + wrapped,
            ciphertext=AESGCM(data_key).encrypt(_ONLY_NONCE, payload, context),
        )

    def reveal(
        self,
        protected: ProtectedPayload,
        *,
        originator: str,
        message_id: bytes,
        version: int,
    ) -> bytes:
        """Decrypt one payload.

        Raises:
            StoreCorruptError: It was changed, belongs to another message or
                was protected under another store key.
            InvalidInputError: The identifier has another length.
        """
        context = _context(originator, message_id, version)
        wrapped = protected.wrapped_key
        if len(wrapped) != WRAPPED_KEY_BYTES or wrapped[:1] != _VERSION:
            raise _corrupt(message_id, version)
        nonce, key = wrapped[1 : 1 + NONCE_BYTES], wrapped[1 + NONCE_BYTES :]
        try:
            data_key = self._wrap.decrypt(nonce, key, context)
            return AESGCM(data_key).decrypt(_ONLY_NONCE, protected.ciphertext, context)
        except InvalidTag as error:
            raise _corrupt(message_id, version) from error

    def selector_index(self, selector: bytes) -> bytes:
        """Return the keyed hash under which a selector is found.

        Args:
            selector: Kind and normalised value, as one string of bytes.

        Returns:
            Keyed BLAKE2b of 16 bytes (RFC 7693 §2.9): a node makes tens of
            thousands in a second, and one takes a third of the time of an HMAC.
        """
        keyed = self._keyed.copy()
        keyed.update(selector)
        return keyed.digest()


def _derive(store_key: bytes, label: bytes) -> bytes:
    # The store key is uniformly random, so that no salt is needed (RFC 5869
    # §3.1).
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=label).derive(
        store_key
    )


def _context(originator: str, message_id: bytes, version: int) -> bytes:
    _check_length("message identifier", message_id, 16)
    return b"".join(
        (_CONTEXT_LABEL, message_id, version.to_bytes(4, "big"), originator.encode())
    )


def _check_length(name: str, value: bytes, length: int) -> None:
    if len(value) != length:
        raise InvalidInputError(
            f"A {name} has {length} bytes, this one {len(value)}.",
            remedy="Report this fault: the caller must provide the right length.",
        )


def _corrupt(message_id: bytes, version: int) -> StoreCorruptError:
    return StoreCorruptError(
        f"The stored payload of message {message_id.hex()} version {version} does "
        "not decrypt.",
        remedy="Restore the database and the key store from one backup.",
        message_id=message_id.hex(),
        version=version,
    )
