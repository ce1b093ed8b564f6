# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import tomllib
from typing import Any

import pytest
from tests.fakes.logs import ed25519_signer, mldsa44_signer

from selat.errors import ConfigurationError
from selat.node.witness_settings import (
    QUORUM_MAX,
    WitnessSettings,
    format_witness_settings,
    read_witness_settings,
)

FOREIGN = "foreign.example/log"
VKEYS = (
    ed25519_signer(FOREIGN).verifier.vkey,
    mldsa44_signer(FOREIGN).verifier.vkey,
    ed25519_signer("other.example/log").verifier.vkey,
)


@pytest.mark.parametrize(
    "settings",
    [
        WitnessSettings(),
        WitnessSettings(
            quorum=QUORUM_MAX,
            interval_s=5,
            anchor_age_max_s=60,
            compare_views=False,
            foreign_logs=VKEYS,
        ),
    ],
    ids=["defaults", "all of them"],
)
def test_what_is_written_is_read_back(settings: WitnessSettings) -> None:
    text = "\n".join(format_witness_settings(settings))
    assert read_witness_settings(tomllib.loads(text)) == settings


def test_table_may_be_left_out() -> None:
    assert read_witness_settings({}) == WitnessSettings()
    assert read_witness_settings({"witness": {}}).quorum == 1


def test_keys_of_a_foreign_log_are_gathered_by_its_origin() -> None:
    found = WitnessSettings(foreign_logs=VKEYS).foreign_verifiers()
    assert {origin: len(keys) for origin, keys in found.items()} == {
        FOREIGN: 2,
        "other.example/log": 1,
    }


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (7, "'witness' .* must be a table"),
        ({"colour": 1}, r"unknown keys in \[witness\]: colour"),
        ({"quorum": "1"}, "'quorum' .* must be a whole number"),
        ({"quorum": True}, "'quorum' .* must be a whole number"),
        ({"quorum": -1}, "'quorum' .* from 0 to"),
        ({"quorum": QUORUM_MAX + 1}, "'quorum' .* from 0 to"),
        ({"interval_s": 0}, "'interval_s' .* from 1 to"),
        ({"interval_s": 86_401}, "'interval_s' .* from 1 to"),
        ({"anchor_age_max_s": 0}, "'anchor_age_max_s' .* from 1 to"),
        ({"compare_views": 1}, "'compare_views' .* must be true or false"),
        ({"foreign_logs": "x"}, "'foreign_logs' .* must be a list"),
        ({"foreign_logs": [1]}, "'foreign_logs' .* must be a list"),
        ({"foreign_logs": ["no+key+x"]}, "'foreign_logs' .* must be a list"),
    ],
)
def test_what_cannot_be_kept_is_refused(table: Any, told: str) -> None:  # noqa: ANN401 - TOML
    with pytest.raises(ConfigurationError, match=told):
        read_witness_settings({"witness": table})
