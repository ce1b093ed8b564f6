# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from tests.fakes.identities import Identity
from tests.fakes.local_nodes import NAME, NOW_MS, accept_peers, peer_row
from tests.fakes.logs import witness_signer
from tests.fakes.peer_logs import PeerLog, other_history

from selat.core.cosignatures import cosigners, verify_cosignatures
from selat.core.witnessing import AddCheckpoint
from selat.errors import StoreFullError
from selat.exchange.local import LocalNode
from selat.exchange.witness_http import HttpWitness
from selat.store.values import PeerState


@pytest.fixture
async def log(local: LocalNode, xa: Identity) -> PeerLog:
    await accept_peers(local, peer_row(xa))
    return PeerLog(xa, leaves=10)


@pytest.fixture
def http(local: LocalNode) -> HttpWitness:
    return HttpWitness(witness=local.witness, accuser=local.accuser)


async def test_good_request_is_answered_with_signature_lines(
    http: HttpWitness, log: PeerLog
) -> None:
    status, body = await http.add_checkpoint(log.request(old_size=0).encode())
    assert status == 200
    found = verify_cosignatures(
        log.checkpoint().text(), body, witness_signer(f"{NAME}/witness").verifiers
    )
    assert cosigners(found)
    assert all(each.time_s == NOW_MS // 1000 for each in found)


async def test_stale_request_is_answered_with_the_size_alone(
    http: HttpWitness, log: PeerLog
) -> None:
    await http.add_checkpoint(log.request(old_size=0, size=7).encode())
    answer = await http.add_checkpoint(log.request(old_size=0).encode())
    assert answer == (409, b"7\n")


async def test_wrong_proof_is_unprocessable_and_accuses_nobody(
    http: HttpWitness, local: LocalNode, log: PeerLog
) -> None:
    await http.add_checkpoint(log.request(old_size=0, size=7).encode())
    wrong = AddCheckpoint(old_size=7, proof=(bytes(32),), checkpoint=log.note())
    status, body = await http.add_checkpoint(wrong.encode())
    assert (status, body.partition(b":")[0]) == (422, b"BAD_PROOF")
    assert await local.store.read(lambda s: s.incidents(limit=9)) == []


async def test_unknown_log_is_not_found(
    http: HttpWitness, log: PeerLog, xb: Identity
) -> None:
    assert log.node
    stranger = PeerLog(xb, leaves=3)
    status, _ = await http.add_checkpoint(stranger.request(old_size=0).encode())
    assert status == 404


async def test_signature_of_another_is_forbidden(
    http: HttpWitness, log: PeerLog, xb: Identity
) -> None:
    log.signers = xb.key_store.log_signers(log.origin)
    status, _ = await http.add_checkpoint(log.request(old_size=0).encode())
    assert status == 403


@pytest.mark.parametrize("body", [b"", b"old 1\n", b"\xff" * 9, b"old -1\n\nx\n"])
async def test_what_is_no_request_is_refused(
    http: HttpWitness, log: PeerLog, body: bytes
) -> None:
    assert log.node
    status, _ = await http.add_checkpoint(body)
    assert status == 400


async def test_second_root_of_one_size_ends_the_exchange(
    http: HttpWitness, local: LocalNode, log: PeerLog, xa: Identity
) -> None:
    await http.add_checkpoint(log.request(old_size=0).encode())
    other = other_history(xa, 10)
    again = AddCheckpoint(old_size=10, proof=(), checkpoint=other.note())
    status, _ = await http.add_checkpoint(again.encode())
    assert status == 422
    row = await local.store.read(lambda s: s.peer(log.node))
    assert row is not None
    assert row.state is PeerState.SUSPENDED


async def test_trouble_of_ours_is_told_by_its_reason(
    http: HttpWitness, local: LocalNode, log: PeerLog
) -> None:
    class Full:
        read = local.store.read

        async def write(self, _work: object) -> None:
            raise StoreFullError("The disk at /secret/place is full.")

    local.witness.store = Full()  # type: ignore[assignment] # no more than is asked
    answer = await http.add_checkpoint(log.request(old_size=0).encode())
    assert answer == (500, b"STORE_FULL\n")
