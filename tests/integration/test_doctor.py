# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import sys
from collections import namedtuple
from collections.abc import Callable
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from tests.fakes.identities import EXPIRES, ISSUED, PASSPHRASE, later, make_identity
from tests.fakes.nodes import make_home
from tests.unit.store.samples import message

from selat.core.cards import CARD_BYTES_MAX
from selat.core.times import to_ms
from selat.errors import StoreCorruptError, StoreError
from selat.identity.key_kinds import KeyKind
from selat.identity.keystore import KeyStore
from selat.node import host_checks
from selat.node.doctor import examine
from selat.node.findings import Finding, Level
from selat.node.folder import NodeFolder
from selat.node.high_water import HighWaterFile
from selat.node.initialise import CERTIFICATE_VALID_DAYS
from selat.store.port import Transaction
from selat.store.sqlite.inspection import check_integrity, inspect
from selat.store.sqlite.store import SqliteStore
from selat.store.values import Holding, PeerRow, PeerState

NOW = later(10)


@pytest.fixture
def folder(tmp_path: Path) -> NodeFolder:
    return make_home(tmp_path, "xa", now=ISSUED).folder


def found(
    folder: NodeFolder, check: str, *, now: datetime = NOW
) -> list[tuple[Level, str]]:
    findings: list[Finding] = list(examine(folder.home, passphrase=PASSPHRASE, now=now))
    return [(each.level, each.message) for each in findings if each.check == check]


async def write(folder: NodeFolder, work: Callable[[Transaction], object]) -> None:
    store = SqliteStore.open(folder.store)
    await store.write(work)
    await store.close()


# --- card and clock ----------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "level", "text"),
    [
        (NOW, Level.OK, "is valid for 719 more days"),
        (later(710), Level.WARN, "expires in 19 days"),
        (later(731), Level.FAIL, "expired on 2031-12-31"),
    ],
)
def test_a_card_is_renewed_in_time(
    folder: NodeFolder, now: datetime, level: Level, text: str
) -> None:
    [(judged, message)] = found(folder, "card", now=now)

    assert judged is level
    assert text in message


def test_a_clock_before_the_card_is_behind(folder: NodeFolder) -> None:
    [(level, message)] = found(folder, "clock", now=ISSUED - timedelta(days=1))

    assert level is Level.FAIL
    assert "behind" in message


def test_tls_certificate_that_ends_is_rotated_in_time(folder: NodeFolder) -> None:
    late = ISSUED + timedelta(days=CERTIFICATE_VALID_DAYS - 20)
    [(level, message), (_, opened)] = found(folder, "keys", now=late)

    assert level is Level.WARN
    assert "Our TLS certificate ends on" in message
    assert opened == "The key store opens and has its keys."


def test_key_that_the_card_lists_and_the_key_store_lacks_is_found(
    folder: NodeFolder,
) -> None:
    keys = KeyStore.open(folder.keys, PASSPHRASE)
    lost = keys.key_id(KeyKind.SEAL)
    keys.add(KeyKind.SEAL, created=NOW, entropy=os.urandom)
    keys.destroy(lost)
    [(level, message)] = found(folder, "keys")

    assert level is Level.FAIL
    assert lost in message


# --- log ---------------------------------------------------------------------


def _mark(folder: NodeFolder, *, size: int, root: bytes) -> None:
    origin = inspect(folder.store, lambda snapshot: snapshot.tree_head().origin)
    file = HighWaterFile(folder.high_water)
    file.raise_to(origin=origin, size=size, root=root)
    file.close()


def test_a_database_that_holds_what_was_signed_is_well(folder: NodeFolder) -> None:
    head = inspect(folder.store, lambda snapshot: snapshot.tree_head())
    _mark(folder, size=head.frontier.size, root=head.frontier.root())

    [(level, message)] = found(folder, "log")

    assert level is Level.OK
    assert "has 2 leaves" in message


async def test_older_shards_of_the_log_are_counted(folder: NodeFolder) -> None:
    head = inspect(folder.store, lambda snapshot: snapshot.tree_head())
    _mark(folder, size=head.frontier.size, root=head.frontier.root())
    following = f"{head.origin[:-6]}2030h2"

    def hand_over(transaction: Transaction) -> None:
        transaction.close_shard(b"close")
        transaction.open_shard(following, final_note=b"note", open_leaf=b"open")

    await write(folder, hand_over)
    [(level, message)] = found(folder, "log")

    assert level is Level.OK
    assert f"{following} has 1 leaves after 1 older shards" in message


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_a_database_that_lost_what_was_signed_is_found(
    folder: NodeFolder, size: int
) -> None:
    _mark(folder, size=size, root=bytes(32))

    [(level, message)] = found(folder, "log")

    assert level is Level.FAIL
    assert f"a checkpoint of {size} leaves" in message


def test_an_empty_mark_is_told_and_left_as_it_is(folder: NodeFolder) -> None:
    folder.high_water.write_bytes(b"")

    [(level, message)] = found(folder, "log")

    assert level is Level.WARN
    assert "begins anew" in message
    assert folder.high_water.read_bytes() == b""


# --- peers and work ----------------------------------------------------------


async def test_peers_whose_cards_end_are_found(
    folder: NodeFolder, tmp_path: Path
) -> None:
    names = ("police.xb.example", "police.xc.example", "police.xd.example")
    cards = [
        make_identity(tmp_path / name, name, valid_until=until).card
        for name, until in zip(names, (EXPIRES, later(20), later(5)), strict=True)
    ]

    def add(transaction: Transaction) -> None:
        for signed in cards:
            transaction.put_peer(_row(signed.card.name, signed.envelope))
        removed = _row("police.xe.example", cards[2].envelope, PeerState.REMOVED)
        transaction.put_peer(removed)

    await write(folder, add)

    assert [level for level, _ in found(folder, "peers")] == [
        Level.OK,
        Level.WARN,
        Level.FAIL,
    ]


async def test_a_peer_whose_card_is_damaged_is_found(folder: NodeFolder) -> None:
    row = _row("police.xb.example", b"x" * CARD_BYTES_MAX)
    await write(folder, lambda transaction: transaction.put_peer(row))

    [(level, _)] = found(folder, "peers")
    assert level is Level.FAIL


def _row(name: str, envelope: bytes, state: PeerState = PeerState.ACCEPTED) -> PeerRow:
    at = to_ms(ISSUED)
    return PeerRow(
        name=name, envelope=envelope, state=state, accepted_ms=at, changed_ms=at
    )


async def test_incidents_are_shown(folder: NodeFolder) -> None:
    def note(transaction: Transaction) -> None:
        for peer in ("police.xb.example", ""):
            transaction.note_incident(
                peer=peer, reason="CLOCK_SKEW", detail="It is ahead.", at_ms=1
            )

    await write(folder, note)

    assert sorted(message for _, message in found(folder, "incidents")) == [
        "CLOCK_SKEW (police.xb.example), 1 times: It is ahead.",
        "CLOCK_SKEW, 1 times: It is ahead.",
    ]


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        (23, []),
        (25, [(Level.WARN, "A message has waited for a person for 25 hours.")]),
    ],
)
async def test_what_waits_for_a_person_too_long_is_found(
    folder: NodeFolder, hours: int, expected: list[tuple[Level, str]]
) -> None:
    stored_ms = to_ms(NOW - timedelta(hours=hours))
    waiting = message(stored_ms=stored_ms, holding=Holding.QUARANTINED)
    await write(folder, lambda transaction: transaction.add_messages([waiting]))

    assert found(folder, "reviews") == expected


def test_a_quiet_node_has_no_incidents(folder: NodeFolder) -> None:
    assert found(folder, "incidents") == [
        (Level.OK, "No incidents and no dead letters.")
    ]


def test_root_keys_may_be_elsewhere(folder: NodeFolder) -> None:
    for file in folder.keys.glob("root-*.json"):
        file.unlink()

    levels = {level for level, _ in found(folder, "keys")}
    assert levels == {Level.OK}
    assert any("elsewhere" in message for _, message in found(folder, "keys"))


def test_another_key_may_not_be_missing(folder: NodeFolder) -> None:
    for file in folder.keys.glob("seal*.json"):
        file.unlink()

    [(level, message)] = found(folder, "keys")
    assert level is Level.FAIL
    assert "seal" in message


# --- host --------------------------------------------------------------------


def test_old_software_is_found(
    folder: NodeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 0))
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 30, 0))

    assert found(folder, "python")[0][0] is Level.FAIL
    assert found(folder, "sqlite")[0][0] is Level.FAIL


def test_missing_packages_are_named(
    folder: NodeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> str:
        if name in {"grpcio", "rich"}:
            raise PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(host_checks, "version", missing)

    [(level, message)] = found(folder, "packages")
    assert level is Level.FAIL
    assert message == "Packages are missing: grpcio, rich."


def test_a_cryptography_without_post_quantum_signatures_is_found(
    folder: NodeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Missing:
        @staticmethod
        def generate() -> None:
            raise UnsupportedAlgorithm("ML-DSA-44")

    monkeypatch.setattr(host_checks, "MLDSA44PrivateKey", Missing)

    assert found(folder, "algorithms")[0][0] is Level.FAIL


@pytest.mark.parametrize(
    ("free", "level"),
    [(10 * 1024**3, Level.OK), (1024**3, Level.WARN), (1024, Level.FAIL)],
)
def test_a_disk_that_fills_is_found(
    folder: NodeFolder, monkeypatch: pytest.MonkeyPatch, free: int, level: Level
) -> None:
    usage = namedtuple("usage", "total used free")  # noqa: PYI024 - as shutil's own
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(0, 0, free))

    assert found(folder, "disk")[0][0] is level


def test_both_addresses_are_tried(folder: NodeFolder) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        text = folder.configuration.read_text()
        folder.configuration.write_text(
            text.replace('desk_listen = ""', f'desk_listen = "127.0.0.1:{port}"')
        )
        found_ports = found(folder, "ports")

    assert [level for level, _ in found_ports] == [Level.OK, Level.FAIL]
    assert f"cannot listen on 127.0.0.1:{port}" in found_ports[1][1]


def test_nothing_is_changed(folder: NodeFolder) -> None:
    # A reader of SQLite makes two files of its own beside the database.
    aside = {"lock", "store.db-shm", "store.db-wal"}

    def contents() -> dict[str, bytes]:
        return {
            str(path): path.read_bytes()
            for path in folder.home.rglob("*")
            if path.is_file() and path.name not in aside
        }

    before = contents()
    found(folder, "card")

    assert contents() == before


def test_a_node_is_named_by_its_configuration(folder: NodeFolder) -> None:
    assert found(folder, "configuration") == [
        (Level.OK, "node.toml describes police.xa.example.")
    ]


# --- the database, looked at -------------------------------------------------


def test_a_file_that_is_no_database_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "no.db"
    file.write_bytes(b"nothing of the kind" * 1000)

    with pytest.raises(StoreCorruptError):
        check_integrity(file)
    with pytest.raises(StoreError):
        inspect(tmp_path / "missing.db", lambda snapshot: snapshot.peers())


def test_a_damaged_table_is_found(folder: NodeFolder) -> None:
    with sqlite3.connect(folder.store) as db:
        db.execute("PRAGMA writable_schema = ON")
        db.execute(
            "UPDATE sqlite_schema SET rootpage = 2"
            " WHERE type = 'table' AND rootpage > 2"
        )
    db.close()

    with pytest.raises(StoreCorruptError):
        check_integrity(folder.store)
