# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

from tests.fakes.bundles import (
    deliver,
    offers,
    receipt,
)
from tests.fakes.identities import Identity
from tests.fakes.leaves import ERASE, OFFER, POLICY
from tests.unit.audit.conftest import (
    Verify,
    failures,
    make_pair,
    message,
    resign,
)

from selat.audit.findings import Code
from selat.audit.leaf_walk import CLOCK_DISORDER_MS_MAX


def test_leaf_that_is_none_is_caught(
    xa: Identity, xb: Identity, verify: Verify
) -> None:
    pair = make_pair(xa, xb)
    pair.xa.log.append_bytes(b'{"kind":"rumour"}', pair.xa.log.times[-1])
    resign(pair)
    result = verify(pair.bundles()[0])
    assert failures(result) == {Code.LEAF_MALFORMED}


def test_leaf_of_another_node_is_caught(
    xa: Identity, xb: Identity, verify: Verify
) -> None:
    pair = make_pair(xa, xb)
    at_ms = pair.xa.log.times[-1]
    pair.xa.log.append(replace(ERASE, node="police.xc.example", time_ms=at_ms))
    resign(pair)
    result = verify(pair.bundles()[0])
    assert failures(result) == {Code.LEAF_OF_ANOTHER_NODE}
    assert "author of the leaf is police.xc.example" in message(
        result, Code.LEAF_OF_ANOTHER_NODE
    )


def test_clock_disorder_beyond_the_bound_is_caught(
    xa: Identity, xb: Identity, verify: Verify
) -> None:
    pair = make_pair(xa, xb)
    at_ms = pair.xa.log.times[-1]
    leaf = replace(ERASE, node=pair.xa.name)
    pair.xa.log.append(replace(leaf, time_ms=at_ms - CLOCK_DISORDER_MS_MAX))
    resign(pair)
    assert verify(pair.bundles()[0]).holds
    pair.xa.log.append(replace(leaf, time_ms=at_ms - CLOCK_DISORDER_MS_MAX - 1))
    resign(pair)
    result = verify(pair.bundles()[0])
    assert failures(result) == {Code.CLOCK_DISORDER}
    assert "more than 300 s back" in message(result, Code.CLOCK_DISORDER)


def test_policy_without_a_leaf_before_it_is_caught(
    xa: Identity, xb: Identity, verify: Verify
) -> None:
    pair = make_pair(xa, xb)
    at_ms = pair.xa.log.times[-1]
    batch = [
        replace(each, policy="ee" * 32) for each in offers(pair.xa, pair.xb, 2, at_ms)
    ]
    deliver(pair.xa, pair.xb, batch, [receipt(each, at_ms) for each in batch], at_ms)
    resign(pair)
    result = verify(*pair.bundles())
    assert failures(result) == {Code.POLICY_UNKNOWN}
    assert result.findings.count(Code.POLICY_UNKNOWN) == 1
    assert message(result, Code.POLICY_UNKNOWN).startswith(
        "The policy set eeeeeeeeeeeeeeee… decided, and no leaf before says"
    )


def test_policy_that_follows_an_unknown_one_is_caught(
    xa: Identity, xb: Identity, verify: Verify
) -> None:
    pair = make_pair(xa, xb)
    pair.xa.adopt("cd" * 32, pair.xa.log.times[-1], previous="ef" * 32)
    resign(pair)
    assert failures(verify(pair.bundles()[0])) == {Code.POLICY_BROKEN}


def test_departure_from_the_baseline_is_a_fact(
    xa: Identity, xb: Identity, verify: Verify
) -> None:
    pair = make_pair(xa, xb)
    pair.xa.log.append(
        replace(
            POLICY,
            node=pair.xa.name,
            digest="cd" * 32,
            previous=OFFER.policy,
            time_ms=pair.xa.log.times[-1],
        )
    )
    resign(pair)
    result = verify(pair.bundles()[0])
    assert result.holds
    assert "removed baseline/8-emergency.cedar" in message(
        result, Code.POLICY_DEPARTURE
    )
