# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.plain_cedar import plain
from tests.fakes.policies import DAY_MS, NOON_MS, SHIPPED, XA, XB, policy_with

from selat.policy.catalogue import HANDLING_CODES, PURPOSES, TLP_LABELS
from selat.policy.evaluator import DENY_BY_DEFAULT
from selat.policy.policy_set import PolicySet
from selat.policy.port import (
    Action,
    Decision,
    Effect,
    MessageFacts,
    OfficerFacts,
    PeerFacts,
)

RELEASED = {XB.name: frozenset({"drugs", "terrorism"})}
AGREEMENT = {
    "agreements/xa-xb.toml": SHIPPED.contents["examples/agreements/xa-xb.toml"],
    "agreements/straits.toml": SHIPPED.contents["examples/agreements/straits.toml"],
    "groups.toml": SHIPPED.contents["examples/groups.toml"],
}
CACHED = policy_with(dict(AGREEMENT), released=RELEASED)
UNCACHED = policy_with(dict(AGREEMENT), released=RELEASED, remember=False)
PLAIN = plain(UNCACHED)

SAFEGUARDS = ("minor", "refugee", "victim", "death_penalty", "double_jeopardy")
#: Moments around the ends that count: midnights, expiry, the end of an agreement.
MOMENTS = st.sampled_from(
    [
        *(NOON_MS + shift for shift in (-1, 0, 1, DAY_MS // 2 - 1, DAY_MS // 2)),
        NOON_MS + 30 * DAY_MS - 1,
        NOON_MS + 30 * DAY_MS,
        NOON_MS + 944 * DAY_MS,
        NOON_MS + 945 * DAY_MS,
    ]
)


def some(*values: str) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), unique=True, max_size=2).map(tuple)


MESSAGES = st.builds(
    MessageFacts,
    originator=st.sampled_from([XA.node, "police.cc.example"]),
    category=st.sampled_from(["drugs", "terrorism", "judicial", "unheard-of"]),
    record_type=st.sampled_from(["seizure", "person", "extradition"]),
    level=st.sampled_from(["restricted", "secret", "royal"]),
    tlp=st.sampled_from(["", *sorted(TLP_LABELS)]),
    codes=some(*sorted(HANDLING_CODES)),
    purposes=some(*sorted(PURPOSES)),
    releasable_to=some("XB", "XC", XB.name, "police.dd.example"),
    expires_ms=st.one_of(
        st.sampled_from([None, NOON_MS, NOON_MS + 30 * DAY_MS]),
        st.one_of(
            st.sampled_from([7, 8, 30, 31, 1_825, 1_826]), st.integers(1, 4_000)
        ).map(lambda days: NOON_MS + days * DAY_MS),
    ),
    created_ms=st.sampled_from([None, NOON_MS - 2_000 * DAY_MS, NOON_MS]),
    recipients=st.sampled_from([(), (XB.name,)]),
    subject_role=st.sampled_from(["", "victim", "witness"]),
    safeguards=some(*SAFEGUARDS),
    consents=st.sampled_from([(), ("forward",)]),
    urgency=st.sampled_from(["routine", "flash"]),
    holding=st.sampled_from(["current", "quarantined", "recalled"]),
)
PEERS = st.builds(
    PeerFacts,
    name=st.sampled_from([XB.name, "police.cc.example"]),
    state=st.sampled_from(["XB", "XC"]),
    categories=st.sampled_from([frozenset({"drugs"}), frozenset({"*"})]),
)
OFFICERS = st.builds(
    OfficerFacts,
    officer_id=st.sampled_from(["dewi", "arun"]),
    agency=st.just("Police of XA"),
    roles=st.sampled_from([frozenset({"officer"}), frozenset({"system"})]),
    functions=st.sampled_from([frozenset(), frozenset({"narcotics"})]),
    is_author=st.booleans(),
)


@settings(max_examples=300, deadline=None)
@given(
    message=MESSAGES,
    peer=PEERS,
    action=st.sampled_from([Action.RELEASE, Action.FORWARD, Action.ACCEPT]),
    approved=st.sampled_from([frozenset(), frozenset({"two-person"})]),
    moments=st.lists(MOMENTS, min_size=1, max_size=4),
)
def test_remembered_decision_is_the_one_that_cedar_would_make_now(
    message: MessageFacts,
    peer: PeerFacts,
    action: Action,
    approved: frozenset[str],
    moments: list[int],
) -> None:
    def decide(policy: PolicySet, now_ms: int) -> Decision:
        return policy.cross(action, message, peer, now_ms=now_ms, approved=approved)

    for now_ms in moments:
        expected = decide(PLAIN, now_ms)
        assert decide(CACHED, now_ms) == expected
        assert decide(UNCACHED, now_ms) == expected


@settings(max_examples=150, deadline=None)
@given(
    message=MESSAGES,
    officer=OFFICERS,
    action=st.sampled_from(
        [Action.PUBLISH, Action.VIEW, Action.EXPORT, Action.APPROVE]
    ),
    purpose=st.sampled_from(["", "investigation", "prosecution"]),
    now_ms=MOMENTS,
)
def test_remembered_access_is_the_one_that_cedar_would_give_now(
    message: MessageFacts,
    officer: OfficerFacts,
    action: Action,
    purpose: str,
    now_ms: int,
) -> None:
    def decide(policy: PolicySet) -> Decision:
        return policy.access(action, message, officer, now_ms=now_ms, purpose=purpose)

    assert decide(CACHED) == decide(PLAIN)


GENEROUS = """
@id("rules/generous") @title("Everybody gets everything") @principle("None")
permit (principal, action in Action::"leave", resource) when { resource.level < 100 };
"""
WIDE = policy_with({**AGREEMENT, "rules/generous.cedar": GENEROUS}, released=RELEASED)


@settings(max_examples=300, deadline=None)
@given(message=MESSAGES, peer=PEERS, now_ms=MOMENTS)
def test_further_permits_never_loosen_what_is_asked(
    message: MessageFacts, peer: PeerFacts, now_ms: int
) -> None:
    narrow = CACHED.release(message, peer, now_ms=now_ms)
    wide = WIDE.release(message, peer, now_ms=now_ms)

    if narrow.effect is Effect.WITHHOLD and narrow.policies != (DENY_BY_DEFAULT,):
        assert wide == narrow
    if narrow.effect is not Effect.WITHHOLD:
        assert set(wide.obligations) >= set(narrow.obligations)
        assert set(wide.redact) >= set(narrow.redact)
