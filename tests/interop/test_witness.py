# SPDX-License-Identifier: Apache-2.0
"""A published witness cosigns our checkpoints, and only those it should."""

from __future__ import annotations

import base64
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from pathlib import Path

import pytest
from tests.fakes.logs import ORIGIN, log_signers, signed_head
from tests.fakes.nodes import free_port
from tests.fakes.trees import MemoryTree, numbered

from selat.core.cosignatures import Cosignature, verify_cosignatures
from selat.core.merkle import EMPTY_ROOT
from selat.core.note_keys import NoteVerifier, SignatureType, parse_vkey
from selat.core.notes import parse_note, sign_note
from selat.core.tiles import consistency_proof, root_at
from selat.core.witnessing import AddCheckpoint

pytestmark = pytest.mark.timeout(1200)  # the first test builds the witness

NAME = "witness.xz.example"
SEED = bytes(range(32))
TREE = MemoryTree(numbered(1_000))
#: The witness starts within this, or never, in s.
START_S = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """A witness that runs on this machine."""

    port: int
    verifier: NoteVerifier

    def ask(self, request: AddCheckpoint | bytes) -> tuple[int, str, bytes]:
        """Return status, content type and body of its answer."""
        body = request if isinstance(request, bytes) else request.encode()
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            connection.request("POST", "/add-checkpoint", body)
            answer = connection.getresponse()
            kind = answer.getheader("Content-Type", "")
            return answer.status, kind, answer.read()

    def cosigned(self, request: AddCheckpoint) -> tuple[Cosignature, ...]:
        """Return its cosignatures, verified."""
        status, _, lines = self.ask(request)
        assert status == 200, lines
        text = parse_note(request.checkpoint).text
        return verify_cosignatures(text, lines, [self.verifier])


@contextmanager
def running(*command: str) -> Iterator[subprocess.Popen[str]]:
    """Run a program until the block ends."""
    process = subprocess.Popen(  # noqa: S603 - a program that a fixture built
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def line_of(process: subprocess.Popen[str], word: str) -> str:
    """Return the first line with a word that a program writes."""
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if word in line:
            return line.strip()
    pytest.fail(f"it ended: {''.join(said)}")


@pytest.fixture
def witness(built: Path, tmp_path: Path) -> Iterator[Witness]:
    """Run litewitness, which has never seen our log but knows its key."""
    socket, database, port = tmp_path / "agent", tmp_path / "db", free_port()
    with ExitStack() as stack:
        agent = stack.enter_context(
            running(str(built / "cosigners"), "agent", str(socket), SEED.hex())
        )
        key = line_of(agent, "SHA256:")
        process = stack.enter_context(
            running(
                *(str(built / "litewitness"), "-db", str(database), "-name", NAME),
                *("-ssh-agent", str(socket), "-key", key),
                *("-listen", f"127.0.0.1:{port}"),
            )
        )
        vkey = line_of(process, "vkey=").partition("vkey=")[2]
        line_of(process, "listening")
        introduce(database)
        wait_for(process, port)
        yield Witness(port=port, verifier=parse_vkey(vkey))


def introduce(database: Path) -> None:
    """Make our log known, as `witnessctl add-log` and `add-key` do."""
    root = base64.b64encode(EMPTY_ROOT).decode()
    key = log_signers()[0].verifier.vkey
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("INSERT INTO log VALUES (?, 0, ?)", (ORIGIN, root))
        connection.execute("INSERT INTO key VALUES (?, ?)", (ORIGIN, key))


def wait_for(process: subprocess.Popen[str], port: int) -> None:
    """Wait until the witness takes connections."""
    for _ in range(START_S * 20):
        with closing(HTTPConnection("127.0.0.1", port, timeout=START_S)) as connection:
            try:
                connection.connect()
            except ConnectionRefusedError:
                try:
                    process.wait(timeout=0.05)
                except subprocess.TimeoutExpired:
                    continue
            return
    pytest.fail("the witness takes no connections")


def request_from(old_size: int, size: int) -> AddCheckpoint:
    return AddCheckpoint(
        old_size=old_size,
        proof=consistency_proof(old_size, size, TREE),
        checkpoint=signed_head(size, root_at(size, TREE)),
    )


def test_our_checkpoints_are_cosigned_as_the_log_grows(witness: Witness) -> None:
    before = 0
    for size in (1, 7, 7, 256, 1_000):
        (cosignature,) = witness.cosigned(request_from(before, size))
        assert cosignature.name == NAME
        assert cosignature.signature_type is SignatureType.COSIGNATURE_ED25519
        assert cosignature.time_s > 0
        before = size


def test_a_stale_size_is_answered_with_the_known_one(witness: Witness) -> None:
    witness.cosigned(request_from(0, 700))
    for old_size in (0, 5, 699):
        status, kind, body = witness.ask(request_from(old_size, 900))
        assert (status, kind, body) == (409, "text/x.tlog.size", b"700\n")
    witness.cosigned(request_from(700, 900))


def test_a_proof_that_does_not_hold_is_refused(witness: Witness) -> None:
    witness.cosigned(request_from(0, 700))
    request = request_from(700, 900)
    wrong = replace(request, proof=(bytes(32), *request.proof[1:]))
    assert witness.ask(wrong)[0] == 422
    fork = replace(request, checkpoint=signed_head(900, bytes(32)))
    assert witness.ask(fork)[0] == 422
    witness.cosigned(request)


def test_strangers_and_nonsense_are_refused(witness: Witness) -> None:
    request = request_from(0, 700)
    stranger = signed_head(700, root_at(700, TREE), seed=2)
    assert witness.ask(replace(request, checkpoint=stranger))[0] == 403
    without = sign_note(parse_note(request.checkpoint).text, log_signers()[1:])
    assert witness.ask(replace(request, checkpoint=without))[0] == 403
    assert witness.ask(b"old 0\n" + request.checkpoint)[0] == 400
    witness.cosigned(request)
