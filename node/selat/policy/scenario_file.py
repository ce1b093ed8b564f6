# SPDX-License-Identifier: Apache-2.0
"""Read scenario tables from TOML, strictly.

::

    version = 1

    [given]                       # instead of the node's own settings
    node = "police.aa.example"
    state = "XA"
    receives = ["*"]
    released = { "police.bb.example" = ["drugs"] }
    agreements = ["examples/agreements/xa-xb.toml"]
    groups = "examples/groups.toml"
    today = 2026-06-01

    [peers.bb]
    name = "police.bb.example"
    state = "XB"
    categories = ["*"]

    [officers.reviewer]
    roles = ["reviewer"]

    [messages.seizure]
    category = "drugs"
    record_type = "seizure"

    [[case]]
    title = "a seizure goes to the peer on the list"
    action = "release"
    message = "seizure"
    to = "bb"
    expect = "permit"

``with`` in a case changes the message's facts for that case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from typing import Any, Final, TypeVar

from selat.policy.entities import DAY_MS
from selat.policy.policy_source import Identity
from selat.policy.port import (
    ANY_CATEGORY,
    Action,
    Effect,
    MessageFacts,
    OfficerFacts,
    PeerFacts,
)
from selat.policy.scenarios import Case, Expected, Given, ScenarioTable
from selat.policy.strict_toml import (
    Part,
    as_date,
    as_flag,
    as_integer,
    as_line,
    as_table,
    as_tables,
    as_text,
    as_texts,
    check_keys,
    check_known,
    fault,
    read_toml,
    shown,
)

_T = TypeVar("_T")

SCENARIO_VERSION: Final = 1

_KEYS: Final = frozenset({"version", "given", "peers", "officers", "messages", "case"})
_GIVEN_KEYS: Final = frozenset(
    {"node", "state", "receives", "released", "agreements", "groups", "today"}
)
_PEER_KEYS: Final = frozenset({"name", "state", "categories", "groups"})
_OFFICER_KEYS: Final = frozenset({"agency", "roles", "functions", "is_author"})
_CASE_KEYS: Final = frozenset(
    {
        *("title", "action", "message", "with", "to", "officer", "approved"),
        *("purpose", "expect", "by", "reason", "obligations", "redact"),
    }
)
_CASE_REQUIRED: Final = frozenset({"title", "action", "message", "expect"})
_TEXTS: Final = (
    *("originator", "category", "record_type", "level", "tlp", "subject_role"),
    *("status", "holding", "urgency"),
)
_LISTS: Final = (
    *("codes", "purposes", "releasable_to", "recipients", "safeguards"),
    *("assurances", "consents"),
)
#: Moments of a message in days before or after the present of the table.
_DAYS: Final = ("created_days_ago", "expires_in_days")
_MESSAGE_KEYS: Final = frozenset({*_TEXTS, *_LISTS, *_DAYS})
_TO_PEERS: Final = frozenset(
    {
        *(Action.RELEASE, Action.FORWARD, Action.ANSWER, Action.ACCEPT),
        *(Action.REQUEST, Action.QUERY, Action.RECALL),
    }
)
#: The present of tables that name none: noon of a day long after the first use.
_TODAY: Final = date(2026, 6, 1)


def parse_scenarios(raw: bytes, *, source: str) -> ScenarioTable:
    """Parse a scenario table.

    Raises:
        ConfigurationError: It is not TOML, or a case cannot be asked.
    """
    text, document = read_toml(raw, source=source, what="scenario table")
    whole = Part(source=source, text=text)
    with whole.locating():
        check_keys(document, _KEYS, frozenset({"version", "case"}))
        if as_integer("version", document["version"]) != SCENARIO_VERSION:
            raise fault("version", f"this Selat reads version {SCENARIO_VERSION}")
        tables = as_tables("case", document["case"])
        reader = _Reader(document)
    cases = []
    for index, table in enumerate(tables):
        part = whole.within("[[case]]", index)
        with part.locating():
            cases.append(reader.case(table, line=part.line))
    return ScenarioTable(source=source, given=reader.given, cases=tuple(cases))


class _Reader:
    """What a table defines for its cases."""

    def __init__(self, document: Mapping[str, object]) -> None:
        given = as_table("given", document.get("given", {}))
        check_keys(given, _GIVEN_KEYS, frozenset())
        day = as_date("today", given.get("today", _TODAY))
        noon = datetime.combine(day, time(12), tzinfo=UTC)
        self._now_ms = int(noon.timestamp()) * 1000
        self.given = _given(given)
        node = as_text("node", given.get("node", "police.aa.example"))
        self._plain = MessageFacts(
            originator=node,
            category="",
            record_type="",
            level="restricted",
            tlp="",
            codes=(),
            purposes=("investigation",),
            releasable_to=(),
            expires_ms=self._now_ms + 30 * DAY_MS,
            created_ms=self._now_ms,
        )
        self._peers = _each(document, "peers", _peer)
        self._officers = _each(document, "officers", _officer)
        self._messages = _each(document, "messages", self._first)

    def case(self, table: Mapping[str, object], *, line: int) -> Case:
        """Read one case."""
        check_keys(table, _CASE_KEYS, _CASE_REQUIRED)
        action_name = as_text("action", table["action"])
        check_known("action", (action_name,), frozenset(Action), "action")
        action = Action(action_name)
        crossing = action in _TO_PEERS
        who: PeerFacts | OfficerFacts
        if crossing:
            who = _named("to", table.get("to"), self._peers)
        else:
            who = _named("officer", table.get("officer"), self._officers)
        message = _named("message", table["message"], self._messages)
        return Case(
            title=as_line("title", table["title"]),
            line=line,
            action=action,
            message=self._changed("with", message, table.get("with", {})),
            who=who,
            now_ms=self._now_ms,
            approved=frozenset(as_texts("approved", table.get("approved", []))),
            purpose=as_text("purpose", table.get("purpose", "")),
            expected=_expected(table),
        )

    def _first(self, key: str, table: Mapping[str, object]) -> MessageFacts:
        return self._changed(key, self._plain, table)

    def _changed(self, key: str, message: MessageFacts, value: object) -> MessageFacts:
        table = as_table(key, value)
        check_keys(table, _MESSAGE_KEYS, frozenset(), within=key)
        changes: dict[str, Any] = {
            name: as_text(key, table[name]) for name in _TEXTS if name in table
        }
        changes |= {
            name: as_texts(key, table[name]) for name in _LISTS if name in table
        }
        if "created_days_ago" in table:
            days = as_integer(key, table["created_days_ago"])
            changes["created_ms"] = self._now_ms - days * DAY_MS
        if "expires_in_days" in table:
            days = as_integer(key, table["expires_in_days"])
            changes["expires_ms"] = self._now_ms + days * DAY_MS
        return message._replace(**changes)


def _given(table: Mapping[str, object]) -> Given:
    identity = None
    if "node" in table or "state" in table:
        identity = Identity(
            node=as_line("node", table.get("node")),
            state=as_line("state", table.get("state")),
            received=frozenset(
                as_texts("receives", table.get("receives", [ANY_CATEGORY]))
            ),
        )
    released = None
    if "released" in table:
        released = {
            peer: frozenset(as_texts("released", names))
            for peer, names in as_table("released", table["released"]).items()
        }
    return Given(
        identity=identity,
        released=released,
        agreements=(
            as_texts("agreements", table["agreements"])
            if "agreements" in table
            else None
        ),
        groups=as_line("groups", table["groups"]) if "groups" in table else None,
    )


def _peer(key: str, table: Mapping[str, object]) -> PeerFacts:
    check_keys(table, _PEER_KEYS, frozenset({"name", "state"}), within=key)
    return PeerFacts(
        name=as_line("name", table["name"]),
        state=as_line("state", table["state"]),
        categories=frozenset(
            as_texts("categories", table.get("categories", [ANY_CATEGORY]))
        ),
        groups=frozenset(as_texts("groups", table.get("groups", []))),
    )


def _officer(key: str, table: Mapping[str, object]) -> OfficerFacts:
    check_keys(table, _OFFICER_KEYS, frozenset({"roles"}), within=key)
    return OfficerFacts(
        officer_id=key,
        agency=as_text("agency", table.get("agency", "")),
        roles=frozenset(as_texts("roles", table["roles"])),
        functions=frozenset(as_texts("functions", table.get("functions", []))),
        is_author=as_flag("is_author", table.get("is_author", False)),
    )


def _expected(table: Mapping[str, object]) -> Expected:
    effect = as_text("expect", table["expect"])
    check_known("expect", (effect,), frozenset(Effect), "decision")
    by = table.get("by")
    reason = table.get("reason")
    return Expected(
        effect=Effect(effect),
        by=None if by is None else frozenset(as_texts("by", by)),
        reason=None if reason is None else as_text("reason", reason),
        obligations=as_texts("obligations", table.get("obligations", [])),
        redact=as_texts("redact", table.get("redact", [])),
    )


def _each(
    document: Mapping[str, object],
    key: str,
    read: Callable[[str, Mapping[str, object]], _T],
) -> dict[str, _T]:
    tables = as_table(key, document.get(key, {}))
    return {name: read(name, as_table(name, value)) for name, value in tables.items()}


def _named(key: str, value: object, known: Mapping[str, _T]) -> _T:
    name = as_text(key, value)
    if name not in known:
        listed = ", ".join(sorted(known)) or "none"
        raise fault(key, f"the table defines no {shown(name)}; it defines: {listed}")
    return known[name]
