# SPDX-License-Identifier: Apache-2.0
"""Power cuts and full disks at every step of writing a key store."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from tests.fakes.identities import CHEAP, ISSUED, PASSPHRASE, SeededEntropy, later

from selat.errors import KeyStoreError, WrongPassphraseError
from selat.identity.key_kinds import KeyKind
from selat.identity.keystore import KeyStore

NEW_PASSPHRASE = b"another long passphrase"
#: Calls that change what is on the disk.
STEPS = ("mkdir", "open", "fsync", "rename", "replace", "unlink")
#: More steps than anything here takes.
STEPS_MAX = 200

Fault = Callable[[int, tuple[object, ...]], None]


class PowerCutError(BaseException):
    """The machine is off; nothing of the program runs any more."""


def cut_power(at: int) -> Fault:
    """Cut the power before a step; what was not synchronised is torn."""

    def fault(step: int, arguments: tuple[object, ...]) -> None:
        if step < at:
            return
        if step == at and isinstance(arguments[0], int):
            status = os.fstat(arguments[0])
            if stat.S_ISREG(status.st_mode):
                os.ftruncate(arguments[0], status.st_size // 2)
        raise PowerCutError

    return fault


def fill_disk(at: int) -> Fault:
    """Let one step fail, and only that one."""

    def fault(step: int, _: tuple[object, ...]) -> None:
        if step == at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return fault


def run(operation: Callable[[], object], fault: Fault) -> int:
    """Run an operation on a disk with a fault; return how many steps it took."""
    taken = 0

    def faulty(real: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **named: object) -> object:
            nonlocal taken
            taken += 1
            fault(taken, arguments)
            return real(*arguments, **named)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for step in STEPS:
            patch.setattr(os, step, faulty(getattr(os, step)))
        operation()
    return taken


def create(folder: Path) -> KeyStore:
    return KeyStore.create(
        folder, PASSPHRASE, created=ISSUED, entropy=SeededEntropy("a"), cost=CHEAP
    )


def each_step(operation: Callable[[Path], object], folder: Path) -> Iterator[int]:
    """Give the number of each step that an operation takes without a fault."""
    taken = run(partial(operation, folder), fill_disk(at=0))
    assert 0 < taken < STEPS_MAX
    yield from range(1, taken + 1)


def change_passphrase(folder: Path) -> None:
    KeyStore.open(folder, PASSPHRASE).change_passphrase(
        PASSPHRASE, NEW_PASSPHRASE, entropy=SeededEntropy("b"), cost=CHEAP
    )


def add_seal_key(folder: Path) -> None:
    KeyStore.open(folder, PASSPHRASE).add(
        KeyKind.SEAL, created=later(1), entropy=SeededEntropy("b")
    )


def destroy_seal_key(folder: Path) -> None:
    store = KeyStore.open(folder, PASSPHRASE)
    store.destroy(store.key_id(KeyKind.SEAL))


def reopened(folder: Path) -> KeyStore:
    """Open a key store with whichever of both passphrases it has."""
    try:
        return KeyStore.open(folder, PASSPHRASE)
    except WrongPassphraseError:
        return KeyStore.open(folder, NEW_PASSPHRASE)


def test_power_cut_leaves_a_whole_key_store_or_none(tmp_path: Path) -> None:
    for at in each_step(create, tmp_path / "whole"):
        folder = tmp_path / f"cut-{at}"
        with pytest.raises(PowerCutError):
            run(partial(create, folder), cut_power(at))
        store = reopened(folder) if folder.exists() else create(folder)
        assert all(store.public(kind) for kind in KeyKind)


def test_full_disk_leaves_a_whole_key_store_or_none(tmp_path: Path) -> None:
    for at in each_step(create, tmp_path / "whole"):
        parent = tmp_path / f"full-{at}"
        parent.mkdir()
        with pytest.raises(KeyStoreError, match="No space left on device"):
            run(partial(create, parent / "keys"), fill_disk(at))
        if (parent / "keys").exists():
            assert reopened(parent / "keys").store()
        else:
            assert not list(parent.iterdir())


@pytest.mark.parametrize(
    "operation", [change_passphrase, add_seal_key, destroy_seal_key]
)
@pytest.mark.parametrize("fault", [cut_power, fill_disk])
def test_key_store_survives_a_fault_at_every_step_of_a_change(
    tmp_path: Path,
    operation: Callable[[Path], None],
    fault: Callable[[int], Fault],
) -> None:
    create(tmp_path / "whole")
    for at in each_step(operation, tmp_path / "whole"):
        folder = tmp_path / f"fault-{at}"
        before = create(folder)
        with pytest.raises((PowerCutError, KeyStoreError)):
            run(partial(operation, folder), fault(at))
        after = reopened(folder)
        for kind in set(KeyKind) - {KeyKind.SEAL}:
            assert after.public(kind) == before.public(kind)
        kept = after.find_seal(before.key_id(KeyKind.SEAL))
        assert kept is not None or operation is destroy_seal_key


def test_interrupted_change_can_be_repeated(tmp_path: Path) -> None:
    create(tmp_path / "keys")
    with pytest.raises(PowerCutError):
        run(partial(change_passphrase, tmp_path / "keys"), cut_power(at=2))
    change_passphrase(tmp_path / "keys")
    assert KeyStore.open(tmp_path / "keys", NEW_PASSPHRASE).store()
    assert not list((tmp_path / "keys").glob(".*"))
