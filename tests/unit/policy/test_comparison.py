# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from tests.fakes.policies import NOON_MS, OFFICER, SHIPPED, XB, facts, policy_with

from selat.policy.comparison import Exchange, diff, simulate
from selat.policy.port import Action, Effect, MessageFacts, OfficerFacts, PeerFacts

RELEASED = {XB.name: frozenset({"drugs"})}
NO_DRUGS = """
@id("rules/no-drugs") @title("Nothing on drugs leaves") @principle("Drugs Act, s. 9")
forbid (principal, action in Action::"leave", resource in Category::"drugs");
"""


def exchange(
    message: MessageFacts,
    action: Action = Action.RELEASE,
    who: PeerFacts | OfficerFacts = XB,
) -> Exchange:
    return Exchange(label="m", action=action, message=message, who=who, now_ms=NOON_MS)


def test_same_sets_do_not_differ() -> None:
    assert diff(policy_with(), policy_with()) == ()


def test_rule_agreement_release_list_and_group_are_compared() -> None:
    draft = policy_with(
        {
            "rules/no-drugs.cedar": NO_DRUGS,
            "agreements/xa-xb.toml": SHIPPED.contents["examples/agreements/xa-xb.toml"],
            "groups.toml": SHIPPED.contents["examples/groups.toml"],
            "rules/officers.cedar": SHIPPED.contents["rules/officers.cedar"].replace(
                b"<= 3", b"<= 2"
            ),
        },
        released=RELEASED,
    )
    found = {(d.kind, d.name): d.change for d in diff(policy_with(), draft)}

    assert found["rule", "rules/no-drugs"] == "added"
    assert found["rule", "rules/look"] == "changed"
    assert found["agreement", "xa-xb"] == "added"
    assert found["group", "straits"] == "added"
    assert found["release list", XB.name] == "added"
    assert ("rule", "baseline/victims-held") not in found


def test_what_is_taken_out_is_told_with_its_title() -> None:
    old = policy_with({"rules/no-drugs.cedar": NO_DRUGS})
    found = {(d.name, d.change, d.title) for d in diff(old, policy_with())}

    assert ("rules/no-drugs", "removed", "Nothing on drugs leaves") in found


def test_simulation_lists_only_what_comes_out_otherwise() -> None:
    current = policy_with(released=RELEASED)
    draft = policy_with({"rules/no-drugs.cedar": NO_DRUGS}, released=RELEASED)
    asked = [
        exchange(facts()),
        exchange(facts(tlp="red")),
        exchange(facts(), Action.ACCEPT),
        exchange(facts(), Action.VIEW, OFFICER),
    ]
    (change,) = simulate(current, draft, asked)

    assert change.exchange is asked[0]
    assert change.before.effect is Effect.PERMIT
    assert change.after.effect is Effect.WITHHOLD


def test_same_decision_by_another_policy_is_no_change() -> None:
    current = policy_with(released=RELEASED)
    draft = policy_with(released={XB.name: frozenset({"*"})})

    assert simulate(current, draft, [exchange(facts())]) == ()
