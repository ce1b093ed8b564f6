# SPDX-License-Identifier: Apache-2.0
"""Policy folders, peers and messages for tests of decisions."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import pytest

from selat.errors import ConfigurationError
from selat.policy.policy_files import PolicyFiles, read_policy_files
from selat.policy.policy_loading import load_policy_set, parse_source
from selat.policy.policy_set import PolicySet
from selat.policy.policy_source import Identity
from selat.policy.port import MessageFacts, OfficerFacts, PeerFacts

SHIPPED: Final = read_policy_files(Path(__file__).parents[2] / "policy")
#: Noon of 1 June 2026 UTC, ms since the epoch.
NOON_MS: Final = 1_780_315_200_000
DAY_MS: Final = 86_400_000

XA: Final = Identity(
    node="police.aa.example", state="XA", received=frozenset({"drugs", "terrorism"})
)
XB: Final = PeerFacts(
    name="police.bb.example", state="XB", categories=frozenset({"drugs", "terrorism"})
)
OFFICER: Final = OfficerFacts(
    officer_id="dewi", agency="Police of XA", roles=frozenset({"officer"})
)
REVIEWER: Final = OfficerFacts(
    officer_id="arun", agency="Police of XA", roles=frozenset({"reviewer"})
)


def files_with(contents: dict[str, str | bytes | None]) -> PolicyFiles:
    """Return the shipped files with some added, replaced or, by None, taken out."""
    new = {**SHIPPED.contents, **contents}
    kept = {
        path: raw.encode() if isinstance(raw, str) else raw
        for path, raw in new.items()
        if raw is not None
    }
    return PolicyFiles(name="test", contents=MappingProxyType(kept))


def policy_with(
    contents: dict[str, str | bytes | None] | None = None,
    *,
    released: dict[str, frozenset[str]] | None = None,
    remember: bool = True,
) -> PolicySet:
    """Return an unproven policy set of the shipped files with changes."""
    source = parse_source(files_with(contents or {}), shipped=SHIPPED)
    if released is not None:
        source = replace(source, released=released)
    return PolicySet(source, XA, remember=remember)


def facts(**changes: Any) -> MessageFacts:  # noqa: ANN401 - any attribute
    """Return facts of an ordinary message of our own."""
    plain = MessageFacts(
        originator=XA.node,
        category="drugs",
        record_type="seizure",
        level="restricted",
        tlp="amber",
        codes=("H0",),
        purposes=("investigation",),
        releasable_to=(),
        expires_ms=NOON_MS + 30 * DAY_MS,
        created_ms=NOON_MS,
    )
    return plain._replace(**changes)


def load(
    contents: dict[str, str | bytes | None], *, today: date | None = None
) -> PolicySet:
    """Load and prove the shipped files with changes."""
    return load_policy_set(files_with(contents), XA, today=today, shipped=SHIPPED)


def refused(contents: dict[str, str | bytes | None]) -> str:
    """Return the error with which a change of the shipped files is refused."""
    with pytest.raises(ConfigurationError) as caught:
        load(contents, today=date(2026, 6, 1))
    assert caught.value.remedy
    return str(caught.value)


def rule(text: str, name: str = "r") -> dict[str, str | bytes | None]:
    """Return a file with one rule of the state."""
    head = f'@id("rules/{name}") @title("A rule") @principle("A law")\n'
    return {"rules/test.cedar": head + text}


def agreement(**changes: str) -> dict[str, str | bytes | None]:
    """Return an agreement of XA and XB with some lines replaced."""
    lines = {
        "version": "1",
        "reference": '"Treaty 1"',
        "title": '"An agreement"',
        "parties": '["XA", "XB"]',
        "valid_from": "2026-01-01",
        "valid_until": "2026-12-31",
    }
    clause = {
        "title": '"A clause"',
        "categories": '["drugs"]',
        "up_to_level": '"restricted"',
        "purposes": '["investigation"]',
    }
    for name, value in changes.items():
        if name.startswith("clause_"):
            clause[name.removeprefix("clause_")] = value
        else:
            lines[name] = value
    text = "\n".join(f"{k} = {v}" for k, v in lines.items() if v)
    text += "\n[[clause]]\n"
    text += "\n".join(f"{k} = {v}" for k, v in clause.items() if v)
    return {"agreements/test.toml": text}


#: Declares that a file of the baseline is not there.
DEPARTURE: Final = """
version = 1
[[exception]]
file = "baseline/8-emergency.cedar"
change = "removed"
reason = "Emergencies Act, s. 3: no release without an agreement"
"""
