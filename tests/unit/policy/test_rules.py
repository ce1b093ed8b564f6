# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from tests.fakes.policies import refused, rule

from selat.policy.rules import MAX_CEDAR_BYTES

#: Begins a rule on leaving, to which a condition is added.
RELEASE = '(principal, action == Action::"release", resource)'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("permit (principal, action, resource);", "names the actions"),
        (f"permit {RELEASE};", "permits everything to everybody"),
        (f"permit {RELEASE} when {{ resource.level > 0 }};", "let a stranger have"),
        (f'permit {RELEASE} unless {{ resource.tlp == "x" }};', "let a stranger have"),
        (
            'forbid (principal, action == Action::"fly", resource);',
            "unrecognized action",
        ),
        (f'forbid {RELEASE} when {{ resource.faith == "x" }};', "attribute `faith`"),
        (f'forbid {RELEASE} when {{ resource.level == "secret" }};', "types"),
        (f'forbid {RELEASE} when {{ action in Action::"leave" }};', "in the scope"),
        ("forbid (principal, action, resource", "Cedar cannot read"),
        ("", "Cedar cannot read"),
    ],
)
def test_hostile_rule_is_refused_by_file_and_line(text: str, says: str) -> None:
    error = refused(rule(text))

    assert says in error
    assert error.startswith("rules/test.cedar, line ")


def test_permit_on_the_inside_that_a_stranger_passes_is_refused() -> None:
    scope = '(principal, action == Action::"view", resource)'

    assert "stranger" in refused(rule(f"permit {scope} when {{ resource.level > 0 }};"))


def text_of(contents: dict[str, str | bytes | None]) -> str:
    return str(contents["rules/test.cedar"])


def test_error_leads_to_the_line_of_the_rule() -> None:
    good = text_of(rule("forbid (principal is System, action, resource);\n\n", "a"))
    bad = text_of(rule("forbid (principal, action resource);\n", "b"))

    assert "rules/test.cedar, line 4:" in refused({"rules/test.cedar": good + bad})


NAMED = '@id("rules/x") @title("t") @principle("p") '


@pytest.mark.parametrize(
    ("annotations", "says"),
    [
        ("", "no @id"),
        ('@id("rules/x")', "no @title"),
        ('@id("rules/x") @title("t") @principle(" ")', "no @principle"),
        (NAMED + '@obligaton("review")', "no annotation @obligaton"),
        (NAMED + '@obligation("pray")', "no obligation 'pray'"),
        (NAMED + '@obligation("review")', "nothing lifts it"),
        (NAMED + '@redact("personal")', "nothing lifts it"),
        (NAMED + '@redact("soul")', "names no field of a body: 'soul'"),
        (NAMED + '@reason("no")', "in upper case"),
        (NAMED + '@notify("Bob!")', "contact function"),
        ('@id("x") @title("t") @principle("p")', "lower-case words"),
        ('@id("baseline/x") @title("t") @principle("p")', "must begin with 'rules/'"),
        ('@id("rules/x") @title("a\\nb") @principle("p")', "one line"),
        (f'@id("rules/{"x" * 200}") @title("t") @principle("p")', "lower-case words"),
        (f'@id("rules/x") @title("{"t" * 600}") @principle("p")', "one line"),
    ],
)
def test_rule_with_wrong_annotations_is_refused(annotations: str, says: str) -> None:
    text = f"{annotations}\nforbid (principal, action, resource);"

    assert says in refused({"rules/test.cedar": text})


def test_rule_of_the_same_name_is_refused() -> None:
    text = text_of(rule("forbid (principal is System, action, resource);\n"))

    assert "there twice" in refused({"rules/test.cedar": text * 2})


def test_rule_that_always_fails_denies_and_fails_every_scenario() -> None:
    error = refused(
        rule(
            'forbid (principal, action == Action::"release", resource)\n'
            "when { resource.level + 9223372036854775807 > 0 };"
        )
    )

    assert "of its scenarios" in error
    assert "it is withhold by rules/r" in error


def test_oversized_rule_is_refused() -> None:
    assert "more than" in refused({"rules/test.cedar": b"/" * (MAX_CEDAR_BYTES + 1)})
