# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selat.errors import InvalidInputError, MalformedError, UnsupportedVersionError
from selat.identity.key_files import Argon2Cost, KeyName, SealedKey, SealedMaster
from selat.identity.key_kinds import KeyId, KeyKind

CREATED = datetime(2030, 1, 1, tzinfo=UTC)
NAME = KeyName(kind=KeyKind.STORE, key_id=KeyId("0123456789abcdef"), created=CREATED)
KEY = SealedKey(name=NAME, nonce=bytes(12), ciphertext=bytes(48))
MASTER = SealedMaster(
    cost=Argon2Cost(), salt=bytes(16), nonce=bytes(12), ciphertext=bytes(48)
)


def changed(data: bytes, **members: object) -> bytes:
    """Change members, and keep the form and the checksum right."""
    fields = json.loads(data) | members
    fields = {name: value for name, value in fields.items() if value is not ...}
    if "sha256" in fields and "sha256" not in members:
        del fields["sha256"]
        fields["sha256"] = sha256(written(fields)).hexdigest()
    return written(fields)


def written(fields: object) -> bytes:
    return (json.dumps(fields, indent=1, sort_keys=True) + "\n").encode()


def test_files_are_read_back() -> None:
    assert SealedMaster.decode(MASTER.encode()) == MASTER
    assert SealedKey.decode(KEY.encode()) == KEY


def test_key_file_says_openly_what_it_holds() -> None:
    fields = json.loads(KEY.encode())
    assert fields["kind"] == "store"
    assert fields["key_id"] == "0123456789abcdef"
    assert fields["created"] == "2030-01-01T00:00:00+00:00"
    assert NAME.file_name == "store.0123456789abcdef.json"


def test_master_file_records_its_parameters() -> None:
    fields = json.loads(MASTER.encode())
    assert (fields["passes"], fields["lanes"], fields["memory_kib"]) == (3, 4, 65_536)


def test_changes_of_the_helper_keep_the_form() -> None:
    assert changed(MASTER.encode()) == MASTER.encode()
    assert changed(KEY.encode()) == KEY.encode()


def damaged(valid: bytes) -> dict[str, bytes]:
    return {
        "empty": b"",
        "no JSON": b"key",
        "binary": b"\xff\xfe",
        "list": b"[]",
        "deeply nested": b"[" * 4000,
        "endless": valid + b" " * 4096,
        "no newline": valid[:-1],
        "two newlines": valid + b"\n",
        "compact": json.dumps(json.loads(valid), sort_keys=True).encode(),
        "unknown member": changed(valid, note="x"),
        "duplicate member": valid.replace(b"{", b'{\n "nonce": "",', 1),
        "no nonce": changed(valid, nonce=...),
        "number as nonce": changed(valid, nonce=1),
        "short nonce": changed(valid, nonce="AAAA"),
        "long ciphertext": changed(valid, ciphertext="AAAA" * 17),
        "no base64": changed(valid, nonce="!!!!AAAAAAAAAAAA"),
        "other format": changed(valid, format="selat"),
        "no format": changed(valid, format=...),
        "version as text": changed(valid, version="1"),
        "version as truth": changed(valid, version=True),
    }


@pytest.mark.parametrize("kind", damaged(KEY.encode()))
def test_damaged_key_file_is_refused(kind: str) -> None:
    with pytest.raises(MalformedError, match="damaged"):
        SealedKey.decode(damaged(KEY.encode())[kind])


@pytest.mark.parametrize("kind", damaged(MASTER.encode()))
def test_damaged_master_file_is_refused(kind: str) -> None:
    with pytest.raises(MalformedError, match="damaged"):
        SealedMaster.decode(damaged(MASTER.encode())[kind])


@pytest.mark.parametrize(
    "members",
    [
        {"sha256": "00" * 32},
        {"sha256": ...},
        {"kdf": "scrypt"},
        {"passes": 0},
        {"passes": 65},
        {"passes": 1.0},
        {"lanes": 0},
        {"lanes": 65},
        {"memory_kib": 31},
        {"memory_kib": 2**21 + 1},
        {"salt": "AAAA"},
    ],
)
def test_master_file_with_other_parameters_is_refused(
    members: dict[str, object],
) -> None:
    with pytest.raises(MalformedError, match="damaged"):
        SealedMaster.decode(changed(MASTER.encode(), **members))


@pytest.mark.parametrize(
    "members",
    [
        {"key_id": "0123456789ABCDEF"},
        {"key_id": "../../etc/passwd"},
        {"key_id": ""},
        {"created": "yesterday"},
        {"created": "2030-01-01T00:00:00"},
        {"created": "2030-01-01T00:00:00Z"},
        {"created": "2030-01-01T08:00:00+08:00"},
        {"created": "2030-01-01T00:00:00.5+00:00"},
    ],
)
def test_key_file_with_another_name_is_refused(members: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        SealedKey.decode(changed(KEY.encode(), **members))


def test_newer_files_are_refused_as_newer() -> None:
    for members in ({"version": 2}, {"version": 0}):
        with pytest.raises(UnsupportedVersionError, match="another version"):
            SealedKey.decode(changed(KEY.encode(), **members))
        with pytest.raises(UnsupportedVersionError, match="another version"):
            SealedMaster.decode(changed(MASTER.encode(), **members))
    with pytest.raises(UnsupportedVersionError, match="kind of key"):
        SealedKey.decode(changed(KEY.encode(), kind="telepathy"))


@given(data=st.data(), valid=st.sampled_from([KEY.encode(), MASTER.encode()]))
def test_no_changed_byte_goes_unseen(data: st.DataObject, valid: bytes) -> None:
    """Or it is in the ciphertext of a key, where the tag tells."""
    decode = SealedKey.decode if valid == KEY.encode() else SealedMaster.decode
    position = data.draw(st.integers(min_value=0, max_value=len(valid) - 1))
    value = data.draw(st.integers(min_value=0, max_value=255))
    other = valid[:position] + bytes([value]) + valid[position + 1 :]
    if other == valid:
        assert decode(other) in (KEY, MASTER)
        return
    try:
        read = decode(other)
    except (MalformedError, UnsupportedVersionError):
        return
    assert isinstance(read, SealedKey)
    assert read != KEY


@pytest.mark.parametrize(
    "created",
    [
        CREATED.replace(tzinfo=None),
        CREATED.replace(microsecond=1),
        CREATED.astimezone(timezone(timedelta(hours=8))),
    ],
)
def test_key_is_dated_in_whole_seconds_of_utc(created: datetime) -> None:
    with pytest.raises(MalformedError, match="names no key"):
        KeyName(kind=KeyKind.STORE, key_id=NAME.key_id, created=created)


def test_parameters_out_of_bounds_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="out of bounds"):
        Argon2Cost(passes=1, lanes=2, memory_kib=8)
    assert Argon2Cost(passes=1, lanes=1, memory_kib=8).memory_kib == 8
