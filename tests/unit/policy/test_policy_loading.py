# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from datetime import date

from tests.fakes.policies import (
    DEPARTURE,
    NOON_MS,
    SHIPPED,
    XA,
    XB,
    agreement,
    facts,
    load,
    refused,
)

from selat.policy.policy_loading import load_policy_set, read_shipped
from selat.policy.port import Effect


def test_shipped_policy_comes_into_force_and_releases_nothing() -> None:
    policy = load({}, today=date(2026, 6, 1))

    assert policy.release(facts(), XB, now_ms=NOON_MS).effect is Effect.WITHHOLD
    assert policy.departures == ()


def test_package_ships_the_policy_that_the_checkout_has() -> None:
    assert dict(read_shipped().contents) == dict(SHIPPED.contents)


def test_digest_is_a_function_of_every_file_and_of_whose_policy_it_is() -> None:
    released = '[peers."police.bb.example"]\ncategories = ["drugs"]'
    other = replace(XA, received=frozenset({"drugs"}))
    digests = {
        load({}).digest,
        load({"release.toml": released}).digest,
        load({"rules/officers.cedar": None, "scenarios/2-baseline.toml": None}).digest,
        load({"categories.toml": SHIPPED.contents["categories.toml"] + b"\n"}).digest,
        load_policy_set(SHIPPED, other, shipped=SHIPPED).digest,
    }

    assert load({}).digest in digests
    assert len(digests) == 5


def test_dual_criminality_needs_its_rule() -> None:
    error = refused(
        {
            **agreement(clause_dual_criminality="true"),
            "baseline/6-justice.cedar": None,
            "baseline.toml": DEPARTURE.replace("8-emergency", "6-justice"),
        }
    )

    assert "needs the rule baseline/dual-criminality" in error


def test_folder_without_a_catalogue_is_refused() -> None:
    assert "has no categories.toml" in refused({"categories.toml": None})


def test_scenario_that_fails_keeps_the_set_out() -> None:
    text = """
version = 1
[peers.bb]
name = "police.bb.example"
state = "XB"
[messages.m]
category = "drugs"
record_type = "seizure"
[[case]]
title = "drugs go to XB"
action = "release"
message = "m"
to = "bb"
expect = "permit"
"""
    error = refused({"scenarios/own.toml": text})

    assert (
        "fails 1 of its scenarios: scenarios/own.toml, line 9, 'drugs go to XB'"
        in error
    )
    assert load({"scenarios/own.toml": text, **agreement()}).digest
