# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import shutil
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from tests.fakes.identities import CHEAP, ISSUED, PASSPHRASE, SeededEntropy, later

from selat.core.notes import open_note, sign_note
from selat.errors import (
    AlreadyExistsError,
    InvalidInputError,
    KeyStoreError,
    NotFoundError,
    WrongPassphraseError,
)
from selat.identity.key_kinds import KeyId, KeyKind
from selat.identity.keystore import KeyStore

NEW_PASSPHRASE = b"another long passphrase"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    created(tmp_path / "keys")
    return tmp_path / "keys"


def created(folder: Path, *, seed: str = "a") -> KeyStore:
    return KeyStore.create(
        folder, PASSPHRASE, created=ISSUED, entropy=SeededEntropy(seed), cost=CHEAP
    )


def opened(folder: Path, passphrase: bytes = PASSPHRASE) -> KeyStore:
    return KeyStore.open(folder, passphrase)


def file_of(folder: Path, kind: KeyKind) -> Path:
    (path,) = folder.glob(f"{kind}.*.json")
    return path


def test_new_key_store_has_one_key_of_each_kind(folder: Path) -> None:
    assert len(list(folder.iterdir())) == len(KeyKind) + 1
    for kind in KeyKind:
        assert len(opened(folder).generations(kind)) == 1


def test_new_key_store_is_its_owners_only(folder: Path) -> None:
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_opened_key_store_has_the_keys_that_were_made(tmp_path: Path) -> None:
    first = created(tmp_path / "keys")
    again = opened(tmp_path / "keys")
    for kind in KeyKind:
        assert again.public(kind) == first.public(kind)
        assert again.key_id(kind) == first.key_id(kind)
    assert again.store() == first.store()
    assert again.root().public == first.root().public
    assert again.tls().private_numbers() == first.tls().private_numbers()
    assert again.desk().private_numbers() == first.desk().private_numbers()


def test_no_two_keys_are_the_same(folder: Path) -> None:
    store = opened(folder)
    assert len({store.public(kind) for kind in KeyKind}) == len(KeyKind)


def test_log_keys_sign_for_the_log(folder: Path) -> None:
    signers = opened(folder).log_signers("police.xa.example/exchange/2030h1")
    text = b"police.xa.example/exchange/2030h1\n0\n" + b"A" * 43 + b"=\n"
    note = sign_note(text, signers)
    assert open_note(note, [signer.verifier for signer in signers]).text == text
    assert [signer.verifier.name for signer in signers] == [
        "police.xa.example/exchange/2030h1"
    ] * 2


def test_witness_keys_are_others_than_log_keys(folder: Path) -> None:
    store = opened(folder)
    ed25519, mldsa44 = store.witness()
    assert ed25519.public_key().public_bytes_raw() == store.public(
        KeyKind.WITNESS_ED25519
    )
    assert mldsa44.public_key().public_bytes_raw() == store.public(
        KeyKind.WITNESS_MLDSA44
    )


def test_seal_keys_are_found_by_their_name(folder: Path) -> None:
    store = opened(folder)
    key = store.find_seal(store.key_id(KeyKind.SEAL))
    assert key is not None
    assert key.public.to_bytes() == store.public(KeyKind.SEAL)
    assert store.find_seal(store.key_id(KeyKind.SEAL)) is key
    assert store.find_seal(store.key_id(KeyKind.STORE)) is None
    assert store.find_seal("0000000000000000") is None


def test_nothing_secret_is_shown(folder: Path) -> None:
    store = opened(folder)
    assert repr(store) == f"KeyStore({str(folder)!r})"
    (key,) = (key for key in store._keys.values() if key.name.kind is KeyKind.STORE)
    assert repr(key) == f"StoredKey(store {key.name.key_id})"


@pytest.mark.parametrize("passphrase", [b"", b"wrong passphrase", PASSPHRASE + b" "])
def test_wrong_passphrase_is_told_as_such(folder: Path, passphrase: bytes) -> None:
    with pytest.raises(WrongPassphraseError):
        opened(folder, passphrase)


def test_short_passphrase_makes_no_key_store(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="passphrase"):
        KeyStore.create(
            tmp_path / "keys",
            b"short",
            created=ISSUED,
            entropy=SeededEntropy("a"),
            cost=CHEAP,
        )
    assert not list(tmp_path.iterdir())


def test_key_store_is_never_overwritten(folder: Path) -> None:
    with pytest.raises(AlreadyExistsError, match="has contents"):
        created(folder, seed="b")
    assert opened(folder).store()


def test_empty_folder_may_become_a_key_store(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    created(tmp_path / "keys")
    assert opened(tmp_path / "keys").store()


def test_missing_parent_is_told(tmp_path: Path) -> None:
    with pytest.raises(KeyStoreError, match="No such file or directory"):
        created(tmp_path / "missing" / "keys")


def test_default_cost_is_that_of_rfc_9106(tmp_path: Path) -> None:
    KeyStore.create(
        tmp_path / "keys", PASSPHRASE, created=ISSUED, entropy=SeededEntropy("a")
    )
    text = (tmp_path / "keys" / "master.json").read_text()
    assert '"passes": 3' in text
    assert '"lanes": 4' in text
    assert '"memory_kib": 65536' in text
    assert opened(tmp_path / "keys").store()


@pytest.mark.parametrize("name", ["master.json", *KeyKind])
@pytest.mark.parametrize("position", [0, 30, -60, -3])
def test_damaged_file_is_named(folder: Path, name: str, position: int) -> None:
    (path,) = folder.glob(f"{name}*")
    data = bytearray(path.read_bytes())
    data[position] ^= 0x04
    path.write_bytes(data)
    with pytest.raises(KeyStoreError, match=path.name.replace(".", r"\.")) as caught:
        opened(folder)
    assert not isinstance(caught.value, WrongPassphraseError)
    assert caught.value.remedy


def test_missing_master_file_is_named(folder: Path) -> None:
    (folder / "master.json").unlink()
    with pytest.raises(KeyStoreError, match=r"master\.json could not be read"):
        opened(folder)


def test_key_of_another_key_store_is_refused(folder: Path, tmp_path: Path) -> None:
    created(tmp_path / "other", seed="b")
    theirs = file_of(tmp_path / "other", KeyKind.SEAL)
    shutil.copy(theirs, folder / theirs.name)
    with pytest.raises(KeyStoreError, match="belongs to another key store"):
        opened(folder)


def test_key_under_another_keys_name_is_refused(folder: Path) -> None:
    seal, store = file_of(folder, KeyKind.SEAL), file_of(folder, KeyKind.STORE)
    shutil.copy(seal, store)
    with pytest.raises(KeyStoreError, match=f"holds the key of {seal.name}"):
        opened(folder)


def test_key_file_open_to_others_is_refused(folder: Path) -> None:
    file_of(folder, KeyKind.SEAL).chmod(0o644)
    with pytest.raises(KeyStoreError, match="open to other users"):
        opened(folder)


def test_other_files_in_the_folder_are_left_alone(folder: Path) -> None:
    (folder / "README").write_text("Keys of the node.")
    (folder / ".seal.0123456789abcdef.json.new").write_text("half")
    assert opened(folder).store()


def test_root_keys_may_be_moved_offline(folder: Path) -> None:
    file_of(folder, KeyKind.ROOT_MLDSA44).unlink()
    store = opened(folder)
    assert store.store()
    with pytest.raises(KeyStoreError, match="no root-mldsa44 key") as caught:
        store.root()
    assert "Bring its file back" in caught.value.remedy


def test_passphrase_is_changed_and_keys_stay(folder: Path) -> None:
    store = opened(folder)
    before = store.store()
    store.change_passphrase(
        PASSPHRASE, NEW_PASSPHRASE, entropy=SeededEntropy("b"), cost=CHEAP
    )
    assert opened(folder, NEW_PASSPHRASE).store() == before
    with pytest.raises(WrongPassphraseError):
        opened(folder, PASSPHRASE)


def test_passphrase_is_changed_only_by_who_knows_it(folder: Path) -> None:
    store = opened(folder)
    with pytest.raises(WrongPassphraseError):
        store.change_passphrase(
            b"wrong passphrase", NEW_PASSPHRASE, entropy=os.urandom, cost=CHEAP
        )
    with pytest.raises(InvalidInputError):
        store.change_passphrase(PASSPHRASE, b"short", entropy=os.urandom, cost=CHEAP)
    assert opened(folder).store()


def test_new_generation_becomes_current_and_the_old_one_stays(folder: Path) -> None:
    store = opened(folder)
    old = store.key_id(KeyKind.SEAL)
    new = store.add(KeyKind.SEAL, created=later(1), entropy=SeededEntropy("b"))
    for current in (store, opened(folder)):
        assert current.key_id(KeyKind.SEAL) == new
        names = current.generations(KeyKind.SEAL)
        assert [name.key_id for name in names] == [new, old]
        assert current.find_seal(old) is not None
        assert current.find_seal(new) is not None


@pytest.mark.parametrize(
    "kind", [KeyKind.ROOT_ED25519, KeyKind.ROOT_MLDSA44, KeyKind.STORE]
)
def test_keys_that_everything_rests_on_are_not_renewed(
    folder: Path, kind: KeyKind
) -> None:
    with pytest.raises(InvalidInputError, match="cannot be renewed"):
        opened(folder).add(kind, created=later(1), entropy=SeededEntropy("b"))


def test_destroyed_key_is_gone(folder: Path) -> None:
    store = opened(folder)
    old = store.key_id(KeyKind.SEAL)
    assert store.find_seal(old) is not None
    store.add(KeyKind.SEAL, created=later(1), entropy=SeededEntropy("b"))
    store.destroy(old)
    assert store.find_seal(old) is None
    assert opened(folder).find_seal(old) is None


def test_unknown_key_cannot_be_destroyed(folder: Path) -> None:
    with pytest.raises(NotFoundError, match="no key 0000000000000000"):
        opened(folder).destroy(KeyId("0000000000000000"))


def test_date_is_kept_in_whole_seconds(folder: Path) -> None:
    store = opened(folder)
    moment = later(1) + timedelta(microseconds=5)
    store.add(KeyKind.TLS, created=moment, entropy=SeededEntropy("b"))
    assert opened(folder).generations(KeyKind.TLS)[0].created == later(1)
