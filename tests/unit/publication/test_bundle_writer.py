# SPDX-License-Identifier: Apache-2.0
"""What goes into a bundle beside the log; the log itself is an integration test's."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from tests.fakes.bundle_checks import contents
from tests.fakes.local_nodes import NAME, policy_leaf, signers_of
from tests.unit.publication.conftest import GrowingLog
from tests.unit.store.samples import message

from selat.core.notes import sign_note
from selat.core.tree_heads import Checkpoint
from selat.errors import StoreCorruptError, VerificationError
from selat.publication.bundle_files import new_bundle
from selat.publication.bundle_writer import BundleRequest, BundleWriter, leaf_count
from selat.publication.periods import Period, parts_of
from selat.publication.timestamps import TimeStamp
from selat.store.port import Transaction
from selat.store.sqlite.inspection import inspection
from selat.store.values import IncomingBatch
from selat.store.witnessing import EquivocationRow, OwnCheckpoint, Witnessed

PERIOD = Period(from_ms=0, to_ms=10)
PEER, LIAR = "police.xa.example", "police.xb.example"


def write(log: GrowingLog, path: Path, *stamps: TimeStamp) -> dict[str, bytes]:
    with inspection(log.path) as reads:
        parts = reads(lambda snapshot: parts_of(snapshot, PERIOD))
        request = BundleRequest(
            node=NAME,
            period=PERIOD,
            created_ms=11,
            parts=parts,
            notes=[log.note()],
            timestamps=stamps,
        )
        told: list[int] = []
        with new_bundle(path, as_zip=False) as files:
            BundleWriter(files, reads=reads, progress=told.append).write(request)
        assert sum(told) == reads(lambda snapshot: leaf_count(snapshot, request))
    return contents(path)


@pytest.fixture
async def filled(growing: GrowingLog) -> GrowingLog:
    leaves = [policy_leaf(number) for number in range(3)]
    await growing.store.write(lambda t: t.append_leaves(leaves))
    return growing


async def test_what_was_cosigned_of_peers_is_in_the_bundle(
    filled: GrowingLog, tmp_path: Path
) -> None:
    def keep(transaction: Transaction) -> None:
        for peer, origin in (
            (PEER, f"{PEER}/exchange/2030h2"),
            ("", "log.example/elsewhere"),  # configured, and no peer's
        ):
            witnessed = Witnessed(
                origin=origin,
                peer=peer,
                size=7,
                root=bytes(32),
                note=b"their note",
                witnessed_ms=1,
            )
            transaction.put_witnessed(witnessed, known_size=0)

    await filled.store.write(keep)
    files = write(filled, tmp_path / "b")
    assert [name for name in files if name.startswith("witnessed/")] == [
        f"witnessed/{PEER}/2030h2"
    ]


async def test_proofs_of_equivocation_are_in_the_bundle(
    filled: GrowingLog, tmp_path: Path
) -> None:
    def keep(transaction: Transaction) -> None:
        for number, (half, size) in enumerate((("h1", 7), ("h2", 7), ("h2", 8))):
            transaction.keep_equivocation(
                EquivocationRow(
                    peer=LIAR,
                    origin=f"{LIAR}/exchange/2030{half}",
                    size=size,
                    proof=b"proof %d" % number,
                    reporter="",
                    found_ms=1,
                    leaf_index=number,
                )
            )

    await filled.store.write(keep)
    files = write(filled, tmp_path / "b")
    proofs = {name: data for name, data in files.items() if "equivocations" in name}
    assert proofs == {
        f"equivocations/{LIAR}-7-1.txt": b"proof 0",
        f"equivocations/{LIAR}-7-2.txt": b"proof 1",
        f"equivocations/{LIAR}-8-1.txt": b"proof 2",
    }


async def test_older_checkpoints_that_were_cosigned_are_in_the_bundle(
    filled: GrowingLog, tmp_path: Path
) -> None:
    origin = filled.shard().origin
    notes = {}
    for size in (2, 3, 9):
        text = Checkpoint(origin=origin, size=size, root=bytes(32)).text()
        notes[size] = sign_note(text, signers_of(origin))
        kept = OwnCheckpoint(
            origin=origin,
            size=size,
            note=notes[size],
            cosigners=1,
            signed_ms=size * 86_400_000,
            anchored_ms=1,
        )
        await filled.store.write(partial(_keep, kept=kept))
    files = write(filled, tmp_path / "b")
    # That of the end is signed anew, and what is behind it is not of this bundle.
    logs = f"logs/{filled.name}"
    assert files[f"{logs}/checkpoint.2"] == notes[2]
    assert not {f"{logs}/checkpoint.3", f"{logs}/checkpoint.9"} & set(files)


def _keep(transaction: Transaction, *, kept: OwnCheckpoint) -> None:
    transaction.keep_own_checkpoint(kept)


def stamp(note: bytes) -> TimeStamp:
    return TimeStamp(
        data=b"answer",
        at=datetime(2030, 1, 1, tzinfo=UTC),
        hash_oid="2.16.840.1.101.3.4.2.1",
        digest=hashlib.sha256(note).digest(),
    )


async def test_time_stamp_over_a_checkpoint_is_in_the_bundle(
    filled: GrowingLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = filled.note()
    monkeypatch.setattr(GrowingLog, "note", lambda _log: note)
    files = write(filled, tmp_path / "b", stamp(note))
    assert files[f"tokens/{filled.name}-3.tsr"] == b"answer"
    with pytest.raises(VerificationError, match="over no checkpoint"):
        write(filled, tmp_path / "c", stamp(b"another"))
    assert not (tmp_path / "c").exists()


async def test_database_that_lacks_what_it_must_hold_makes_no_bundle(
    filled: GrowingLog, tmp_path: Path
) -> None:
    def keep(transaction: Transaction) -> None:
        (number,) = transaction.add_messages([message(1)])
        batch = IncomingBatch(
            peer=PEER,
            sequence=1,
            digest=bytes(32),
            first_receipt=transaction.append_leaves([policy_leaf(3)]),
            count=1,
            origin=f"{PEER}/exchange/2030h2",
            first_offer=0,
            proof=b"",
            checkpoint_size=2,
            received_ms=1,
        )
        transaction.keep_incoming(batch, [b"offer"], [number])

    await filled.store.write(keep)
    with pytest.raises(StoreCorruptError, match="missing"):
        write(filled, tmp_path / "b")
    assert not (tmp_path / "b").exists()
