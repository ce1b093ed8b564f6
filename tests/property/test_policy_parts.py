# SPDX-License-Identifier: Apache-2.0
"""Rules of any shape, asked in parts and from memory, decide as plain Cedar does."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple
from unittest.mock import patch

from hypothesis import event, given, settings
from hypothesis import strategies as st
from tests.fakes.plain_cedar import call, cedar_set, plain
from tests.fakes.policies import DAY_MS, NOON_MS, XA, XB, policy_with
from tests.property.test_policy_cache import AGREEMENT, MESSAGES, OFFICERS, PEERS

from selat.policy.answers import Verdict
from selat.policy.entities import Term, facts_of
from selat.policy.partition import Partition
from selat.policy.policy_set import PolicySet
from selat.policy.port import Action, MessageFacts, OfficerFacts, PeerFacts
from selat.policy.reads import reads_of
from selat.policy.rules import Rule, parse_rules

SOURCE = policy_with(dict(AGREEMENT), released={XB.name: frozenset({"drugs"})}).source
SETS = st.sampled_from(
    ["codes", "purposes", "releasable_to", "safeguards", "assurances", "consents"]
)
TEXTS = st.sampled_from(
    ["H0", "H3", "investigation", "research", "XB", XB.name, "minor", "forward", ""]
)
ATTRIBUTES = st.sampled_from(
    ["record_type", "originator", "tlp", "subject_role", "status", "holding", "urgency"]
)
NUMBERS = st.sampled_from(["context.today", "context.retention_days"])
FIXED = st.sampled_from(
    [
        *("7", "30", "1825", "20260601", "20281231", "-5"),
        *("resource.category.longest_retention_days", "resource.level"),
    ]
)
SIGNS = st.sampled_from(["<", "<=", "==", "!=", ">=", ">"])
#: Shapes of which some read in ways that are not seen through, and some fail.
OTHERS = st.sampled_from(
    [
        *("true", "context.expired", "resource.emergency", "resource.level <= 2"),
        'context.approved.contains("two-person")',
        'context.redacted.contains("personal")',
        "context.redacted.isEmpty()",
        "context has named && context.named",
        "context has author && context.author",
        'context has purpose && context.purpose == "prosecution"',
        "context.named",
        "resource has tlp",
        "resource has unheard_of && resource.unheard_of",
        'resource in Category::"drugs"',
        'resource in [Category::"judicial", Category::"terrorism"]',
        "resource is Record",
        'resource is Record in Category::"drugs"',
        "resource == resource",
        'resource == Record::"message"',
        'resource.category == Category::"drugs"',
        "resource.category.received",
        "resource.category.purposes.containsAll(resource.purposes)",
        'principal in State::"XB"',
        "principal is Node && principal.categories.contains(resource.category)",
        "resource.releasable_to.contains(principal.name)",
        "resource.releasable_to.contains(principal.state)",
        "principal is Officer && resource.codes.contains(principal.agency)",
        "[resource.level, 2].contains(3)",
        '{a: resource.tlp}.a == "red"',
        "(if context.expired then principal else resource) == resource",
        "(if context.expired then resource else resource).level == 2",
        'Record::"message".level > 1',
        'Record::"message" has tlp',
        "context == context",
        "[resource].contains(resource)",
        "resource.level + 9223372036854775807 > 0",
        "resource.level * 4611686018427387904 > 0",
        "resource.unheard_of == 1",
        "context.today - 3 > 20260601",
        "-context.retention_days < -30",
        "context.today > context.retention_days",
        "(context has today) == true",
        'decimal("1.0") == decimal("1.00")',
        '[[Record::"message"]].isEmpty()',
        "resource.purposes == resource.codes",
    ]
)


def quoted(texts: list[str]) -> str:
    return "[" + ", ".join(f'"{text}"' for text in texts) + "]"


LEAVES = st.one_of(
    OTHERS,
    st.builds('resource.{}.contains("{}")'.format, SETS, TEXTS),
    st.builds("resource.{}.isEmpty()".format, SETS),
    st.builds(
        "resource.{}.{}({})".format,
        SETS,
        st.sampled_from(["containsAll", "containsAny"]),
        st.lists(TEXTS, max_size=2).map(quoted),
    ),
    st.builds(
        "{}.containsAll(resource.{})".format,
        st.lists(TEXTS, max_size=3).map(quoted),
        SETS,
    ),
    st.builds('resource.{} == "{}"'.format, ATTRIBUTES, TEXTS),
    st.builds('resource.{} like "{}*"'.format, ATTRIBUTES, st.sampled_from("pcrs")),
    st.builds("{} {} {}".format, NUMBERS, SIGNS, FIXED),
    st.builds("{} {} {}".format, FIXED, SIGNS, NUMBERS),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds("!({})".format, inner),
        st.builds("({} && {})".format, inner, inner),
        st.builds("({} || {})".format, inner, inner),
        st.builds("(if {} then {} else {})".format, inner, inner, inner),
    ),
    max_leaves=5,
)
LIFTED = {
    '@obligation("two-person")': 'context.approved.contains("two-person")',
    '@redact("personal")': 'context.redacted.contains("personal")',
}


@st.composite
def rule_texts(draw: st.DrawFn, name: str) -> str:
    """Draw a rule of any shape, with or without what lifts it or comes with it."""
    condition = draw(CONDITIONS)
    note = draw(st.sampled_from(["", *LIFTED, '@notify("crisis")']))
    permits = draw(st.booleans())
    principal = draw(st.sampled_from(["principal", 'principal in State::"XB"']))
    resource = draw(
        st.sampled_from(["resource", "resource is Record", 'resource in Category::"*"'])
    )
    action = draw(
        st.sampled_from(
            [
                'action in [Action::"leave", Action::"look"]',
                'action == Action::"accept"',
            ]
        )
    )
    ending = ""
    if note in LIFTED and not permits:
        ending = f"unless {{ {LIFTED[note]} }}"
    effect = "permit" if permits else "forbid"
    return (
        f'@id("rules/{name}") @title("A rule") @principle("A law") {note} '
        f"{effect} ({principal}, {action}, {resource}) when {{ {condition} }} {ending};"
    )


@st.composite
def rule_files(draw: st.DrawFn) -> tuple[Rule, ...]:
    """Draw some rules."""
    texts = [
        draw(rule_texts(f"r{number}")) for number in range(draw(st.integers(1, 5)))
    ]
    return parse_rules("\n".join(texts).encode(), source="rules/test.cedar")


MOMENTS = st.sampled_from([NOON_MS, NOON_MS + DAY_MS, NOON_MS + 1_000 * DAY_MS])
PEER_QUESTIONS = st.tuples(
    st.sampled_from([Action.RELEASE, Action.ACCEPT]),
    MESSAGES,
    PEERS,
    st.sampled_from([frozenset[str](), frozenset({"two-person"})]),
    MOMENTS,
)
DESK_QUESTIONS = st.tuples(
    st.just(Action.VIEW), MESSAGES, OFFICERS, st.just(frozenset[str]()), MOMENTS
)


@settings(max_examples=80, deadline=None)
@given(
    rules=rule_files(),
    baseline=st.sampled_from([(), SOURCE.rules]),
    questions=st.lists(
        st.one_of(PEER_QUESTIONS, DESK_QUESTIONS), min_size=4, max_size=12
    ),
)
def test_parts_from_memory_decide_as_the_whole_set(
    rules: tuple[Rule, ...],
    baseline: tuple[Rule, ...],
    questions: list[
        tuple[Action, MessageFacts, PeerFacts | OfficerFacts, frozenset[str], int]
    ],
) -> None:
    policy = PolicySet(replace(SOURCE, rules=(*baseline, *rules)), XA)
    whole = plain(policy)

    with patch("selat.policy.partition.WANTED_BEFORE_MADE", 1):
        for action, message, who, approved, now_ms in questions:
            if isinstance(who, OfficerFacts):
                found = policy.access(action, message, who, now_ms=now_ms)
                expected = whole.access(action, message, who, now_ms=now_ms)
            else:
                found, expected = (
                    each.cross(action, message, who, now_ms=now_ms, approved=approved)
                    for each in (policy, whole)
                )
            assert found == expected


class Moment(NamedTuple):
    """What differs from moment to moment, and from peer to peer."""

    term: Term
    today: int
    named: bool


#: On both sides of what rules compare with, and at it.
AROUND = [n + d for n in (7, 30, 1_825, 3_650) for d in (-1, 0, 1)]
TERMS = st.tuples(
    st.booleans(), st.one_of(st.sampled_from(AROUND), st.integers(-10, 2_000))
)
DAYS = st.sampled_from(
    [n + d for n in (20_260_601, 20_281_231) for d in (-1, 0, 1)] + [20_300_101]
)
TWO_MOMENTS = st.tuples(*[st.builds(Moment, TERMS, DAYS, st.booleans())] * 2)
POLICY = PolicySet(SOURCE, XA)
DRUGS = SOURCE.catalogue.categories["drugs"]
RETENTIONS = frozenset(
    category.longest_retention_days for category in SOURCE.catalogue.categories.values()
)


@settings(max_examples=250, deadline=None)
@given(
    text=rule_texts("r"),
    message=MESSAGES,
    change=st.dictionaries(
        st.sampled_from(MessageFacts._fields), MESSAGES, min_size=1, max_size=3
    ),
    moments=TWO_MOMENTS,
    peer=PEERS,
)
def test_rule_comes_out_alike_where_what_it_reads_is_alike(
    text: str,
    message: MessageFacts,
    change: dict[str, MessageFacts],
    moments: tuple[Moment, Moment],
    peer: PeerFacts,
) -> None:
    rules = parse_rules(text.encode(), source="rules/test.cedar")
    partition = Partition(
        (rule, reads_of(rule.policy, retentions=RETENTIONS)) for rule in rules
    )
    members = partition.members_for(frozenset({peer.name, peer.state}))
    principal = POLICY._peer(Action.RELEASE, peer, DRUGS)
    changed = message._replace(**{name: getattr(m, name) for name, m in change.items()})
    none = frozenset[str]()

    def seen_by_cedar(about: MessageFacts, moment: Moment) -> tuple[object, Verdict]:
        facts = facts_of(
            about._replace(category="drugs"),
            moment.term,
            today=moment.today,
            named=moment.named,
        )
        seen = (*partition.seen(facts, members), none, none)
        read = partition.parts[0].pick(seen)
        return read, call(cedar_set(list(rules)), principal, facts)

    read, outcome = seen_by_cedar(message, moments[0])
    for about, moment in ((changed, moments[0]), (changed, moments[1])):
        read_then, outcome_then = seen_by_cedar(about, moment)
        event(f"alike: {read == read_then}")
        assert read != read_then or outcome == outcome_then
