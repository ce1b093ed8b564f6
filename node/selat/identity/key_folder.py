# SPDX-License-Identifier: Apache-2.0
"""The folder of a key store: what is read from it and written to it.

Each error names the file and says what to do about it.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from selat.errors import (
    DecryptionError,
    KeyStoreError,
    MalformedError,
    UnsupportedVersionError,
)
from selat.identity.key_files import (
    KEY_FILE_BYTES_MAX,
    NONCE_BYTES,
    SALT_BYTES,
    Argon2Cost,
    KeyName,
    SealedKey,
    SealedMaster,
)
from selat.identity.key_kinds import KeyKind, draw_secret, key_id, public_bytes
from selat.identity.key_wrapping import open_key, seal_key, seal_master
from selat.identity.p256 import Entropy
from selat.identity.private_files import read_private, sync_folder, write_private

_MASTER_FILE: Final = "master.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """A key in memory.

    Attributes:
        name: Which key it is.
        secret: Its seed, scalar or bytes; secret.
    """

    name: KeyName
    secret: bytes

    @classmethod
    def draw(cls, kind: KeyKind, *, created: datetime, entropy: Entropy) -> StoredKey:
        """Make a new key.

        Args:
            kind: What for.
            created: The present time, aware.
            entropy: Source of randomness.
        """
        secret = draw_secret(kind, entropy)
        name = KeyName(
            kind=kind,
            key_id=key_id(kind, public_bytes(kind, secret)),
            created=created.astimezone(UTC).replace(microsecond=0),
        )
        return cls(name=name, secret=secret)

    def __repr__(self) -> str:
        """Show which key it is, and nothing of it."""
        return f"StoredKey({self.name.kind} {self.name.key_id})"


class KeyFolder:
    """Where the files of a key store are.

    Attributes:
        path: The folder.
    """

    __slots__ = ("path",)

    def __init__(self, path: Path) -> None:
        """Take the folder, which need not exist."""
        self.path: Final = path

    def is_taken(self) -> bool:
        """Tell whether the folder has contents."""
        return self.path.exists() and any(self.path.iterdir())

    def create(
        self,
        master: SealedMaster,
        keys: Iterable[StoredKey],
        *,
        master_key: bytes,
        entropy: Entropy,
    ) -> None:
        """Write a new folder, whole or not at all.

        It is written beside its place and then renamed into its place.

        Raises:
            KeyStoreError: It could not be written.
        """
        place = self.path
        try:
            beside = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))
            try:
                temporary = KeyFolder(beside)
                temporary.write_master(master)
                for key in keys:
                    temporary.write_key(key, master_key=master_key, entropy=entropy)
                beside.rename(place)
            except BaseException:
                with suppress(OSError):
                    shutil.rmtree(beside)
                raise
            sync_folder(place.parent)
        except OSError as error:
            raise self._not_written(error) from error

    def read_master(self) -> SealedMaster:
        """Read the master key's file.

        Raises:
            KeyStoreError: It is missing, damaged or open to others.
        """
        path = self.path / _MASTER_FILE
        data = read_private(path, bytes_max=KEY_FILE_BYTES_MAX)
        try:
            return SealedMaster.decode(data)
        except (MalformedError, UnsupportedVersionError) as error:
            raise _unusable(path, error) from error

    def write_master(self, master: SealedMaster) -> None:
        """Write the master key's file, whole or not at all.

        Raises:
            KeyStoreError: It could not be written; see `write_private`.
        """
        write_private(self.path / _MASTER_FILE, master.encode())

    def read_keys(self, master_key: bytes) -> Iterator[StoredKey]:
        """Read every key.

        Raises:
            KeyStoreError: A file is damaged, of another key store or open to
                others.
        """
        for path in sorted(self.path.glob("[!.]*.json")):
            if path.name != _MASTER_FILE:
                yield _read_key(path, master_key)

    def write_key(self, key: StoredKey, *, master_key: bytes, entropy: Entropy) -> None:
        """Write a key's file, whole or not at all.

        Raises:
            KeyStoreError: It could not be written.
        """
        nonce = entropy(NONCE_BYTES)
        sealed = seal_key(key.secret, key.name, master_key=master_key, nonce=nonce)
        write_private(self.path / key.name.file_name, sealed.encode())

    def remove_key(self, name: KeyName) -> None:
        """Remove a key's file, durably.

        Raises:
            KeyStoreError: It could not be removed.
        """
        try:
            (self.path / name.file_name).unlink(missing_ok=True)
            sync_folder(self.path)
        except OSError as error:
            raise self._not_written(error) from error

    def _not_written(self, error: OSError) -> KeyStoreError:
        return KeyStoreError(
            f"The key store {self.path} could not be written: {error.strerror}.",
            remedy="Check the disk's free space and the folder's owner, then repeat.",
        )


def new_master(
    master_key: bytes, passphrase: bytes, *, entropy: Entropy, cost: Argon2Cost | None
) -> SealedMaster:
    """Wrap a master key under a passphrase with a fresh salt.

    Args:
        master_key: 32 bytes.
        passphrase: From 12 to 1024 bytes.
        entropy: Source of randomness.
        cost: Parameters of Argon2id; those of RFC 9106 when None.

    Raises:
        InvalidInputError: The passphrase is too short or too long.
    """
    return seal_master(
        master_key,
        passphrase,
        cost=cost or Argon2Cost(),
        salt=entropy(SALT_BYTES),
        nonce=entropy(NONCE_BYTES),
    )


def _read_key(path: Path, master_key: bytes) -> StoredKey:
    data = read_private(path, bytes_max=KEY_FILE_BYTES_MAX)
    try:
        sealed = SealedKey.decode(data)
        secret = open_key(sealed, master_key=master_key)
    except (MalformedError, UnsupportedVersionError, DecryptionError) as error:
        raise _unusable(path, error) from error
    if path.name != sealed.name.file_name:
        raise KeyStoreError(
            f"{path} holds the key of {sealed.name.file_name}.",
            remedy="Give the file its own name back.",
        )
    return StoredKey(name=sealed.name, secret=secret)


def _unusable(
    path: Path, error: MalformedError | UnsupportedVersionError | DecryptionError
) -> KeyStoreError:
    return KeyStoreError(f"{path}: {error.message}", remedy=error.remedy)
