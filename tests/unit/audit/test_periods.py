# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.fakes.bundles import (
    BEGIN_MS,
    MINUTE_MS,
    add_cards,
    exchange,
    export,
)
from tests.fakes.identities import Identity
from tests.fakes.leaves import CLOSE, OPEN
from tests.unit.audit.conftest import (
    LOG,
    Pair,
    Verify,
    failures,
    make_pair,
    message,
    resign,
)

from selat.audit.findings import Code
from selat.audit.periods import FRESHNESS_MS_MAX
from selat.core.times import to_ms


def test_old_bundle_presented_as_new_is_caught(honest: Pair, verify: Verify) -> None:
    end_ms = honest.xa.log.times[-1]
    files = add_cards(
        export(honest.xa, to_ms=end_ms + FRESHNESS_MS_MAX + 2), honest.xa, honest.xb
    )
    result = verify(files)
    assert failures(result) == {Code.BUNDLE_OLD}
    assert "nothing in the bundle is newer than 2030-03-01T00:03:00.002Z" in message(
        result, Code.BUNDLE_OLD
    )


def test_old_bundle_is_caught_by_what_a_peer_shows(
    xa: Identity, xb: Identity, verify: Verify
) -> None:
    pair = make_pair(xa, xb)
    at_ms = pair.xa.log.times[-1] + 60 * MINUTE_MS
    old = add_cards(export(pair.xa, to_ms=at_ms + 60 * MINUTE_MS), pair.xa, pair.xb)
    exchange(pair.xa, pair.xb, 1, at_ms)
    resign(pair)
    result = verify(old, pair.bundles()[1])
    assert failures(result) == {Code.BUNDLE_OLD}
    assert "bundle-1 shows" in message(result, Code.BUNDLE_OLD)


def test_period_that_begins_with_leaves_left_out_is_caught(
    honest: Pair, verify: Verify
) -> None:
    files = add_cards(export(honest.xa, starts={"2030h1": 150}), honest.xa, honest.xb)
    result = verify(files)
    assert Code.PERIOD_CUT in failures(result)
    assert "which is in the period" in message(result, Code.PERIOD_CUT)


def test_period_in_the_middle_of_a_log_holds(honest: Pair, verify: Verify) -> None:
    log = honest.xa.log
    start = next(
        index
        for index, time_ms in enumerate(log.times)
        if time_ms >= BEGIN_MS + 3 * MINUTE_MS
    )
    assert start > 256
    files = add_cards(
        export(honest.xa, from_ms=BEGIN_MS + 3 * MINUTE_MS, starts={"2030h1": start}),
        honest.xa,
        honest.xb,
    )
    assert f"{LOG}/tile/entries/000" not in files
    result = verify(files)
    assert result.holds
    assert {each.code for each in result.findings} == {Code.POLICY_FROM_BEFORE}


def two_shards(xa: Identity, xb: Identity) -> Pair:
    """Return two nodes of which one has closed a shard and begun the next."""
    pair = make_pair(xa, xb)
    at_ms = to_ms(datetime(2030, 7, 1, tzinfo=UTC))
    pair.xa.close("2030h2", at_ms)
    final = pair.xa.log.sign(pair.xb)
    pair.xa.open("2030h2", at_ms + 1, previous=final)
    exchange(pair.xa, pair.xb, 3, at_ms + MINUTE_MS)
    resign(pair)
    return pair


def test_log_holds_over_the_boundary_of_its_shards(
    xa: Identity, xb: Identity, verify: Verify
) -> None:
    result = verify(*two_shards(xa, xb).bundles())
    assert result.holds
    assert not list(result.findings)


def test_shard_that_opens_on_another_checkpoint_is_caught(
    xa: Identity, xb: Identity, verify: Verify
) -> None:
    pair = make_pair(xa, xb)
    at_ms = to_ms(datetime(2030, 7, 1, tzinfo=UTC))
    earlier = pair.xa.log.notes[min(pair.xa.log.notes)]
    pair.xa.close("2030h2", at_ms)
    pair.xa.log.sign(pair.xb)
    pair.xa.open("2030h2", at_ms + 1, previous=earlier)
    resign(pair)
    result = verify(pair.bundles()[0])
    assert failures(result) == {Code.HAND_OVER_BROKEN}
    assert "that is not the final one" in message(result, Code.HAND_OVER_BROKEN)


def test_shard_that_was_not_closed_is_caught(
    xa: Identity, xb: Identity, verify: Verify
) -> None:
    pair = make_pair(xa, xb)
    pair.xa.open(
        "2030h2", to_ms(datetime(2030, 7, 1, tzinfo=UTC)), previous=pair.xa.log.sign()
    )
    resign(pair)
    files = pair.bundles()[0]
    result = verify(files)
    assert Code.HAND_OVER_BROKEN in failures(result)
    assert "does not close in favour of police.xa.example/exchange/2030h2" in message(
        result, Code.HAND_OVER_BROKEN
    )


@pytest.mark.parametrize(("kept", "what"), [(1, "shard before"), (0, "shard after")])
def test_shard_that_was_left_out_is_caught(
    kept: int, what: str, xa: Identity, xb: Identity, verify: Verify
) -> None:
    pair = two_shards(xa, xb)
    end_ms = pair.xa.log.times[-1]
    pair.xa.logs = [pair.xa.logs[kept]]
    files = add_cards(export(pair.xa, to_ms=end_ms), pair.xa, pair.xb)
    result = verify(files)
    assert Code.PERIOD_CUT in failures(result)
    assert f"The {what}, police.xa.example/exchange/2030h" in message(
        result, Code.PERIOD_CUT
    )


@pytest.mark.parametrize("kind", ["open", "close"])
def test_leaf_of_a_boundary_in_the_middle_is_caught(
    kind: str, xa: Identity, xb: Identity, verify: Verify
) -> None:
    pair = make_pair(xa, xb)
    at_ms = pair.xa.log.times[-1]
    leaf = {
        "open": replace(OPEN, node=pair.xa.name, time_ms=at_ms),
        "close": replace(CLOSE, node=pair.xa.name, time_ms=at_ms),
    }[kind]
    pair.xa.log.append(leaf)
    exchange(pair.xa, pair.xb, 1, at_ms)
    resign(pair)
    assert failures(verify(pair.bundles()[0])) == {Code.LEAF_MISPLACED}
