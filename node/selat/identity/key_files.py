# SPDX-License-Identifier: Apache-2.0
"""The form of a key store's files.

They are JSON in exactly one form (members sorted, one to a line, a newline at
the end), so that whatever differs by a byte is refused. The master file also
carries its own SHA-256, which tells a damaged file from a wrong passphrase.
What the files hold is encrypted in `selat.identity.key_wrapping`.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final, Self

from selat.errors import InvalidInputError, MalformedError, UnsupportedVersionError
from selat.identity.key_kinds import KEY_ID_DIGITS, KeyId, KeyKind, secret_bytes

#: File of a key store, in bytes; the longest has about 400.
KEY_FILE_BYTES_MAX: Final = 4096
#: Master key, in bytes: AES-256.
MASTER_KEY_BYTES: Final = 32
#: Nonce of AES-GCM, in bytes (NIST SP 800-38D §5.2.1.1).
NONCE_BYTES: Final = 12
#: Salt of Argon2id, in bytes (RFC 9106 §3.1).
SALT_BYTES: Final = 16

_TAG_BYTES: Final = 16
_VERSION: Final = 1
_MASTER_FORMAT: Final = "selat-master-key"
_KEY_FORMAT: Final = "selat-key"
_KEY_ID: Final = re.compile(f"[0-9a-f]{{{KEY_ID_DIGITS}}}")

# What a file may ask of this machine: 64 passes, 64 lanes, 2 GiB (the memory
# of the first recommended option of RFC 9106 §4); at least 8 KiB for each lane.
_PASSES_MAX: Final = 64
_LANES_MAX: Final = 64
_MEMORY_KIB_MAX: Final = 2 * 1024 * 1024
_LANE_MEMORY_KIB: Final = 8

_Fields = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Argon2Cost:
    """What a guess at the passphrase costs (RFC 9106 §3.1).

    The default is the second recommended option of RFC 9106 §4.

    Attributes:
        passes: Passes over the memory.
        lanes: Degree of parallelism.
        memory_kib: Memory in KiB, at least 8 for each lane.
    """

    passes: int = 3
    lanes: int = 4
    memory_kib: int = 64 * 1024

    def __post_init__(self) -> None:
        """Check the bounds."""
        if not (
            1 <= self.passes <= _PASSES_MAX
            and 1 <= self.lanes <= _LANES_MAX
            and _LANE_MEMORY_KIB * self.lanes <= self.memory_kib <= _MEMORY_KIB_MAX
        ):
            raise InvalidInputError(
                "These parameters of Argon2id are out of bounds.",
                remedy="Use those of RFC 9106 §4: 3 passes, 4 lanes, 64 MiB.",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedMaster:
    """What ``master.json`` holds.

    Attributes:
        cost: Parameters of Argon2id.
        salt: 16-byte salt of Argon2id.
        nonce: 12-byte nonce of AES-256-GCM.
        ciphertext: The master key and the tag, 48 bytes.
    """

    cost: Argon2Cost
    salt: bytes
    nonce: bytes
    ciphertext: bytes

    def encode(self) -> bytes:
        """Return the file's bytes."""
        fields: dict[str, str | int] = {
            "format": _MASTER_FORMAT,
            "version": _VERSION,
            "kdf": "argon2id",
            "passes": self.cost.passes,
            "lanes": self.cost.lanes,
            "memory_kib": self.cost.memory_kib,
            "salt": b64encode(self.salt).decode(),
            "nonce": b64encode(self.nonce).decode(),
            "ciphertext": b64encode(self.ciphertext).decode(),
        }
        return _json(fields | {"sha256": sha256(_json(fields)).hexdigest()})

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read the file's bytes.

        Raises:
            MalformedError: They are damaged.
            UnsupportedVersionError: A newer Selat wrote them.
        """
        fields = _parse(data, _MASTER_FORMAT)
        try:
            cost = Argon2Cost(
                passes=_integer(fields, "passes"),
                lanes=_integer(fields, "lanes"),
                memory_kib=_integer(fields, "memory_kib"),
            )
        except InvalidInputError as error:
            raise _damaged() from error
        master = cls(
            cost=cost,
            salt=_bytes(fields, "salt", SALT_BYTES),
            nonce=_bytes(fields, "nonce", NONCE_BYTES),
            ciphertext=_bytes(fields, "ciphertext", MASTER_KEY_BYTES + _TAG_BYTES),
        )
        if master.encode() != data:
            raise _damaged()
        return master


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyName:
    """Which key a file holds.

    Attributes:
        kind: What it is for.
        key_id: Its name.
        created: When it was made: UTC, whole seconds.
    """

    kind: KeyKind
    key_id: KeyId
    created: datetime

    def __post_init__(self) -> None:
        """Check name and date."""
        if (
            _KEY_ID.fullmatch(self.key_id) is None
            or self.created.tzinfo is not UTC
            or self.created.microsecond
        ):
            raise MalformedError(
                "That names no key: its id has 16 hexadecimal digits, its date is "
                "in UTC and whole seconds.",
                remedy="Report this fault.",
            )

    @property
    def file_name(self) -> str:
        """Name of its file."""
        return f"{self.kind}.{self.key_id}.json"

    def fields(self) -> dict[str, str | int]:
        """Return what its file says openly, and authenticates."""
        return {
            "format": _KEY_FORMAT,
            "version": _VERSION,
            "kind": self.kind.value,
            "key_id": self.key_id,
            "created": self.created.isoformat(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedKey:
    """What a key's file holds.

    Attributes:
        name: Which key it is.
        nonce: 12-byte nonce of AES-256-GCM.
        ciphertext: The secret and the tag.
    """

    name: KeyName
    nonce: bytes
    ciphertext: bytes

    def encode(self) -> bytes:
        """Return the file's bytes."""
        sealed = {
            "nonce": b64encode(self.nonce).decode(),
            "ciphertext": b64encode(self.ciphertext).decode(),
        }
        return _json(self.name.fields() | sealed)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read the file's bytes.

        Raises:
            MalformedError: They are damaged.
            UnsupportedVersionError: A newer Selat wrote them.
        """
        fields = _parse(data, _KEY_FORMAT)
        try:
            kind = KeyKind(_text(fields, "kind"))
        except ValueError as error:
            raise UnsupportedVersionError(
                "The file holds a kind of key that this Selat does not know.",
                remedy="Upgrade this node.",
            ) from error
        try:
            # An offset of zero becomes UTC itself; any other fails below.
            created = datetime.fromisoformat(_text(fields, "created"))
        except ValueError as error:
            raise _damaged() from error
        sealed = cls(
            name=KeyName(
                kind=kind, key_id=KeyId(_text(fields, "key_id")), created=created
            ),
            nonce=_bytes(fields, "nonce", NONCE_BYTES),
            ciphertext=_bytes(fields, "ciphertext", secret_bytes(kind) + _TAG_BYTES),
        )
        if sealed.encode() != data:
            raise _damaged()
        return sealed


def associated_data(fields: Mapping[str, str | int]) -> bytes:
    """Return what is authenticated beside a ciphertext: members as JSON."""
    return _json(fields)


def _json(fields: Mapping[str, str | int]) -> bytes:
    return (json.dumps(fields, indent=1, sort_keys=True) + "\n").encode()


def _parse(data: bytes, expected: str) -> _Fields:
    if len(data) > KEY_FILE_BYTES_MAX:
        raise _damaged()
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _damaged() from error
    if not isinstance(fields, dict) or fields.get("format") != expected:
        raise _damaged()
    if _integer(fields, "version") != _VERSION:
        raise UnsupportedVersionError(
            "The file was written by another version of Selat.",
            remedy="Upgrade this node.",
        )
    return fields


def _integer(fields: _Fields, name: str) -> int:
    value = fields.get(name)
    # True and 1.0 equal 1, and are not what was written.
    if type(value) is not int:
        raise _damaged()
    return value


def _text(fields: _Fields, name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise _damaged()
    return value


def _bytes(fields: _Fields, name: str, size: int) -> bytes:
    try:
        value = b64decode(_text(fields, name), validate=True)
    except ValueError as error:
        raise _damaged() from error
    if len(value) != size:
        raise _damaged()
    return value


def _damaged() -> MalformedError:
    return MalformedError(
        "The file is damaged.", remedy="Restore it from the backup of the key store."
    )
