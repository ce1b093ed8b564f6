# SPDX-License-Identifier: Apache-2.0
"""What two nodes hand to auditors is verified by tools that nobody here wrote."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from tests.fakes.command import Command, Ended
from tests.fakes.foreign import Program
from tests.fakes.identities import PASSPHRASE
from tests.fakes.nodes import Home, introduce, make_home, person, running

from selat.core.cosignatures import cosignatures_of
from selat.core.evidence_files import parse_evidence
from selat.core.note_keys import NoteVerifier
from selat.core.proof_lines import read_head
from selat.core.tlog_proofs import parse_tlog_proof

pytestmark = pytest.mark.timeout(1200)  # the first test builds the programs

Selat = Callable[..., Ended]
MESSAGES = 5


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Home, Home]:
    """Give two nodes that know each other."""
    pair = make_home(tmp_path, "xa"), make_home(tmp_path, "xb")
    asyncio.run(introduce(*pair))
    return pair


@pytest.fixture
def selat(
    pair: tuple[Home, Home],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Selat:
    """Give the command of the first node."""
    file = tmp_path / "passphrase"
    file.write_bytes(PASSPHRASE)
    file.chmod(0o600)
    command = Command(home=pair[0].path, capsys=capsys, monkeypatch=monkeypatch)

    def run(*arguments: object) -> Ended:
        ended = command("--passphrase-file", file, *arguments)
        assert ended.code == 0, ended.err
        return ended

    return run


def deliver(pair: tuple[Home, Home]) -> UUID:
    """Deliver messages from the first node to the second; return one's id."""

    async def exchange() -> bytes:
        async with running(pair[0]) as a, running(pair[1]):
            found = await a.publish(*(person(f"A {n}") for n in range(MESSAGES)))
            await a.settled(pair[1].name, MESSAGES)
        return found[0]

    return UUID(bytes=asyncio.run(exchange()))


def log_keys(home: Home, note: bytes) -> tuple[NoteVerifier, NoteVerifier]:
    origin = read_head(note).origin
    return home.card.card.log_verifiers(origin, at=datetime.now(UTC))


def test_a_bundles_log_is_read_by_go(
    pair: tuple[Home, Home], tmp_path: Path, selat: Selat, logs: Program
) -> None:
    deliver(pair)
    selat("audit", "export", "--out", tmp_path / "bundle")
    (folder,) = (tmp_path / "bundle/logs").iterdir()
    note = (folder / "checkpoint").read_bytes()
    vkey = log_keys(pair[0], note)[0].vkey
    size = read_head(note).size
    assert size > 2 * MESSAGES
    questions = [{"index": index} for index in range(size)]
    proofs = logs.ask("tiles", str(folder), vkey, questions=questions)
    assert len(proofs) == size


def test_a_bundles_checkpoint_is_signed_and_cosigned_for_others(
    pair: tuple[Home, Home], tmp_path: Path, selat: Selat, cosigners: Program
) -> None:
    deliver(pair)
    selat("audit", "export", "--out", tmp_path / "bundle")
    (folder,) = (tmp_path / "bundle/logs").iterdir()
    witness = pair[1].card.card.witness_verifiers(at=datetime.now(UTC))
    notes = [file.read_bytes() for file in sorted(folder.glob("checkpoint*"))]
    assert any(cosignatures_of(note, witness) for note in notes)
    for note in notes:
        keys = log_keys(pair[0], note)
        vkeys = [key.vkey for key in (*keys, *witness)]
        found = cosigners.run("note", *vkeys, data=note).decode().splitlines()
        ours = [f"{each.name} {each.id.hex()}" for each in keys]
        theirs = [f"{each.name} {each.id.hex()}" for each in witness]
        assert found in (ours, ours + theirs)
        assert (found == ours) is not bool(cosignatures_of(note, witness))


def test_the_evidence_of_an_exchange_holds_for_others(
    pair: tuple[Home, Home], tmp_path: Path, selat: Selat, cosigners: Program
) -> None:
    message = deliver(pair)
    selat("show", message, "--evidence", tmp_path / "evidence.txt")
    evidence = parse_evidence((tmp_path / "evidence.txt").read_bytes())
    leaf = tmp_path / "leaf"
    for home, data, proof in (
        (pair[0], evidence.offer, evidence.offer_proof),
        (pair[1], evidence.receipt, evidence.receipt_proof),
    ):
        leaf.write_bytes(data)
        parsed = parse_tlog_proof(proof)
        for key in log_keys(home, parsed.checkpoint):
            said = cosigners.run("proof", key.vkey, str(leaf), data=proof)
            assert said.startswith(b"leaf %d of " % parsed.index)
