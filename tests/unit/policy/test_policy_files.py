# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
from tests.fakes.policies import DEPARTURE, SHIPPED, load, refused

from selat.errors import ConfigurationError
from selat.policy import policy_files
from selat.policy.policy_files import policy_paths, read_policy_files


@pytest.mark.parametrize(
    "path",
    ["rules/x.cedar", "agreements/x.toml", "groups.toml", "scenarios/x.toml"],
)
def test_file_that_is_not_utf_8_is_refused(path: str) -> None:
    assert path in refused({path: b"\xff\xfe\x00"})


def test_release_list_that_is_not_utf_8_is_refused() -> None:
    assert "not UTF-8" in refused({"release.toml": b"\xff"})


def test_removed_baseline_file_is_refused() -> None:
    error = refused({"baseline/5-persons.cedar": None})

    assert "baseline/5-persons.cedar is missing" in error
    assert "baseline.toml" in error


def test_altered_baseline_file_is_refused() -> None:
    shorter = SHIPPED.contents["baseline/5-persons.cedar"].replace(b"forbid", b"permit")

    assert "was altered" in refused({"baseline/5-persons.cedar": shorter})


def test_rule_that_was_added_to_the_baseline_is_refused() -> None:
    assert "no part of the baseline" in refused({"baseline/x.cedar": ""})


def test_altered_schema_is_refused() -> None:
    schema = SHIPPED.contents["schema.cedarschema"] + b"entity Soul;"

    assert "not the one that is shipped" in refused({"schema.cedarschema": schema})


def test_declared_departure_is_taken_and_changes_the_digest() -> None:
    departed = {
        "baseline/8-emergency.cedar": None,
        "baseline.toml": DEPARTURE,
        # The scenarios of what is gone go as well.
        "scenarios/2-baseline.toml": None,
        "scenarios/3-agreements.toml": None,
    }
    policy = load(dict(departed))

    assert policy.departures == ("removed baseline/8-emergency.cedar",)
    assert policy.digest != load({}).digest


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"removed"', '"altered"', "is missing"),
        ('"removed"', '"improved"', "no change"),
        ("8-emergency", "1-time", "and it is not"),
        ("8-emergency", "99-none", "is missing"),
        ("version = 1", "version = 2", "reads version 1"),
        ("reason =", "because =", "no key"),
    ],
)
def test_declared_departure_must_be_true(old: str, new: str, says: str) -> None:
    text = DEPARTURE.replace(old, new, 1)
    error = refused({"baseline/8-emergency.cedar": None, "baseline.toml": text})

    assert says in error


@pytest.mark.parametrize(
    ("file", "says"),
    [("8-emergency", "and it is not"), ("99-none", "not in the baseline")],
)
def test_departure_that_is_none_is_refused(file: str, says: str) -> None:
    text = DEPARTURE.replace("8-emergency", file)

    assert says in refused({"baseline.toml": text})


# --- the folder ----------------------------------------------------------------


def write(folder: Path, name: str, text: str = "x") -> None:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def test_only_files_that_are_policy_are_read(tmp_path: Path) -> None:
    for name in ("groups.toml", "rules/a.cedar", "rules/a.cedar.bak", "README.md"):
        write(tmp_path, name)

    found = [str(path.relative_to(tmp_path)) for path in policy_paths(tmp_path)]
    assert found == ["groups.toml", "rules/a.cedar"]
    assert read_policy_files(tmp_path).contents == {
        "groups.toml": b"x",
        "rules/a.cedar": b"x",
    }


def test_folder_with_too_many_files_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy_files, "MAX_FILES", 1)
    write(tmp_path, "rules/a.cedar")
    write(tmp_path, "rules/b.cedar")

    with pytest.raises(ConfigurationError, match="more than 1 files"):
        read_policy_files(tmp_path)


def test_folder_with_too_many_bytes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy_files, "MAX_FOLDER_BYTES", 3)
    write(tmp_path, "rules/a.cedar", "xx")
    write(tmp_path, "rules/b.cedar", "xx")

    with pytest.raises(ConfigurationError, match="more than 3 bytes"):
        read_policy_files(tmp_path)


def test_file_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "rules" / "a.cedar"
    monkeypatch.setattr(policy_files, "policy_paths", lambda _: [gone])

    with pytest.raises(ConfigurationError, match="No such file"):
        read_policy_files(tmp_path)
