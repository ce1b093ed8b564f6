# SPDX-License-Identifier: Apache-2.0
"""Go's own reader of checksum databases reads our log."""

from __future__ import annotations

import base64
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.foreign import Program, Refused
from tests.fakes.leaves import OFFER
from tests.fakes.logs import ed25519_signer, log_signers
from tests.fakes.published import Published, publish
from tests.fakes.trees import MemoryTree, numbered

from selat.core.notes import parse_note, sign_note
from selat.core.tiles import consistency_proof, inclusion_proof, root_at

pytestmark = pytest.mark.timeout(1200)  # the first test builds the program

VKEY = ed25519_signer().verifier.vkey
#: Three levels of tiles, each with a partial one (C2SP tlog-tiles' example).
SIZE = 70_000


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Published:
    offer = OFFER.encode()
    leaves = [offer.replace(b"12:", b"%05d" % number) for number in range(SIZE)]
    return publish(tmp_path_factory.mktemp("log"), leaves)


def text_of(items: Sequence[bytes]) -> list[str]:
    return [base64.b64encode(item).decode() for item in items]


# --- checkpoints ---------------------------------------------------------------
def test_a_checkpoint_is_opened(logs: Program, log: Published) -> None:
    text = parse_note(log.note).text
    assert logs.run("note", VKEY, data=log.note) == text


def test_another_checkpoint_or_key_is_not_opened(logs: Program, log: Published) -> None:
    with pytest.raises(Refused, match="invalid signature"):
        logs.run("note", VKEY, data=log.note.replace(b"\n70000\n", b"\n70001\n"))
    with pytest.raises(Refused, match="no verifiable signatures"):
        logs.run("note", ed25519_signer(seed=2).verifier.vkey, data=log.note)
    without = sign_note(parse_note(log.note).text, log_signers()[1:])
    with pytest.raises(Refused, match="no verifiable signatures"):
        logs.run("note", VKEY, data=without)


# --- tiles and entries ---------------------------------------------------------
def test_tiles_and_entries_are_read_and_give_the_same_proofs(
    logs: Program, log: Published
) -> None:
    indexes = [0, 1, 255, 256, 12_345, 65_535, 65_536, SIZE - 1]
    sizes = [1, 2, 255, 256, 257, 65_536, 69_000, SIZE - 1]
    found = logs.ask(
        "tiles",
        str(log.folder),
        VKEY,
        questions=[
            *({"index": index} for index in indexes),
            *({"old_size": size} for size in sizes),
        ],
    )
    assert found == [
        *(text_of(inclusion_proof(index, SIZE, log.tree)) for index in indexes),
        *(text_of(consistency_proof(size, SIZE, log.tree)) for size in sizes),
    ]


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 512, 1_000])
def test_logs_of_any_size_are_read(logs: Program, tmp_path: Path, size: int) -> None:
    log = publish(tmp_path, [b"leaf %d" % number for number in range(size)])
    questions = [{"index": index} for index in range(0, size, 100)]
    assert logs.ask("tiles", str(tmp_path), VKEY, questions=questions) == [
        text_of(inclusion_proof(asked["index"], size, log.tree)) for asked in questions
    ]


@pytest.mark.parametrize(
    "name",
    [
        "tile/0/000",
        "tile/0/003.p/232",
        "tile/1/000.p/3",
        "tile/entries/001",
        "tile/entries/003.p/232",
    ],
)
def test_a_flipped_bit_is_seen(logs: Program, tmp_path: Path, name: str) -> None:
    publish(tmp_path, [b"leaf %d" % number for number in range(1_000)])
    logs.ask("tiles", str(tmp_path), VKEY, questions=())
    file = tmp_path / name
    file.write_bytes(file.read_bytes()[:-1] + bytes([file.read_bytes()[-1] ^ 1]))
    with pytest.raises(Refused, match=r"inconsistent|not the one"):
        logs.ask("tiles", str(tmp_path), VKEY, questions=())


# --- proofs ----------------------------------------------------------------------
def inclusion(index: int, size: int, tree: MemoryTree) -> dict[str, Any]:
    return {
        "size": size,
        "root": text_of([root_at(size, tree)])[0],
        "index": index,
        "leaf": text_of([tree.leaf_hashes[index]])[0],
        "proof": text_of(inclusion_proof(index, size, tree)),
    }


def consistency(old_size: int, size: int, tree: MemoryTree) -> dict[str, Any]:
    return {
        "size": size,
        "root": text_of([root_at(size, tree)])[0],
        "old_size": old_size,
        "old_root": text_of([root_at(old_size, tree)])[0],
        "proof": text_of(consistency_proof(old_size, size, tree)),
    }


def test_proofs_of_every_small_tree_hold(logs: Program) -> None:
    tree = MemoryTree(numbered(40))
    pairs = [(number, size) for size in range(1, 41) for number in range(size)]
    questions = [
        *(inclusion(index, size, tree) for index, size in pairs),
        *(consistency(size, size + 1, tree) for size in range(1, 40)),
        *(consistency(index + 1, size, tree) for index, size in pairs),
    ]
    answers = logs.ask("proofs", questions=questions)
    assert answers == ["holds"] * (2 * len(pairs) + 39)


def test_proofs_of_a_large_tree_hold(logs: Program, log: Published) -> None:
    chosen = random.Random(1)  # noqa: S311 - a choice of examples
    pairs = [sorted(chosen.sample(range(1, SIZE + 1), 2)) for _ in range(200)]
    questions = [
        *(inclusion(index, size, log.tree) for index, size in pairs),
        *(consistency(old_size, size, log.tree) for old_size, size in pairs),
    ]
    assert logs.ask("proofs", questions=questions) == ["holds"] * 400


def test_no_changed_proof_holds(logs: Program) -> None:
    tree = MemoryTree(numbered(40))
    questions = []
    for asked in (inclusion(11, 39, tree), consistency(11, 39, tree)):
        other = {key: value for key, value in asked.items() if key != "proof"}
        hashes = asked["proof"]
        questions += [
            other | {"proof": hashes[:-1]},
            other | {"proof": [*hashes, hashes[0]]},
            other | {"proof": [hashes[1], hashes[0], *hashes[2:]]},
            asked | {"root": text_of([root_at(38, tree)])[0]},
            asked | {"index": 12, "old_size": 12},
        ]
    assert "holds" not in logs.ask("proofs", questions=questions)
