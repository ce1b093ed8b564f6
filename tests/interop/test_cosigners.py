# SPDX-License-Identifier: Apache-2.0
"""The libraries of transparency-dev read our cosignatures, proofs and policies."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fakes.foreign import Program, Refused
from tests.fakes.logs import log_signers, signed_head, verifiers_of, witness_signer
from tests.fakes.trees import MemoryTree

from selat.core.cosignatures import with_cosignatures
from selat.core.merkle import leaf_hash
from selat.core.notes import parse_note
from selat.core.tiles import inclusion_proof
from selat.core.tlog_policies import (
    PolicyGroup,
    PolicyLog,
    PolicyWitness,
    TlogPolicy,
)
from selat.core.tlog_proofs import TlogProof

pytestmark = pytest.mark.timeout(1200)  # the first test builds the program

LEAVES = [b"leaf %d" % number for number in range(300)]
TREE = MemoryTree([leaf_hash(leaf) for leaf in LEAVES])
NOTE = signed_head(300, TREE.frontier.root())
TEXT = parse_note(NOTE).text
LOG_KEYS = verifiers_of(log_signers())
WITNESSES = [
    witness_signer(f"police.{state}.example/witness", seed=30 + number)
    for number, state in enumerate(("xb", "xc", "xd"))
]
KEYS = [key for each in WITNESSES for key in each.verifiers]
LINES = [each.cosign(TEXT, time_s=1_900_000_000) for each in WITNESSES]
COSIGNED = with_cosignatures(NOTE, LINES[:2])


def signers(program: Program, note: bytes) -> list[str]:
    vkeys = [key.vkey for key in (*LOG_KEYS, *KEYS)]
    return program.run("note", *vkeys, data=note).decode().splitlines()


def test_all_four_signatures_of_a_cosigned_checkpoint_hold(cosigners: Program) -> None:
    assert signers(cosigners, COSIGNED) == [
        f"{key.name} {key.id.hex()}" for key in (*LOG_KEYS, *KEYS[:4])
    ]


@pytest.mark.parametrize("number", range(2, 6))
def test_a_cosignature_of_another_checkpoint_does_not(
    cosigners: Program, number: int
) -> None:
    other = signed_head(301, TREE.frontier.root())
    line = COSIGNED.splitlines(keepends=True)[4 + number]
    assert len(signers(cosigners, other)) == 2
    with pytest.raises(Refused, match="invalid signature"):
        signers(cosigners, other + line)


@pytest.mark.parametrize("index", [0, 7, 255, 256, 299])
@pytest.mark.parametrize("extra", [b"", b"anything"])
def test_a_proof_that_stands_alone_holds(
    cosigners: Program, tmp_path: Path, index: int, extra: bytes
) -> None:
    proof = TlogProof(
        index=index,
        proof=inclusion_proof(index, 300, TREE),
        checkpoint=COSIGNED,
        extra=extra,
    ).encode()
    leaf = tmp_path / "leaf"
    leaf.write_bytes(LEAVES[index])
    for key in LOG_KEYS:
        said = cosigners.run("proof", key.vkey, str(leaf), data=proof)
        assert said == b"leaf %d of 300\n" % index
    leaf.write_bytes(LEAVES[index - 1])
    with pytest.raises(Refused, match="invalid transparency proof"):
        cosigners.run("proof", LOG_KEYS[0].vkey, str(leaf), data=proof)


def test_a_policy_is_met_by_the_same_checkpoints(
    cosigners: Program, tmp_path: Path
) -> None:
    policy = TlogPolicy(
        logs=tuple(PolicyLog(key=key) for key in LOG_KEYS),
        witnesses=tuple(
            PolicyWitness(
                name=f"{key.name}-{key.signature_type:02x}",
                key=key,
                url=f"https://{key.name}",
            )
            for key in KEYS
        ),
        groups=(
            *(
                PolicyGroup(
                    name=each.name,
                    threshold=2,
                    members=(f"{each.name}-04", f"{each.name}-06"),
                )
                for each in WITNESSES
            ),
            PolicyGroup(
                name="two-of-three",
                threshold=2,
                members=tuple(each.name for each in WITNESSES),
            ),
        ),
        quorum="two-of-three",
    )
    file = tmp_path / "policy"
    file.write_bytes(policy.encode())
    halves = [line.splitlines(keepends=True)[0] for line in LINES[1:]]
    for lines, expected in (
        ([], b"false\n"),
        (LINES[:1], b"false\n"),
        ([LINES[0], *halves], b"false\n"),
        (LINES[:2], b"true\n"),
        (LINES, b"true\n"),
    ):
        note = with_cosignatures(NOTE, lines)
        assert cosigners.run("policy", str(file), data=note) == expected
