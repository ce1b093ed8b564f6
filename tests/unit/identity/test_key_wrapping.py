# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.fakes.identities import CHEAP, PASSPHRASE

from selat.errors import DecryptionError, InvalidInputError, WrongPassphraseError
from selat.identity.key_files import Argon2Cost, KeyName
from selat.identity.key_kinds import KeyId, KeyKind
from selat.identity.key_wrapping import open_key, open_master, seal_key, seal_master

MASTER_KEY = bytes(range(32))
NAME = KeyName(
    kind=KeyKind.STORE,
    key_id=KeyId("0123456789abcdef"),
    created=datetime(2030, 1, 1, tzinfo=UTC),
)
MASTER = seal_master(
    MASTER_KEY, PASSPHRASE, cost=CHEAP, salt=bytes(16), nonce=bytes(12)
)
KEY = seal_key(b"s" * 32, NAME, master_key=MASTER_KEY, nonce=bytes(12))


def test_master_key_opens_with_its_passphrase() -> None:
    assert open_master(MASTER, PASSPHRASE) == MASTER_KEY
    assert MASTER_KEY not in MASTER.ciphertext


@pytest.mark.parametrize("passphrase", [b"", PASSPHRASE + b"\n", PASSPHRASE.upper()])
def test_master_key_opens_with_no_other_passphrase(passphrase: bytes) -> None:
    with pytest.raises(WrongPassphraseError):
        open_master(MASTER, passphrase)


@pytest.mark.parametrize(
    "cost",
    [
        Argon2Cost(passes=2, lanes=1, memory_kib=8),
        Argon2Cost(passes=1, lanes=2, memory_kib=16),
        Argon2Cost(passes=1, lanes=1, memory_kib=9),
    ],
)
def test_every_parameter_counts(cost: Argon2Cost) -> None:
    with pytest.raises(WrongPassphraseError):
        open_master(replace(MASTER, cost=cost), PASSPHRASE)


@pytest.mark.parametrize("size", [0, 11, 1025])
def test_passphrase_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(InvalidInputError, match="from 12 to 1024 bytes"):
        seal_master(
            MASTER_KEY, b"p" * size, cost=CHEAP, salt=b"s" * 16, nonce=bytes(12)
        )


@pytest.mark.parametrize("size", [12, 1024])
def test_passphrases_within_the_bounds_are_taken(size: int) -> None:
    sealed = seal_master(
        MASTER_KEY, b"p" * size, cost=CHEAP, salt=b"s" * 16, nonce=bytes(12)
    )
    assert open_master(sealed, b"p" * size) == MASTER_KEY


def test_key_opens_under_its_master_key() -> None:
    assert open_key(KEY, master_key=MASTER_KEY) == b"s" * 32


def test_key_opens_under_no_other_master_key() -> None:
    with pytest.raises(DecryptionError, match="another key store"):
        open_key(KEY, master_key=bytes(32))


@pytest.mark.parametrize(
    "name",
    [
        replace(NAME, kind=KeyKind.ROOT_ED25519),
        replace(NAME, key_id=KeyId("0123456789abcde0")),
        replace(NAME, created=datetime(2030, 1, 2, tzinfo=UTC)),
    ],
)
def test_key_cannot_be_put_in_anothers_place(name: KeyName) -> None:
    with pytest.raises(DecryptionError):
        open_key(replace(KEY, name=name), master_key=MASTER_KEY)
