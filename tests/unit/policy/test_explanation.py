# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from tests.fakes.policies import DAY_MS, NOON_MS, SHIPPED, XB, facts, policy_with

from selat.policy.explanation import Explanation, explain
from selat.policy.port import TWO_PERSON, Effect, MessageFacts

RELEASED = {XB.name: frozenset({"drugs", "terrorism"})}


def explained(
    message: MessageFacts,
    *,
    released: dict[str, frozenset[str]] | None = None,
    rules: str = "",
) -> Explanation:
    contents: dict[str, str | bytes | None] = (
        {"rules/test.cedar": rules} if rules else {}
    )
    policy = policy_with(contents, released=RELEASED if released is None else released)
    return explain(policy, lambda each: each.release(message, XB, now_ms=NOON_MS))


def test_permit_names_what_permits_and_asks_for_nothing() -> None:
    found = explained(facts())

    assert found.summary == "It is permitted."
    assert [ground.source for ground in found.grounds] == ["release.toml"]
    assert found.changes == ()


def test_denial_by_default_says_what_could_permit_it() -> None:
    found = explained(facts(), released={})

    assert found.summary == "It is denied (CATEGORY_NOT_LISTED)."
    assert [ground.id for ground in found.grounds] == ["default/deny"]
    assert "release list" in found.changes[0]


def test_every_bar_is_told_also_those_behind_the_first() -> None:
    message = facts(expires_ms=NOON_MS, safeguards=("torture", "minor"))
    found = explained(message, released={})

    assert found.decision.reason == "EXPIRED"
    expiry, torture, child, permit = found.changes
    assert "later expiry" in expiry
    assert "torture" in torture
    assert "second person" in child
    assert "release list" in permit


def test_hold_says_who_has_to_do_what() -> None:
    found = explained(facts(safeguards=("minor",)))

    assert found.decision.effect is Effect.HOLD
    assert found.summary == "It waits for a person."
    assert "second person" in found.changes[0]
    assert "Rights of the Child" in found.grounds[0].principle


def test_redaction_says_what_is_taken_out() -> None:
    found = explained(facts(subject_role="witness", safeguards=("minor",)))

    assert found.summary == (
        "It waits for a person and would go, without every personal field."
    )
    assert found.changes[-1].startswith("Every personal field")


def test_fields_that_an_agreement_takes_out_are_named() -> None:
    path = "examples/agreements/xa-xc.toml"
    policy = policy_with(
        {
            "agreements/xa-xc.toml": SHIPPED.contents[path].replace(
                b"police.cc", b"police.bb"
            )
        }
    )
    message = facts(
        category="travel-documents",
        record_type="travel_document",
        purposes=("border_check",),
    )
    peer_with = XB.__class__(
        name=XB.name, state=XB.state, categories=frozenset({"travel-documents"})
    )
    found = explain(
        policy, lambda each: each.release(message, peer_with, now_ms=NOON_MS)
    )

    assert "travel_document.document.holder_name" in found.summary


def test_rule_without_a_remedy_is_told_by_its_title() -> None:
    rule = """
    @id("rules/no-drugs") @title("Nothing on drugs leaves") @principle("Drugs Act")
    forbid (principal, action in Action::"leave", resource in Category::"drugs");
    """
    found = explained(facts(), rules=rule)

    assert found.decision.reason == "POLICY_DENIED"
    assert found.changes == (
        "This would have to apply no longer: Nothing on drugs leaves",
    )


def test_unknown_category_is_explained() -> None:
    found = explained(facts(category="unheard-of"))

    assert "categories.toml" in found.changes[0]


def test_rule_that_fails_is_explained() -> None:
    rule = """
    @id("rules/overflows") @title("It fails") @principle("None")
    forbid (principal, action in Action::"leave", resource)
    when { context.retention_days + 9223372036854775807 > 0 };
    """
    found = explained(facts(), rules=rule)

    assert found.decision.reason == "POLICY_ERROR"
    assert "a policy failed" in found.summary
    assert found.grounds[0].id == "rules/overflows"


def test_age_is_told_from_lack_of_permission() -> None:
    found = explained(facts(created_ms=NOON_MS - 2_000 * DAY_MS))

    assert "longest retention" in str(found.changes)


def test_what_a_person_has_approved_is_told_and_asked_for_no_more() -> None:
    policy = policy_with({}, released=RELEASED)
    message = facts(safeguards=("minor",))
    found = explain(
        policy,
        lambda each: each.release(
            message, XB, now_ms=NOON_MS, approved=frozenset({TWO_PERSON})
        ),
        ask_first=lambda each: each.release(message, XB, now_ms=NOON_MS),
    )

    assert found.summary == "It is permitted."
    assert [ground.id for ground in found.met] == ["baseline/minors-held"]
    assert found.changes == ()


def test_nothing_was_approved_of_what_still_waits() -> None:
    policy = policy_with({}, released=RELEASED)
    message = facts(safeguards=("minor",))
    found = explain(
        policy,
        lambda each: each.release(message, XB, now_ms=NOON_MS),
        ask_first=lambda each: each.release(message, XB, now_ms=NOON_MS),
    )

    assert found.met == ()
