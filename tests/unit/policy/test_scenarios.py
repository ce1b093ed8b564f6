# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from tests.fakes.policies import SHIPPED, policy_with

from selat.errors import ConfigurationError
from selat.policy.port import Action
from selat.policy.scenario_file import parse_scenarios
from selat.policy.scenarios import Outcome, check_scenarios, run_scenarios

TABLE = """\
version = 1

[given]
node = "police.xx.example"
state = "XX"
receives = ["drugs"]
released = { "police.bb.example" = ["drugs"] }
agreements = ["examples/agreements/xa-xb.toml"]
groups = "examples/groups.toml"
today = 2026-06-01

[peers.bb]
name = "police.bb.example"
state = "XB"

[officers.dewi]
agency = "Police"
roles = ["officer"]
functions = ["narcotics"]

[messages.seizure]
category = "drugs"
record_type = "seizure"

[[case]]
title = "a seizure goes"
action = "release"
message = "seizure"
to = "bb"
expect = "permit"
by = ["release/listed"]
"""


def outcome(text: str) -> Outcome:
    table = parse_scenarios(text.encode(), source="t.toml")
    (found,) = run_scenarios(policy_with(), [table], SHIPPED)
    return found


def refused(text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        parse_scenarios(text.encode(), source="t.toml")
    return str(caught.value)


def test_table_is_decided_with_what_it_assumes() -> None:
    assert outcome(TABLE).wrong == ""


def test_officer_is_asked_for_an_action_of_the_desk() -> None:
    text = TABLE.replace('"release"\n', '"view"\n').replace(
        'to = "bb"', 'officer = "dewi"'
    )
    found = outcome(text.replace('by = ["release/listed"]\n', ""))

    assert found.case.action is Action.VIEW
    assert found.wrong == ""


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"permit"', '"hold"', "hold was expected, and it is permit"),
        ('["release/listed"]', '["rules/x"]', "to be decided by rules/x"),
        ('by = ["release/listed"]', 'reason = "EXPIRED"', "reason was to be 'EXPIRED'"),
        ('by = ["release/listed"]', 'redact = ["personal"]', "redact was to be"),
        ('by = ["release/listed"]', 'obligations = ["review"]', "obligations was"),
    ],
)
def test_case_that_comes_out_otherwise_says_how(old: str, new: str, says: str) -> None:
    assert says in outcome(TABLE.replace(old, new)).wrong


def test_failures_are_told_with_file_line_and_title() -> None:
    wrong = parse_scenarios(
        TABLE.replace('"permit"', '"hold"').encode(), source="t.toml"
    )

    with pytest.raises(ConfigurationError) as caught:
        check_scenarios(policy_with(), [wrong], SHIPPED)
    assert "t.toml, line 25, 'a seizure goes'" in str(caught.value)
    assert caught.value.context["line"] == 25


def test_agreement_that_is_assumed_must_be_there() -> None:
    with pytest.raises(
        ConfigurationError, match=r"has no examples/agreements/no\.toml"
    ):
        outcome(TABLE.replace("xa-xb", "no"))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("version = 1", "version = 2", "reads version 1"),
        ('action = "release"', 'action = "fly"', "no action 'fly'"),
        ('message = "seizure"', 'message = "x"', "defines no 'x'"),
        ('to = "bb"', 'to = "cc"', "defines no 'cc'; it defines: bb"),
        ('to = "bb"', 'officer = "dewi"', "in quotes"),
        ('expect = "permit"', 'expect = "maybe"', "no decision 'maybe'"),
        ('title = "a seizure goes"\n', "", "'title' is missing"),
        ('to = "bb"', 'to = "bb"\nwith = { colour = "red" }', "no key 'colour'"),
        ('category = "drugs"', 'category = "drugs"\nage = 1', "no key 'age'"),
        ('category = "drugs"', 'category = "drugs"\nexpires_in_days = "1"', "whole"),
        ('state = "XB"', 'state = "XB"\nking = "x"', "no key 'king'"),
        ('roles = ["officer"]\n', "", "'roles' is missing"),
        ('roles = ["officer"]', 'roles = ["officer"]\nis_author = 1', "true or false"),
        ('state = "XX"', "state = 1", "in quotes"),
        ("today = 2026-06-01", 'today = "monday"', "without quotes"),
        ("receives", "gets", "no key 'gets'"),
    ],
)
def test_case_that_cannot_be_asked_is_refused(old: str, new: str, says: str) -> None:
    assert old in TABLE
    error = refused(TABLE.replace(old, new, 1))

    assert says in error
    assert error.startswith("t.toml, line ")


def test_table_without_cases_is_refused() -> None:
    assert "is missing" in refused(TABLE.partition("[[case]]")[0])
