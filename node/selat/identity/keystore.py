# SPDX-License-Identifier: Apache-2.0
"""A node's private keys: one folder, one file for each key, one passphrase.

Each kind of key may have several generations; the newest is the current one,
older ones stay until they are destroyed. The root keys may be moved offline by
moving their files away; a key store opens without them.

Opening derives a key from the passphrase, which takes a tenth of a second and
64 MiB by default: not on an event loop. Nothing here logs or shows a secret.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from selat.core.cards import RootKeys
from selat.core.notes import Ed25519Signer, Mldsa44Signer, NoteSigner
from selat.core.seal_keys import SealPrivateKey
from selat.errors import (
    AlreadyExistsError,
    InvalidInputError,
    KeyStoreError,
    NotFoundError,
)
from selat.identity.key_files import MASTER_KEY_BYTES, Argon2Cost, KeyName
from selat.identity.key_folder import KeyFolder, StoredKey, new_master
from selat.identity.key_kinds import KeyId, KeyKind, public_bytes
from selat.identity.key_wrapping import open_master
from selat.identity.p256 import Entropy, private_key

#: Kinds that cannot be renewed one by one: peers know the root by its
#: fingerprint, and every payload at rest is under the store key.
_LASTING: Final = frozenset({KeyKind.ROOT_ED25519, KeyKind.ROOT_MLDSA44, KeyKind.STORE})


class KeyStore:
    """The open key store of a node."""

    __slots__ = ("_folder", "_keys", "_master_key", "_seal_keys")

    def __init__(
        self, folder: KeyFolder, master_key: bytes, keys: Iterable[StoredKey]
    ) -> None:
        """Use `create` or `open`."""
        self._folder = folder
        self._master_key = master_key
        self._keys = {key.name.key_id: key for key in keys}
        self._seal_keys: dict[KeyId, SealPrivateKey] = {}

    def __repr__(self) -> str:
        """Show where it is, and nothing of its keys."""
        return f"KeyStore({str(self._folder.path)!r})"

    @classmethod
    def create(
        cls,
        folder: Path,
        passphrase: bytes,
        *,
        created: datetime,
        entropy: Entropy,
        cost: Argon2Cost | None = None,
    ) -> KeyStore:
        """Make a key store with one key of each kind.

        The folder appears whole or not at all.

        Args:
            folder: Where; it must be missing or empty, its parent must exist.
            passphrase: At least 12 bytes.
            created: The present time, aware.
            entropy: Source of randomness, for example ``os.urandom``.
            cost: Parameters of Argon2id; those of RFC 9106 when None.

        Raises:
            AlreadyExistsError: The folder has contents.
            InvalidInputError: The passphrase is too short or too long.
            KeyStoreError: The files could not be written.
        """
        key_folder = KeyFolder(folder)
        if key_folder.is_taken():
            raise AlreadyExistsError(
                f"The folder {folder} has contents.",
                remedy="Use the key store there, or choose another folder; keys are "
                "never overwritten.",
            )
        master_key = entropy(MASTER_KEY_BYTES)
        master = new_master(master_key, passphrase, entropy=entropy, cost=cost)
        keys = [
            StoredKey.draw(kind, created=created, entropy=entropy) for kind in KeyKind
        ]
        key_folder.create(master, keys, master_key=master_key, entropy=entropy)
        return cls(key_folder, master_key, keys)

    @classmethod
    def open(cls, folder: Path, passphrase: bytes) -> KeyStore:
        """Read every key of a key store.

        Raises:
            WrongPassphraseError: The passphrase is another.
            KeyStoreError: A file is missing, damaged, of another key store or
                open to others; the message names it.
        """
        key_folder = KeyFolder(folder)
        master_key = open_master(key_folder.read_master(), passphrase)
        return cls(key_folder, master_key, key_folder.read_keys(master_key))

    def change_passphrase(
        self,
        current: bytes,
        new: bytes,
        *,
        entropy: Entropy,
        cost: Argon2Cost | None = None,
    ) -> None:
        """Wrap the master key under another passphrase; keys stay as they are.

        Backups of the key store still open with the passphrase of their time.

        Args:
            current: The present passphrase.
            new: At least 12 bytes.
            entropy: Source of randomness.
            cost: Parameters of Argon2id; those of RFC 9106 when None.

        Raises:
            WrongPassphraseError: ``current`` is not the present passphrase.
            InvalidInputError: ``new`` is too short or too long.
            KeyStoreError: The file could not be written; keep both passphrases
                until a repetition succeeds.
        """
        master_key = open_master(self._folder.read_master(), current)
        master = new_master(master_key, new, entropy=entropy, cost=cost)
        self._folder.write_master(master)

    def add(self, kind: KeyKind, *, created: datetime, entropy: Entropy) -> KeyId:
        """Make a new generation of a key; it becomes the current one.

        Args:
            kind: What for.
            created: The present time, aware.
            entropy: Source of randomness.

        Returns:
            Its name. It is durable when this returns.

        Raises:
            InvalidInputError: It is of a kind that lasts: root or store.
            KeyStoreError: The file could not be written.
        """
        if kind in _LASTING:
            raise InvalidInputError(
                f"A {kind} key cannot be renewed by itself.",
                remedy="Set up a new node folder and exchange cards again.",
            )
        key = StoredKey.draw(kind, created=created, entropy=entropy)
        self._folder.write_key(key, master_key=self._master_key, entropy=entropy)
        self._keys[key.name.key_id] = key
        return key.name.key_id

    def destroy(self, key_id: KeyId) -> None:
        """Forget one key for ever; backups must be dealt with apart.

        Raises:
            NotFoundError: There is no such key.
            KeyStoreError: The file could not be removed.
        """
        key = self._keys.get(key_id)
        if key is None:
            raise NotFoundError(
                f"The key store has no key {key_id}.",
                remedy="Name one that it lists.",
            )
        self._folder.remove_key(key.name)
        del self._keys[key_id]
        self._seal_keys.pop(key_id, None)

    def generations(self, kind: KeyKind) -> tuple[KeyName, ...]:
        """Return the names of a kind's keys, newest first."""
        names = (key.name for key in self._keys.values() if key.name.kind is kind)
        return tuple(
            sorted(names, key=lambda name: (name.created, name.key_id), reverse=True)
        )

    def newest(self, kind: KeyKind) -> KeyName:
        """Return which key is the newest of a kind.

        Raises:
            KeyStoreError: There is none.
        """
        return self._current(kind).name

    def key_id(self, kind: KeyKind) -> KeyId:
        """Return the name of a kind's newest key.

        Raises:
            KeyStoreError: There is none.
        """
        return self.newest(kind).key_id

    def public(self, kind: KeyKind, name: str = "") -> bytes:
        """Return the raw public key of a key.

        Args:
            kind: What for.
            name: Which key; the newest if it is empty.

        Raises:
            KeyStoreError: It is not here.
        """
        return public_bytes(kind, self._named(kind, name).secret)

    def root(self) -> RootKeys:
        """Return the root keys.

        Raises:
            KeyStoreError: One of them is not here.
        """
        return RootKeys(
            ed25519=self._ed25519(KeyKind.ROOT_ED25519),
            mldsa44=self._mldsa44(KeyKind.ROOT_MLDSA44),
        )

    def log_signers(
        self, origin: str, ed25519: str = "", mldsa44: str = ""
    ) -> tuple[NoteSigner, NoteSigner]:
        """Return what signs the checkpoints of our log: Ed25519, ML-DSA-44.

        Args:
            origin: Origin of the log.
            ed25519: Name of the one key; the newest if it is empty.
            mldsa44: Name of the other; likewise.

        Raises:
            KeyStoreError: A log key is not here.
        """
        return (
            Ed25519Signer(origin, self._ed25519(KeyKind.LOG_ED25519, ed25519)),
            Mldsa44Signer(origin, self._mldsa44(KeyKind.LOG_MLDSA44, mldsa44)),
        )

    def witness(
        self, ed25519: str = "", mldsa44: str = ""
    ) -> tuple[Ed25519PrivateKey, MLDSA44PrivateKey]:
        """Return the keys that cosign other logs' checkpoints.

        Args:
            ed25519: Name of the one key; the newest if it is empty.
            mldsa44: Name of the other; likewise.

        Raises:
            KeyStoreError: One of them is not here.
        """
        return (
            self._ed25519(KeyKind.WITNESS_ED25519, ed25519),
            self._mldsa44(KeyKind.WITNESS_MLDSA44, mldsa44),
        )

    def find_seal(self, key_id: str) -> SealPrivateKey | None:
        """Return the seal key of that name, of any generation, or None."""
        key = self._keys.get(KeyId(key_id))
        if key is None or key.name.kind is not KeyKind.SEAL:
            return None
        name = key.name.key_id
        if name not in self._seal_keys:
            self._seal_keys[name] = SealPrivateKey(key.secret)
        return self._seal_keys[name]

    def tls(self, name: str = "") -> EllipticCurvePrivateKey:
        """Return the key of a TLS certificate of the node.

        Args:
            name: Name of the key; the newest if it is empty.

        Raises:
            KeyStoreError: It is not here.
        """
        return private_key(self._named(KeyKind.TLS, name).secret)

    def desk(self) -> EllipticCurvePrivateKey:
        """Return the key of the desk's certificate authority.

        Raises:
            KeyStoreError: It is not here.
        """
        return private_key(self._current(KeyKind.DESK).secret)

    def store(self) -> bytes:
        """Return the 32-byte store key.

        Raises:
            KeyStoreError: It is not here.
        """
        return self._current(KeyKind.STORE).secret

    def _ed25519(self, kind: KeyKind, name: str = "") -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self._named(kind, name).secret)

    def _mldsa44(self, kind: KeyKind, name: str = "") -> MLDSA44PrivateKey:
        return MLDSA44PrivateKey.from_seed_bytes(self._named(kind, name).secret)

    def _named(self, kind: KeyKind, name: str) -> StoredKey:
        if not name:
            return self._current(kind)
        key = self._keys.get(KeyId(name))
        if key is None or key.name.kind is not kind:
            raise KeyStoreError(
                f"The key store {self._folder.path} has no {kind} key {name}.",
                remedy="Restore its file from the newest backup of the key store.",
            )
        return key

    def _current(self, kind: KeyKind) -> StoredKey:
        names = self.generations(kind)
        if not names:
            raise KeyStoreError(
                f"The key store {self._folder.path} has no {kind} key.",
                remedy="Bring its file back from where it was moved, or restore it "
                "from the backup.",
            )
        return self._keys[names[0].key_id]
