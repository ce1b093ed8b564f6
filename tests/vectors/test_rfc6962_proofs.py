# SPDX-License-Identifier: Apache-2.0
import base64
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from selat.core.proofs import verify_consistency, verify_inclusion
from selat.errors import ProofError

PROOFS_OF_EACH_KIND = 98


def load(shared: Path, kind: str) -> dict[str, dict[str, Any]]:
    document = json.loads((shared / "data/vectors/rfc6962_proofs.json").read_text())
    cases: dict[str, dict[str, Any]] = document[kind]
    assert len(cases) == PROOFS_OF_EACH_KIND
    return cases


def unpack(case: dict[str, Any], *names: str) -> list[bytes]:
    return [base64.b64decode(case[name] or "", validate=True) for name in names]


def proof_of(case: dict[str, Any]) -> list[bytes]:
    return [base64.b64decode(item, validate=True) for item in case["proof"] or []]


def outcome_differs(case: dict[str, Any], verify: Callable[[], None]) -> bool:
    try:
        verify()
    except ProofError:
        return not case["wantErr"]
    return bool(case["wantErr"])


def test_every_inclusion_vector_has_its_expected_outcome(shared: Path) -> None:
    wrong = []
    for name, case in load(shared, "inclusion").items():
        leaf, root = unpack(case, "leafHash", "root")
        verify = partial(
            verify_inclusion,
            leaf_hash=leaf,
            index=case["leafIdx"],
            size=case["treeSize"],
            proof=proof_of(case),
            root=root,
        )
        if outcome_differs(case, verify):
            wrong.append(name)
    assert wrong == []


def test_every_consistency_vector_has_its_expected_outcome(shared: Path) -> None:
    wrong = []
    for name, case in load(shared, "consistency").items():
        old_root, new_root = unpack(case, "root1", "root2")
        verify = partial(
            verify_consistency,
            old_size=case["size1"],
            old_root=old_root,
            new_size=case["size2"],
            new_root=new_root,
            proof=proof_of(case),
        )
        if outcome_differs(case, verify):
            wrong.append(name)
    assert wrong == []


@pytest.mark.parametrize("kind", ["inclusion", "consistency"])
def test_the_vectors_hold_good_and_bad_proofs(shared: Path, kind: str) -> None:
    outcomes = {case["wantErr"] for case in load(shared, kind).values()}
    assert outcomes == {True, False}
