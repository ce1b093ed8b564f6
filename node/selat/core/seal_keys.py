# SPDX-License-Identifier: Apache-2.0
"""Seal keys: what a batch key is wrapped to.

The KEM is MLKEM768-X25519 of draft-ietf-hpke-pq (number 0x647A, also known as
X-Wing): secret as long as either ML-KEM-768 (FIPS 203) or X25519 (RFC 7748)
holds. Both halves stand side by side in the raw forms. The private form is
X-Wing's seed after its expansion: 64 bytes of ML-KEM seed (d ‖ z), then 32
bytes of X25519.
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import (
    MLKEM768PrivateKey,
    MLKEM768PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.x25519 import (
    X25519PrivateKey,
    X25519PublicKey,
)

from selat.errors import MalformedError

#: ML-KEM-768 encapsulation key, in bytes (FIPS 203, table 3).
MLKEM768_PUBLIC_BYTES: Final = 1184
#: ML-KEM-768 seed d ‖ z, in bytes (FIPS 203, algorithm 16).
MLKEM768_SEED_BYTES: Final = 64
#: X25519 key, public or private, in bytes (RFC 7748 §5).
X25519_BYTES: Final = 32
#: Raw public seal key, in bytes.
SEAL_PUBLIC_BYTES: Final = MLKEM768_PUBLIC_BYTES + X25519_BYTES
#: Raw private seal key, in bytes.
SEAL_PRIVATE_BYTES: Final = MLKEM768_SEED_BYTES + X25519_BYTES


class SealPublicKey:
    """The key that a batch for one node is wrapped to."""

    __slots__ = ("_raw", "hpke_key")

    def __init__(self, raw: bytes) -> None:
        """Read the raw form: ML-KEM-768 (1184 bytes) ‖ X25519 (32 bytes).

        Raises:
            MalformedError: The bytes are no such key.
        """
        if len(raw) != SEAL_PUBLIC_BYTES:
            raise MalformedError(
                f"A seal key has {SEAL_PUBLIC_BYTES} bytes, this one {len(raw)}.",
                remedy="Ask the node that it belongs to for a correct card.",
            )
        x25519 = X25519PublicKey.from_public_bytes(raw[MLKEM768_PUBLIC_BYTES:])
        try:
            # A point of small order would give a secret that everybody knows.
            _PROBE.exchange(x25519)
            mlkem = MLKEM768PublicKey.from_public_bytes(raw[:MLKEM768_PUBLIC_BYTES])
        except ValueError as error:
            raise MalformedError(
                "A half of the seal key is no valid key.",
                remedy="Ask the node that it belongs to for a correct card.",
            ) from error
        self._raw = bytes(raw)
        self.hpke_key: Final = hpke.MLKEM768X25519PublicKey(mlkem, x25519)

    def to_bytes(self) -> bytes:
        """Return the raw form, 1216 bytes."""
        return self._raw

    def __eq__(self, other: object) -> bool:
        """Compare the raw forms."""
        return isinstance(other, SealPublicKey) and self._raw == other._raw

    def __hash__(self) -> int:
        """Hash the raw form."""
        return hash(self._raw)


class SealPrivateKey:
    """The key with which a node unwraps the batches sealed for it."""

    __slots__ = ("_raw", "hpke_key", "public")

    def __init__(self, raw: bytes) -> None:
        """Read the raw form: ML-KEM-768 seed (64 bytes) ‖ X25519 (32 bytes).

        96 fresh random bytes are a new key.

        Raises:
            MalformedError: The number of bytes is another.
        """
        if len(raw) != SEAL_PRIVATE_BYTES:
            raise MalformedError(
                f"A private seal key has {SEAL_PRIVATE_BYTES} bytes, this one "
                f"{len(raw)}.",
                remedy="Restore the key store from its backup.",
            )
        mlkem = MLKEM768PrivateKey.from_seed_bytes(raw[:MLKEM768_SEED_BYTES])
        x25519 = X25519PrivateKey.from_private_bytes(raw[MLKEM768_SEED_BYTES:])
        self._raw = bytes(raw)
        self.hpke_key: Final = hpke.MLKEM768X25519PrivateKey(mlkem, x25519)
        self.public: Final = SealPublicKey(
            mlkem.public_key().public_bytes_raw()
            + x25519.public_key().public_bytes_raw()
        )

    def to_bytes(self) -> bytes:
        """Return the raw form, 96 bytes, which is secret."""
        return self._raw

    def __repr__(self) -> str:
        """Show that there is a key, and nothing of it."""
        return "SealPrivateKey(…)"


# Any private key shows whether a public key has small order.
_PROBE: Final = X25519PrivateKey.from_private_bytes(bytes(range(32)))
