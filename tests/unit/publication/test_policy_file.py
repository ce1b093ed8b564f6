# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from tests.fakes.identities import MIDYEAR, Identity

from selat.core.checkpoints import Checkpoint
from selat.core.cosignatures import CosignatureSigner, verify_cosignatures
from selat.core.note_keys import SignatureType
from selat.core.tlog_policies import TlogPolicy, parse_tlog_policy
from selat.errors import InvalidInputError
from selat.publication.policy_file import Algorithm, tlog_policy

ORIGIN = "police.xa.example/exchange/2030h2"
TEXT = Checkpoint(origin=ORIGIN, size=1, root=bytes(32)).text()


def policy(
    own: Identity, *peers: Identity, quorum: int = 1, algorithm: Algorithm
) -> TlogPolicy:
    made = tlog_policy(
        own.card.card,
        [peer.card.card for peer in peers],
        origin=ORIGIN,
        quorum=quorum,
        at=MIDYEAR,
        algorithm=algorithm,
    )
    assert parse_tlog_policy(made.encode()).encode() == made.encode()
    return made


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_policy_is_met_by_what_a_peer_cosigns(
    algorithm: Algorithm, xa: Identity, xb: Identity
) -> None:
    made = policy(xa, xb, algorithm=algorithm)
    name = f"{xb.card.card.name}/witness"
    signer = CosignatureSigner(name, *xb.key_store.witness())
    lines = signer.cosign(TEXT, time_s=1)
    cosigned = verify_cosignatures(TEXT, lines, signer.verifiers)
    assert made.is_met(made.witnesses_of(cosigned))
    assert not made.is_met(made.witnesses_of(cosigned[:0]))
    half = [made.is_met(made.witnesses_of([each])) for each in cosigned]
    assert (
        half
        == {
            Algorithm.BOTH: [False, False],
            Algorithm.ED25519: [True, False],
            Algorithm.MLDSA44: [False, True],
        }[algorithm]
    )


def test_policy_names_the_logs_keys_of_the_algorithm(xa: Identity) -> None:
    types = {
        algorithm: [
            log.key.signature_type
            for log in policy(xa, quorum=0, algorithm=algorithm).logs
        ]
        for algorithm in Algorithm
    }
    assert types == {
        Algorithm.BOTH: [SignatureType.ED25519, SignatureType.MLDSA44],
        Algorithm.ED25519: [SignatureType.ED25519],
        Algorithm.MLDSA44: [SignatureType.MLDSA44],
    }


def test_policy_without_a_quorum_is_met_by_nobody(xa: Identity, xb: Identity) -> None:
    made = policy(xa, xb, quorum=0, algorithm=Algorithm.BOTH)
    assert made.quorum == "none"
    assert made.is_met(())


def test_quorum_of_more_than_there_are_is_refused(xa: Identity, xb: Identity) -> None:
    with pytest.raises(InvalidInputError, match="cannot be had of 1 peers"):
        policy(xa, xb, quorum=2, algorithm=Algorithm.BOTH)
