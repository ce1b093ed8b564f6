# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from selat.core.cosigned_states import (
    COSIGNATURES_BYTES_MAX,
    CosignedState,
    Extension,
)
from selat.core.merkle import TREE_SIZE_MAX
from selat.core.proof_lines import PROOF_LINES_MAX
from selat.errors import BatchMalformedError

EXTENSION: dict[str, Any] = {"old_size": 1, "proof": ()}
COSIGNED: dict[str, Any] = {
    "origin": "police.xa.example/exchange/2030h1",
    "size": 1,
    "lines": b"",
}


def test_greatest_values_are_taken() -> None:
    extension = Extension(old_size=TREE_SIZE_MAX, proof=(bytes(32),) * PROOF_LINES_MAX)
    assert len(extension.proof) == PROOF_LINES_MAX
    state = CosignedState(
        origin="o" * 255, size=TREE_SIZE_MAX, lines=b"l" * COSIGNATURES_BYTES_MAX
    )
    assert state.size == TREE_SIZE_MAX


@pytest.mark.parametrize(
    "wrong",
    [
        {"old_size": -1},
        {"old_size": TREE_SIZE_MAX + 1},
        {"proof": (bytes(31),)},
        {"proof": (bytes(32),) * (PROOF_LINES_MAX + 1)},
    ],
)
def test_proof_of_no_tree_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BatchMalformedError):
        Extension(**(EXTENSION | wrong))


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": ""},
        {"origin": "ö" * 128},
        {"size": -1},
        {"size": TREE_SIZE_MAX + 1},
        {"lines": b"l" * (COSIGNATURES_BYTES_MAX + 1)},
    ],
)
def test_what_no_witness_says_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BatchMalformedError):
        CosignedState(**(COSIGNED | wrong))
