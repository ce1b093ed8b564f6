# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from tests.fakes.nodes import make_home
from tests.fakes.policies import DEPARTURE

from selat.errors import ConfigurationError, InvalidInputError
from selat.node.folder import NodeFolder
from selat.node.node_checks import check_policy
from selat.node.policy_folder import activate, identity_of, policy_in_force, prove

TODAY = date(2026, 6, 1)
AGREEMENT = """\
version = 1
reference = "Treaty 1"
title = "Agreement on drugs"
parties = ["XA", "XB"]
valid_from = 2020-01-01
valid_until = 2020-12-31
[[clause]]
title = "seizures"
categories = ["drugs"]
up_to_level = "restricted"
purposes = ["investigation"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> NodeFolder:
    return make_home(tmp_path, "xa", categories=("drugs",)).folder


def findings(folder: NodeFolder) -> list[tuple[str, str]]:
    now = datetime(2026, 6, 1, tzinfo=UTC)
    found = check_policy(folder, now=now)
    return [(str(each.level), each.message) for each in found]


def test_policy_is_that_of_the_node_and_of_its_card(folder: NodeFolder) -> None:
    identity = identity_of(folder)

    assert (identity.node, identity.state) == ("police.xa.example", "XA")
    assert identity.received == {"drugs"}
    assert policy_in_force(folder).identity == identity


def test_node_without_a_card_has_no_policy(folder: NodeFolder) -> None:
    folder.card.unlink()

    with pytest.raises(ConfigurationError, match="cannot be read"):
        identity_of(folder)


def test_draft_that_is_no_folder_is_refused(folder: NodeFolder) -> None:
    with pytest.raises(InvalidInputError, match="no policy folder"):
        prove(folder, folder.home / "nothing", today=TODAY)


def test_second_activation_keeps_the_folder_before_it(folder: NodeFolder) -> None:
    for text in ("# one\n", "# two\n"):
        draft = folder.home / "draft"
        draft.mkdir(exist_ok=True)
        for path in folder.policy.rglob("*"):
            if path.is_file():
                target = draft / path.relative_to(folder.policy)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(path.read_bytes())
        (draft / "groups.toml").write_text(f"{text}version = 1\n")
        activate(folder, draft, today=TODAY)

    before = folder.policy.with_name("policy.before")
    assert "two" in (folder.policy / "groups.toml").read_text()
    assert "one" in (before / "groups.toml").read_text()


def test_policy_of_a_new_node_is_found_sound(folder: NodeFolder) -> None:
    ((level, message),) = findings(folder)

    assert level == "ok"
    assert "can be put into force" in message


def test_ended_agreements_and_departures_are_remarked_on(folder: NodeFolder) -> None:
    (folder.policy / "agreements").mkdir(exist_ok=True)
    (folder.policy / "agreements" / "xa-xb.toml").write_text(AGREEMENT)
    (folder.policy / "baseline" / "8-emergency.cedar").unlink()
    (folder.policy / "baseline.toml").write_text(DEPARTURE)
    for table in (folder.policy / "scenarios").iterdir():
        table.unlink()

    found = findings(folder)
    assert [level for level, _ in found] == ["warn", "warn", "ok"]
    assert "ended on 2020-12-31" in found[0][1]
    assert "removed baseline/8-emergency.cedar" in found[1][1]


def test_missing_release_list_is_found(folder: NodeFolder) -> None:
    folder.release_list.unlink()

    assert findings(folder) == [("fail", "The release list is missing.")]
