# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

from tests.fakes.bundles import (
    BEGIN_MS,
    MINUTE_MS,
    FakeNode,
    Files,
    add_cards,
    begin,
    blind,
    exchange,
    export,
    trust_file,
)
from tests.fakes.identities import Identity
from tests.fakes.leaves import ERASE, PEER_CHECKPOINT
from tests.unit.audit.conftest import (
    Pair,
    Verify,
    failures,
    make_pair,
    message,
    resign,
)

from selat.audit.findings import Code
from selat.core.equivocation import Equivocation


def forked(xa: Identity, xb: Identity) -> tuple[Pair, Pair]:
    """Return a node that shows XB one history and the auditor another one."""
    return make_pair(xa, xb), make_pair(xa, xb)


def test_two_bundles_of_one_node_that_disagree_are_caught(
    xa: Identity, xb: Identity, verify: Verify
) -> None:
    one, other = forked(xa, xb)
    at_ms = one.xa.log.times[-1]
    for pair, node in ((one, "a"), (other, "b")):
        leaf = replace(ERASE, node=pair.xa.name, time_ms=at_ms, blind=blind(node))
        pair.xa.log.append(leaf)
        resign(pair)
    result = verify(one.bundles()[0], other.bundles()[0])
    assert Code.LOG_FORKED in failures(result)
    assert "Two roots are signed for 308 leaves" in message(result, Code.LOG_FORKED)


def test_longer_bundle_of_one_node_that_is_another_history_is_caught(
    xa: Identity, xb: Identity, verify: Verify
) -> None:
    one, other = forked(xa, xb)
    at_ms = one.xa.log.times[-1]
    for pair, count in ((one, 1), (other, 2)):
        for place in range(count):
            blinded = blind(f"{count} {place}")
            pair.xa.log.append(
                replace(ERASE, node=pair.xa.name, time_ms=at_ms, blind=blinded)
            )
        resign(pair)
    result = verify(one.bundles()[0], other.bundles()[0])
    assert Code.LOG_FORKED in failures(result)
    assert "two histories" in message(result, Code.LOG_FORKED)


def test_log_that_a_peer_saw_otherwise_is_caught(
    xa: Identity, xb: Identity, verify: Verify
) -> None:
    pair = make_pair(xa, xb)
    shown = pair.bundles()[0]
    lie = FakeNode(xa)
    begin(lie, BEGIN_MS + 1)
    honest = FakeNode(xb)
    begin(honest)
    exchange(lie, honest, 200, BEGIN_MS + MINUTE_MS)
    lie.log.sign(honest)
    honest.log.sign(lie)
    result = verify(shown, add_cards(export(honest), lie, honest))
    assert Code.LOG_FORKED in failures(result)


def test_logged_checkpoint_that_is_not_of_the_peers_log_is_caught(
    xa: Identity, xb: Identity, verify: Verify
) -> None:
    pair = make_pair(xa, xb)
    at_ms = pair.xa.log.times[-1]
    state = pair.xb.log.checkpoint(100)
    pair.xa.log.append(
        replace(
            PEER_CHECKPOINT,
            sender=pair.xa.name,
            peer=pair.xb.name,
            origin=state.origin,
            size=state.size,
            root=blind("another root"),
            sequence=2,
            time_ms=at_ms,
        )
    )
    resign(pair)
    result = verify(*pair.bundles())
    assert Code.PEER_CHECKPOINT_DIFFERS in failures(result)
    alone = verify(pair.bundles()[0])
    assert alone.findings.count(Code.PEER_CHECKPOINT_ALONE) == 1


def test_range_that_is_not_in_the_peers_log_is_caught(
    bundles: tuple[Files, Files], verify: Verify
) -> None:
    files = bundles[0]
    name = "peers/police.xb.example/2030h1/leaves.jsonl"
    files[name] = files[name].replace(b'"outcome":"accepted"', b'"outcome":"refused"')
    result = verify(files)
    assert Code.RANGE_UNPROVEN in failures(result)
    assert "are not proven to stand in the log of" in message(
        result, Code.RANGE_UNPROVEN
    )


def test_range_of_another_peer_is_caught(
    bundles: tuple[Files, Files], verify: Verify
) -> None:
    files = bundles[0]
    name = "peers/police.xb.example/2030h1/leaves.jsonl"
    files[name] = files[name].replace(b'"direction":"out"', b'"direction":"in"')
    result = verify(files)
    assert Code.RANGE_MISPLACED in failures(result)
    assert "is no offer of police.xb.example" in message(result, Code.RANGE_MISPLACED)


def test_peer_that_is_not_pinned_fails_unless_it_is_left_out(
    honest: Pair, bundles: tuple[Files, Files], verify: Verify
) -> None:
    trust = trust_file(honest.xa, quorum=0)
    result = verify(bundles[0], trust=trust)
    assert failures(result) == {Code.PEER_NOT_PINNED}
    assert "303 offers and receipts with police.xb.example" in message(
        result, Code.PEER_NOT_PINNED
    )
    trust = trust_file(honest.xa, quorum=0, unexamined=honest.xb.name)
    result = verify(bundles[0], trust=trust)
    assert result.holds
    assert result.findings.count(Code.PEER_NOT_EXAMINED) == 1


def test_proof_of_equivocation_condemns_its_author(
    xb: Identity, bundles: tuple[Files, Files], verify: Verify
) -> None:
    notes = []
    for at_ms in (BEGIN_MS, BEGIN_MS + 1):
        node = FakeNode(xb)
        begin(node, at_ms)
        notes.append(node.log.sign())
    files = bundles[0]
    name = "equivocations/police.xb.example-2-1.txt"
    proof = Equivocation(first=notes[0], second=notes[1])
    files[name] = proof.encode()
    result = verify(files)
    assert failures(result) == {Code.EQUIVOCATION_PROVEN}
    files["equivocations/police.xa.example-2-1.txt"] = proof.encode()
    assert failures(verify(files)) == {
        Code.EQUIVOCATION_PROVEN,
        Code.EQUIVOCATION_UNPROVEN,
    }
    files[name] = b"selat/v1/equivocation\n"
    assert Code.FILE_MALFORMED in failures(verify(files))
